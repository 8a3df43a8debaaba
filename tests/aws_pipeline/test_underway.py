"""Marks of runs that are under way: whoever cleans up asks them whether it is alone."""

import os
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from aws_pipeline import underway
from aws_pipeline.lake import list_objects

ZONE = "s3://curated-zone"


@pytest.fixture
def elsewhere(settings):
    """Another machine's mark: as a file of the stand-in."""
    file = settings.mock_dir / "curated-zone" / "underway" / "other.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text('{"host": "another machine", "process": 1}')
    yield file
    file.unlink(missing_ok=True)


@pytest.mark.parametrize("hours", [-3, 0, 3])
def test_a_mark_is_as_old_as_s3_says_whatever_the_clock_of_this_machine_says(elsewhere, monkeypatch, hours):
    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(UTC) + timedelta(hours=hours)

    monkeypatch.setattr(underway, "datetime", Clock)
    with underway.underway(ZONE, "own"):
        assert underway.others_underway(ZONE, "own")
        assert elsewhere.exists()
        ago = time.time() - 600
        os.utime(elsewhere, (ago, ago))
        assert not underway.others_underway(ZONE, "own")
        assert not elsewhere.exists(), "its run is dead"


def test_a_mark_goes_on_beating_after_s3_was_busy_and_is_gone_at_the_end(settings, monkeypatch):
    really, beats, slow = underway.write_object, [], threading.Event()

    def busy(zone, key, data):
        beats.append(key)
        if len(beats) == 2:
            raise OSError("AWS Error SLOW_DOWN")
        if len(beats) > 3:
            slow.set()
            time.sleep(0.2)
        really(zone, key, data)

    monkeypatch.setattr(underway, "write_object", busy)
    monkeypatch.setattr(underway, "_BEAT_S", 0.01)
    with underway.underway(ZONE, "own"):
        assert slow.wait(20), "it beats after the error"
        monkeypatch.setattr(underway, "_BEAT_S", 60.0)
    assert list_objects(ZONE, ["underway"]) == {}
