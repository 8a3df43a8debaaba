"""Exported networks: one file, the same bouts, no torch."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from simulated_lake import Lake
from small_recognizer import PROVENANCE, random_arena_recognizer, random_plus_recognizer, random_recognizer, scores_of

from behavior.contract import EXIT_CONTRACT, EXIT_USAGE, ContractError
from behavior.curation import CuratedTracking, curate
from behavior.material import Material
from behavior.recording import Recording, Triple
from inference import export_onnx, make_submission, recognize
from inference.recognition import recognize_material
from recognizers import checkpoint
from recognizers.checkpoint import read_header
from recognizers.ensemble import Ensemble
from recognizers.families import load_recognizer

BEHAVIORS = ("attack", "mount", "sniff")
NETWORKS = {
    "cnn_transformer": random_recognizer(BEHAVIORS, threshold=0.4),
    "cnn_transformer_plus": random_plus_recognizer(BEHAVIORS, labs=("CalMS21_task2",), threshold=0.05),
    "conv_bilstm": random_arena_recognizer(),
}
ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A checkpoint of each family, and beside it what is exported of it."""
    paths = {}
    for family, recognizer in NETWORKS.items():
        path = tmp_path_factory.mktemp("checkpoints") / f"{family}.safetensors"
        checkpoint.save(path, recognizer, PROVENANCE)
        assert export_onnx.main(["--checkpoint", str(path)]) == 0
        paths[family] = path.with_suffix(".onnx")
    return paths


@pytest.fixture(scope="module")
def filmed(lake: Lake) -> tuple[CuratedTracking, Recording]:
    recording = lake.recordings[0]
    annotated = tuple(Triple(agent, 3 - agent, behavior) for agent in (1, 2) for behavior in BEHAVIORS)
    recording = replace(recording, annotated=annotated)
    return curate(lake.tracking(recording), recording), recording


@pytest.mark.parametrize("family", ["cnn_transformer", "cnn_transformer_plus"])
@pytest.mark.parametrize("frames", [300, 20])
def test_bouts_of_pairs_are_the_same_to_the_frame(family: str, frames: int, exported, filmed: tuple[CuratedTracking, Recording]) -> None:
    curated, recording = filmed
    pose = replace(curated.pose, xy=curated.xy[..., :frames], seen=curated.seen[..., :frames])
    curated = CuratedTracking(pose, curated.velocity[..., :frames])  # 20 frames do not fill a window
    ours, theirs = NETWORKS[family], load_recognizer([exported[family]])
    for (pair, expected), (same_pair, scores) in zip(
        scores_of(ours, curated, recording).items(), scores_of(theirs, curated, recording).items(), strict=True
    ):
        assert pair == same_pair
        assert len(np.unique(expected)) > frames
        np.testing.assert_allclose(scores, expected, atol=1e-3)
    bouts = recognize_material(Material.with_tracking(recording, curated), theirs)
    assert len(bouts)
    pd.testing.assert_frame_equal(bouts, recognize_material(Material.with_tracking(recording, curated), ours))


def test_bouts_of_groups_are_the_same_to_the_frame(exported, filmed: tuple[CuratedTracking, Recording]) -> None:
    ours, theirs = NETWORKS["conv_bilstm"], load_recognizer([exported["conv_bilstm"]])
    np.testing.assert_allclose(scores_of(theirs, *filmed)[None, None], scores_of(ours, *filmed)[None, None], atol=1e-3)
    curated, recording = filmed
    bouts, same = (recognize_material(Material.with_tracking(recording, curated), one) for one in (theirs, ours))
    assert len(bouts) > 1
    pd.testing.assert_frame_equal(bouts, same)


def test_the_file_says_all_that_the_checkpoint_says(exported: dict[str, Path]) -> None:
    for path in exported.values():
        assert read_header(path) == read_header(path.with_suffix(".safetensors"))
    ours, theirs = NETWORKS["cnn_transformer"], load_recognizer([exported["cnn_transformer"]])
    assert (theirs.features, theirs.windowing, theirs.decoding, theirs.labs) == (ours.features, ours.windowing, ours.decoding, ours.labs)
    np.testing.assert_array_equal(theirs.scaler.median, ours.scaler.median)
    np.testing.assert_array_equal(theirs.scaler.iqr, ours.scaler.iqr)


def test_a_submission_is_made_without_torch(exported: dict[str, Path], lake: Lake, tmp_path: Path) -> None:
    flags = ["--data-dir", lake.raw, "--held-out"]
    expected, output = tmp_path / "torch.csv", tmp_path / "onnx.csv"
    checkpoint = exported["cnn_transformer"].with_suffix(".safetensors")
    assert make_submission.main([*map(str, flags), "--checkpoint", str(checkpoint), "--output", str(expected), "--device", "cpu"]) == 0
    without = "import sys; sys.modules['torch'] = None; from inference.make_submission import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", without, *flags, "--checkpoint", exported["cnn_transformer"], "--output", output]
    told = subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert told.returncode == 0, told.stderr
    assert set(pd.read_csv(output)["video_id"]) == {103, 104}  # what the checkpoint never saw
    assert output.read_text() == expected.read_text()


def test_groups_are_recognized_by_an_exported_network(exported: dict[str, Path], lake: Lake, tmp_path: Path) -> None:
    flags = ["--data-dir", str(lake.raw), "--held-out", "--checkpoint", str(exported["conv_bilstm"]), "--output", str(tmp_path / "g.csv")]
    assert recognize.main(flags) == 0
    assert set(pd.read_csv(tmp_path / "g.csv")["video_id"]) <= {103, 104}


def test_several_are_averaged_with_checkpoints_among_them(exported: dict[str, Path], filmed: tuple[CuratedTracking, Recording]) -> None:
    both = load_recognizer([exported["cnn_transformer"], exported["cnn_transformer_plus"].with_suffix(".safetensors")])
    assert isinstance(both, Ensemble)
    (_, first), (_, second) = (
        next(iter(scores_of(NETWORKS[family], *filmed).items())) for family in ("cnn_transformer", "cnn_transformer_plus")
    )
    np.testing.assert_allclose(next(iter(scores_of(both, *filmed).items()))[1], (first + second) / 2, atol=1e-3)


def test_what_is_no_single_network_is_refused(exported: dict[str, Path], tmp_path: Path, capsys) -> None:
    assert export_onnx.main(["--checkpoint", str(exported["cnn_transformer"]), "--output", str(tmp_path / "again.onnx")]) == EXIT_CONTRACT
    assert "Expected the checkpoint of one network" in capsys.readouterr().err
    assert export_onnx.main(["--checkpoint", str(tmp_path / "none.safetensors")]) == EXIT_USAGE
    checkpoint = str(exported["cnn_transformer"].with_suffix(".safetensors"))
    assert export_onnx.main(["--checkpoint", checkpoint, "--output", str(tmp_path / "network.pt")]) == EXIT_USAGE
    assert "Expected --output to end with .onnx" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_files_that_cannot_be_used_are_refused_by_name(exported: dict[str, Path], tmp_path: Path) -> None:
    import onnx

    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no network")
    with pytest.raises(ContractError, match=r"Expected .*broken.onnx to be a whole .onnx file, but got"):
        load_recognizer([broken])
    with pytest.raises(ContractError, match=r"Expected an exported network at .*none.onnx, but got no such file"):
        load_recognizer([tmp_path / "none.onnx"])
    with pytest.raises(ContractError, match="Expected the device cpu for an exported network, but got cuda"):
        load_recognizer([exported["cnn_transformer"]], device="cuda")
    with pytest.raises(ContractError, match="Expected recognizers of one kind, but got the views arena, pair"):
        load_recognizer([exported["conv_bilstm"], exported["cnn_transformer"]])

    model = onnx.load(exported["cnn_transformer"])
    for entry in model.metadata_props:
        if entry.key == "json":
            header = json.loads(entry.value)
            header["schema"]["x_cm"] = "double"
            entry.value = json.dumps(header)
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(ContractError, match="x_cm was double and is float"):
        load_recognizer([tmp_path / "other.onnx"])
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "foreign.onnx")
    with pytest.raises(ContractError, match=r"Expected .*foreign.onnx to be an exported recognizer, but got another .onnx file"):
        load_recognizer([tmp_path / "foreign.onnx"])
