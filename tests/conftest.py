"""Fixtures of all tests: a recording, and motion written as rows."""

import os
from collections.abc import Callable
from pathlib import Path

import aws_calls
import pyarrow as pa
import pytest
from hypothesis import settings

from behavior.recording import Recording

settings.register_profile("no deadlines", deadline=None)  # how long an example takes depends on what else the machine does
settings.load_profile("no deadlines")
ROOT = Path(__file__).resolve().parents[1]
Rows = list[tuple[int, int, str, float, float]]


def pytest_configure() -> None:
    """Record which test calls which operation of AWS: python tests/aws_calls.py shows it."""
    aws_calls.begin()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Keep what was recorded."""
    if session.config.pluginmanager.has_plugin("cacheprovider"):
        aws_calls.save(session.config.cache)


@pytest.fixture
def recording() -> Recording:
    """30 frames a second, 10 pixels a centimeter, a picture of 400 x 200 pixels."""
    return Recording(lab_id="QuietOtter", video_id=7, fps=30.0, pix_per_cm=10.0, width_px=400, height_px=200)


@pytest.fixture
def tracking_rows() -> Callable[[Rows], pa.Table]:
    """Turn (frame, mouse, bodypart, x, y) tuples into a raw tracking table typed as the published files are."""

    def make(rows: Rows) -> pa.Table:
        names = ("video_frame", "mouse_id", "bodypart", "x", "y")
        types = (pa.int16(), pa.int8(), pa.string(), pa.float32(), pa.float32())
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
        return pa.table({name: pa.array(list(column), kind) for name, column, kind in zip(names, columns, types, strict=True)})

    return make


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The real recordings, or a skip that says where they would be."""
    folder = Path(os.environ.get("MABE_REAL_DATA_DIR") or ROOT.parent / "shared" / "realdata")
    if not (folder / "train.csv").is_file():
        pytest.skip(f"the real recordings are not in {folder}; set MABE_REAL_DATA_DIR")
    return folder
