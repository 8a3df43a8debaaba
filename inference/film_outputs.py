"""What is written for each film beside its bouts: probabilities as JSON, and the film with the predictions drawn into it."""

from dataclasses import dataclass
from pathlib import Path

from behavior.contract import UsageError
from behavior.material import Material
from behavior.predictions import Predictions
from behavior.whole_file import write_json
from inference.annotated_film import write_annotated
from inference.film_files import FilmFiles
from inference.serving import Recordings
from inference.video import predict_material
from recognizers.film_recognizer import FilmRecognizer
from recognizers.recognizer import Recognizer


@dataclass(frozen=True)
class FilmOutputs:
    """Recognizes one film after the other and writes what was asked for."""

    files: FilmFiles
    """The films."""
    json: Path | None
    """Folder of the JSON files; None for none."""
    annotate: Path | None
    """Folder of the annotated films; None for none."""
    stride: int | None
    """Samples from one scored clip to the next; None for those of the recognizer."""

    @classmethod
    def of(cls, files: Recordings, recognizer: Recognizer, json: Path | None, annotate: Path | None, stride: int | None) -> "FilmOutputs":
        """Return the outputs. Raises UsageError for a recognizer that sees no films, and for a stride below 1."""
        if not isinstance(files, FilmFiles):
            got = f"one of the {recognizer.view} view"
            raise UsageError(f"Expected a recognizer of films with --json, --annotate and --stride, but got {got}. Leave them out.")
        if stride is not None and (stride < 1 or not isinstance(recognizer, FilmRecognizer)):
            raise UsageError(f"Expected --stride of 1 or more and one checkpoint, but got {stride}. Leave it out.")
        return cls(files, json, annotate, stride)

    def __call__(self, material: Material, recognizer: Recognizer) -> Predictions:
        """Return the predictions for one film, after the other outputs are written."""
        if self.stride is not None and isinstance(recognizer, FilmRecognizer):
            recognizer = recognizer.with_stride(self.stride)
        path = self.files.paths[material.recording.video_id]
        name = self.files.name_of(material.recording)
        prediction = predict_material(recognizer, material, path)
        if self.json is not None:
            stride = getattr(getattr(recognizer, "features", None), "stride", 1)
            write_json(self.json / f"{name}_predictions.json", prediction.to_json_dict(stride))
        if self.annotate is not None:
            write_annotated(self.annotate / f"{name}_annotated.mp4", prediction)
        return prediction.predictions
