"""Charts of groups: a point for each animal, and its number in the picture."""

import numpy as np
from matplotlib.collections import PathCollection

from reports.figures import svg
from reports.group_charts import Panel, group_chart


def test_each_animal_is_a_point_and_n_is_written() -> None:
    figure = group_chart([Panel("attack", {"saline": [1.0, 2.0, 4.0], "drug": [0.0, 3.0]}, "+0.5")], "share of time, %", "what it means")
    (axes,) = [one for one in figure.axes if one.axison]
    points = [one.get_offsets() for one in axes.collections if isinstance(one, PathCollection)]
    assert [len(one) for one in points] == [3, 2]
    assert sorted(np.asarray(points[0])[:, 1].tolist()) == [1.0, 2.0, 4.0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["saline\nn = 3", "drug\nn = 2"]
    assert axes.get_ylim()[0] == 0
    text = svg(figure)
    assert all(words in text for words in ("attack", "+0.5", "share of time, %", "what it means"))


def test_many_groups_and_long_names_stay_apart() -> None:
    names = ["a very long name of a lab", *"bcd"]
    (axes,) = group_chart([Panel("rear", {name: [1.0] for name in names})], "s").axes
    labels = axes.get_xticklabels()
    assert labels[0].get_text() == "a very long n… n = 1"
    assert labels[0].get_rotation() == 40


def test_equal_values_lie_side_by_side() -> None:
    (axes,) = group_chart([Panel("rear", {"all": [0.0] * 5})], "s").axes
    (points,) = [np.asarray(one.get_offsets()) for one in axes.collections if isinstance(one, PathCollection)]
    assert len(set(points[:, 0])) == 5
