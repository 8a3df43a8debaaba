"""Frames as the MABe competition counts them: hit, predicted and true, for each recording and action. Its score is made of these.

R bouts, J tracks. A track is one (lab, video, agent, target, action), or the same without the action.
"""

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd

RECORDING_COLUMNS = ["lab_id", "video_id"]
PAIR_COLUMNS = ["agent_id", "target_id"]
FRAME_COLUMNS = ["start_frame", "stop_frame"]


@dataclass(frozen=True)
class Case:
    """The truth and the predictions that count, with numbers in place of texts."""

    recordings: pd.DataFrame
    """lab_id and video_id by recording number."""
    lists: list[set[str] | None]
    """The annotated triples of each recording; None where the list cannot be read."""
    triples: pd.DataFrame
    """agent_id, target_id and action by triple number, as text."""
    tracks: pd.DataFrame
    """Numbers of recording and triple of each track [J]."""
    true_track: np.ndarray
    """Track of each row of the solution."""
    predicted_row: np.ndarray
    """Rows of the submission that count (once for each lab that has the video)."""
    predicted_track: np.ndarray
    """Track of each of those rows."""


def competition_frames(solution: pd.DataFrame, submission: pd.DataFrame) -> pd.DataFrame:
    """Return what the competition's score is made of, recording by recording: lab_id, video_id, action, hits, predicted, true (frames).

    Every row of the submission counts, whatever behaviors_labeled says, unless the solution lacks its video. Actions have their whole
    names; `known_as` returns the part of a name that the competition compares. Summed over recordings, 2 hits / (predicted + true) is
    the F1 of `behavior.metric.mabe_score`.
    """
    recording, recordings = number_rows(solution[RECORDING_COLUMNS])
    return count_frames(solution, submission, _case(solution, submission, recording, recordings, []))


def known_as(actions: pd.Series) -> pd.Series:
    """Return the part of each action that the competition compares: the text after the last underscore."""
    return actions.str.rpartition("_")[2]


def listed_case(solution: pd.DataFrame, submission: pd.DataFrame) -> Case:
    """Return truth and the predictions that behaviors_labeled, of each video's first solution row, lists letter by letter."""
    recording, recordings = number_rows(solution[RECORDING_COLUMNS])
    texts = solution["behaviors_labeled"].iloc[_first_rows(recording)].tolist()
    read = {text: _entries(text) for text in set(texts)}
    return _case(solution, submission, recording, recordings, [read[text] for text in texts])


def count_frames(solution: pd.DataFrame, submission: pd.DataFrame, case: Case) -> pd.DataFrame:
    """Return the table of `competition_frames` for the predictions that count."""
    true, predicted = bouts_of(solution), bouts_of(submission.iloc[case.predicted_row])
    either, track_of_either = np.hstack([true, predicted]), np.append(case.true_track, case.predicted_track)
    names = case.triples["action"].iloc[case.tracks["triple"]]
    part, parts = number_rows(pd.DataFrame({"recording": case.tracks["recording"].to_numpy(), "action": names.to_numpy()}))

    sets = [(case.true_track, true), (case.predicted_track, predicted), (track_of_either, either)]
    of_tracks = (covered_frames(*bouts, len(part)) for bouts in sets)
    in_truth, in_predicted, in_either = (np.bincount(part, frames, minlength=len(parts)).astype(np.int64) for frames in of_tracks)
    recordings = case.recordings.iloc[parts["recording"]].reset_index(drop=True)
    return recordings.assign(action=parts["action"], hits=in_truth + in_predicted - in_either, predicted=in_predicted, true=in_truth)


def covered_frames(track: np.ndarray, bouts: np.ndarray, tracks: int) -> np.ndarray:
    """Return how many frames the bouts [2, R] (start, stop) cover on each track: [J] int64. A frame counts once.

    Sweeps over starts (+1) and stops (-1), by track and frame. Where a track ends nothing is open, so one running sum serves all
    tracks, and the distance from one track to the next is never counted. Frames must fit 32 bits.
    """
    track, frame = np.concatenate([track, track]), bouts.reshape(-1)
    order = np.argsort((track << 32) + frame)
    is_open = np.cumsum(np.where(order < bouts.shape[1], 1, -1))[:-1] > 0
    distance = np.diff(frame[order]) * is_open
    return np.bincount(track[order][:-1], distance, minlength=tracks).astype(np.int64)


def bouts_of(table: pd.DataFrame) -> np.ndarray:
    """Return start and stop of each row: [2, R] int64."""
    return table[FRAME_COLUMNS].to_numpy(np.int64).T


def number_rows(table: pd.DataFrame) -> tuple[np.ndarray, pd.DataFrame]:
    """Return the number of each row, counting distinct rows in order of appearance, and the distinct rows."""
    number = np.zeros(len(table), np.int64)
    for name in table:
        value, values = pd.factorize(table[name], use_na_sentinel=False)
        number, _ = pd.factorize(number * len(values) + value)
    return number, table.iloc[_first_rows(number)].reset_index(drop=True)


def _first_rows(number: np.ndarray) -> np.ndarray:
    """Return the first row of each number; numbers count up in order of appearance."""
    return np.flatnonzero(np.diff(np.maximum.accumulate(number), prepend=-1))


def _case(
    solution: pd.DataFrame, submission: pd.DataFrame, recording: np.ndarray, recordings: pd.DataFrame, lists: list[set[str] | None]
) -> Case:
    """Return the case of a solution whose recordings are numbered already; without lists every prediction in them counts."""
    videos = pd.DataFrame({"video_id": recordings["video_id"], "recording": np.arange(len(recordings))})
    predicted = pd.DataFrame({"video_id": submission["video_id"].to_numpy(), "row": np.arange(len(submission))}).merge(
        videos, on="video_id"
    )
    recording = np.append(recording, predicted["recording"])

    triple_columns = [*PAIR_COLUMNS, "action"]
    names = [solution[triple_columns].astype(str), submission[triple_columns].iloc[predicted["row"]].astype(str)]
    triple, triples = number_rows(pd.concat(names, ignore_index=True))
    counts = _is_listed(lists, triples)[recording, triple] if lists else np.ones(len(recording), bool)
    counts[: len(solution)] = True

    track, tracks = number_rows(pd.DataFrame({"recording": recording[counts], "triple": triple[counts]}))
    true_track, predicted_track = track[: len(solution)], track[len(solution) :]
    return Case(recordings, lists, triples, tracks, true_track, predicted["row"].to_numpy()[counts[len(solution) :]], predicted_track)


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
