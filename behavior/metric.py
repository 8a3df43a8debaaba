"""The score of the MABe competition (Kaggle, 2025): F-beta over frames, pooled per lab and action, computed on bouts.

Means are plain: over the actions of a lab, then over labs. The surprises of the original are kept on purpose:

- A predicted row counts only if "agent,target,action" stands, letter by letter, in its video's behaviors_labeled, which is read from
  the video's first solution row. All other rows are free, also those of videos that the solution lacks.
- A counted row brings its action into the lab's mean even if the truth never has it (F1 0), and even if start == stop.
- A true action that its list lacks cannot be matched: all of it is missed.
- Frames below zero or past the end of the video count as any other.
- An action is known by what follows its last underscore: "paw_lick" and "ear_lick" are one. (No action of the competition has one.)
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import fsum

import numpy as np
import pandas as pd

from behavior.competition_frames import (
    FRAMES,
    PAIR,
    RECORDING,
    Case,
    bouts_of,
    count_frames,
    covered_frames,
    known_as,
    listed_case,
    number_rows,
)
from behavior.contract import Fault, refuse

SUBMISSION_COLUMNS = ["video_id", *PAIR, "action", *FRAMES]
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


def submission_faults(submission: pd.DataFrame, solution: pd.DataFrame) -> list[Fault]:
    """Return, sorted, every reason why the competition would refuse to score this submission against this solution."""
    faults = _form_faults(solution, submission)
    return sorted(faults or _content_faults(solution, submission, listed_case(solution, submission)), key=str)


def _pooled_score(frames: pd.DataFrame, beta: float) -> Score:
    """Return the score of counted frames: a row for each recording and action."""
    pooled: dict[str, _Classes] = {}
    counts = frames[["hits", "found", "true"]].to_numpy(np.float64)
    for lab, action, name, own in zip(frames["lab_id"], frames["action"], known_as(frames["action"]), counts, strict=True):
        actions, total = pooled.setdefault(str(lab), {}).setdefault(name, (set(), np.zeros(3)))
        actions.add(action)
        total += own
    scores = {lab: _lab_score(classes, beta) for lab, classes in sorted(pooled.items())}
    return Score(_mean(score.score for score in scores.values()), scores)


_Classes = dict[str, tuple[set[str], np.ndarray]]
"""What an action is known by -> the actions known by it, and the frames hit, found and true."""


def _lab_score(classes: _Classes, beta: float) -> LabScore:
    scores = {}
    for actions, (hits, found, true) in classes.values():
        scores["+".join(sorted(actions))] = float((1 + beta**2) * hits / (beta**2 * true + found)) if hits else 0.0
    return LabScore(_mean(scores.values()), dict(sorted(scores.items())))


def _form_faults(solution: pd.DataFrame, submission: pd.DataFrame) -> list[Fault]:
    """Find what keeps the two tables from being put together at all."""
    faults = []
    for name, table, columns in (("solution", solution, SOLUTION_COLUMNS), ("submission", submission, SUBMISSION_COLUMNS)):
        if missing := [column for column in columns if column not in table]:
            got = ", ".join(map(str, table)) or "none"
            told = f"Expected the {name} to have the columns {', '.join(missing)}, but got only {got}."
            faults.append(Fault("column-missing", "", told, "Add them."))
        elif table.empty:
            faults.append(Fault("table-empty", "", f"Expected at least one row in the {name}, but got none.", "Add at least one bout."))
    if faults:
        return faults
    true_kind, kind = (pd.api.types.infer_dtype(table["video_id"]) for table in (solution, submission))
    if true_kind != kind:
        wanted = f"video_id of the submission to be {true_kind} as in the solution"
        faults.append(Fault("column-type", "", f"Expected {wanted}, but got {kind}.", "Write the ids as the metadata has them."))
    for column in [*RECORDING, *PAIR, "action"]:
        if empty := int(solution[column].isna().sum()):
            told = f"Expected every row of the solution to have a {column}, but got {empty} without."
            faults.append(Fault("value-missing", "", told, "Fill or remove those rows.", empty))
    return faults


def _content_faults(solution: pd.DataFrame, submission: pd.DataFrame, case: Case) -> list[Fault]:
    """Find what the competition stumbles over while it counts frames."""
    faults = _frame_faults("solution", solution, np.arange(len(solution))) + _frame_faults("submission", submission, case.found_row)
    if unread := [video for video, entries in zip(case.recordings["video_id"], case.lists, strict=True) if entries is None]:
        wanted = "behaviors_labeled of each video's first solution row to be a JSON list"
        told = f"Expected {wanted}, but got something else in {_examples('video', unread)}."
        faults.append(Fault("annotated-list", "", told, "Correct the metadata."))
    if nameless := _rows_without_action(solution, submission):
        told = f"Expected text as action of the submission, but got none in {_examples('row', nameless)}."
        faults.append(Fault("value-missing", "", told, "Fill or remove those rows.", len(nameless)))
    return faults or _overlap_faults(submission, case)


def _frame_faults(name: str, table: pd.DataFrame, counted: np.ndarray) -> list[Fault]:
    faults = []
    start, stop = (pd.to_numeric(table[column], errors="coerce") for column in FRAMES)
    if backward := (np.flatnonzero((start > stop).fillna(False)) + 1).tolist():
        wanted = f"start_frame <= stop_frame in the {name}"
        told = f"Expected {wanted}, but got the opposite in {_examples('row', backward)}."
        faults.append(Fault("bout-reversed", "", told, "Correct them.", len(backward)))
    for column in FRAMES:
        if bad := (counted[~_is_frame(table[column].iloc[counted])] + 1).tolist():
            wanted = f"{column} of the {name} to hold whole numbers of at most 32 bits"
            told = f"Expected {wanted}, but got something else in {_examples('row', bad)}."
            faults.append(Fault("column-type", "", told, "Round them and store them as integers.", len(bad)))
    return faults


def _is_frame(values: pd.Series) -> np.ndarray:
    if pd.api.types.is_integer_dtype(values) and not values.hasnans:
        return values.between(-_LAST_FRAME, _LAST_FRAME).to_numpy(bool)
    return np.array([isinstance(value, (int, np.integer)) and abs(int(value)) <= _LAST_FRAME for value in values], bool)


def _rows_without_action(solution: pd.DataFrame, submission: pd.DataFrame) -> list[int]:
    """Return the rows, from 1, that belong to a video of the solution and whose action is no text."""
    if isinstance(submission["action"].dtype, pd.StringDtype) and not submission["action"].hasnans:
        return []
    scored = np.flatnonzero(submission["video_id"].isin(solution["video_id"]))
    return [row + 1 for row, action in zip(scored.tolist(), submission["action"].iloc[scored], strict=True) if not isinstance(action, str)]


def _overlap_faults(submission: pd.DataFrame, case: Case) -> list[Fault]:
    bouts = bouts_of(submission.iloc[case.found_row])
    pair_of_triple, pairs = number_rows(case.triples[PAIR])
    pair, tracks = number_rows(pd.DataFrame({"recording": case.tracks["recording"], "pair": pair_of_triple[case.tracks["triple"]]}))
    by_action = np.bincount(pair, covered_frames(case.found_track, bouts, len(pair)), minlength=len(tracks))
    twice = np.flatnonzero(by_action > covered_frames(pair[case.found_track], bouts, len(tracks)))
    if not twice.size:
        return []
    video = case.recordings["video_id"].iloc[tracks["recording"].iloc[twice]]
    mice = pairs.iloc[tracks["pair"].iloc[twice]]
    got = [f"{number} {agent} to {target}" for number, agent, target in zip(video, mice["agent_id"], mice["target_id"], strict=True)]
    wanted = "at most one listed action per frame of each agent and target"
    told = f"Expected {wanted}, but got two or more in {_examples('video', got)}."
    return [Fault("bout-overlap", "", told, "Keep the likeliest.", len(got))]


def _examples(noun: str, values: list) -> str:
    shown = ", ".join(map(str, values[:_EXAMPLES]))
    rest = f" and {len(values) - _EXAMPLES} more" if len(values) > _EXAMPLES else ""
    return f"{noun} {shown}{rest}"


def _mean(values: Iterable[float]) -> float:
    """Return the mean, to the last digit independent of order."""
    values = tuple(values)
    return fsum(values) / len(values)
