"""Predict the behaviors of a mouse in films: of one frame, of a whole film, of many films.

    from inference.video import VideoPredictor
    predictor = VideoPredictor("checkpoints/pain_cnn3d_light.safetensors")
    predictor.predict_frame("Videos/video_001.mp4", 100).action
    predictor.predict_video("Videos/video_001.mp4", stride=2).bouts

Axes: T frames, C behaviors.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from behavior.bouts import choose
from behavior.contract import ContractError
from behavior.film_rules import LAB
from behavior.material import Material
from behavior.predictions import Predictions
from behavior.recording import Recording
from films.decoding import index_of
from films.film_file import FilmFile, default_cache
from films.folder import FilmPath
from inference.film_files import recording_of
from inference.recognition import decoded
from recognizers.film_recognizer import FilmRecognizer
from recognizers.recognizer import Decoding, Recognizer, labelling_of, whole_scores


@dataclass(frozen=True)
class FramePrediction:
    """The prediction for one frame."""

    frame: int
    """From 0."""
    action: str
    """The most probable behavior."""
    confidence: float
    """Its probability."""
    probabilities: Mapping[str, float]
    """By behavior; their sum is 1."""


@dataclass(frozen=True)
class VideoPrediction:
    """The predictions for all frames of a film."""

    path: Path
    """The film."""
    recording: Recording
    """Number, lab and clock of the film."""
    behaviors: tuple[str, ...]
    """Names along axis C."""
    scores: np.ndarray
    """[T, C] float32: probabilities."""
    predictions: Predictions
    """Bouts, which name no mouse, and what was looked for."""
    decoding: Decoding
    """How scores became bouts."""

    @property
    def bouts(self) -> pd.DataFrame:
        """The bouts: columns `behavior.bouts.SCORED_COLUMNS`."""
        return self.predictions.bouts

    @cached_property
    def chosen(self) -> np.ndarray:
        """The number of the behavior of each frame, [T], smoothed as for bouts; -1 where none is chosen."""
        everything = np.ones(len(self.behaviors), bool)
        criteria = self.decoding.criteria(self.behaviors, self.recording.lab_id)
        return choose(self.scores, self.recording.fps, everything, self.decoding.settings, criteria)

    def frame(self, number: int) -> FramePrediction:
        """Return the prediction for one frame."""
        return _frame_prediction(number, self.behaviors, self.scores[number])

    def to_json_dict(self, stride: int = 1) -> dict[str, Any]:
        """Return everything for JSON, with the probabilities of every `stride`-th frame."""
        return {
            "video": self.path.name,
            "video_id": self.recording.video_id,
            "fps": self.recording.fps,
            "frames": len(self.scores),
            "stride": stride,
            "behaviors": list(self.behaviors),
            "predictions": [
                {
                    "frame": one.frame,
                    "action": one.action,
                    "confidence": round(one.confidence, 4),
                    "probabilities": {name: round(value, 4) for name, value in one.probabilities.items()},
                }
                for one in map(self.frame, range(0, len(self.scores), stride))
            ],
            "bouts": [
                {"action": action, "start_frame": start, "stop_frame": stop, "confidence": round(confidence, 4)}
                for action, start, stop, confidence in self._bout_rows()
            ],
        }

    def _bout_rows(self) -> Iterator[tuple[str, int, int, float]]:
        columns = ("action", "start_frame", "stop_frame", "confidence")
        return zip(*(self.bouts[name].tolist() for name in columns), strict=True)


class VideoPredictor:
    """A recognizer of films, from its checkpoint. Raises ContractError for a checkpoint that sees no films."""

    def __init__(self, checkpoint: str | Path, device: str = "auto", batch: int = 64, cache: Path | None = None) -> None:
        from recognizers.devices import find_device
        from recognizers.families import load_recognizer

        recognizer = load_recognizer([Path(checkpoint)], find_device(device), batch)
        if not isinstance(recognizer, FilmRecognizer):
            got = f"{checkpoint} of the {recognizer.view} view"
            raise ContractError([f"Expected a checkpoint of one network over films, but got {got}. Use inference/recognize.py."])
        self.recognizer = recognizer
        self.cache = cache or default_cache()

    def predict_frame(self, video: str | Path, frame: int) -> FramePrediction:
        """Return the prediction for one frame; only the frames around it are decoded. Raises IndexError for a frame that is not there."""
        path, settings = Path(video), self.recognizer.features
        film, index = FilmFile(path, self.cache), index_of(path)
        if not 0 <= frame < index.packets:
            raise IndexError(f"Expected a frame from 0 to {index.packets - 1}, but got {frame}. Choose one of them.")
        picture = getattr(settings, "picture", None)
        rows = film.embeddings() if picture is None else None

        def clip(numbers: np.ndarray) -> np.ndarray:
            return rows[numbers] if rows is not None else film.clip(picture, numbers)  # type: ignore[arg-type]

        scores = self.recognizer.frame_scores(clip, index.packets, float(index.stated_rate or settings.fps), frame)
        return _frame_prediction(frame, self.recognizer.behaviors, scores)

    def predict_video(self, video: str | Path, stride: int = 2) -> VideoPrediction:
        """Return the predictions for all frames of a film. A network over clips looks at every `stride`-th sample."""
        return predict_film(self.recognizer.with_stride(stride), FilmPath(LAB, Path(video)), self.cache)

    def predict_videos(self, videos: Iterable[str | Path], stride: int = 2) -> Iterator[VideoPrediction]:
        """Yield the predictions for each film, one film at a time."""
        return (self.predict_video(video, stride) for video in videos)


def predict_film(recognizer: Recognizer, film: FilmPath, cache: Path) -> VideoPrediction:
    """Return the predictions of a recognizer of films. Raises ContractError for a film that cannot be read to its end."""
    recording = recording_of(film)
    return predict_material(recognizer, Material.with_film(recording, FilmFile(film.path, cache)), film.path)


def predict_material(recognizer: Recognizer, material: Material, path: Path) -> VideoPrediction:
    """Return the predictions of a recognizer for the material of a film."""
    ((subject, scores),) = whole_scores(recognizer, material)
    predictions = decoded(material, labelling_of(recognizer), recognizer.decoding, [(subject, scores)])
    return VideoPrediction(path, material.recording, recognizer.behaviors, scores, predictions, recognizer.decoding)


def _frame_prediction(frame: int, behaviors: tuple[str, ...], scores: np.ndarray) -> FramePrediction:
    best = int(scores.argmax())
    return FramePrediction(frame, behaviors[best], float(scores[best]), dict(zip(behaviors, scores.tolist(), strict=True)))
