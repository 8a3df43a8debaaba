"""Datasets: one tensor, windows that stay within their stream, labels on the clock of the network."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from behavior.curation import curate
from behavior.groups import GroupLabelling
from behavior.labelling import PairLabelling, Subject
from behavior.material import Material
from behavior.recording import Recording, Triple
from behavior.views.arena_features import ArenaFeatures
from behavior.views.pair_features import PairFeatures
from recognizers.windowed import Windowing
from training.material.datasets import Samples, StreamDataset, assemble, samples_of, thinned

BEHAVIORS = ("rear", "attack", "sniff")
ANNOTATED = (Triple(1, 1, "rear"), Triple(1, 2, "attack"), Triple(2, 1, "sniff"))


def bouts(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["video_id", "agent_id", "target_id", "action", "start_frame", "stop_frame"])


def samples(video: int, length: int, value: float, recording: Recording) -> Samples:
    features = np.full((length, 2), value, np.float32)
    one, subject = replace(recording, video_id=video, annotated=ANNOTATED), Subject(1, 2, frozenset({"attack"}))
    return Samples(one, subject, length, features, np.zeros((length, 3), bool))


def dataset(recording: Recording, lengths: dict[int, int]) -> StreamDataset:
    """Features of every stream hold its video id, so that a window tells where it comes from."""
    return laid([samples(video, length, video, recording) for video, length in lengths.items()])


def laid(given: list[Samples], window: int = 16) -> StreamDataset:
    return assemble(given, BEHAVIORS, np.array, torch.float32, Windowing(window, window // 2))


def test_a_window_never_crosses_the_border_of_a_recording(recording: Recording) -> None:
    data = dataset(recording, {1: 50, 2: 9, 3: 33, 4: 16})
    seen: set[int] = set()
    for batch in data.batches(4, np.random.default_rng(0)):
        for number, window in enumerate(batch.features):
            real = window if batch.valid is None else window[batch.valid[number]]
            (video,) = set(real.flatten().tolist())
            seen.add(int(video))
            assert len(real) == (9 if video == 2 else 16)
            assert int(video) in batch.videos
    assert seen == {1, 2, 3, 4}


def test_padding_of_a_short_recording_is_zero_and_asked_about_by_nobody(recording: Recording) -> None:
    (batch,) = dataset(recording, {2: 9}).batches(4, np.random.default_rng(0))
    assert batch.valid is not None
    assert batch.valid[0].tolist() == [True] * 9 + [False] * 7
    assert not batch.features[0, 9:].any()
    assert not batch.mask[0, 9:].any()
    assert batch.mask[0, :9].tolist() == [[False, True, False]] * 9  # of pair (1, 2) only attack is annotated


def test_every_window_comes_once_an_epoch_and_is_cut_anew_in_the_next(recording: Recording) -> None:
    data = laid([replace_features(samples(1, 200, 0, recording))], window=32)  # the feature is the sample's number
    generator = np.random.default_rng(0)
    epochs = [[int(window[0, 0]) for batch in data.batches(3, generator) for window in batch.features] for _ in range(2)]
    assert len(epochs[0]) == len(epochs[1]) == data.n_windows == 12
    assert sorted(epochs[0]) != sorted(epochs[1])
    covered = {start + ahead for start in epochs[0] for ahead in range(32)}
    assert len(covered) > 170


def replace_features(one: Samples) -> Samples:
    return replace(one, features=np.repeat(np.arange(len(one.features), dtype=np.float32)[:, None], 2, axis=1))


def test_the_same_generator_gives_the_same_batches(recording: Recording) -> None:
    data = dataset(recording, {1: 50, 3: 33})
    first, second = (list(data.batches(4, np.random.default_rng((7, 2)))) for _ in range(2))
    assert all(torch.equal(one.features, other.features) for one, other in zip(first, second, strict=True))


def test_labels_are_the_bouts_of_this_pair_in_this_recording(recording: Recording) -> None:
    told = bouts((7, 1, 2, "attack", 2, 4), (7, 2, 1, "sniff", 0, 5), (8, 1, 2, "attack", 0, 5), (7, 1, 2, "unheard", 0, 5))
    labels = PairLabelling(BEHAVIORS).truth(recording, Subject(1, 2), (1, 2), 5, told).labels
    assert labels[:, 1].tolist() == [False, False, True, True, False]
    assert not labels[:, [0, 2]].any()


@pytest.mark.parametrize(("fps", "start", "stop"), [(60.0, 20, 40), (30.0, 10, 20), (10.0, 4, 6)])
def test_labels_follow_the_clock_of_the_network(fps: float, start: int, stop: int, recording: Recording, tracking_rows) -> None:
    clocked = replace(recording, fps=fps, annotated=ANNOTATED)
    rows = [(frame, mouse, "nose", 10.0 * frame, 50.0) for frame in range(int(2 * fps)) for mouse in (1, 2)]
    told = bouts((7, 1, 2, "attack", start, stop))
    material = Material.with_tracking(clocked, curate(tracking_rows(rows), clocked))
    found = samples_of(material, told, PairLabelling(BEHAVIORS), PairFeatures(("nose",)))
    (pair,) = [one for one in found if one.subject == Subject(1, 2)]
    assert pair.labels.shape == (60, 3)
    at = np.flatnonzero(pair.labels[:, 1])
    assert (at[0], at[-1] + 1) == (round(start * 30 / fps), round(stop * 30 / fps))


def test_a_self_behavior_is_a_pair_of_a_mouse_with_itself(recording: Recording, tracking_rows) -> None:
    annotated = replace(recording, annotated=ANNOTATED)
    rows = [(frame, mouse, "nose", 10.0 * frame * mouse, 50.0) for frame in range(30) for mouse in (1, 2)]
    settings = PairFeatures(("nose",))
    material = Material.with_tracking(annotated, curate(tracking_rows(rows), annotated))
    found = samples_of(material, bouts((7, 1, 1, "rear", 3, 6)), PairLabelling(BEHAVIORS), settings)
    by_pair = {(one.subject.agent, one.subject.target): one for one in found}
    assert set(by_pair) == {(1, 1), (1, 2), (2, 1)}
    assert by_pair[1, 1].labels[:, 0].sum() == 3
    columns = settings.names
    alone, pair = by_pair[1, 1].features, by_pair[1, 2].features
    np.testing.assert_array_equal(alone[:, columns.index("x_nose")], alone[:, columns.index("t_x_nose")])
    assert not alone[:, columns.index("rel_dist")].any()
    assert pair[5:, columns.index("rel_dist")].all()


def test_a_whole_arena_is_one_stream_and_none_if_no_group_was_annotated(recording: Recording, tracking_rows) -> None:
    """At 60 frames a second every second frame is a sample; the sniff on frames 20 to 39 covers samples 10 to 19."""
    clocked = replace(recording, fps=60.0, annotated=(Triple(1, 2, "sniff"), Triple(1, 1, "rear")))
    curated = curate(tracking_rows([(frame, mouse, "nose", 10.0 * mouse, 50.0) for frame in range(60) for mouse in (1, 2)]), clocked)
    settings, told = ArenaFeatures(bodyparts=("nose",), mice=2), bouts((7, 1, 2, "sniff", 20, 40))
    (arena,) = samples_of(Material.with_tracking(clocked, curated), told, GroupLabelling(), settings)
    assert (arena.subject, arena.subject.annotated, arena.frames) == (Subject(), {"background", "social"}, 60)
    assert arena.features.shape == (30, 8)
    assert np.flatnonzero(arena.labels[:, 1]).tolist() == list(range(10, 20))
    assert (arena.labels.sum(axis=1) == 1).all()
    solo = replace(clocked, annotated=(Triple(1, 1, "rear"),))
    assert samples_of(Material.with_tracking(solo, curated), told, GroupLabelling(), settings) == []


def test_a_subject_whose_mouse_is_not_tracked_gives_no_samples(recording: Recording, tracking_rows) -> None:
    annotated = replace(recording, annotated=(*ANNOTATED, Triple(1, 3, "attack")))
    curated = curate(tracking_rows([(frame, mouse, "nose", 10.0 * mouse, 50.0) for frame in range(9) for mouse in (1, 2)]), annotated)
    found = samples_of(Material.with_tracking(annotated, curated), bouts(), PairLabelling(BEHAVIORS), PairFeatures(("nose",)))
    assert [one.subject for one in found] == [Subject(1, 1), Subject(1, 2), Subject(2, 1)]


def test_windows_of_an_epoch_lie_in_order_each_with_its_stream(recording: Recording) -> None:
    """Streams of 50 and 9 samples in windows of 16 by 8: regular starts are 0, 8, .. 34; a short stream has one window from 0 on."""
    starts, owners = dataset(recording, {1: 50, 2: 9}).window_places(np.random.default_rng(0))
    assert owners.tolist() == [0] * 6 + [1]
    assert (np.abs(starts[:-1] - [0, 8, 16, 24, 32, 34]) <= 4).all()
    assert 0 <= starts.min() <= starts.max() <= 50 - 16
    assert starts[-1] == 0


def test_frames_are_counted_only_where_somebody_annotated(recording: Recording) -> None:
    one = samples(1, 10, 0, recording)
    labels = one.labels.copy()
    labels[2:5, 1] = True  # attack, annotated in pair (1, 2)
    labels[:, 2] = True  # sniff, not annotated there
    present, annotated = laid([replace(one, labels=labels)]).class_frames()
    assert present.tolist() == [0, 3, 0]
    assert annotated.tolist() == [0, 10, 0]


def test_the_scaler_is_fitted_on_what_it_is_given_alone(recording: Recording) -> None:
    settings = PairFeatures(("nose",))
    n_features = len(settings.names)
    low, high = (replace(samples(1, 100, 0, recording), features=np.full((100, n_features), value, np.float32)) for value in (1.0, 9.0))
    assert settings.fit_scaler(thinned([low])).median[0] == 1.0
    assert settings.fit_scaler(thinned([low, high])).median[0] == 5.0
