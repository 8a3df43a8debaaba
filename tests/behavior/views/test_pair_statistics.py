"""Statistics of a pair, on motion told in words. 10 pixels are a centimeter, 30 frames a second unless said otherwise."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from behavior.curation import CuratedTracking, curate
from behavior.labelling import Subject
from behavior.views.pair_statistics import PairStatistics

PARTS = ("body_center", "nose", "tail_base")
PAIR = PairStatistics(PARTS, windows_s=(1.0,))
EITHER = replace(PAIR, symmetric=True)


@pytest.fixture
def moving(tracking_rows, recording) -> Callable[..., CuratedTracking]:
    """Curate mice that are three points on a line, 1 cm from tail to body and from body to nose.

    Each mouse is told as a function of the second: x and y of its body in cm, and where it looks in radians. `lost` are
    (frame, mouse, bodypart). `turned` turns the whole scene, `mirrored` mirrors it.
    """

    def make(
        *mice: Callable[[float], tuple[float, float, float]],
        frames: int = 60,
        fps: float = 30.0,
        lost: tuple[tuple[int, int, str], ...] = (),
        turned: float = 0.0,
        mirrored: bool = False,
    ) -> CuratedTracking:
        rows = []
        for number, path in enumerate(mice, start=1):
            for frame in range(frames):
                x, y, look = path(frame / fps)
                for part, ahead in zip(PARTS, (0, 1, -1), strict=True):
                    place = complex(x + ahead * np.cos(look), y + ahead * np.sin(look)) * np.exp(1j * turned)
                    place = place.conjugate() if mirrored else place
                    if (frame, number, part) not in lost:
                        rows.append((frame, number, part, 200 + 10 * place.real, 100 + 10 * place.imag))
        return curate(tracking_rows(rows), replace(recording, fps=fps))

    return make


def values(
    curated: CuratedTracking, settings: PairStatistics = PAIR, pair: tuple[int, int] = (1, 2), fps: float = 30.0
) -> dict[str, np.ndarray]:
    return dict(zip(settings.names, settings.of(curated, fps, Subject(*pair)).T, strict=True))


def still(x: float, y: float, look: float = 0.0) -> Callable[[float], tuple[float, float, float]]:
    return lambda second: (x, y, look)


def test_two_mice_that_stand_still(moving) -> None:
    """Mouse 1 stands at (0, 0) and looks right; mouse 2 stands 3 cm right and 4 cm below and looks down."""
    seen = values(moving(still(0, 0), still(3, 4, np.pi / 2)))
    expected = {
        "body_center body_center cm": 5.0,
        "center center cm": 5.0,
        "nose tail_base cm": 2.0,
        "body_center to nose cm": np.hypot(3, 5),  # the nose of mouse 2 is at (3, 5)
        "t_body_center to nose cm": np.hypot(2, 4),  # the nose of mouse 1 is at (1, 0)
        "center ahead cm": 3.0,
        "center aside cm": 4.0,
        "t_center ahead cm": -4.0,  # mouse 1 is behind mouse 2
        "t_center aside cm": 3.0,
        "facing": np.arctan2(4, 2),  # from the nose of mouse 1 to the middle of mouse 2
        "headings": np.pi / 2,
        "bend": 0.0,
        "center speed 0.5s": 0.0,
        "approach 0.5s": 0.0,
        "lost": 0.0,
        "center center cm mean 1s": 5.0,
        "center center cm dev 1s": 0.0,
    }
    for name, value in expected.items():
        np.testing.assert_allclose(seen[name][30], value, atol=1e-3, err_msg=name)


def test_a_mouse_that_walks_to_another_at_6_cm_per_second(moving) -> None:
    seen = values(moving(lambda second: (6 * second, 0, 0), still(20, 0)))
    expected = {
        "center speed 0.033s": 6.0,
        "front speed 1s": 6.0,
        "forward 0.5s": 6.0,
        "sideways 0.5s": 0.0,
        "approach 0.5s": 6.0,
        "t_approach 0.5s": 0.0,
        "opening 0.17s": -6.0,
        "passing 0.17s": 6.0,
        "turn 0.5s": 0.0,
        "center center cm": 14.0,  # one second has passed
        "center center cm mean 1s": 14.0,  # 15 samples before, 15 after
        "center center cm dev 1s": 0.2 * np.sqrt((31**2 - 1) / 12),  # of 31 values 0.2 cm apart
    }
    for name, value in expected.items():
        np.testing.assert_allclose(seen[name][30], value, atol=2e-3, err_msg=name)
    assert np.isnan(seen["front speed 1s"][:15]).all()  # half a second must lie on either side
    assert np.isfinite(seen["front speed 1s"][15:45]).all()


def test_a_mouse_that_walks_backward_and_one_that_walks_sideways(moving) -> None:
    seen = values(moving(lambda second: (-6 * second, 0, 0), lambda second: (20, 6 * second, 0)))
    assert seen["forward 0.5s"][30] == pytest.approx(-6, abs=1e-3)
    assert seen["t_sideways 0.5s"][30] == pytest.approx(6, abs=1e-3)
    assert seen["t_forward 0.5s"][30] == pytest.approx(0, abs=1e-3)


def test_a_mouse_that_turns_on_the_spot_by_a_quarter_in_a_second(moving) -> None:
    seen = values(moving(lambda second: (0, 0, np.pi / 2 * second), still(5, 0)))
    assert seen["turn 0.5s"][30] == pytest.approx(np.pi / 2, abs=1e-3)
    assert seen["front speed 0.033s"][30] == pytest.approx(np.pi / 2, abs=1e-2)  # the nose is 1 cm from the middle


def dance(second: float) -> tuple[float, float, float]:
    return 3 * np.cos(second), 2 * np.sin(3 * second), second


@pytest.mark.parametrize("scene", [{"turned": 1.0}, {"turned": np.pi}, {"mirrored": True}])
def test_nothing_changes_when_the_whole_scene_is_turned_or_mirrored(moving, scene: dict) -> None:
    mice = (dance, lambda second: dance(2 * second + 1))
    np.testing.assert_allclose(PAIR.of(moving(*mice, **scene), 30.0, Subject(1, 2)), PAIR.of(moving(*mice), 30.0, Subject(1, 2)), atol=0.02)


def test_the_same_motion_gives_the_same_at_60_frames_a_second(moving) -> None:
    slow, fast = (
        values(moving(lambda second: (6 * second, 0, 0), still(20, 0), fps=fps, frames=int(2 * fps)), fps=fps) for fps in (30, 60)
    )
    for name in ("forward 0.5s", "approach 1s", "center center cm dev 1s"):
        assert fast[name][30] == pytest.approx(slow[name][30], abs=0.01), name
    assert len(fast["lost"]) == len(slow["lost"]) == 60


def test_a_short_gap_is_bridged_a_long_one_is_unknown_and_both_are_told(moving) -> None:
    """The nose of mouse 1 is lost for 4 frames, and later for 20; half a second is 15."""
    gap = [*range(10, 14), *range(30, 50)]
    seen = values(moving(lambda second: (6 * second, 0, 0), still(20, 0), lost=tuple((frame, 1, "nose") for frame in gap)))
    np.testing.assert_allclose(seen["body_center nose cm"][:30], 1.0, atol=1e-3)
    assert np.isnan(seen["body_center nose cm"][30:50]).all()
    assert np.flatnonzero(seen["lost"]).tolist() == gap
    assert seen["lost"][11] == pytest.approx(1 / 3)
    assert seen["body_center nose cm mean 1s"][40] == pytest.approx(1.0, abs=1e-3)  # over what is known around it


def test_a_mouse_by_itself_has_no_relations(moving) -> None:
    curated = moving(lambda second: (6 * second, 0, 0), still(20, 0))
    alone, paired = values(curated, pair=(1, 1)), values(curated)
    for name in ("forward 0.5s", "nose tail_base cm", "lost", "center speed 1s mean 1s"):
        np.testing.assert_array_equal(alone[name], paired[name], err_msg=name)
    for name in ("approach 0.5s", "center center cm", "facing", "headings", "t_forward 0.5s", "t_lost"):
        assert np.isnan(alone[name]).all(), name
    either = values(curated, EITHER, (1, 1))
    np.testing.assert_array_equal(either["low forward 0.5s"], alone["forward 0.5s"])
    np.testing.assert_array_equal(either["high forward 0.5s"], alone["forward 0.5s"])


def test_a_bodypart_or_a_mouse_that_nobody_tracks_is_unknown(moving) -> None:
    curated = moving(still(0, 0), still(3, 4))
    more = PairStatistics((*PARTS, "neck"), windows_s=())
    seen = values(curated, more)
    assert np.isnan(seen["neck neck cm"]).all()
    assert np.isfinite(seen["nose nose cm"]).all()
    assert np.isnan(values(curated, pair=(1, 4))["center center cm"]).all()
    assert np.isfinite(values(curated, pair=(1, 4))["nose tail_base cm"]).all()


def test_symmetric_statistics_do_not_know_who_is_who(moving) -> None:
    curated = moving(lambda second: (6 * second, 0, 0), lambda second: (20 + 2 * second, 1, 2))
    np.testing.assert_allclose(EITHER.of(curated, 30.0, Subject(1, 2)), EITHER.of(curated, 30.0, Subject(2, 1)), atol=1e-4)
    seen = values(curated, EITHER)
    assert seen["low center speed 0.5s"][30] == pytest.approx(2, abs=1e-3)
    assert seen["high center speed 0.5s"][30] == pytest.approx(6, abs=1e-3)


def test_a_part_is_what_the_whole_holds_there(moving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("behavior.views.pair_statistics.BLOCK_SAMPLES", 400)
    curated = moving(dance, still(3, 4), frames=900, lost=tuple((frame, 1, "nose") for frame in range(500, 540)))
    settings = PairStatistics(PARTS)
    whole = settings.of(curated, 30.0, Subject(1, 2))
    for part in (slice(480, 700), slice(300, 900), slice(0, 10), slice(1, 900, 3)):
        np.testing.assert_allclose(settings.of(curated, 30.0, Subject(1, 2), part), whole[part], atol=1e-3)


def test_chosen_samples_are_what_the_whole_holds_there(moving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("behavior.views.pair_statistics.BLOCK_SAMPLES", 100)
    curated = moving(dance, still(3, 4), frames=900)
    settings = PairStatistics(PARTS, windows_s=(0.2, 1.0), beside_s=(0.4,), place=True)
    whole = settings.of(curated, 30.0, Subject(1, 2))
    for samples in ([0], [3, 4, 99, 100, 101, 640, 899], []):
        chosen = np.array(samples, np.int64)
        np.testing.assert_allclose(settings.at(curated, 30.0, Subject(1, 2), chosen), whole[chosen], atol=1e-3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"bodyparts": ()},
        {"bodyparts": ("nose", "nose")},
        {"bodyparts": PARTS, "fps": 0.0},
        {"bodyparts": PARTS, "lags_s": ()},
        {"bodyparts": PARTS, "windows_s": (0.0,)},
        {"bodyparts": PARTS, "max_gap_s": -1.0},
    ],
)
def test_settings_that_contradict_themselves_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match="Expected"):
        PairStatistics(**wrong)


def test_means_beside_a_sample_are_the_mean_in_the_shortest_window_at_another_time(moving) -> None:
    """Mouse 1 stands for a second, then runs right at 6 cm/s; what it does half a second later is known half a second before."""
    settings = replace(PAIR, windows_s=(0.1, 1.0), beside_s=(0.5,))
    seen = values(moving(lambda second: (6 * max(second - 1, 0), 0, 0), still(3, 4)), settings)
    now, before, after = (seen[f"center speed 0.17s mean 0.1s{when}"] for when in ("", ", -0.5s", ", +0.5s"))
    np.testing.assert_array_equal(before[15:], now[:-15])
    np.testing.assert_array_equal(after[:-15], now[15:])
    assert np.isnan(before[:15]).all()
    assert np.isnan(after[-15:]).all()
    assert after[20] == pytest.approx(6, abs=1e-3)
    assert now[20] == pytest.approx(0, abs=1e-3)


def test_a_place_in_the_arena_counts_from_its_middle_to_its_edge(moving) -> None:
    """Mouse 1 runs from the left edge to the right one, mouse 2 marks the lower and the upper edge."""
    settings = replace(PAIR, place=True)
    seen = values(moving(lambda second: (20 * second, 5, 0), lambda second: (10, 0 if second < 0.5 else 10, 0), frames=31), settings)
    assert seen["edge"][[0, 15, 30]] == pytest.approx([1, 0, 1], abs=0.1)
    assert seen["corner"] == pytest.approx(0, abs=0.02)
    assert seen["t_edge"][0] == pytest.approx(1, abs=0.02)
    assert seen["t_from middle"][0] == pytest.approx(1, abs=0.02)
    moved_away = values(
        moving(lambda second: (20 * second + 50, 25, 0), lambda second: (60, 20 if second < 0.5 else 30, 0), frames=31), settings
    )
    for name in ("edge", "corner", "from middle"):
        np.testing.assert_allclose(moved_away[name], seen[name], atol=1e-4)


def test_motion_across_a_jump_of_the_tracker_is_unknown(moving) -> None:
    """Mouse 1 runs right at 6 cm/s; in frame 30 the tracker has it 50 cm above."""
    path = moving(lambda second: (6 * second, 50 if round(30 * second) == 30 else 0, 0), still(3, 4))
    name, window = "center speed 0.033s", "center speed 0.033s mean 1s"
    as_tracked, sound = values(path), values(path, replace(PAIR, fastest_cm_per_s=250.0))
    assert as_tracked[name][30:32] == pytest.approx(1500, abs=1)
    assert np.flatnonzero(np.isnan(sound[name])).tolist() == [0, 30, 31]
    assert as_tracked[window][30] > 100
    assert sound[window][30] == pytest.approx(6, abs=1e-3)
    assert np.isnan(sound["opening 0.033s"][30:32]).all()  # about 48 cm in a sample, shared by two mice: 720 cm/s each
    slow = values(moving(lambda second: (60 * second, 0, 0), still(3, 4)), replace(PAIR, fastest_cm_per_s=250.0))
    assert slow[name][1:] == pytest.approx(60, abs=1e-2)


def test_one_mouse_alone_has_only_its_own_signals(moving) -> None:
    both = values(moving(still(0, 0)), pair=(1, 1))
    alone = values(moving(still(0, 0)), replace(PAIR, alone=True), pair=(1, 1))
    assert set(alone) == {name for name in both if not np.isnan(both[name]).all()} | {name for name in alone if name.startswith("turn")}
    for name, signal in alone.items():
        np.testing.assert_array_equal(signal, both[name])


def test_blocks_of_means_beside_and_of_places_fit_together(moving, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(PAIR, windows_s=(0.2, 1.0), beside_s=(0.4, 0.8), place=True)
    curated = moving(lambda second: (3 * second, np.sin(second), second), still(3, 4), frames=120)
    whole = settings.of(curated, 30.0, Subject(1, 2))
    monkeypatch.setattr("behavior.views.pair_statistics.BLOCK_SAMPLES", 17)
    np.testing.assert_allclose(settings.of(curated, 30.0, Subject(1, 2)), whole, rtol=1e-4, atol=1e-4)
