"""Frame numbers painted into films are read back: in order, forward, backward and at random, in several codecs and containers."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from painted_film import CODECS, number_in, painted, write_film

from behavior.contract import ContractError
from films.decoding import FilmReader, index_of, pictures

FRAMES = 90


@pytest.fixture(scope="module", params=sorted(CODECS))
def film(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film at 23.976 frames per second, with B-frames and few key frames."""
    codec, options = CODECS[request.param]
    path = tmp_path_factory.mktemp("films") / request.param
    return write_film(path, [painted(number) for number in range(FRAMES)], codec, options, Fraction(24000, 1001))


def test_frames_come_in_the_order_in_which_they_are_shown(film: Path):
    assert [number_in(picture.gray) for picture in pictures(film)] == list(range(FRAMES))


def test_every_frame_is_read_by_its_number_forward_and_backward(film: Path):
    with FilmReader(film) as reader:
        assert [number_in(reader.frame(number)) for number in range(FRAMES)] == list(range(FRAMES))
        assert [number_in(reader.frame(number)) for number in reversed(range(FRAMES))] == list(reversed(range(FRAMES)))


def test_every_frame_is_read_by_its_number_at_random(film: Path):
    order = np.random.default_rng(0).permutation(FRAMES)[:25].tolist()
    with FilmReader(film) as reader:
        assert [number_in(reader.frame(number)) for number in order] == order


class Counted(Sequence):
    """Time stamps that count how often one of them is looked at."""

    def __init__(self, stamps):
        self.stamps, self.looks = stamps, 0

    def __len__(self):
        return len(self.stamps)

    def __getitem__(self, place):
        self.looks += 1
        return self.stamps[place]


@pytest.mark.parametrize("film", ["h264.mp4"], indirect=True)
def test_a_frame_of_a_long_film_costs_no_more_than_one_of_a_short_film(film: Path):
    """To look at all time stamps for each frame takes hours for a film of 600,000 frames."""
    with FilmReader(film) as reader:
        stamps = Counted(reader.index.stamps)
        reader.index = replace(reader.index, stamps=stamps)
        assert [number_in(reader.frame(number)) for number in range(FRAMES)] == list(range(FRAMES))
    assert stamps.looks < FRAMES * 10, "a search by halves looks at seven of 90"


@pytest.mark.parametrize("name", ["h264.mp4", "hevc.mkv"])
def test_who_asks_for_frame_400_at_24000_1001_frames_per_second_gets_frame_400(name: str, tmp_path: Path):
    path = write_film(tmp_path / name, [painted(number) for number in range(410)], *CODECS[name], Fraction(24000, 1001))
    with FilmReader(path) as reader:
        assert [number_in(reader.frame(number)) for number in (400, 12, 409, 399)] == [400, 12, 409, 399]


def test_a_frame_is_the_same_whether_it_is_read_in_order_or_by_itself(film: Path):
    in_order = [picture.gray for picture in pictures(film)]
    for number in (1, 47, FRAMES - 1):
        with FilmReader(film) as reader:
            np.testing.assert_array_equal(reader.frame(number), in_order[number])


def test_the_index_has_the_exact_frame_rate(film: Path):
    assert index_of(film).stated_rate == Fraction(24000, 1001)


def test_a_frame_beyond_the_film_is_refused(film: Path):
    with FilmReader(film) as reader, pytest.raises(IndexError, match="from 0 to 89"):
        reader.frame(FRAMES)


def test_a_file_that_is_no_film_is_named_with_the_reason(tmp_path: Path):
    path = tmp_path / "letter.mp4"
    path.write_text("Dear colleague,")
    with pytest.raises(ContractError, match=r"letter.mp4: Expected a film, but got a file that cannot be opened"):
        index_of(path)


def test_a_film_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(ContractError, match="no such file"):
        FilmReader(tmp_path / "lost.mp4")


@pytest.mark.realdata
def test_a_real_film_gives_the_same_frames_at_random_as_from_the_start(real_data):
    """Its parameters are in its first packet only: a reader that enters it at a later key frame must have seen that one."""
    path = real_data / "train_video" / "OpenfieldClip" / "1780476925.mp4"
    wanted = {0, 100, 250, 350, 600}
    with av.open(str(path)) as container:
        one_by_one = zip(range(max(wanted) + 1), container.decode(video=0), strict=False)
        expected = {number: frame.to_ndarray(format="gray") for number, frame in one_by_one if number in wanted}
    for number in sorted(wanted, reverse=True):
        with FilmReader(path) as reader:
            np.testing.assert_array_equal(reader.frame(number), expected[number])
