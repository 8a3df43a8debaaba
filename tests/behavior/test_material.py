"""Material: nothing is opened before it is asked for, and nothing twice."""

import pytest

from behavior.curation import CuratedTracking, curate
from behavior.material import Material
from behavior.recording import Recording


@pytest.fixture
def curated(tracking_rows, recording: Recording) -> CuratedTracking:
    return curate(tracking_rows([(0, 1, "nose", 200, 100)]), recording)


def test_tracking_is_opened_when_it_is_first_asked_for_and_once(curated: CuratedTracking, recording: Recording) -> None:
    opened = []
    material = Material(recording, lambda: opened.append("tracking") or curated)
    assert material.recording is recording
    assert not opened
    assert material.tracking is material.tracking is curated
    assert opened == ["tracking"]


def test_tracking_that_is_open_already_is_given_as_it_is(curated: CuratedTracking, recording: Recording) -> None:
    assert Material.with_tracking(recording, curated).tracking is curated
