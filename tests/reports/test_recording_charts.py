"""Charts of a recording: bars where bouts are, paths and speeds in the colors of the mice."""

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex

from reports.ethogram_charts import EthogramRow, budget_chart, ethogram_chart
from reports.figures import GRAY, HUE, mouse_color, png, svg
from reports.recording_chart import RecordingPicture, recording_chart
from reports.track_charts import path_chart, speed_chart

BOUTS = np.array([[1.0, 3.0], [5.0, 5.1]])


def bars(figure):
    """Color, and for each bar its left, right, top and bottom."""
    found = []
    for collection in figure.axes[0].collections:
        if isinstance(collection, PolyCollection):
            for path in collection.get_paths():
                (left, top), (right, bottom) = path.vertices.min(axis=0), path.vertices.max(axis=0)
                found.append((to_hex(collection.get_facecolor()[0]), left, right, top, bottom))
    return found


def test_bouts_of_experts_lie_above_those_that_are_predicted():
    figure = ethogram_chart([EthogramRow("sniff 1 → 2", BOUTS, BOUTS[:1] + 1)], 0, 10)
    drawn = bars(figure)
    assert [(color, left, right) for color, left, right, *_ in drawn] == [(GRAY, 1, 3), (GRAY, 5, 5.1), (HUE, 2, 4)]
    assert drawn[0][4] < drawn[2][3]  # its lower edge is above the upper edge of the prediction; the axis points down
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["sniff 1 → 2"]
    assert [text.get_text() for text in figure.legends[0].texts] == ["experts", "predicted"]


def test_alone_they_take_the_whole_row_and_what_was_not_annotated_is_dotted():
    figure = ethogram_chart([EthogramRow("rear 1", BOUTS, None), EthogramRow("dig 1", None, None)], 0, 10)
    assert bars(figure)[0][3:] == pytest.approx((-0.4, 0.4))
    assert [text.get_text() for text in figure.legends[0].texts] == ["experts", "not annotated"]
    assert ethogram_chart([], 0, 10).axes[0].get_xlabel() == "time in the recording, s"


def test_long_recordings_have_an_axis_in_minutes():
    figure = ethogram_chart([EthogramRow("rear 1", BOUTS * 60, None)], 0, 600)
    assert figure.axes[0].get_xlabel() == "time in the recording, min"
    assert bars(figure)[0][1:3] == (1, 3)


def test_a_share_that_is_unknown_has_no_bar():
    figure = budget_chart(["rear", "dig"], [10.0, None], [12.0, 3.0])
    assert sorted(round(patch.get_width(), 1) for patch in figure.axes[0].patches) == [3.0, 10.0, 12.0]


def test_paths_are_drawn_in_the_colors_of_the_mice_and_count_from_the_top():
    path = np.array([[0.0, 30.0, np.nan, 5.0], [0.0, 20.0, np.nan, 5.0]])
    figure = path_chart({1: path, 3: path}, (0, 0, 40, 30))
    axes = figure.axes[0]
    assert [line.get_color() for line in axes.lines[:2]] == [mouse_color(1), mouse_color(3)]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]
    assert [text.get_text() for text in axes.texts] == ["10 cm"]


def test_paths_in_a_corner_of_a_large_picture_are_drawn_from_near():
    path = np.array([[0.0, 10.0], [0.0, 10.0]])
    near, far = (path_chart({1: path}, (0, 0, side, side)).axes[0].get_xlim() for side in (100, 15))
    assert near[1] < 12
    assert far[1] > 15


def test_a_mouse_that_is_never_seen_harms_no_chart():
    nothing = np.full((2, 3), np.nan)
    assert svg(path_chart({1: nothing}, None))
    assert svg(speed_chart(np.arange(3.0), {1: nothing[0]}))


def test_a_picture_of_a_recording_has_its_three_parts_and_one_axis_of_time():
    time, speed, path = np.arange(10.0), {1: np.ones(10)}, {1: np.ones((2, 10)) * np.arange(10)}
    one = RecordingPicture("lab, recording 7", [EthogramRow("rear 1", BOUTS, BOUTS)], 0, 10, time, speed, path, (0, 0, 10, 10))
    figure = recording_chart(one)
    assert len(figure.axes) == 3
    assert figure.axes[1].get_xlim() == figure.axes[0].get_xlim()
    assert figure.axes[1].get_ylabel() == "speed, cm/s"
    assert png(figure).startswith(b"\x89PNG")
    assert len(recording_chart(RecordingPicture("x", [], 0, 10, time, speed, path, None)).axes) == 2


def test_without_experts_a_time_budget_shows_the_recognizer_alone():
    figure = budget_chart(["rear", "dig"], [None, None], [12.0, 3.0])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["predicted"]
    assert [round(bar.get_height(), 2) for bar in figure.axes[0].patches] == [0.8, 0.8]
