"""The score of the MABe competition (Kaggle, 2025): F-beta over frames, pooled per lab and action, computed on bouts.

Means are plain: over the actions of a lab, then over labs. This code repeats the surprises of the original on purpose:

- A predicted row counts only if "agent,target,action" is, letter by letter, in behaviors_labeled of its video, as in the first solution
  row of the video. All other rows have no effect, also those of videos that the solution lacks.
- A counted row brings its action into the lab's mean even if the truth never has it (F1 0), and even if start == stop.
- A true action that its list lacks cannot be matched: all its frames are missed.
- Frames below zero or past the end of the video count as any other.
- Of an action only the text after its last underscore counts: "paw_lick" and "ear_lick" are one action. (In the competition
  no action has an underscore.)
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import fsum

import numpy as np
import pandas as pd

from behavior.competition_frames import (
    FRAME_COLUMNS,
    PAIR_COLUMNS,
    RECORDING_COLUMNS,
    Case,
    bouts_of,
    count_frames,
    covered_frames,
    known_as,
    listed_case,
    number_rows,
)
from behavior.contract import Fault, refuse

SUBMISSION_COLUMNS = ["video_id", *PAIR_COLUMNS, "action", *FRAME_COLUMNS]
SOLUTION_COLUMNS = ["lab_id", *SUBMISSION_COLUMNS, "behaviors_labeled"]
_EXAMPLES = 3
_LAST_FRAME = 2**31 - 1


@dataclass(frozen=True)
class LabScore:
    """The score of one lab."""

    score: float
    """Mean over the actions."""
    actions: dict[str, float]
    """F-beta of every action that occurs in the lab's truth or in a counted prediction."""


@dataclass(frozen=True)
class Score:
    """The score of a submission."""

    score: float
    """Mean over the labs."""
    labs: dict[str, LabScore]
    """The score of every lab of the solution."""

    def to_json_dict(self) -> dict[str, object]:
        """Return {"score": ..., "labs": {lab: {"score": ..., "actions": {action: ...}}}}."""
        return asdict(self)


def mabe_score(solution: pd.DataFrame, submission: pd.DataFrame, beta: float = 1.0) -> Score:
    """Score a submission as the competition does.

    `solution` holds `SOLUTION_COLUMNS`, a row for each true bout; `submission` holds `SUBMISSION_COLUMNS`. Bouts are
    [start_frame, stop_frame). Mice are named as in behaviors_labeled: "mouse1" to "mouse4", and "self" as target of a self behavior.
    Raises ContractError, with all faults, where the competition would refuse.
    """
    refuse(_form_faults(solution, submission))
    case = listed_case(solution, submission)
    refuse(_content_faults(solution, submission, case))
    return _pooled_score(count_frames(solution, submission, case), beta)


def _pooled_score(frames: pd.DataFrame, beta: float) -> Score:
    """Return the score of counted frames: a row for each recording and action."""
    pooled: dict[str, _Classes] = {}
    counts = frames[["hits", "predicted", "true"]].to_numpy(np.float64)
    for lab, action, name, own in zip(frames["lab_id"], frames["action"], known_as(frames["action"]), counts, strict=True):
        actions, total = pooled.setdefault(str(lab), {}).setdefault(name, (set(), np.zeros(3)))
        actions.add(action)
        total += own
    scores = {lab: _lab_score(classes, beta) for lab, classes in sorted(pooled.items())}
    return Score(_mean(score.score for score in scores.values()), scores)


_Classes = dict[str, tuple[set[str], np.ndarray]]
"""Text after the last underscore -> the actions that end with it, and the frames hit, predicted and true."""


def _lab_score(classes: _Classes, beta: float) -> LabScore:
    scores = {}
    for actions, (hits, predicted, true) in classes.values():
        scores["+".join(sorted(actions))] = float((1 + beta**2) * hits / (beta**2 * true + predicted)) if hits else 0.0
    return LabScore(_mean(scores.values()), dict(sorted(scores.items())))


def _form_faults(solution: pd.DataFrame, submission: pd.DataFrame) -> list[Fault]:
    """Return why the two tables cannot be compared at all."""
    faults = []
    for name, table, columns in (("solution", solution, SOLUTION_COLUMNS), ("submission", submission, SUBMISSION_COLUMNS)):
        if missing := [column for column in columns if column not in table]:
            got = ", ".join(map(str, table)) or "none"
            message = f"Expected the {name} to have the columns {', '.join(missing)}, but got only {got}."
            faults.append(Fault("column-missing", "", message, "Add them."))
        elif table.empty:
            faults.append(Fault("table-empty", "", f"Expected at least one row in the {name}, but got none.", "Add at least one bout."))
    if faults:
        return faults
    true_kind, kind = (pd.api.types.infer_dtype(table["video_id"]) for table in (solution, submission))
    if true_kind != kind:
        expected = f"video_id of the submission to be {true_kind} as in the solution"
        faults.append(Fault("column-type", "", f"Expected {expected}, but got {kind}.", "Write the ids as the metadata has them."))
    for column in [*RECORDING_COLUMNS, *PAIR_COLUMNS, "action"]:
        if empty := int(solution[column].isna().sum()):
            message = f"Expected every row of the solution to have a {column}, but got {empty} without."
            faults.append(Fault("value-missing", "", message, "Fill or remove those rows.", empty))
    return faults


def _content_faults(solution: pd.DataFrame, submission: pd.DataFrame, case: Case) -> list[Fault]:
    """Return what the competition refuses while it counts frames."""
    faults = _frame_faults("solution", solution, np.arange(len(solution))) + _frame_faults("submission", submission, case.predicted_row)
    if unread := [video for video, entries in zip(case.recordings["video_id"], case.lists, strict=True) if entries is None]:
        expected = "behaviors_labeled of each video's first solution row to be a JSON list"
        message = f"Expected {expected}, but got something else in {_examples('video', unread)}."
        faults.append(Fault("annotated-list", "", message, "Correct the metadata."))
    if nameless := _rows_without_action(solution, submission):
        message = f"Expected text as action of the submission, but got none in {_examples('row', nameless)}."
        faults.append(Fault("value-missing", "", message, "Fill or remove those rows.", len(nameless)))
    return faults or _overlap_faults(submission, case)


def _frame_faults(name: str, table: pd.DataFrame, counted: np.ndarray) -> list[Fault]:
    faults = []
    start, stop = (pd.to_numeric(table[column], errors="coerce") for column in FRAME_COLUMNS)
    if backward := (np.flatnonzero((start > stop).fillna(False)) + 1).tolist():
        expected = f"start_frame <= stop_frame in the {name}"
        message = f"Expected {expected}, but got the opposite in {_examples('row', backward)}."
        faults.append(Fault("bout-reversed", "", message, "Correct them.", len(backward)))
    for column in FRAME_COLUMNS:
        if bad := (counted[~_is_frame(table[column].iloc[counted])] + 1).tolist():
            expected = f"{column} of the {name} to hold whole numbers of at most 32 bits"
            message = f"Expected {expected}, but got something else in {_examples('row', bad)}."
            faults.append(Fault("column-type", "", message, "Round them and store them as integers.", len(bad)))
    return faults


def _is_frame(values: pd.Series) -> np.ndarray:
    if pd.api.types.is_integer_dtype(values) and not values.hasnans:
        return values.between(-_LAST_FRAME, _LAST_FRAME).to_numpy(bool)
    return np.array([isinstance(value, (int, np.integer)) and abs(int(value)) <= _LAST_FRAME for value in values], bool)


def _rows_without_action(solution: pd.DataFrame, submission: pd.DataFrame) -> list[int]:
    """Return the rows, from 1, of videos of the solution, with an action that is no text."""
    if isinstance(submission["action"].dtype, pd.StringDtype) and not submission["action"].hasnans:
        return []
    scored = np.flatnonzero(submission["video_id"].isin(solution["video_id"]))
    return [row + 1 for row, action in zip(scored.tolist(), submission["action"].iloc[scored], strict=True) if not isinstance(action, str)]


def _overlap_faults(submission: pd.DataFrame, case: Case) -> list[Fault]:
    bouts = bouts_of(submission.iloc[case.predicted_row])
    pair_of_triple, pairs = number_rows(case.triples[PAIR_COLUMNS])
    pair, tracks = number_rows(pd.DataFrame({"recording": case.tracks["recording"], "pair": pair_of_triple[case.tracks["triple"]]}))
    by_action = np.bincount(pair, covered_frames(case.predicted_track, bouts, len(pair)), minlength=len(tracks))
    twice = np.flatnonzero(by_action > covered_frames(pair[case.predicted_track], bouts, len(tracks)))
    if not twice.size:
        return []
    video = case.recordings["video_id"].iloc[tracks["recording"].iloc[twice]]
    mice = pairs.iloc[tracks["pair"].iloc[twice]]
    got = [f"{number} {agent} to {target}" for number, agent, target in zip(video, mice["agent_id"], mice["target_id"], strict=True)]
    expected = "at most one listed action per frame of each agent and target"
    message = f"Expected {expected}, but got two or more in {_examples('video', got)}."
    return [Fault("bout-overlap", "", message, "Keep the most probable.", len(got))]


def _examples(noun: str, values: list) -> str:
    shown = ", ".join(map(str, values[:_EXAMPLES]))
    rest = f" and {len(values) - _EXAMPLES} more" if len(values) > _EXAMPLES else ""
    return f"{noun} {shown}{rest}"


def _mean(values: Iterable[float]) -> float:
    """Return the mean; the order of values does not change its last digit."""
    values = tuple(values)
    return fsum(values) / len(values)
