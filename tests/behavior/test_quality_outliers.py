"""Recordings that differ from the others of their lab."""

from behavior.quality_outliers import outliers


def row(video, fps=30.0, scale=10.0, length=8.0, lab="A"):
    place = {"lab_id": lab, "split": "train", "video_id": video}
    return {**place, "frames_per_second": fps, "pix_per_cm_approx": scale, "body_length_cm": length}


def test_equal_recordings_have_no_outlier_and_few_do_not_say_what_is_usual():
    assert outliers([row(number) for number in range(6)]) == []
    assert outliers([row(1), row(2), row(3, fps=60.0)]) == []


def test_another_frame_rate_scale_or_length_is_named_with_what_is_usual():
    rows = [*[row(number) for number in range(5)], row(7, fps=25.0), row(6, scale=14.0), row(8, length=2.0)]
    assert [(one.video_id, one.text) for one in outliers(rows)] == [
        (6, "14.0 pixels per cm, where the lab's median is 10.0"),
        (7, "25 frames per second, where the lab has 30"),
        (8, "2.0 cm from nose to tail base, where the lab's median is 8.0"),
    ]


def test_rates_that_no_majority_has_are_not_unusual_and_unknown_values_say_nothing():
    mixed = [row(number, fps=rate) for number, rate in enumerate([30.0, 50.0, 60.0, 120.0])]
    assert outliers(mixed) == []
    assert outliers([row(number, scale=None, length=None) for number in range(5)]) == []


def test_labs_are_compared_with_themselves():
    assert outliers([row(number, scale=10.0 * (1 + number // 4), lab="AB"[number // 4]) for number in range(8)]) == []
