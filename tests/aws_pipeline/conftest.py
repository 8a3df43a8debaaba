"""A small data directory made by hand, and a way to run the pipeline's scripts as a person does."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from raw_zone import OTTER, Zone, walk

from aws_pipeline.config import Settings, endpoint

ROOT = Path(__file__).resolve().parents[2]
HEADER = "lab_id,video_id,frames_per_second,pix_per_cm_approx,video_width_pix,video_height_pix,behaviors_labeled"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Two recordings of two labs: in each, mouse 1 walks right for four frames; the first one is annotated."""
    folder = tmp_path / "data"
    frames = pa.array([0, 1, 2, 3], pa.int16())
    rows = pa.table(
        {"video_frame": frames, "mouse_id": pa.array([1] * 4, pa.int8()), "bodypart": ["nose"] * 4, "x": [0.0, 2, 4, 6], "y": [0.0] * 4}
    )
    for lab, video in (("QuietOtter", 7), ("LoudHeron", 8)):
        file = folder / "train_tracking" / lab / f"{video}.parquet"
        file.parent.mkdir(parents=True)
        pq.write_table(rows, file)
    ids = pa.array([1], pa.int8())
    bouts = pa.table({"agent_id": ids, "target_id": ids, "action": ["rear"], "start_frame": frames[1:2], "stop_frame": frames[3:4]})
    annotation = folder / "train_annotation" / "QuietOtter" / "7.parquet"
    annotation.parent.mkdir(parents=True)
    pq.write_table(bouts, annotation)
    (folder / "train.csv").write_text(f'{HEADER}\nQuietOtter,7,30,10,400,200,"[""mouse1,self,rear""]"\nLoudHeron,8,25,10,400,200,\n')
    return folder


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a script of the repository from another folder, with AWS on this disk kept under the test's own folder."""

    def run(path: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MABE_", "S3_", "USE_LOCAL"))}
        env |= {"S3_MOCK_DIR": str(tmp_path / "s3_mock"), "MABE_DATA_DIR": str(tmp_path / "data"), **environment}
        command = [sys.executable, str(ROOT / path), *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300, check=False)

    return run


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """AWS on this disk, running, for all tests of one file; while it runs, the environment of this process leads there."""
    chosen = Settings(True, tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("s3_mock"), "us-east-1")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        with endpoint(chosen):
            yield chosen


@pytest.fixture
def zone(settings: Settings, tmp_path: Path) -> Zone:
    """A raw zone of the test's own, below a prefix, with one sound recording."""
    own = Zone(settings.mock_dir / "raw-zone" / tmp_path.name, f"s3://raw-zone/{tmp_path.name}")
    own.metadata(OTTER)
    own.tracking(OTTER, walk(range(3)))
    return own


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., SimpleNamespace]:
    """Run the `main` of a script in this process, which is faster; return what `script` returns."""

    def run(main: Callable[[], int], *arguments: object) -> SimpleNamespace:
        monkeypatch.setattr(sys, "argv", ["command", *map(str, arguments)])
        monkeypatch.chdir(tmp_path)
        capsys.readouterr()
        code = main()
        out, err = capsys.readouterr()
        return SimpleNamespace(returncode=code, stdout=out, stderr=err)

    return run


@pytest.fixture(scope="session")
def formats() -> Path:
    """Real files in other people's formats, or a skip that says where they would be."""
    folder = Path(os.environ.get("MABE_FORMATS_DIR") or ROOT.parent / "shared" / "formats")
    if not folder.is_dir():
        pytest.skip(f"the real files of other programs are not in {folder}; set MABE_FORMATS_DIR")
    return folder
