"""Gradient-boosted trees over rows of features: one binary model per column of labels, stored as text and never as a pickle.

Axes: N rows, F features, C columns of labels.
"""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import lightgbm
import numpy as np

from behavior.contract import ContractError

if TYPE_CHECKING:
    from torch import Tensor

_PREFIX = "trees."
_DIGEST_BYTES = 16
_BIN_ROWS = 20_000
"""Rows from which bins are chosen: with 600 features and all rows this would take longer than growing the trees."""


@dataclass(frozen=True)
class TreesConfig:
    """Settings for growing trees."""

    trees: int = 300
    """Trees per column."""
    leaves: int = 31
    """Most leaves of one tree."""
    learning_rate: float = 0.05
    """Factor of each tree, above 0."""
    least_rows: int = 20
    """Fewest rows in a leaf."""
    least_weight: float = 1e-3
    """Least sum of p (1 - p) times the weights of its rows in a leaf: it protects rare columns from overfitting."""
    bins: int = 63
    """Number of bins for the values of a feature."""
    l2: float = 0.0
    """How strongly the values of leaves are shrunk toward 0 (L2 regularization)."""
    feature_fraction: float = 1.0
    """Share of the features that each tree may use, above 0 to 1."""
    row_fraction: float = 1.0
    """Share of the rows that each tree sees, above 0 to 1."""
    every_nth: int = 1
    """Training uses one in so many of the rows without the behavior: see `thin_mask`."""
    every_nth_positive: int = 1
    """The same of rows with it."""
    balance: float = 0.0
    """Weight of a positive row: (negative / positive rows) to this power; 0 keeps scores calibrated, 1 gives both kinds one weight."""
    rising: tuple[int, ...] = ()
    """Per feature: 1 if higher values must not lower the score, -1 if they must not raise it, else 0; () for all 0."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "rising", tuple(self.rising))  # JSON brings a list
        faults = {
            "counts of 1 or more (2 leaves and bins)": min(
                self.trees, self.leaves - 1, self.least_rows, self.every_nth, self.every_nth_positive
            )
            >= 1,
            "a learning rate above 0": self.learning_rate > 0,
            "weights, l2 and balance of 0 or more": min(self.least_weight, self.l2, self.balance) >= 0,
            "fractions above 0 to 1": all(0 < fraction <= 1 for fraction in (self.feature_fraction, self.row_fraction)),
        }
        if wrong := [expected for expected, holds in faults.items() if not holds]:
            raise ValueError(f"Expected {'; '.join(wrong)}, but got {self}. Change the configuration.")


@dataclass(frozen=True)
class GrownColumn:
    """Facts about the training of one column."""

    column: int
    """Its number."""
    rows: int
    """Training rows."""
    positives: int
    """Of these, rows with the behavior."""
    seconds: float
    """Training time; 0 for a column that could not be learned."""


@dataclass(frozen=True)
class BoostedTrees:
    """One model per column; none where a column could not be learned, because all its rows have the same label."""

    boosters: tuple[lightgbm.Booster | None, ...]
    """Per column."""

    @classmethod
    def fit(
        cls,
        features: np.ndarray,
        labels: np.ndarray,
        mask: np.ndarray,
        config: TreesConfig,
        seed: int = 0,
        threads: int = 0,
        on_column: Callable[[GrownColumn], None] = lambda column: None,
        begun: list[lightgbm.Booster | None] | None = None,
    ) -> Self:
        """Grow trees on features [N, F] float32, NaN where unknown, labels [N, C] bool, and mask [N, C] bool.

        `begun` are the models of the first columns, if they were grown before; those of the others are added to it, one by one.

        The mask says which rows are training rows of each column; all of them are used: thin it before with `thin_mask`. The result
        depends on the arguments and the seed alone. `threads` 0 means one per core. Features are binned once for all columns.
        """
        parameters = {**boosting_parameters(config, seed, threads), "objective": "binary"}
        whole = lightgbm.Dataset(features, params=parameters, free_raw_data=False).construct()
        boosters = [] if begun is None else begun
        for column in range(len(boosters), labels.shape[1]):
            started = time.perf_counter()
            rows = np.flatnonzero(mask[:, column])
            own = labels[rows, column]
            learnable = own.any() and not own.all()
            boosters.append(_grown(whole, rows, own, config, parameters) if learnable else None)
            on_column(GrownColumn(column, len(rows), int(own.sum()), time.perf_counter() - started if learnable else 0.0))
        return cls(tuple(boosters))

    def predict(self, features: np.ndarray, threads: int = 0) -> np.ndarray:
        """Return probabilities [N, C] float32 for features [N, F] float32; 0 in a column that could not be learned."""
        scores = np.zeros((len(features), len(self.boosters)), np.float32)
        for column, booster in enumerate(self.boosters):
            if booster is not None and len(features):
                scores[:, column] = booster.predict(features, num_threads=threads)
        return scores

    @property
    def answered(self) -> tuple[bool, ...]:
        """Which columns have a model [C]."""
        return tuple(booster is not None for booster in self.boosters)

    def contributions(self, features: np.ndarray, column: int) -> np.ndarray:
        """Return how much each feature adds to the log-odds of a column that has a model, and the mean: [N, F + 1]."""
        booster = self.boosters[column]
        assert booster is not None
        return np.asarray(booster.predict(features, pred_contrib=True))

    def only(self, chosen: np.ndarray) -> Self:
        """Return the same with models for some columns [C] bool; the others have score 0."""
        return replace(self, boosters=tuple(one if own else None for one, own in zip(self.boosters, chosen, strict=True)))

    def to_tensors(self) -> "dict[str, Tensor]":
        """Return the digest and the text of each model as bytes [..] uint8, by the number of its column."""
        return {f"{_PREFIX}{number}": as_bytes(booster) for number, booster in enumerate(self.boosters) if booster is not None}

    @classmethod
    def from_tensors(cls, tensors: "Mapping[str, Tensor]", columns: int, n_features: int, where: str = "trees") -> Self:
        """Read what `to_tensors` wrote. Raises ContractError, which names `where`, for anything else."""
        boosters = []
        for number in range(columns):
            text = tensors.get(f"{_PREFIX}{number}")
            boosters.append(None if text is None else read_booster(bytes(text.numpy()), n_features, f"{where}, column {number}"))
        return cls(tuple(boosters))


def thin_mask(labels: np.ndarray, mask: np.ndarray, config: TreesConfig) -> np.ndarray:
    """Return the mask [N, C] with only every n-th of the rows without, and with, the behavior, as the configuration says.

    Call it stream by stream, because neighboring rows must be neighbors in time.
    """
    negative, positive = (np.arange(len(labels)) % every == 0 for every in (config.every_nth, config.every_nth_positive))
    return np.asarray(mask & np.where(labels, positive[:, None], negative[:, None]))


def as_bytes(booster: lightgbm.Booster) -> "Tensor":
    """Return digest and text of a model as bytes [..] uint8."""
    import torch

    text = booster.model_to_string().encode()
    return torch.frombuffer(bytearray(_digest(text) + text), dtype=torch.uint8)


def read_booster(whole: bytes, n_features: int, where: str) -> lightgbm.Booster:
    """Return the trees of digest and text. The digest is checked first, because LightGBM aborts the process on an incomplete text."""
    digest, text = whole[:_DIGEST_BYTES], whole[_DIGEST_BYTES:]
    if digest != _digest(text):
        raise ContractError([f"{where}: Expected the trees as they were written, but got a changed text. Copy it again."])
    booster = lightgbm.Booster(model_str=text.decode())
    if booster.num_feature() != n_features:
        raise ContractError([f"{where}: Expected trees over {n_features} features, but got {booster.num_feature()}. Train again."])
    return booster


def boosting_parameters(config: TreesConfig, seed: int, threads: int) -> dict[str, Any]:
    """Return the parameters of LightGBM, without the objective."""
    return {
        "num_leaves": config.leaves,
        "learning_rate": config.learning_rate,
        "min_data_in_leaf": config.least_rows,
        "min_sum_hessian_in_leaf": config.least_weight,
        "lambda_l2": config.l2,
        "feature_fraction": config.feature_fraction,
        "bagging_fraction": config.row_fraction,
        "bagging_freq": 0 if config.row_fraction == 1 else 1,
        "monotone_constraints": list(config.rising) if any(config.rising) else None,
        "feature_pre_filter": False,  # all columns share the dataset, but some have fewer rows
        "seed": seed,
        "num_threads": threads,
        "deterministic": True,
        "force_col_wise": True,
        "enable_bundle": False,  # LightGBM 4.6 writes beyond bundled columns of a subset that knows more of them than the whole
        "max_bin": config.bins,
        "bin_construct_sample_cnt": _BIN_ROWS,
        "verbosity": -1,
    }


def _grown(
    whole: lightgbm.Dataset, rows: np.ndarray, labels: np.ndarray, config: TreesConfig, parameters: dict[str, Any]
) -> lightgbm.Booster:
    """Return trees grown on some rows of the dataset; the weights of rows stand for those that thinning left out."""
    positives = int(labels.sum())
    present, absent = positives * config.every_nth_positive, (len(labels) - positives) * config.every_nth
    of_positive = config.every_nth_positive * (absent / present) ** config.balance
    own = whole.subset(rows.tolist(), params=parameters).construct()
    own.set_label(labels.astype(np.float32))
    own.set_weight(np.where(labels, of_positive, config.every_nth).astype(np.float32))
    return lightgbm.train(parameters, own, num_boost_round=config.trees)


def _digest(text: bytes) -> bytes:
    return hashlib.blake2s(text, digest_size=_DIGEST_BYTES).digest()
