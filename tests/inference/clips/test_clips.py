"""Clips: colors where mice are, the right frames of the film beneath them, files that players read."""

import io
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from behavior.contract import ContractError, UsageError
from behavior.curation import curate
from behavior.recording import Recording
from inference.clips.encoding import encode
from inference.clips.footage import Footage, film_of
from inference.clips.skeletons import Scene, pictures
from inference.clips.viewport import Viewport, around_mice, whole_picture
from reports.figures import GRAY, mouse_color


def body(number, x, y, frames=3):
    return [(frame, number, part, x + 30 * place, y) for frame in range(frames) for place, part in enumerate(("nose", "tail_base"))]


def share_of(picture, color):
    """Share of the pixels that are nearly this color."""
    wanted = np.array([int(color[place : place + 2], 16) for place in (1, 3, 5)])
    return (np.abs(np.asarray(picture.convert("RGB"), int) - wanted).max(axis=2) < 8).mean()


def test_places_in_cm_become_pixels_of_the_clip():
    view = Viewport(left_cm=-10, top_cm=-5, pixels_per_cm=8, width=160, height=120)
    assert view.pixels(np.array([[-10.0, 0.0], [-5.0, 0.0]])).tolist() == [[0, 80], [0, 40]]
    assert view.box_cm == (-10, -5, 10, 10)


def test_a_clip_shows_its_mice_and_has_room_around_them(tracking_rows, recording):
    curated = curate(tracking_rows(body(1, 100, 50) + body(2, 300, 150)), recording)
    view = around_mice(curated, (1, 2), slice(0, 3), 320, 240)
    left, top, right, bottom = view.box_cm
    assert left < -10
    assert right > 13
    assert top < -5
    assert bottom > 5
    near = around_mice(curated, (1,), slice(0, 3), 320, 240)
    assert near.width / near.pixels_per_cm == pytest.approx(18)


def test_the_whole_picture_is_that_of_the_camera(recording):
    assert whole_picture(recording, 10.0, 200).box_cm == pytest.approx((-20, -10, 20, 10))


def test_mice_are_drawn_in_their_colors_and_others_in_gray(tracking_rows, recording):
    curated = curate(tracking_rows(body(1, 150, 80) + body(2, 200, 120)), recording)
    view = around_mice(curated, (1, 2), slice(0, 3), 320, 240)
    (both,) = pictures(Scene(curated, 30.0, range(1), view, "sniff", (1, 2)))
    (one,) = pictures(Scene(curated, 30.0, range(1), view, "sniff", (1,)))
    assert both.size == (320, 240)
    assert min(share_of(both, mouse_color(1)), share_of(both, mouse_color(2))) > 0.001
    assert share_of(one, mouse_color(2)) == 0
    assert share_of(one, GRAY) > 0.001


def test_a_lost_point_is_an_empty_dot(tracking_rows, recording):
    rows = [row for row in body(1, 150, 80) if row[:3] != (1, 1, "nose")]
    curated = curate(tracking_rows(rows), recording)
    view = around_mice(curated, (1,), slice(0, 3), 320, 240)
    seen, lost, _ = (share_of(one, mouse_color(1)) for one in pictures(Scene(curated, 30.0, range(3), view, "", (1,))))
    assert lost < seen


@pytest.mark.parametrize("ending", [".mp4", ".gif", ".webp"])
def test_a_clip_can_be_read_again_with_all_its_frames(ending):
    frames = [Image.new("RGB", (64, 48), (20 * number, 0, 0)) for number in range(10)]
    data = encode(frames, 10.0, ending)
    if ending == ".mp4":
        with av.open(io.BytesIO(data)) as container:
            read = [frame.to_image() for frame in container.decode(video=0)]
            assert float(container.streams.video[0].average_rate) == 10
        assert len(read) == 10
        assert read[0].size == (64, 48)
    else:
        with Image.open(io.BytesIO(data)) as read:
            assert read.n_frames == 10
            assert ending == ".webp" or read.info["duration"] == 100
    assert ending == ".mp4" or data == encode(frames, 10.0, ending)


def test_another_ending_is_refused_with_those_that_are_known():
    with pytest.raises(UsageError, match=r"Expected a clip that ends with \.mp4, \.gif, \.webp, but got \.mov"):
        encode([], 10.0, ".mov")


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """60 frames at 30 a second of 80 x 40 pixels; frame n has the gray 4 n, and its left half is black."""
    path = tmp_path / "train_video" / "QuietOtter" / "7.mp4"
    path.parent.mkdir(parents=True)
    frames = []
    for number in range(60):
        gray = np.full((40, 80, 3), 4 * number, np.uint8)
        gray[:, :40] = 0
        frames.append(Image.fromarray(gray))
    path.write_bytes(encode(frames, 30.0, ".mp4"))
    return path


def test_the_footage_beneath_a_frame_is_that_frame_of_the_film(film, recording):
    assert film_of(film.parents[2], "train", recording) == film
    assert film_of(film.parents[2], "test", recording) is None
    footage = Footage(film, recording)
    view = whole_picture(recording, 10.0, 80)
    shown = list(footage.frames(range(40, 50, 3), view))
    assert len(shown) == 4
    for number, picture in zip(range(40, 50, 3), shown, strict=True):
        pixels = np.asarray(picture.convert("L"), int)
        assert pixels[20, 10] < 6
        assert abs(pixels[20, 70] - 4 * number) < 8


def test_a_film_of_a_clip_counts_from_its_first_frame(film, recording):
    footage = Footage(film, recording, first_frame=30)
    (picture,) = footage.frames(range(10, 11), whole_picture(recording, 10.0, 80))
    assert abs(int(np.asarray(picture.convert("L"))[20, 70]) - 160) < 8


def test_frames_that_the_film_lacks_are_left_out_and_beyond_the_picture_it_is_white(film, recording):
    beyond = Viewport(-40.0, -10.0, 1.0, 80, 20)
    shown = list(Footage(film, recording).frames(range(58, 70), beyond))
    assert len(shown) == 2
    assert np.asarray(shown[0].convert("L"))[10, 2] == 255


def test_a_file_that_is_no_film_is_refused(tmp_path, recording):
    path = tmp_path / "film.mp4"
    path.write_bytes(b"no film" * 100)
    with pytest.raises(ContractError, match="Expected a film, but got"):
        next(Footage(path, recording).frames(range(3), whole_picture(recording, 10.0, 80)))


@pytest.mark.realdata
def test_a_real_film_is_the_same_whether_it_is_read_from_the_start_or_entered_in_its_middle(real_data):
    """Its decoder learns from the first frame how to read the others: entered without it, every frame is garbage."""
    film = next((real_data / "train_video").rglob("*.mp4"), None)
    if film is None:
        pytest.skip("the real recordings have no film")
    recording = Recording("OpenfieldClip", 1, 30.0, 14.3, 640, 480)
    view = whole_picture(recording, 14.3, 160)
    entered = np.asarray(next(Footage(film, recording).frames(range(350, 351), view)), int)
    read = [np.asarray(one, int) for one in Footage(film, recording).frames(range(0, 351, 350), view)]
    assert np.abs(entered - read[1]).max() == 0
    assert np.abs(entered - read[0]).mean() > 1
