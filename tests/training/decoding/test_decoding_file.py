"""Decodings in files: read as written, refused clearly."""

import json
from pathlib import Path

import pytest

from behavior.contract import ContractError
from recognizers.recognizer import Decoding
from training.decoding.decoding_file import FittedDecoding, read_decoding

FITTED = FittedDecoding(("attack", "sniff"), Decoding((0.2, 0.4), {"A": frozenset({"attack"})}, weights=(1.0, 0.5)), (7, 8))


def test_a_file_is_read_as_written_by_its_name_or_its_folder(tmp_path: Path) -> None:
    FITTED.write(tmp_path / "run" / "decoding.json")
    assert read_decoding(tmp_path / "run" / "decoding.json") == FITTED
    assert read_decoding(tmp_path / "run") == FITTED


def test_a_recognizer_gets_its_own_behaviors_and_what_either_saw_occurring() -> None:
    decoding = FITTED.over(("sniff",), {"A": frozenset({"sniff"}), "B": frozenset({"sniff"})})
    assert decoding.thresholds == (0.4,)
    assert decoding.occurring == {"A": {"sniff"}, "B": {"sniff"}}


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "decoding.json"
    path.write_text(json.dumps({**FITTED.to_json_dict(), "version": 99}))
    with pytest.raises(ContractError, match=r"Expected mouse-behavior-decoding, version 1, but got .*version 99. Cross-validate again"):
        read_decoding(path)


@pytest.mark.parametrize("text", ["[]", "{}", "not JSON", '{"format": "mouse-behavior-decoding", "version": 1}'])
def test_a_file_of_something_else_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "decoding.json"
    path.write_text(text)
    with pytest.raises(ContractError, match="to be a decoding, but got something else"):
        read_decoding(path)


def test_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"Expected a decoding at .*decoding\.json, but got no such file"):
        read_decoding(tmp_path)
