"""The endpoint: the same bytes as recognize.py, and every request it refuses."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from simulated_lake import Lake
from small_recognizer import PROVENANCE, random_recognizer

from inference import handler, recognize, request_body
from inference.handler import RecognizerServer, load
from inference.request_body import CONTENT_TYPE, pack
from recognizers.checkpoint import save

VIDEO = 104


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    save(folder / "pairs.safetensors", random_recognizer(("attack", "mount", "sniff"), threshold=0.3), PROVENANCE)
    return folder


@pytest.fixture(scope="module")
def port(model: Path) -> Iterator[int]:
    with RecognizerServer(("127.0.0.1", 0), load(model, "cpu")) as server:
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def recording(lake: Lake, tmp_path: Path) -> tuple[Path, bytes]:
    """A data directory with one test recording, and the same as a request."""
    header, *rows = (lake.raw / "train.csv").read_text().splitlines()
    column = header.split(",").index("video_id")
    row = next(row for row in rows if row.split(",")[column] == str(VIDEO))
    file = next((lake.raw / "train_tracking").glob(f"*/{VIDEO}.parquet"))
    place = tmp_path / "data" / "test_tracking" / file.parent.name / file.name
    place.parent.mkdir(parents=True)
    place.write_bytes(file.read_bytes())
    (tmp_path / "data" / "test.csv").write_text(f"{header}\n{row}\n")
    return tmp_path / "data", pack(f"{header}\n{row}\n", file)


def post(port: int, body: bytes, path: str = "/invocations", **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    named = {"Content-Type": CONTENT_TYPE, **{name.replace("_", "-"): value for name, value in headers.items()}}
    try:
        connection.request("POST", path, body, named)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_it_answers_the_same_bytes_as_recognize(recording: tuple[Path, bytes], model: Path, port: int, tmp_path: Path) -> None:
    data_dir, body = recording
    flags = ["--data-dir", data_dir, "--checkpoint", model / "pairs.safetensors", "--output", tmp_path / "bouts.csv", "--device", "cpu"]
    assert recognize.main([str(flag) for flag in flags]) == 0
    expected = (tmp_path / "bouts.csv").read_bytes()
    assert expected.count(b"\n") > 1

    assert post(port, body) == (200, expected)
    assert post(port, body) == (200, expected), "the second time as well"


def test_it_says_that_it_is_there(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/ping")
    assert connection.getresponse().status == 200
    connection.close()


def without(body: bytes, column: str) -> bytes:
    target = pa.BufferOutputStream()
    table = pq.read_table(pa.BufferReader(body))
    pq.write_table(table.drop_columns([column]), target)
    return target.getvalue().to_pybytes()


def faults_of(told: tuple[int, bytes]) -> str:
    assert told[0] == 400
    return " ".join(json.loads(told[1])["faults"])


def test_a_request_that_breaks_its_contract_is_answered_with_its_faults(recording: tuple[Path, bytes], port: int) -> None:
    _, body = recording
    plain = pq.read_table(pa.BufferReader(body))

    assert "Expected a Parquet file" in faults_of(post(port, b"no parquet"))
    assert "Expected a Parquet file" in faults_of(post(port, body[: len(body) // 2]))
    assert "video_frame" in faults_of(post(port, without(body, "video_frame")))
    target = pa.BufferOutputStream()
    pq.write_table(plain.replace_schema_metadata(None), target)
    assert "Expected the key `recording`" in faults_of(post(port, target.getvalue().to_pybytes()))
    several = plain.schema.metadata[b"recording"].decode()
    twice = several + several.splitlines()[1].replace(str(VIDEO), "105") + "\n"
    assert "Expected one recording, but got 2" in faults_of(post(port, pack(twice, plain)))
    assert post(port, body)[0] == 200, "it goes on"


def test_limits_are_kept_before_any_work(recording: tuple[Path, bytes], port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    _, body = recording
    assert post(port, body, "/other")[0] == 404
    assert post(port, body, Content_Type="application/json")[0] == 415
    with monkeypatch.context() as patch:
        patch.setattr(handler, "MOST_BYTES", 1000)
        assert post(port, body)[0] == 413
    with monkeypatch.context() as patch:
        patch.setattr(request_body, "MOST_ROWS", 10)
        status, told = post(port, body)
        assert status == 413
        assert b"Expected at most 10 tracking rows" in told


def test_more_requests_than_places_are_sent_away(recording: tuple[Path, bytes], model: Path) -> None:
    with RecognizerServer(("127.0.0.1", 0), load(model, "cpu")) as server:
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        for _ in range(handler.MOST_AT_ONCE):
            server.places.acquire()
        assert post(server.server_port, recording[1])[0] == 503
        server.places.release()
        assert post(server.server_port, recording[1])[0] == 200
        server.shutdown()


def test_a_failure_is_told_to_the_log_and_not_to_the_client(recording: tuple[Path, bytes], port: int, monkeypatch, capfd) -> None:
    def fail(*_: object) -> bytes:
        raise RuntimeError("a secret of the machine")

    monkeypatch.setattr(request_body, "answer", fail)
    status, told = post(port, recording[1])
    assert status == 500
    assert b"secret" not in told
    assert "a secret of the machine" in capfd.readouterr().err


@pytest.mark.parametrize("names", [(), ("a.safetensors", "b.safetensors"), ("model.pkl",), ("model.pt",)])
def test_a_folder_without_exactly_one_model_is_refused_and_nothing_is_unpickled(tmp_path: Path, names: tuple[str, ...], capsys) -> None:
    for name in names:
        (tmp_path / name).write_bytes(b"\x80\x04.")
    assert handler.main(["--model-dir", str(tmp_path), "--port", "0"]) == 2
    assert "Expected one .safetensors or .onnx file" in capsys.readouterr().err
