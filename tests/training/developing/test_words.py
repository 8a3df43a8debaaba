"""What a development says: sentences that follow from numbers."""

import numpy as np

from training.developing.learning_curve import CurvePoint
from training.developing.second_human import Agreement
from training.developing.words import curve_lines, finding_lines


def report(**f1: float) -> dict:
    """Each behavior has 100 bouts; 40 of 50 true frames are found, 40 of 80 predicted ones are right."""
    behaviors = {name: {"competition_f1": value, "bouts": 100} for name, value in f1.items()}
    size = len(f1) + 1
    frames = np.zeros((size, size), int)
    for place in range(len(f1)):
        frames[place, place], frames[place, -1], frames[-1, place] = 40, 10, 40
    return {"behaviors": behaviors, "confusion": {"names": [*f1, "nothing"], "frames": frames.tolist()}}


def test_findings_are_graded_and_the_best_comes_first() -> None:
    lines = finding_lines(report(bite=0.2, chase=0.5, rear=0.9), {"rear": Agreement(0.8, 2, ("Other",))})
    assert [line.split(":")[0] for line in lines] == ["rear", "chase", "bite"]
    assert "found well (F1 0.90)" in lines[0]
    assert "of 100 frames with it 80 are found, and of 100 frames called rear 50 are right" in lines[0]
    assert "two humans agree with F1 0.80" in lines[0]
    assert "found in part" in lines[1]
    assert "not found reliably" in lines[2]


def test_of_few_bouts_nothing_is_claimed() -> None:
    told = report(rear=0.9)
    told["behaviors"]["rear"]["bouts"] = 5
    assert "nothing reliable" in finding_lines(told, {})[0]


def point(recordings: float, bouts: float, *precision: float) -> CurvePoint:
    """One behavior; resamples move it by a tenth of a hundredth."""
    series = np.array([precision[0], *(precision[0] + step for step in (-0.001, 0.0, 0.001))])
    return CurvePoint(recordings, {"rear": bouts}, {"rear": series})


def test_a_curve_that_rises_asks_for_more_bouts_and_a_flat_one_does_not() -> None:
    rising = " ".join(curve_lines([point(2, 50, 0.5), point(4, 100, 0.6)]))
    assert "from 0.500 to 0.600 (+0.100" in rising
    assert "+0.100 for twice as many recordings" in rising
    assert "+0.00 to +0.10" in rising
    assert "+0.050 for twice as many" in " ".join(curve_lines([point(1, 25, 0.5), point(4, 100, 0.6)]))  # two doublings
    assert "More bouts of rear help: 50 to 100 bouts brought +0.100" in rising
    flat = " ".join(curve_lines([point(2, 50, 0.5), point(4, 100, 0.5)]))
    assert "within the noise" in flat
    assert "More bouts of rear changed little" in flat
    assert curve_lines([point(2, 50, 0.5)]) == []
