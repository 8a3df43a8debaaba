"""Experts who annotated a part of each film: it is noticed, said, and the rest is left out if asked for."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from simulated_lake import Lake

from behavior.contract import UsageError
from training import develop
from training.developing.annotated_part import annotated_part
from training.developing.words import part_lines
from training.material.curated_zone import CuratedZone
from training.material.film_zone import FilmZone
from training.material.fold_plan import FoldPlan, plan_folds

LAB = "CalMS21_task2"


def of_lab(lake: Lake, part: bool) -> FoldPlan:
    return plan_folds(CuratedZone(lake.curated, annotated_part=part), [LAB], 2)


def with_bouts(plan: FoldPlan, starts: list[int]) -> FoldPlan:
    """Every recording has a bout of 10 frames at each of these frames, and lasts 900 frames of 1/30 s."""
    rows = [
        {"video_id": one.video_id, "agent_id": 1, "target_id": 2, "action": "sniff", "start_frame": start, "stop_frame": start + 10}
        for one in plan.recordings
        for start in starts
    ]
    contents = tuple(replace(one, frames=900) for one in plan.contents)
    recordings = tuple(replace(one, fps=30.0) for one in plan.recordings)
    return replace(plan, bouts=pd.DataFrame(rows), contents=contents, recordings=recordings)


def test_a_recording_is_read_from_its_first_to_its_last_bout(lake: Lake) -> None:
    whole, part = of_lab(lake, False), of_lab(lake, True)
    assert [one.held_out for one in part.splits] == [one.held_out for one in whole.splits]
    assert part.identity() != whole.identity()  # runs over other frames cannot be combined
    for recording, content in zip(part.recordings, part.contents, strict=True):
        before, after = (one.bouts[one.bouts["video_id"] == recording.video_id] for one in (whole, part))
        first, last = before["start_frame"].min(), before["stop_frame"].max()
        assert after["start_frame"].min() == 0
        assert after["stop_frame"].max() == last - first == content.frames
        assert (after["start_frame"] + first).tolist() == before["start_frame"].tolist()
        assert part.zone.frame_counts()[recording.video_id] == content.frames
        uncut, cut = whole.zone.tracking(recording), part.zone.tracking(recording)
        np.testing.assert_array_equal(cut.xy, uncut.xy[..., first:last])
        np.testing.assert_array_equal(cut.velocity, uncut.velocity[..., first:last])
        np.testing.assert_array_equal(cut.seen, uncut.seen[..., first:last])
        assert cut.first_frame == uncut.first_frame + first


def test_a_long_end_without_bouts_is_noticed(lake: Lake) -> None:
    """Bouts until frame 210 with pauses of 40 frames; then 690 frames without any, which are 23 s."""
    plan = with_bouts(of_lab(lake, False), [0, 50, 100, 150, 200])
    part = annotated_part(plan)
    assert part is not None
    assert (part.recordings, part.late_starts, part.early_ends) == (len(plan.recordings), 0, len(plan.recordings))
    assert (part.part_s, part.before_s, part.after_s) == (7.0, 0.0, 23.0)
    if part.recordings < 4:
        assert not part.is_shown  # too few recordings to say
    (line,) = part_lines(replace(part, recordings=5, early_ends=4), False)
    assert "In 4 of 5 recordings the time after its last bout (median 23 s)" in line
    assert "--annotated-part" in line


def test_bouts_until_the_end_say_nothing(lake: Lake) -> None:
    """Bouts at every 200 frames: the last one ends 90 frames before the end, and pauses last 190 frames."""
    part = annotated_part(with_bouts(of_lab(lake, False), [0, 200, 400, 600, 800]))
    assert part is not None
    assert part.early_ends == part.late_starts == 0
    assert part_lines(part, False) == part_lines(replace(part, recordings=9), False) == []
    assert annotated_part(with_bouts(of_lab(lake, False), [0, 200])) is None


def test_what_was_cut_is_said() -> None:
    assert "as asked for" in part_lines(None, True)[0]


def test_films_are_not_cut(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Cut the films before"):
        FilmZone.open(tmp_path, 0.0, True)


def test_the_flag_reaches_the_zone(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    zones = []

    def planned(zone: CuratedZone, *rest: Any) -> FoldPlan:
        zones.append(zone)
        return plan_folds(zone, *rest)

    monkeypatch.setattr("training.material.fold_plan.plan_folds", planned)
    command = ["--lab", LAB, "--curated", str(lake.curated), "--plan"]
    assert develop.main(command) == develop.main([*command, "--annotated-part"]) == 0
    assert [zone.annotated_part for zone in zones] == [False, True]
