"""What a whole pass over a film says: frames are counted by decoding, and faults are named."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from painted_film import number_in, painted, write_film

from behavior.contract import ContractError
from films.probe import probe


def moving(frames: int, height: int = 96, width: int = 128) -> list[np.ndarray]:
    return [painted(number, height, width) for number in range(frames)]


def test_a_film_is_described_by_what_was_decoded(tmp_path: Path):
    facts = probe(write_film(tmp_path / "film.mp4", moving(50), options={"bf": "2"}, rate=Fraction(30000, 1001))).facts
    assert (facts.frames, facts.rate, facts.width, facts.height) == (50, Fraction(30000, 1001), 128, 96)
    assert (facts.codec, facts.rotation, facts.variable_rate) == ("h264", 0, False)


def test_every_frame_is_handed_on_once(tmp_path: Path):
    shapes = []
    probe(write_film(tmp_path / "film.mkv", moving(20)), lambda gray: shapes.append(gray.shape))
    assert shapes == [(96, 128)] * 20


def test_the_same_pictures_in_another_container_have_the_same_digest(tmp_path: Path):
    one = write_film(tmp_path / "film.mp4", moving(20))
    other = tmp_path / "film.mkv"
    with av.open(str(one)) as source, av.open(str(other), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    first, second = probe(one).facts, probe(other).facts
    assert first.pictures == second.pictures
    assert first.sha256 != second.sha256


@pytest.mark.parametrize("name", ["film.mkv", "film.avi"])
def test_a_truncated_film_says_how_many_frames_were_decoded(name: str, tmp_path: Path):
    noise = np.random.default_rng(0).integers(0, 255, (120, 96, 128), np.uint8)
    codec = "mpeg4" if name.endswith("avi") else "libx264"
    whole = write_film(tmp_path / name, noise, codec, {"g": "10"})
    cut = tmp_path / f"cut_{name}"
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.6)])
    with pytest.raises(ContractError, match=r"Expected the 1\d\d frames that the file states, but decoded [5-8]\d\.") as caught:
        probe(cut)
    assert caught.value.faults[0].code == "film-truncated"


def test_a_truncated_film_without_an_index_cannot_be_opened(tmp_path: Path):
    whole = write_film(tmp_path / "film.mp4", moving(60))
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[:-900])
    with pytest.raises(ContractError) as caught:
        probe(cut)
    assert caught.value.faults[0].code in ("film-unreadable", "film-truncated")


def test_an_empty_file_is_no_film(tmp_path: Path):
    path = tmp_path / "empty.mp4"
    path.touch()
    with pytest.raises(ContractError, match="Expected a film"):
        probe(path)


def test_a_film_with_sound_only_has_no_pictures(tmp_path: Path):
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(ContractError, match="without pictures"):
        probe(path)


def test_a_variable_frame_rate_is_flagged_with_the_mean_rate(tmp_path: Path):
    stamps = [33 * number + (200 if number >= 15 else 0) for number in range(30)]
    path = write_film(tmp_path / "film.mkv", moving(30), stamps=stamps)
    found = probe(path)
    assert found.facts.variable_rate
    assert [fault.code for fault in found.faults] == ["film-variable-rate"]
    assert found.facts.fps == pytest.approx(29 / (stamps[-1] / 1000), rel=0.01)


def test_an_odd_size_is_no_fault(tmp_path: Path):
    path = tmp_path / "odd.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=30)
        stream.width, stream.height, stream.pix_fmt = 101, 67, "gray"
        for number in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((67, 101), 40 * number, np.uint8), "gray")))
        container.mux(stream.encode())
    found = probe(path)
    assert (found.facts.width, found.facts.height, found.faults) == (101, 67, ())


def turned(path: Path, degrees: int) -> Path:
    """Write into an MP4 file that players turn its pictures, as cameras do that were held on their side."""
    cos, sin = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    data = bytearray(path.read_bytes())
    track = data.index(b"tkhd") + 4 + 4 + 20 + 16  # version and flags, times and numbers, layer, volume
    one = 1 << 16
    matrix = struct.pack(">9i", cos * one, sin * one, 0, -sin * one, cos * one, 0, 0, 0, 1 << 30)
    data[track : track + 36] = matrix
    path.write_bytes(bytes(data))
    return path


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_film_that_players_turn_is_seen_as_players_show_it(tmp_path: Path, degrees: int):
    """A camera that stood on its side stored each picture turned; the film says by how much players must turn it back."""
    upright = [painted(number) for number in range(6)]
    quarters = degrees // 90
    path = turned(write_film(tmp_path / "a.mp4", [np.rot90(picture, quarters) for picture in upright]), degrees)
    shown: list[np.ndarray] = []
    found = probe(path, shown.append)
    assert [number_in(gray) for gray in shown] == list(range(6))
    assert (found.facts.width, found.facts.height, found.facts.rotation % 180) == (128, 96, degrees % 180)
    assert [fault.code for fault in found.faults] == ["film-rotated"]


def test_pictures_that_change_their_size_are_refused(tmp_path: Path):
    parts = [write_film(tmp_path / f"{side}.ts", [np.full((side, 64), 90, np.uint8)] * 8) for side in (48, 96)]
    path = tmp_path / "both.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    with pytest.raises(ContractError, match="Expected pictures of one size, 64 x 48 pixels, but got 64 x 96"):
        probe(path)


def test_pictures_without_a_size_are_refused(tmp_path: Path):
    path = write_film(tmp_path / "a.avi", [painted(0)] * 3, "rawvideo")
    data = bytearray(path.read_bytes())
    place = data.index(b"strf") + 8 + 4  # behind the size of the header: width and height
    data[place : place + 8] = bytes(8)
    path.write_bytes(bytes(data))
    with pytest.raises(ContractError) as refused:
        probe(path)
    assert [fault.code for fault in refused.value.faults] == ["film-unreadable"]
