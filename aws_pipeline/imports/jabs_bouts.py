"""Read labels of JABS (json). Its stop frame is included, its identities count from 0, and frames without a label are unknown."""

from pathlib import Path
from typing import Any

from aws_pipeline.imports.foreign_bouts import Film, ForeignBout, Observation


def is_jabs(content: Any) -> bool:
    """Return whether parsed json holds such labels."""
    return isinstance(content, dict) and {"labels", "num_frames"} <= content.keys()


def read_jabs_labels(path: Path, content: dict[str, Any]) -> list[Observation]:
    """Return the observation of one film. A behavior counts as looked for only if each frame has a label, present or not."""
    bouts: list[ForeignBout] = []
    whole: list[str] = []
    partly: list[str] = []
    labels = content["labels"]
    for subject, behaviors in labels.items():
        for behavior, blocks in behaviors.items():
            bouts += [ForeignBout(str(subject), "", behavior, one["start"], one["end"] + 1) for one in blocks if one["present"]]
            covered = sum(int(one["end"]) - int(one["start"]) + 1 for one in blocks)
            (whole if covered >= int(content["num_frames"]) else partly).append(behavior)
    ethogram = tuple(dict.fromkeys(behavior for behavior in whole if behavior not in partly))
    notes = tuple(
        f"{behavior} is labeled in some frames only, and the others are unknown: it does not count as annotated. Or name it in --annotated."
        for behavior in dict.fromkeys(partly)
    )
    film = (Film(str(content.get("file") or path.stem)),)
    annotator = str(content.get("labeler") or "")
    return [Observation(path.stem, "JABS", tuple(bouts), True, film, None, ethogram, tuple(labels), None, annotator, notes)]
