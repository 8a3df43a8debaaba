"""The page about data quality says what the rows say."""

import numpy as np
import pytest

from behavior.curation import curate
from behavior.quality import quality_of
from reports.page import render
from reports.quality_charts import missing_chart, strip_chart
from reports.quality_page import quality_page


@pytest.fixture
def row(tracking_rows, recording):
    """A mouse of 8 cm whose nose is lost in a quarter of the frames."""
    rows = [
        (frame, 1, part, x, 50) for frame in range(40) for part, x in (("nose", 100), ("tail_base", 180)) if part != "nose" or frame % 4
    ]
    return quality_of(recording, "train", curate(tracking_rows(rows), recording))


def test_numbers_of_the_rows_are_on_the_page(row):
    other = {**row, "lab_id": "BoldMole", "video_id": 8, "teleports": 9, "teleport_frames": "[3]"}
    html = render(
        quality_page([row, other], [("train-9", "Expected tracking rows, but got none.")], "night of the 3rd", {("train", 8): "cage1_day2"})
    )
    assert "night of the 3rd" in html
    assert "12.5 %" in html
    assert "QuietOtter" in html
    assert "cage1_day2: Expected mice that run, but got 9 jumps, the first at frame 3. Look at these frames." in html
    assert "1 recording breaks its contract and was put aside" in html
    assert "Expected tracking rows, but got none." in html


def test_without_a_sound_recording_the_page_says_what_was_put_aside():
    html = render(quality_page([], [("train-9", "Expected tracking rows, but got none.")], "line"))
    assert "Put aside" in html
    assert "By lab" not in html


def test_a_cell_has_its_percent_and_none_where_a_lab_does_not_track():
    figure = missing_chart(["A", "B"], ["nose", "neck"], np.array([[0.5, np.nan], [0.002, 0.0]]))
    cells = {text.get_position(): text.get_text() for text in figure.axes[0].texts}
    assert cells == {(0, 0): "50", (0, 1): "0.2", (1, 1): "0"}


def test_every_recording_is_a_dot_and_the_median_a_bar():
    figure = strip_chart({"A": [1.0, 2.0, 9.0], "B": [float("nan")]}, "missing, %")
    dots = figure.axes[0].collections[0].get_offsets()
    assert sorted(dots[:, 0].tolist()) == [1, 2, 9]
    assert list(figure.axes[0].lines[0].get_xdata()) == [2.0, 2.0]
    assert len(figure.axes[0].lines) == 1


def test_new_recordings_have_a_color_of_their_own_and_a_large_lab_a_band():
    values = {"A": list(range(1000)), "B": [3.0, float("nan"), 5.0]}
    new = {"A": [number == 500 for number in range(1000)], "B": [True, True, False]}
    axes = strip_chart(values, "missing, %", new=new).axes[0]
    old_a, new_a, old_b, new_b = [sorted(dots.get_offsets()[:, 0].tolist()) for dots in axes.collections[:4]]
    assert old_a == [*range(25), *range(975, 1000)]
    assert (new_a, old_b, new_b) == ([500], [5], [3])
    (band,) = axes.patches
    assert (band.get_x(), band.get_width()) == pytest.approx((49.95, 899.1))
    colors = [tuple(dots.get_facecolor()[0]) for dots in axes.collections[:4]]
    assert colors[0] == colors[2] != colors[1] == colors[3]


def test_a_long_list_says_how_many_it_leaves_out():
    html = render(quality_page([], [(f"train-{number}", "Expected rows, but got none.") for number in range(45)], "line"))
    assert "45 recordings break their contract and were put aside" in html
    assert html.count("Expected rows") == 40
    assert "5 more are not listed here." in html
