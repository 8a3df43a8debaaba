"""Whether labels exclude each other is read from the labels."""

from dataclasses import replace

import pandas as pd
import pytest

from behavior.bouts import BOUT_COLUMNS
from behavior.recording import Recording, Triple
from training.material.exclusive_labels import exclude_each_other, overlap_share


def bouts(*rows: tuple[int, int, str, int, int]) -> pd.DataFrame:
    """Video, mouse, behavior, start, stop; a mouse by itself."""
    return pd.DataFrame([(video, mouse, mouse, *rest) for video, mouse, *rest in rows], columns=list(BOUT_COLUMNS))


def annotated(recording: Recording, video: int, *behaviors: str) -> Recording:
    return replace(recording, video_id=video, annotated=tuple(Triple(1, 1, name) for name in behaviors))


def test_overlap_is_the_share_of_labelled_frames_with_a_second_label() -> None:
    touching = bouts((1, 1, "walk", 0, 100), (1, 1, "rear", 100, 200))
    assert overlap_share(touching) == 0
    assert overlap_share(bouts((1, 1, "walk", 0, 100), (1, 1, "rear", 50, 100))) == pytest.approx(0.5)
    assert overlap_share(bouts((1, 1, "walk", 0, 100), (1, 2, "rear", 0, 100), (2, 1, "rear", 0, 100))) == 0  # others may do otherwise
    assert overlap_share(bouts()) == 0


def test_labels_exclude_each_other_if_they_hardly_overlap_and_all_recordings_list_the_same(recording: Recording) -> None:
    both, one = annotated(recording, 1, "walk", "rear"), annotated(recording, 2, "walk")
    apart = bouts((1, 1, "walk", 0, 100), (1, 1, "rear", 100, 200))
    assert exclude_each_other([both], apart)
    assert not exclude_each_other([both, one], apart)  # in the second recording rear is unknown
    assert not exclude_each_other([one], apart)  # one behavior has nothing to exclude
    assert not exclude_each_other([both], bouts((1, 1, "walk", 0, 100), (1, 1, "rear", 90, 200)))
    assert exclude_each_other([both], bouts((1, 1, "walk", 0, 100), (2, 1, "rear", 0, 100), (2, 1, "walk", 0, 100)))  # another recording's
