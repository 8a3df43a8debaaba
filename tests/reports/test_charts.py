"""Charts: what is given is what is drawn, also where there is nothing."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from reports.charts import bar_chart, calibration_chart, curve_chart, dot_chart, growth_chart, matrix_chart
from reports.estimates import Estimate
from reports.figures import svg


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def cells(figure: Figure) -> dict[tuple[float, float], float]:
    """The middle of each cell -> how dark it is."""
    rectangles = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    return {(patch.get_x() + 0.5, patch.get_y() + 0.5): patch.get_alpha() for patch in rectangles}


def test_a_curve_is_drawn_beside_its_reference() -> None:
    curve, reference = curve_chart(([0, 0.5, 1], [1, 0.8, 0.2]), 0.2).axes[0].lines
    assert curve.get_xydata().tolist() == [[0, 1], [0.5, 0.8], [1, 0.2]]
    assert {*reference.get_ydata()} == {0.2}


def test_a_calibration_has_a_line_for_each_behavior_one_for_all_and_one_before() -> None:
    single = [([0.1, 0.9], [0.2, 0.7]), ([0.3], [0.4])]
    figure = calibration_chart(single, ([0.1, 0.9], [0.1, 0.8]), [1000, 10], before=([0.1], [0.5]))
    assert [line.get_xydata().tolist() for line in figure.axes[0].lines] == [
        [[0, 0], [1, 1]],
        [[0.1, 0.5]],
        [[0.1, 0.2], [0.9, 0.7]],
        [[0.3, 0.4]],
        [[0.1, 0.1], [0.9, 0.8]],
    ]
    assert [text.get_text() for text in figure.legends[0].texts] == ["perfect", "all, before", "one behavior", "all behaviors"]
    assert len(calibration_chart([], ([], []), []).axes[0].lines) == 2


def test_dots_of_a_name_without_values_are_left_out() -> None:
    figure = dot_chart(["run", "never"], np.array([[0.9, 0.4], [np.nan, np.nan]]), ["0.1", "0.5"], "F1", "overlap")
    first, second = figure.axes[0].collections[-2:]
    assert first.get_offsets()[0].tolist() == [0.9, 0]
    assert second.get_offsets()[0].tolist() == [0.4, 0]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["run", "never"]
    svg(dot_chart([], np.empty((0, 2)), ["0.1", "0.5"], "F1", "overlap"))
    with pytest.raises(ValueError, match="Expected at most 3 series, but got 4"):
        dot_chart(["run"], np.zeros((1, 4)), list("abcd"), "F1", "overlap")


def test_a_matrix_shows_shares_as_shade_and_as_percent_where_names_are_few() -> None:
    share = np.array([[0.75, 0.25], [0.0, 1.0]])
    figure = matrix_chart(["run", "rest"], share)
    assert cells(figure) == {(0, 0): 0.75, (1, 0): 0.25, (1, 1): 1.0}
    assert texts(figure) == ["75", "25", "100"]
    many = matrix_chart([f"behavior {number}" for number in range(30)], np.eye(30))
    assert (len(cells(many)), texts(many)) == (30, [])


def test_bars_have_their_intervals_and_only_the_reference_stands_out() -> None:
    estimates = [Estimate(0.5, 0.4, 0.6), Estimate(0.3), Estimate(None)]
    figure = bar_chart(["whole", "part", "none"], estimates, True, "score")
    assert [patch.get_width() for patch in figure.axes[0].patches] == [0.5, 0.3, 0.0]
    assert [line.get_xydata().tolist() for line in figure.axes[0].lines] == [[[0.4, 0], [0.6, 0]]]
    assert texts(figure) == ["0.500", "0.300", "-"]
    whole, part, _ = (patch.get_facecolor() for patch in figure.axes[0].patches)
    assert whole != part


def test_a_growth_chart_draws_the_mean_with_intervals_over_single_series() -> None:
    estimates = [Estimate(0.4, 0.3, 0.5), Estimate(0.6, None, None)]
    figure = growth_chart([2, 5], estimates, {"rear": [0.3, 0.7]}, "recordings", "PR-AUC")
    lines = [line.get_xydata().tolist() for line in figure.axes[0].lines]
    assert lines == [[[2, 0.3], [5, 0.7]], [[2, 0.4], [5, 0.6]], [[2, 0.3], [2, 0.5]]]  # the series, the mean, its only interval
    assert texts(figure) == ["rear", "mean"]
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["2", "5"]
