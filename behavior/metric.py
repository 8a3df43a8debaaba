"""The score of the MABe competition (Kaggle, 2025): F-beta over frames, pooled per lab and action, computed on bouts.

Means are plain: over the actions of a lab, then over labs. The surprises of the original are kept on purpose:

- A predicted row counts only if "agent,target,action" stands, letter by letter, in its video's behaviors_labeled, which is read from
  the video's first solution row. All other rows are free, also those of videos that the solution lacks.
- A counted row brings its action into the lab's mean even if the truth never has it (F1 0), and even if start == stop.
- A true action that its list lacks cannot be matched: all of it is missed.
- Frames below zero or past the end of the video count as any other.
- An action is known by what follows its last underscore: "paw_lick" and "ear_lick" are one. (No action of the competition has one.)

R bouts, J tracks. A track is one (lab, video, agent, target, action), or the same without the action.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import fsum

import numpy as np
import pandas as pd

from behavior.contract import Fault, refuse

PAIR = ["agent_id", "target_id"]
FRAMES = ["start_frame", "stop_frame"]
SUBMISSION_COLUMNS = ["video_id", *PAIR, "action", *FRAMES]
SOLUTION_COLUMNS = ["lab_id", *SUBMISSION_COLUMNS, "behaviors_labeled"]
_RECORDING = ["lab_id", "video_id"]
_TRIPLE = [*PAIR, "action"]
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
    case = _prepare(solution, submission)
    refuse(_content_faults(solution, submission, case))
    return _score(solution, submission, case, beta)


def submission_faults(submission: pd.DataFrame, solution: pd.DataFrame) -> list[Fault]:
    """Return, sorted, every reason why the competition would refuse to score this submission against this solution."""
    faults = _form_faults(solution, submission)
    return sorted(faults or _content_faults(solution, submission, _prepare(solution, submission)), key=str)


def covered_frames(track: np.ndarray, bouts: np.ndarray, tracks: int) -> np.ndarray:
    """Return how many frames the bouts [2, R] (start, stop) cover on each track, a frame covered twice counted once: [J] int64.

    Sweeps over starts (+1) and stops (-1), by track and frame. Where a track ends nothing is open, so one running sum serves all
    tracks, and the distance from one track to the next is never counted. Frames must fit 32 bits.
    """
    track, frame = np.concatenate([track, track]), bouts.reshape(-1)
    order = np.argsort((track << 32) + frame)
    is_open = np.cumsum(np.where(order < bouts.shape[1], 1, -1))[:-1] > 0
    distance = np.diff(frame[order]) * is_open
    return np.bincount(track[order][:-1], distance, minlength=tracks).astype(np.int64)


@dataclass(frozen=True)
class _Case:
    """Truth and the predictions that count, with every text as a number."""

    recordings: pd.DataFrame
    """lab_id and video_id by recording number."""
    lists: list[set[str] | None]
    """The triples that each recording was annotated; None where that cannot be read."""
    triples: pd.DataFrame
    """agent_id, target_id and action by triple number, as text."""
    tracks: pd.DataFrame
    """Numbers of recording and triple of each track [J]."""
    true_track: np.ndarray
    """Track of each row of the solution."""
    found_row: np.ndarray
    """Rows of the submission that count (once for each lab that has the video)."""
    found_track: np.ndarray
    """Track of each of those."""


def _prepare(solution: pd.DataFrame, submission: pd.DataFrame) -> _Case:
    recording, recordings = _number(solution[_RECORDING])
    texts = solution["behaviors_labeled"].iloc[_first_rows(recording)].tolist()
    read = {text: _entries(text) for text in set(texts)}
    lists = [read[text] for text in texts]
    videos = pd.DataFrame({"video_id": recordings["video_id"], "recording": np.arange(len(recordings))})
    found = pd.DataFrame({"video_id": submission["video_id"].to_numpy(), "row": np.arange(len(submission))}).merge(videos, on="video_id")
    recording = np.append(recording, found["recording"])

    names = [solution[_TRIPLE].astype(str), submission[_TRIPLE].iloc[found["row"]].astype(str)]
    triple, triples = _number(pd.concat(names, ignore_index=True))
    counts = _is_listed(lists, triples)[recording, triple]
    counts[: len(solution)] = True

    track, tracks = _number(pd.DataFrame({"recording": recording[counts], "triple": triple[counts]}))
    true_track, found_track = track[: len(solution)], track[len(solution) :]
    return _Case(recordings, lists, triples, tracks, true_track, found["row"].to_numpy()[counts[len(solution) :]], found_track)


def _number(table: pd.DataFrame) -> tuple[np.ndarray, pd.DataFrame]:
    """Return the number of each row, counting distinct rows in order of appearance, and the distinct rows."""
    number = np.zeros(len(table), np.int64)
    for name in table:
        value, values = pd.factorize(table[name], use_na_sentinel=False)
        number, _ = pd.factorize(number * len(values) + value)
    return number, table.iloc[_first_rows(number)].reset_index(drop=True)


def _first_rows(number: np.ndarray) -> np.ndarray:
    """Return the first row of each number; numbers count up in order of appearance."""
    return np.flatnonzero(np.diff(np.maximum.accumulate(number), prepend=-1))


def _entries(text: object) -> set[str] | None:
    try:
        entries = json.loads(str(text))
    except ValueError:
        return None
    return {str(entry) for entry in entries} if isinstance(entries, list) else None


def _is_listed(lists: list[set[str] | None], triples: pd.DataFrame) -> np.ndarray:
    """Return for each recording and triple whether the recording's list holds the triple: [recordings, triples] bool."""
    number = {",".join(map(str, triple)): position for position, triple in enumerate(triples.itertuples(index=False))}
    is_listed = np.zeros((len(lists), len(triples)), bool)
    for row, entries in zip(is_listed, lists, strict=True):
        row[[number[entry] for entry in entries or () if entry in number]] = True
    return is_listed


def _score(solution: pd.DataFrame, submission: pd.DataFrame, case: _Case, beta: float) -> Score:
    true, found = _bouts(solution), _bouts(submission.iloc[case.found_row])
    either, track_of_either = np.hstack([true, found]), np.append(case.true_track, case.found_track)
    lab, labs = pd.factorize(case.recordings["lab_id"])
    part, parts = _number(pd.DataFrame({"lab": lab[case.tracks["recording"]], "triple": case.tracks["triple"]}))

    sets = [(case.true_track, true), (case.found_track, found), (track_of_either, either)]
    frames = np.array([np.bincount(part, covered_frames(*bouts, len(part)), minlength=len(parts)) for bouts in sets])
    pooled: dict[str, _Classes] = {}
    names = zip(labs[parts["lab"]], case.triples["action"].iloc[parts["triple"]], strict=True)
    for (lab_id, action), counts in zip(names, frames.T, strict=True):
        actions, total = pooled.setdefault(str(lab_id), {}).setdefault(action.rpartition("_")[2], (set(), np.zeros(3)))
        actions.add(action)
        total += counts
    scores = {lab_id: _lab_score(classes, beta) for lab_id, classes in sorted(pooled.items())}
    return Score(_mean(score.score for score in scores.values()), scores)


_Classes = dict[str, tuple[set[str], np.ndarray]]
"""What an action is known by -> the actions known by it, and the frames in truth, in predictions and in either."""


def _lab_score(classes: _Classes, beta: float) -> LabScore:
    scores = {}
    for actions, (in_truth, in_found, in_either) in classes.values():
        hits = in_truth + in_found - in_either
        scores["+".join(sorted(actions))] = float((1 + beta**2) * hits / (beta**2 * in_truth + in_found)) if hits else 0.0
    return LabScore(_mean(scores.values()), dict(sorted(scores.items())))


def _bouts(table: pd.DataFrame) -> np.ndarray:
    return table[FRAMES].to_numpy(np.int64).T


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
    for column in [*_RECORDING, *_TRIPLE]:
        if empty := int(solution[column].isna().sum()):
            told = f"Expected every row of the solution to have a {column}, but got {empty} without."
            faults.append(Fault("value-missing", "", told, "Fill or remove those rows.", empty))
    return faults


def _content_faults(solution: pd.DataFrame, submission: pd.DataFrame, case: _Case) -> list[Fault]:
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


def _overlap_faults(submission: pd.DataFrame, case: _Case) -> list[Fault]:
    bouts = _bouts(submission.iloc[case.found_row])
    pair_of_triple, pairs = _number(case.triples[PAIR])
    pair, tracks = _number(pd.DataFrame({"recording": case.tracks["recording"], "pair": pair_of_triple[case.tracks["triple"]]}))
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
