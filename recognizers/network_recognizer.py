"""A recognizer made of a network over windows of features, for any view and head.

Axes: B batch, W window samples, S samples at the recognizer's rate, F features, T frames of the recording, C behaviors.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from behavior.contract import ContractError
from behavior.curation import CuratedTracking
from behavior.labelling import Subject, among_annotated, tracked_subjects
from behavior.material import Material
from behavior.recording import Recording
from behavior.views.features import ScaledFeatures
from behavior.views.sampling import sample_count
from behavior.views.scaler import RobustScaler
from recognizers import checkpoint, onnx_network
from recognizers.context import context_of, lab_number
from recognizers.network_parts import fields_of, header_of, load_weights, weights_of
from recognizers.recognizer import Decoding, Head, Parts, Recognizer, View, labelling_of
from recognizers.windowed import FlowingScores, MadeRows, MirroredScorer, Scorer, Windowing, flow_scores, on_frames

if TYPE_CHECKING:  # exported networks run without torch
    from _typeshed import DataclassInstance
    from torch import Tensor, nn


@dataclass(frozen=True)
class NetworkFamily:
    """One kind of network: its view, its head, its features and its class."""

    name: str
    """Its name in checkpoints and recipes."""
    view: View
    """What it sees."""
    head: Head
    """What kind of scores it gives."""
    features: Callable[..., ScaledFeatures]
    """Frozen dataclass with the settings of its features."""
    network: str
    """Module and class, imported when a network is built, so that nothing else needs torch. The class is called with a configuration (its
    CONFIG), the number of features and the number of behaviors."""

    def build(self, config: Mapping[str, Any], n_features: int, n_behaviors: int) -> "tuple[DataclassInstance, nn.Module]":
        """Return the configuration and a new network. Raises ContractError for an unknown field."""
        module, _, name = self.network.rpartition(".")
        network = getattr(import_module(module), name)
        try:
            built = network.CONFIG(**config)
        except TypeError as error:
            raise ContractError(
                [f"Expected the fields of family {self.name}, but got others: {error}. Use the code that trained it."]
            ) from None
        return built, network(built, n_features, n_behaviors)

    def features_for(self, network: "DataclassInstance", bodyparts: tuple[str, ...], fps: float) -> ScaledFeatures:
        """Return the features that a network of this configuration sees, of a family whose features take bodyparts."""
        place = {"place": True} if getattr(network, "place", False) else {}
        return self.features(bodyparts=bodyparts, fps=fps, **place)

    def open(
        self, header: Mapping[str, Any], tensors: "Mapping[str, Tensor]", where: str, members: tuple[Recognizer, ...] = ()
    ) -> Recognizer:
        """Return the recognizer from the parts of a checkpoint, as `recognizers.families.Family` says; it has no members."""
        features = self._features(header, where)
        config, network = self.build(header["network"], len(header["feature_names"]), len(header["behaviors"]))
        load_weights(network, tensors, where)
        scaler = RobustScaler(tensors["scaler.median"].numpy(), tensors["scaler.iqr"].numpy())
        return self._assembled(header, network, config, features, scaler)

    def open_exported(self, path: Path) -> Recognizer:
        """Return the recognizer of an exported network. Raises ContractError, with the difference, if this code cannot use it."""
        header, network, scaler = onnx_network.load_exported(path)
        checkpoint.refuse_unusable(header, path)
        return self._assembled(header, network, None, self._features(header, str(path)), scaler)

    def _features(self, header: Mapping[str, Any], where: str) -> ScaledFeatures:
        return checkpoint.features_of(header, self.features, where)

    def _assembled(
        self,
        header: Mapping[str, Any],
        network: "nn.Module | onnx_network.OnnxNetwork",
        config: "DataclassInstance | None",
        features: ScaledFeatures,
        scaler: RobustScaler,
    ) -> "NetworkRecognizer":
        return NetworkRecognizer(family=self, network=network, network_config=config, features=features, scaler=scaler, **fields_of(header))


@dataclass(frozen=True)
class NetworkRecognizer:
    """A network with its features, scaler and decoding."""

    family: NetworkFamily
    """Its kind."""
    network: "nn.Module | onnx_network.OnnxNetwork"
    """Maps [B, W, F], valid [B, W] and context [B, 1 + C] to logits [B, W, C]; an exported one to scores."""
    network_config: "DataclassInstance | None"
    """Its configuration; None for an exported network."""
    behaviors: tuple[str, ...]
    """Names along axis C."""
    features: ScaledFeatures
    """What the network sees."""
    scaler: RobustScaler
    """Fitted on training recordings only."""
    windowing: Windowing
    """How recordings are cut into windows."""
    decoding: Decoding
    """How scores become bouts."""
    labs: tuple[str, ...] = ()
    """Labs of the training recordings, in the order of their numbers."""
    device: str = "cpu"
    """Device of the network."""
    batch: int = 64
    """Windows per forward pass."""
    mirror: bool = False
    """Whether scores are the mean over the features and their mirror image (test-time augmentation): twice the work."""

    @property
    def view(self) -> View:
        """What it sees."""
        return self.family.view

    @property
    def head(self) -> Head:
        """What kind of scores it gives."""
        return self.family.head

    @property
    def scorer(self) -> Scorer:
        """The network as a function from windows to scores."""
        if isinstance(self.network, onnx_network.OnnxNetwork):
            return self.network
        from recognizers.torch_windows import ANSWERS, TorchScorer

        return TorchScorer(self.network, self.windowing.window, self.device, ANSWERS[self.head])

    def scores(self, material: Material) -> Iterator[tuple[Subject, FlowingScores]]:
        """Yield (subject, scores [T, C]), as `Recognizer.scores` says.

        Of classes that exclude each other, the scores of annotated ones sum to 1; all others are 0.
        """
        curated, recording = material.tracking, material.recording
        subjects = tracked_subjects(labelling_of(self), recording, curated.mice)
        streams = ((self._rows(curated, recording, subject), self.context(recording, subject)) for subject in subjects)
        scorer = MirroredScorer(self.scorer) if self.mirror else self.scorer
        for subject, blocks in zip(subjects, flow_scores(scorer, streams, self.windowing, self.batch), strict=True):
            shared = self._among_annotated(blocks, recording, subject)
            own = on_frames(shared, curated.frames, recording.fps, self.features.fps)
            yield subject, FlowingScores(own, curated.frames, len(self.behaviors))

    def on(self, device: str, batch: int) -> Self:
        """Return the same recognizer on a device, with another batch size."""
        return replace(self, network=self.network.to(device), device=device, batch=batch)

    def mirrored(self) -> Self | None:
        """Return the same with test-time augmentation; None if the features have no mirror image."""
        return None if self.features.mirror is None else replace(self, mirror=True)

    def parts(self, provenance: Mapping[str, Any]) -> Parts:
        """Return header and tensors of a checkpoint."""
        import torch

        assert isinstance(self.network, torch.nn.Module)  # inference/export_onnx.py writes exported ones
        tensors = weights_of(self.network)
        tensors |= {"scaler.median": torch.from_numpy(self.scaler.median), "scaler.iqr": torch.from_numpy(self.scaler.iqr)}
        return header_of(self, provenance), tensors

    def _rows(self, curated: CuratedTracking, recording: Recording, subject: Subject) -> MadeRows:
        """Return scaled features [S, F]; with a mirror [S, 2F], the mirrored features second."""
        mirror = self.features.mirror if self.mirror else None

        def make(start: int, stop: int) -> np.ndarray:
            seen = self.features.of(curated, recording.fps, subject, slice(start, stop))
            sides = (seen,) if mirror is None else (seen, mirror(seen))
            return np.concatenate([self.scaler.transform(side) for side in sides], axis=1)

        return MadeRows(sample_count(curated.frames, recording.fps, self.features.fps), make)

    def context(self, recording: Recording, subject: Subject) -> np.ndarray:
        """Return the context [1 + C] of one subject."""
        return context_of(lab_number(recording.lab_id, self.labs), subject.mask(self.behaviors).tolist())

    def _among_annotated(self, blocks: Iterator[np.ndarray], recording: Recording, subject: Subject) -> Iterator[np.ndarray]:
        if self.head is Head.MULTILABEL or not recording.annotated:
            return blocks
        annotated = subject.mask(self.behaviors)
        return (among_annotated(block, annotated) for block in blocks)
