"""Checkpoints: saved, read without torch, refused with the difference."""

import json
import pickle
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.torch import save_file
from simulated_lake import profile
from small_recognizer import PROVENANCE, random_recognizer, scores_of

from behavior.contract import ContractError
from behavior.curation import curate
from behavior.labelling import Subject
from behavior.recording import recordings_from_rows
from behavior.simulated.recordings import simulate
from recognizers import checkpoint
from recognizers.checkpoint import read_header, videos_seen
from recognizers.devices import find_device
from recognizers.families import FAMILIES, load_recognizer, network_family

BEHAVIORS = ("attack", "mount", "sniff")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "deep" / "small.safetensors"
    recognizer = random_recognizer(BEHAVIORS, occurring={"QuietOtter": frozenset({"attack", "sniff"})})
    checkpoint.save(path, recognizer, PROVENANCE)
    return path


def rewrite_header(path: Path, change) -> None:
    """Save the same tensors with another header, and without a digest, as earlier versions did."""
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (safe_open is no dict)
        header = json.loads(file.metadata()["json"])
    del header["sha256"]
    change(header)
    save_file(tensors, path, metadata={"json": json.dumps(header)})


def test_what_is_loaded_scores_as_what_was_saved(saved: Path) -> None:
    simulated = simulate(profile("CalMS21_task2"), seed=3, seconds=4)
    (recording,) = recordings_from_rows([simulated.metadata])
    curated = curate(simulated.tracking, recording)
    before = scores_of(random_recognizer(BEHAVIORS), curated, recording)
    loaded = load_recognizer([saved])
    after = scores_of(loaded, curated, recording)
    assert before.keys() == after.keys() == set(recording.pairs)
    for pair in before:
        np.testing.assert_array_equal(before[pair], after[pair])
    assert loaded.behaviors == BEHAVIORS
    assert loaded.decoding.occurring == {"QuietOtter": {"attack", "sniff"}}


def test_the_header_is_read_without_torch(saved: Path) -> None:
    code = f"import sys; from pathlib import Path; import recognizers.checkpoint as c; print(c.read_header(Path({str(saved)!r}))['seed'])"
    code += "; print('torch' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2], check=True)
    assert told.stdout == "0\nFalse\n"


def test_the_header_says_what_the_recognizer_is(saved: Path) -> None:
    header = read_header(saved)
    assert (header["family"], header["behaviors"]) == ("cnn_transformer", list(BEHAVIORS))
    assert header["features"]["bodyparts"] == ["body_center", "nose", "tail_base"]
    assert header["schema"]["x_cm"] == "float"


def test_a_video_is_seen_if_any_checkpoint_learned_or_chose_by_it(saved: Path) -> None:
    other = {"videos": {"train": [103], "validation": [], "held_out": [101, 200]}}
    assert videos_seen([read_header(saved)]) == {101, 102}
    assert videos_seen([read_header(saved), other]) == {101, 102, 103}


def test_a_checkpoint_of_another_schema_is_refused_with_the_difference(saved: Path) -> None:
    rewrite_header(saved, lambda header: header["schema"].update(x_cm="double", z_cm="float"))
    with pytest.raises(ContractError, match=r"x_cm was double and is float; z_cm \(float\) is gone"):
        load_recognizer([saved])


def test_a_checkpoint_of_other_features_is_refused_with_the_difference(saved: Path) -> None:
    rewrite_header(saved, lambda header: header["feature_names"].append("rel_angle"))
    with pytest.raises(ContractError, match="Expected the features of this code, but got others: rel_angle"):
        load_recognizer([saved])


def test_a_checkpoint_with_a_setting_that_newer_code_has_is_refused(saved: Path) -> None:
    rewrite_header(saved, lambda header: header["features"].update(sixth_sense=True))
    with pytest.raises(ContractError, match=r"Expected settings of features that this code knows, but got others: .*'sixth_sense'"):
        load_recognizer([saved])


def test_a_checkpoint_of_another_version_is_refused(saved: Path) -> None:
    rewrite_header(saved, lambda header: header.update(version=99))
    with pytest.raises(ContractError, match=f"version {checkpoint.CHECKPOINT_VERSION}, but got .*version 99"):
        read_header(saved)


def test_a_checkpoint_of_an_unknown_family_is_refused(saved: Path) -> None:
    rewrite_header(saved, lambda header: header.update(family="oracle"))
    with pytest.raises(ContractError, match=f"Expected one of the families {', '.join(FAMILIES)}, but got oracle"):
        load_recognizer([saved])


def test_a_pickle_is_refused_and_never_opened(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self):
            return (Path(tmp_path / "exploded").touch, ())

    path = tmp_path / "model.pt"
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ContractError, match="to be a whole"):
        load_recognizer([path])
    assert not (tmp_path / "exploded").exists()


def test_half_a_file_is_refused(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:-1000])
    with pytest.raises(ContractError, match=r"to be a whole .safetensors checkpoint, but got: .*Copy it again"):
        load_recognizer([saved])


@pytest.mark.parametrize("content", [b"", b"abc", struct.pack("<Q", 2**40), struct.pack("<Q", 2) + b"{}"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(ContractError, match="but got something else"):
        read_header(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"Expected a checkpoint at .*, but got no such file"):
        read_header(tmp_path / "none.safetensors")


def test_a_checkpoint_may_be_read_by_whoever_may_read_other_new_files(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    assert saved.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_saving_leaves_nothing_beside_the_file(saved: Path) -> None:
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_an_unknown_field_of_a_network_is_refused() -> None:
    with pytest.raises(ContractError, match="Expected the fields of family cnn_transformer"):
        network_family("cnn_transformer").build({"depth": 3}, 5, 2)


def test_a_device_that_is_not_here_is_refused() -> None:
    assert find_device("cpu") == "cpu"
    assert find_device("auto") in {"cpu", "cuda", "mps"}
    with pytest.raises(ValueError, match="Expected a device of this machine"):
        find_device("abacus")


def test_the_allowed_behaviors_are_annotated_and_known_to_occur_in_the_lab() -> None:
    decoding = random_recognizer(BEHAVIORS, occurring={"QuietOtter": frozenset({"attack", "mount"})}).decoding
    pair, alone = Subject(1, 2, frozenset({"attack", "sniff"})), Subject(2, 2, frozenset({"mount"}))
    assert decoding.allowed(BEHAVIORS, "QuietOtter", pair).tolist() == [True, False, False]
    assert decoding.allowed(BEHAVIORS, "QuietOtter", alone).tolist() == [False, True, False]
    assert decoding.allowed(BEHAVIORS, "Stranger", pair).tolist() == [True, False, True]


@pytest.mark.parametrize("place", [0.2, 0.5, 0.9])
def test_a_flipped_byte_among_the_weights_or_in_the_description_is_found(saved: Path, place: float) -> None:
    content = bytearray(saved.read_bytes())
    content[int(place * len(content))] ^= 4
    saved.write_bytes(content)
    with pytest.raises(ContractError, match=r"Expected .*small\.safetensors"):
        load_recognizer([saved])


def test_a_file_of_an_earlier_version_has_no_digest_and_is_read(saved: Path) -> None:
    rewrite_header(saved, lambda header: None)
    assert load_recognizer([saved]).behaviors == BEHAVIORS
