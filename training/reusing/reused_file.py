"""Checkpoints of the ladder: the same recognizer with another decoding, or with other weights."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from recognizers.checkpoint import load_parts, save_parts
from recognizers.network_recognizer import NetworkRecognizer
from recognizers.recognizer import Decoding, Recognizer
from training.reusing.rungs import Rung


def save_reused(
    path: Path, source: Path, recognizer: Recognizer, rung: Rung, shared: Sequence[str], fitted: Decoding, videos: Sequence[int], seed: int
) -> None:
    """Write the recognizer of a rung. `fitted` is the decoding over the `shared` behaviors; the others keep their own values.

    Recordings of its own training and yours count as seen.
    """
    header, tensors = load_parts(source)
    decoding = merged(recognizer.decoding, recognizer.behaviors, shared, fitted)
    if rung in (Rung.HEAD, Rung.WHOLE):
        assert isinstance(recognizer, NetworkRecognizer)
        _, tensors = replace(recognizer, decoding=decoding).parts({})
    part = "train" if rung in (Rung.HEAD, Rung.WHOLE) else "decoding"
    seen = {**header["videos"], part: sorted({*header["videos"].get(part, ()), *videos})}
    reused = {"rung": str(rung), "from": hashlib.sha256(source.read_bytes()).hexdigest(), "seed": seed}
    save_parts(path, ({**header, "decoding": decoding.to_json_dict(), "videos": seen, "reused": reused}, tensors))


def merged(own: Decoding, behaviors: Sequence[str], shared: Sequence[str], fitted: Decoding) -> Decoding:
    """Return a decoding over all behaviors of a recognizer: fitted values for the shared ones, its own for all others."""
    places = {behavior: place for place, behavior in enumerate(shared)}

    def values(name: str, of_own: Any, of_fitted: Any, neutral: Any) -> tuple[Any, ...]:
        old = _spread(of_own, len(behaviors), neutral)
        new = _spread(of_fitted, len(shared), neutral)
        return tuple(new[places[behavior]] if behavior in places else old[number] for number, behavior in enumerate(behaviors))

    settings: Mapping[str, Any] = {
        name: values(name, getattr(own.settings, name), getattr(fitted.settings, name), 0.0)
        for name in ("smooth_s", "max_gap_s", "min_length_s")
    }
    occurring = {lab: own.occurring.get(lab, frozenset()) | of_lab for lab, of_lab in fitted.occurring.items()}
    return Decoding(
        thresholds=values("thresholds", own.thresholds, fitted.thresholds, 0.5),
        occurring={**own.occurring, **occurring},
        settings=replace(own.settings, **settings),
        lab_thresholds={**own.lab_thresholds, **fitted.lab_thresholds},
        weights=values("weights", own.weights, fitted.weights, 1.0) if own.weights or fitted.weights else (),
        calibration=values("calibration", own.calibration, fitted.calibration, (1.0, 0.0)) if own.calibration or fitted.calibration else (),
    )


def _spread(value: Any, count: int, neutral: Any) -> tuple[Any, ...]:
    """Return one value for each behavior: of a single value, or of none."""
    if isinstance(value, tuple):
        return value or (neutral,) * count
    return (value,) * count
