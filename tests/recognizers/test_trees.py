"""Trees as a recognizer of recordings: who answers for which lab, and what comes back from a file."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_recognizer import PROVENANCE, random_recognizer, scores_of

from behavior.contract import ContractError
from behavior.curation import CuratedTracking, curate
from behavior.labelling import Subject
from behavior.material import Material
from behavior.recording import Recording, Triple
from behavior.views.pair_statistics import PairStatistics
from recognizers import checkpoint
from recognizers.boosted_trees import BoostedTrees, TreesConfig
from recognizers.ensemble import Ensemble
from recognizers.families import load_recognizer, open_parts
from recognizers.recognizer import Decoding
from recognizers.trees import TreesRecognizer

BEHAVIORS = ("approach", "run")
FEATURES = PairStatistics(("body_center", "nose", "tail_base"), windows_s=(0.5,))
CONFIG = TreesConfig(trees=10, leaves=4, learning_rate=0.5, least_rows=5)


def trees(*thresholds: float | None) -> BoostedTrees:
    """Return trees that say yes to a mouse faster than so many cm/s, one column for each."""
    speed = np.linspace(0, 60, 600, dtype=np.float32)
    features = np.full((600, len(FEATURES.names)), np.nan, np.float32)
    features[:, FEATURES.names.index("center speed 0.5s")] = speed
    labels = np.stack([speed > (np.inf if one is None else one) for one in thresholds], axis=1)
    return BoostedTrees.fit(features, labels, np.ones_like(labels), CONFIG, threads=1)


def recognizer(smooth_s: float = 0.0) -> TreesRecognizer:
    """Everybody runs from 10 cm/s on, in QuickLab from 30 on; nobody but QuickLab has taught it alone."""
    decoding = Decoding((0.5, 0.5), {})
    return TreesRecognizer(BEHAVIORS, FEATURES, CONFIG, trees(10, 10), decoding, smooth_s, {"QuickLab": trees(None, 30)})


@pytest.fixture
def running(tracking_rows, recording) -> Callable[..., CuratedTracking]:
    """Mouse 1 runs right at 20 cm/s, mouse 2 stands; 30 frames a second."""

    def make(frames: int = 60) -> CuratedTracking:
        rows = []
        for frame in range(frames):
            for part, ahead in (("body_center", 0), ("nose", 10), ("tail_base", -10)):
                rows += [(frame, 1, part, 10 + frame * 200 / 30 % 3000 + ahead, 50.0), (frame, 2, part, 300.0 + ahead, 100.0)]
        return curate(tracking_rows(rows), recording)

    return make


def annotated(recording: Recording, lab: str, *triples: tuple[int, int, str]) -> Recording:
    return replace(recording, lab_id=lab, annotated=tuple(Triple(*triple) for triple in sorted(triples)))


def test_a_lab_is_answered_by_its_own_trees_where_it_has_some_and_an_unknown_one_by_those_of_all(running, recording) -> None:
    curated, both = running(), [(1, 2, name) for name in BEHAVIORS]
    answers = {lab: scores_of(recognizer(), curated, annotated(recording, lab, *both))[1, 2] for lab in ("QuickLab", "NewLab")}
    assert answers["NewLab"].shape == (60, 2)
    assert (answers["NewLab"][20:40] > 0.5).all()
    assert (answers["QuickLab"][20:40, 0] > 0.5).all()
    assert (answers["QuickLab"][20:40, 1] < 0.5).all()


def test_a_mouse_by_itself_is_scored_and_what_nobody_annotated_is_not(running, recording) -> None:
    scored = scores_of(recognizer(), running(), annotated(recording, "NewLab", (1, 1, "run"), (2, 2, "run"), (1, 2, "approach")))
    assert set(scored) == {(1, 1), (1, 2), (2, 2)}
    assert (scored[1, 1][20:40, 1] > 0.5).all()
    assert (scored[2, 2][20:40, 1] < 0.5).all()
    assert not scored[1, 1][:, 0].any()
    assert not scored[1, 2][:, 1].any()


def test_a_recording_at_another_rate_and_a_mouse_that_was_not_tracked(running, recording) -> None:
    fast = replace(annotated(recording, "NewLab", (1, 1, "run"), (4, 4, "run")), fps=60.0)
    ((pair, scores),) = scores_of(recognizer(), running(), fast).items()  # the same places in half the time: 40 cm/s
    assert pair == (1, 1)
    assert scores.shape == (60, 2)
    np.testing.assert_array_equal(scores[0::2], scores[1::2])


def test_answers_are_averaged_over_the_time_around_each_sample(running, recording) -> None:
    alone = annotated(recording, "NewLab", (1, 1, "run"))
    ((_, single),) = scores_of(recognizer(), running(), alone).items()
    ((_, smoothed),) = scores_of(recognizer(0.5), running(), alone).items()
    np.testing.assert_allclose(smoothed[20], single[13:28].mean(axis=0), atol=1e-5)  # half a second: 15 samples


def test_blocks_of_a_long_recording_fit_together(running, recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recognizers.trees.BLOCK_SAMPLES", 100)
    alone = annotated(recording, "NewLab", (1, 1, "run"))
    curated = running(250)
    ((_, whole),) = scores_of(recognizer(0.5), curated, alone).items()
    ((_, flowing),) = recognizer(0.5).scores(Material.with_tracking(alone, curated))
    columns = np.arange(2)
    read = np.concatenate([flowing[first : first + 30, columns] for first in range(0, len(whole), 30)])
    np.testing.assert_array_equal(read, whole)
    single = recognizer(0.0).trees_of("NewLab", frozenset(BEHAVIORS)).predict(FEATURES.of(curated, 30.0, Subject(1, 1)))
    near = np.arange(95, 205)
    np.testing.assert_allclose(whole[near, 1], [single[at - 7 : at + 8, 1].mean() for at in near], atol=1e-5)


def test_a_checkpoint_gives_the_same_scores_back(running, recording, tmp_path: Path) -> None:
    one, path = recognizer(0.3), tmp_path / "trees.safetensors"
    checkpoint.save(path, one, PROVENANCE)
    back = load_recognizer([path])
    assert (back.view, back.head, back.behaviors, back.decoding) == (one.view, one.head, one.behaviors, one.decoding)
    for lab in ("QuickLab", "NewLab"):
        asked = annotated(recording, lab, (1, 2, "run"), (1, 2, "approach"))
        ((_, saved),), ((_, read),) = scores_of(one, running(), asked).items(), scores_of(back, running(), asked).items()
        np.testing.assert_array_equal(saved, read)
    assert checkpoint.read_header(path)["videos"] == PROVENANCE["videos"]


def test_trees_and_a_network_are_loaded_as_one(running, recording, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("trees.safetensors", "network.safetensors")]
    checkpoint.save(paths[0], recognizer(), PROVENANCE)
    checkpoint.save(paths[1], random_recognizer(("approach", "sniff")), PROVENANCE)
    both = load_recognizer(paths)
    assert isinstance(both, Ensemble)
    ((_, scores),) = scores_of(both, running(), annotated(recording, "NewLab", (1, 2, "run"))).items()
    ((_, own),) = scores_of(recognizer(), running(), annotated(recording, "NewLab", (1, 2, "run"))).items()
    run = both.behaviors.index("run")
    np.testing.assert_allclose(scores[:, run], own[:, BEHAVIORS.index("run")], atol=1e-6)  # the network does not know it


def test_a_checkpoint_of_other_features_is_refused_with_the_difference(tmp_path: Path) -> None:
    header, tensors = recognizer().parts(PROVENANCE)
    whole = {**header, "feature_names": [*header["feature_names"], "smell"]}
    with pytest.raises(ContractError, match="file: Expected the features of this code, but got others: smell"):
        open_parts(whole, tensors, "file")
    with pytest.raises(ContractError, match=r"Expected settings of features that this code knows, but got others: .*'whiskers'"):
        open_parts({**header, "features": {**header["features"], "whiskers": 2}}, tensors, "file")


def test_one_score_stands_for_a_group_of_samples_wherever_blocks_end(tracking_rows, recording, monkeypatch) -> None:
    """Mouse 1 runs at another speed in every frame; 50 samples are 16 groups of three and a rest of two, scored at its end."""
    places = 10 + np.cumsum(np.random.default_rng(0).uniform(0, 25, 50))
    rows = [(frame, 1, part, x + ahead, 50.0) for frame, x in enumerate(places) for part, ahead in (("nose", 10), ("tail_base", -10))]
    curated, subject = curate(tracking_rows(rows), recording), Subject(1, 1, frozenset(BEHAVIORS))
    features = PairStatistics(("nose", "tail_base"), windows_s=())
    speed = np.random.default_rng(1).uniform(0, 80, 3000).astype(np.float32)
    table = np.full((3000, len(features.names)), np.nan, np.float32)
    table[:, features.names.index("front speed 0.033s")] = speed
    labels = np.random.default_rng(2).uniform(0, 80, (3000, 2)) < speed[:, None]
    grown = BoostedTrees.fit(table, labels, np.ones_like(labels), replace(CONFIG, leaves=30), threads=1)
    single = TreesRecognizer(BEHAVIORS, features, CONFIG, grown, Decoding((0.5, 0.5), {}))

    def scores(recognizer: TreesRecognizer) -> np.ndarray:
        return np.concatenate([*recognizer.sampled_scores(curated, recording, subject)])

    each, grouped = scores(single), replace(single, score_every=3)
    assert len(np.unique(each[:, 0])) > 20
    middle = np.minimum(np.arange(50) // 3 * 3 + 1, 49)
    np.testing.assert_array_equal(scores(grouped), each[middle])
    smoothed = scores(replace(grouped, smooth_s=0.2))
    monkeypatch.setattr("recognizers.trees.BLOCK_SAMPLES", 7)
    np.testing.assert_array_equal(scores(grouped), each[middle])
    np.testing.assert_allclose(scores(replace(grouped, smooth_s=0.2)), smoothed, rtol=1e-5)
    parts = open_parts(*grouped.parts(PROVENANCE), "here")
    assert isinstance(parts, TreesRecognizer)
    assert parts.score_every == 3
