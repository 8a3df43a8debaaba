"""A recognizer made of a network over clips of a film.

Axes: W samples of a clip, S samples at the recognizer's rate, T frames of the film, C behaviors.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from behavior.contract import ContractError
from behavior.labelling import Subject, among_annotated
from behavior.material import Material
from behavior.views.film_views import FilmView
from behavior.views.sampling import frame_samples, sample_frames
from recognizers import checkpoint
from recognizers.network_parts import fields_of, header_of, load_weights, weights_of
from recognizers.network_recognizer import NetworkFamily
from recognizers.recognizer import Decoding, Head, Parts, Recognizer, View, labelling_of
from recognizers.windowed import FlowingScores, Windowing, on_frames

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from torch import Tensor, nn


@dataclass(frozen=True)
class FilmFamily(NetworkFamily):
    """One kind of network over films; `features` is the class of its view."""

    features: Callable[..., Any]
    """Frozen dataclass with the settings of its view (`behavior.views.film_views`)."""

    def open(
        self, header: Mapping[str, Any], tensors: "Mapping[str, Tensor]", where: str, members: tuple[Recognizer, ...] = ()
    ) -> Recognizer:
        """Return the recognizer from the parts of a checkpoint, as `recognizers.families.Family` says; it has no members."""
        view = checkpoint.features_of(header, self.features, where)
        config, network = self.build(header["network"], len(view.names), len(header["behaviors"]))
        return FilmRecognizer(
            family=self, network=load_weights(network, tensors, where), network_config=config, features=view, **fields_of(header)
        )

    def open_exported(self, path: Path) -> Recognizer:
        """Raise ContractError: networks over films are not exported."""
        raise ContractError([f"Expected a checkpoint of family {self.name}, but got {path}. Use the .safetensors file."])


@dataclass(frozen=True)
class FilmRecognizer:
    """A network over films with its view and decoding."""

    family: FilmFamily
    """Its kind."""
    network: "nn.Module"
    """Maps clips [B, W, ...] to logits [B, 1, C], for the middle of a clip, or [B, W, C]."""
    network_config: "DataclassInstance"
    """Its configuration."""
    behaviors: tuple[str, ...]
    """Names along axis C."""
    features: FilmView
    """What the network sees."""
    windowing: Windowing
    """Length of clips, and from one to the next."""
    decoding: Decoding
    """How scores become bouts."""
    labs: tuple[str, ...] = ()
    """Labs of the training films."""
    device: str = "cpu"
    """Device of the network."""
    batch: int = 64
    """Clips per forward pass."""
    mirror: bool = False
    """Whether scores are the mean over pictures and their mirror images (test-time augmentation): twice the work."""

    @property
    def view(self) -> View:
        """What it sees."""
        return self.family.view

    @property
    def head(self) -> Head:
        """What kind of scores it gives."""
        return self.family.head

    def scores(self, material: Material) -> Iterator[tuple[Subject, FlowingScores]]:
        """Yield the film and its scores [T, C], as `Recognizer.scores` says; scores of annotated behaviors sum to 1, all others are 0."""
        from recognizers.film_scores import SampledRows, film_scores

        recording = material.recording
        for subject in labelling_of(self).subjects(recording, ()):
            rows = self.features.rows(material.film)
            sampled = SampledRows.of(rows, recording.fps, self.features.fps)
            blocks = film_scores(self._scorer(), sampled, self.windowing, self.features.stride, self.batch)
            shared = _among(blocks, subject.mask(self.behaviors)) if recording.annotated else blocks
            own = on_frames(shared, len(rows), recording.fps, self.features.fps)
            yield subject, FlowingScores(own, len(rows), len(self.behaviors))

    def frame_scores(self, clip: Callable[[np.ndarray], np.ndarray], frames: int, fps: float, frame: int) -> np.ndarray:
        """Return the scores [C] of one frame of a film of T frames. `clip` returns the rows of frames, by their numbers.

        A network that answers for every sample sees a window with the frame in its middle; elsewhere scores are means over windows.
        """
        sampled = sample_frames(frames, fps, self.features.fps)
        sample = int(frame_samples(frames, fps, self.features.fps, slice(frame, frame + 1))[0])
        window = self.windowing.window
        around = np.clip(sample - window // 2 + np.arange(window), 0, len(sampled) - 1)
        scores = self._scorer()([clip(sampled[around])], ())[0]
        return scores[0] if len(scores) == 1 else scores[window // 2]

    def with_stride(self, stride: int) -> Self:
        """Return the same with another number of samples from one scored clip to the next."""
        return replace(self, features=replace(self.features, stride=stride))

    def on(self, device: str, batch: int) -> Self:
        """Return the same recognizer on a device, with another batch size."""
        return replace(self, network=self.network.to(device), device=device, batch=batch)

    def mirrored(self) -> Self | None:
        """Return the same with test-time augmentation; None if there are no mirror images."""
        return replace(self, mirror=True) if self.features.has_mirror else None

    def parts(self, provenance: Mapping[str, Any]) -> Parts:
        """Return header and tensors of a checkpoint."""
        return header_of(self, provenance), weights_of(self.network)

    def _scorer(self) -> Any:
        from recognizers.film_scores import FilmScorer
        from recognizers.torch_windows import ANSWERS

        return FilmScorer(self.network, self.windowing.window, self.device, ANSWERS[self.head], self.mirror)


def _among(blocks: Iterator[np.ndarray], annotated: np.ndarray) -> Iterator[np.ndarray]:
    return (among_annotated(block, annotated) for block in blocks)
