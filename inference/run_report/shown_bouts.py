"""The bouts that a report shows with clips: the most certain and the most doubtful ones, spread over behaviors and labs, and why."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from behavior.contract import ContractError
from behavior.labelling import Subject
from behavior.material import Material
from inference.clips.drawn_clip import draw_clip
from inference.ethogram_rows import label_of, who_of
from inference.viewed_recording import ViewedRecording
from recognizers.attribution import Attribution, attribute
from recognizers.recognizer import Recognizer
from reports.charts import contribution_chart
from reports.figures import svg
from reports.page import Clip, FigureBlock

_LEAST_S = 0.2
"""Shorter bouts are shown only if there are no others: nobody sees what happens in them."""
_AROUND_S, _MOST_S = 0.7, 6.0
"""A clip shows this time before and after a bout, and is cut after this time."""
_MOST_FAMILIES = 6


def most_certain(bouts: pd.DataFrame, labs: Mapping[int, str], count: int) -> pd.DataFrame:
    """Return the bouts with the highest confidence, one of each lab and behavior before the second of any."""
    return _spread(bouts, labs, -bouts["confidence"], count)


def most_doubtful(bouts: pd.DataFrame, labs: Mapping[int, str], count: int) -> pd.DataFrame:
    """Return the bouts whose confidence is nearest above their threshold, one of each lab and behavior before the second of any."""
    return _spread(bouts, labs, bouts["confidence"] - bouts["threshold"], count)


def shown_bouts(chosen: pd.DataFrame, viewed: Mapping[int, ViewedRecording], true: pd.DataFrame, recognizer: Recognizer) -> list[Clip]:
    """Return the clip of each bout, in order, with the reasons for it below. One recording is in memory at a time."""
    drawn: dict[int, Clip] = {}
    order = list(chosen.index)
    for video in dict.fromkeys(chosen["video_id"].tolist()):
        recording = viewed[video]
        for place, bout in chosen[chosen["video_id"] == video].iterrows():
            drawn[order.index(place)] = _clip(recording, bout, true, _why(recording, bout, recognizer))
        recording.forget()
    return [drawn[place] for place in range(len(order))]


def share_confirmed(bout: pd.Series, true: pd.DataFrame) -> float:
    """Return the share of the frames of a predicted bout that experts gave the same behavior of the same mice."""
    same = (true["video_id"] == bout["video_id"]) & (true["action"] == bout["action"])
    for name in ("agent_id", "target_id"):
        same &= true[name].isna() if pd.isna(bout[name]) else (true[name] == bout[name])
    start, stop = int(bout["start_frame"]), int(bout["stop_frame"])
    covered = np.zeros(max(stop - start, 1), bool)
    for first, last in true.loc[same.fillna(False), ["start_frame", "stop_frame"]].itertuples(index=False, name=None):
        covered[max(first - start, 0) : max(last - start, 0)] = True
    return float(covered.mean())


def _spread(bouts: pd.DataFrame, labs: Mapping[int, str], rank: pd.Series, count: int) -> pd.DataFrame:
    ranked = bouts.assign(lab=bouts["video_id"].map(labs), rank=rank, short=bouts["duration_s"] < _LEAST_S)
    ordered = ranked.sort_values(["short", "rank", "video_id", "start_frame"], kind="stable")
    turn = ordered.groupby(["lab", "action"], sort=False).cumcount()
    return ordered.assign(turn=turn).sort_values(["short", "turn", "rank"], kind="stable").head(count)


def _clip(viewed: ViewedRecording, bout: pd.Series, true: pd.DataFrame, why: FigureBlock | None) -> Clip:
    recording = viewed.recording
    start, stop = (float(bout[name]) / recording.fps for name in ("start_frame", "stop_frame"))
    clip = draw_clip(viewed, bout, start - _AROUND_S, min(stop, start + _MOST_S) + _AROUND_S)
    what = label_of(who_of(bout))
    says = f"{what}, {recording.lab_id}, recording {recording.shown}, {start:.1f} to {stop:.1f} s, confidence {bout['confidence']:.2f}"
    if viewed.true_bouts is not None:
        says += f" (threshold {bout['threshold']:.2f}); experts agree on {100 * share_confirmed(bout, true):.0f} % of it"
    return Clip(clip.film, clip.poster, f"Mice as skeletons: {what}.", says, why)


def _why(viewed: ViewedRecording, bout: pd.Series, recognizer: Recognizer) -> FigureBlock | None:
    agent, target, behavior = who_of(bout)
    first = viewed.curated.first_frame
    frames = slice(int(bout["start_frame"]) - first, int(bout["stop_frame"]) - first)
    try:
        reason = attribute(recognizer, Material.with_tracking(viewed.recording, viewed.curated), Subject(agent, target), behavior, frames)
    except ContractError:
        return None
    return why_figure(reason)


def why_figure(reason: Attribution) -> FigureBlock:
    """Return the chart of the largest contributions."""
    largest = list(reason.contributions.items())[:_MOST_FAMILIES]
    names, values = [name for name, _ in largest], [value for _, value in largest]
    caption = f"Why, compared with {reason.compared_with}:"
    return FigureBlock(svg(contribution_chart(names, values, "log-odds")), _in_words(names, values), caption)


def _in_words(names: Sequence[str], values: Sequence[float]) -> str:
    return "; ".join(f"{name} {value:+.1f}" for name, value in zip(names, values, strict=True))
