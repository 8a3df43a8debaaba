"""Training on films: clips and labels match, unknown frames teach nothing, a run learns, resumes and is cross-validated."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from film_in_memory import FilmInMemory
from film_zone import curate, make_zone, write_films
from small_recognizer import PROVENANCE

from behavior.bouts import BOUT_COLUMNS
from behavior.contract import EXIT_OK, ContractError
from behavior.film import PictureSettings
from behavior.film_labelling import FilmLabelling
from behavior.material import Material
from behavior.pain import PAIN_BEHAVIORS
from behavior.recording import Recording, Triple
from behavior.tables import RAW_TRACKING
from behavior.views.film_views import FilmEmbeddings, FilmPictures
from films import film_file
from films.film_file import FilmFile
from inference.video import VideoPredictor
from recognizers.checkpoint import save
from recognizers.families import load_recognizer
from recognizers.film_recognizer import FilmRecognizer
from recognizers.film_tcn import TimeConfig
from recognizers.recognizer import whole_scores
from recognizers.windowed import Windowing
from training import cross_validate, train
from training.fitting.film_lesson import FilmLesson
from training.fitting.prepare import prepare
from training.material.clips import ClipDataset, open_clips
from training.material.film_zone import FilmZone
from training.recipes import named as recipes
from training.recipes.changes import changed
from training.recipes.film_augmentation import FilmAugmentation
from training.recipes.losses import ExclusiveLossSettings
from training.recipes.network_recipe import Recipe
from training.recipes.schedules import WarmRestarts


def tiny(name: str = "pain_cnn3d") -> Recipe:
    recipe = recipes.RECIPES[name]()
    assert isinstance(recipe, Recipe)
    small = {"channels": (4, 8)} | ({"hidden": 8} if name == "pain_cnn3d" else {"width": 8, "dilations": (1, 2)})
    windowing = Windowing(8, 8) if name == "pain_cnn3d" else Windowing(32, 16)
    view = FilmPictures(PictureSettings(16, 16), stride=4)
    return replace(recipe, name="tiny", network=replace(recipe.network, **small), features=view, windowing=windowing, epochs=2, batch=16)


@pytest.fixture(scope="module")
def zone(tmp_path_factory: pytest.TempPathFactory) -> FilmZone:
    return make_zone(tmp_path_factory.mktemp("films"), individuals=5, seconds=4)


@pytest.fixture(autouse=True)
def own_cache(zone: FilmZone, monkeypatch: pytest.MonkeyPatch) -> None:
    zone.cache.mkdir(exist_ok=True)
    monkeypatch.setattr(film_file.tempfile, "tempdir", str(zone.cache))
    monkeypatch.setitem(recipes.RECIPES, "tiny", tiny)


CLIPS = Windowing(4, 2)


def numbered(frames: int, *bouts: tuple[str, int, int], centered: bool = True, windowing: Windowing = CLIPS) -> ClipDataset:
    """Clips of a film in which each frame holds its number."""
    pictures = np.broadcast_to(np.arange(frames, dtype=np.uint8)[:, None, None], (frames, 4, 4))
    recording = Recording("lab", 5, 30.0, float("nan"), 4, 4, annotated=tuple(Triple(1, 1, name) for name in PAIN_BEHAVIORS))
    table = pd.DataFrame([(5, None, None, *bout) for bout in bouts], columns=list(BOUT_COLUMNS))
    material = Material.with_film(recording, FilmInMemory(pictures))
    return open_clips([material], table, FilmLabelling(), FilmPictures(PictureSettings(4, 4)), windowing, centered)


def test_the_label_of_a_clip_is_that_of_its_middle_frame():
    dataset = numbered(20, ("rest", 0, 10), ("walk", 10, 20))
    for batch in dataset.batches(3, np.random.default_rng(0)):
        middle = batch.features[:, 2, 0, 0]
        assert batch.labels.shape == (len(batch.features), 1, 6)
        assert (batch.labels[:, 0].int().argmax(1) == torch.where(middle < 10, 0, 4)).all()


def test_clips_are_never_about_an_unknown_frame_and_the_ends_are_repeated():
    dataset = numbered(20, ("rest", 0, 4), ("walk", 15, 20))
    seen = torch.cat([batch.features[:, :, 0, 0] for epoch in range(20) for batch in dataset.batches(8, np.random.default_rng(epoch))])
    assert set(seen[:, 2].tolist()) == {0, 1, 2, 3, *range(15, 20)}
    first = seen[seen[:, 2] == 0][0].tolist()
    assert first == [0, 0, 0, 1]


def test_an_epoch_has_as_many_clips_as_it_says():
    for dataset in (numbered(21, ("rest", 0, 21)), numbered(21, ("rest", 3, 8), centered=False, windowing=Windowing(8, 4))):
        assert sum(len(batch.features) for batch in dataset.batches(4, np.random.default_rng(1))) == dataset.n_windows


def test_windows_have_the_label_of_each_frame_and_no_label_where_it_is_unknown():
    dataset = numbered(20, ("rest", 0, 10), ("walk", 12, 20), centered=False, windowing=Windowing(8, 4))
    for batch in dataset.batches(2, np.random.default_rng(0)):
        frames = batch.features[:, :, 0, 0].long()
        truth = torch.zeros(20, 6, dtype=torch.bool)
        truth[:10, 0], truth[12:, 4] = True, True
        assert (batch.labels == truth[frames]).all()


def test_classes_are_counted_over_labelled_frames_and_weighted_by_their_inverse_frequency():
    dataset = numbered(20, ("rest", 0, 8), ("walk", 8, 10))
    present, known = dataset.class_frames()
    assert present.tolist() == [8, 0, 0, 0, 2, 0]
    assert known.tolist() == [10] * 6
    weights = ExclusiveLossSettings().class_weights(present, known)
    assert weights[0] == 1
    assert weights[4] == pytest.approx(4)
    assert weights[1] == 20  # never seen: the highest weight


def test_augmentation_changes_pictures_and_no_label():
    batch = next(numbered(20, ("rest", 0, 20)).batches(4, np.random.default_rng(0)))
    torch.manual_seed(0)
    changed = FilmAugmentation(mixup=0)(batch)
    assert changed.features.shape == batch.features.shape
    assert not torch.equal(changed.features, batch.features.float())
    assert changed.labels is batch.labels
    still = FilmAugmentation(flip=0, turn=False, crop=0, light=0, noise=0, jitter=0)(batch)
    assert torch.equal(still.features, batch.features.float())


def test_mixup_mixes_clips_and_labels_by_the_same_shares():
    batch = next(numbered(20, ("rest", 0, 10), ("walk", 10, 20)).batches(8, np.random.default_rng(0)))
    torch.manual_seed(0)
    mixed = FilmAugmentation(flip=0, turn=False, crop=0, light=0, noise=0, jitter=0, mixup=1.0)(batch)
    assert torch.allclose(mixed.labels.sum(-1), torch.ones(8, 1))
    assert ((mixed.labels > 0) & (mixed.labels < 1)).any()
    loss = ExclusiveLossSettings(weights=(1.0,) * 6)(torch.zeros(8, 1, 6), mixed.labels, batch.mask, torch.ones(6))
    assert loss.item() == pytest.approx(np.log(6), rel=1e-5)  # of six equal answers, whatever the shares


def test_warm_restarts_go_back_to_the_peak_and_last_longer():
    schedule = WarmRestarts(epochs=2, factor=2, low=0.1)
    rates = [schedule.rate(1.0, step, 10, 100, []) for step in range(60)]
    assert rates[0] == rates[20] == 1.0
    assert rates[19] < 0.12
    assert rates[59] < 0.11
    assert rates[40] > 0.5  # the second cosine is in its middle


def test_a_run_learns_and_continues_where_it_stopped(zone: FilmZone, tmp_path: Path):
    whole = prepare(zone.root, tiny(), 0)
    whole.fit(lambda _: None)
    first = prepare(zone.root, replace(tiny(), epochs=2), 0)

    def stop_after_one(line: str) -> None:
        first.save_state(tmp_path)
        if "epoch=1" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        first.fit(stop_after_one)
    second = prepare(zone.root, tiny(), 0)
    assert second.restore(tmp_path)
    second.fit(lambda _: None)
    assert second.report()["epochs"][-1]["train_loss"] == pytest.approx(whole.report()["epochs"][-1]["train_loss"], rel=1e-4)


def test_a_run_interrupted_within_an_epoch_goes_on_with_the_same_films(zone: FilmZone, tmp_path: Path):
    recipe = replace(tiny(), epochs=1, batch=2)
    whole, first, second = (prepare(zone.root, recipe, 0) for _ in range(3))
    whole.fit(lambda _: None)

    def stop_after_three() -> None:
        if first.trainer.run.underway.batches == 3:
            first.save_state(tmp_path)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        first.fit(lambda _: None, on_batch=stop_after_three)
    assert second.restore(tmp_path)
    second.fit(lambda _: None)
    for name, value in whole.trainer.network.state_dict().items():
        assert torch.equal(value, second.trainer.network.state_dict()[name]), name


def test_a_checkpoint_of_films_scores_films(zone: FilmZone, tmp_path: Path):
    flags = [
        "--curated",
        zone.root,
        "--recipe",
        "tiny",
        "--epochs",
        1,
        "--device",
        "cpu",
        "--model-dir",
        tmp_path,
        "--output-dir",
        tmp_path,
    ]
    assert train.main([str(flag) for flag in flags]) == EXIT_OK
    from recognizers.families import load_recognizer

    recognizer = load_recognizer([tmp_path / "tiny.safetensors"])
    recording = zone.annotated_recordings()[0]
    ((_, scores),) = whole_scores(recognizer, zone.material(recording))
    assert scores.shape == (120, len(recognizer.behaviors))
    assert list((tmp_path / "events").glob("events.out.tfevents.*"))


def test_a_recipe_of_films_is_cross_validated_with_pictures_in_its_report(zone: FilmZone, tmp_path: Path, capsys):
    recipes.RECIPES["tiny"] = lambda: tiny("film_tcn")
    flags = ["--curated", zone.root, "--epochs", 1, "--folds", 2, "--output-dir", tmp_path / "other"]
    assert cross_validate.main(["--recipe", "tiny", "--device", "cpu", *map(str, flags)]) == EXIT_OK
    import json

    report = json.loads((tmp_path / "other" / "report.json").read_text())
    assert set(report["classes"]["headline"]) == {"macro_f1", "weighted_f1", "accuracy"}
    assert sum(map(sum, report["classes"]["confusion"]["frames"])) == 5 * 120
    assert report["data"]["contents"] == 5
    page = (tmp_path / "other" / "report.html").read_text()
    assert "Clips" in page
    assert page.count("data:image/png") >= 2
    assert "Macro F1 of frames" in capsys.readouterr().out


def test_a_recipe_of_films_needs_a_zone_of_films(tmp_path: Path):
    with pytest.raises(ContractError, match=r"aws_pipeline/glue_etl.py"):
        prepare(tmp_path, tiny(), 0)


def test_a_trunk_is_of_no_use_to_films(zone: FilmZone):
    recordings = zone.annotated_recordings()
    with pytest.raises(ContractError, match="no trunk"):
        FilmLesson.open(zone, tiny(), recordings[:1], recordings[1:], features=object())


def test_numbers_that_another_program_made_of_each_frame_are_learned_and_cross_validated(tmp_path: Path):
    """The other program is an 8 x 8 mosaic of each frame: 64 numbers, which the recipe does not know beforehand."""
    raw = write_films(tmp_path / "raw", individuals=3, seconds=4)
    for path in (raw / "Videos").glob("*.mp4"):
        mosaic = FilmFile(path, tmp_path / "cache").small(PictureSettings(8, 8))
        np.save(path.with_suffix(".npy"), mosaic.reshape(len(mosaic), -1).astype(np.float16))
    assert not curate(raw, tmp_path / "zone").put_aside
    recipes.RECIPES["tiny"] = lambda: replace(
        recipes.embedding_tcn(), name="tiny", network=TimeConfig(8, (1, 2)), windowing=Windowing(32, 16), epochs=8, batch=4
    )
    session = prepare(tmp_path / "zone", recipes.RECIPES["tiny"](), 0)
    session.fit(lambda _: None)
    losses = [epoch["train_loss"] for epoch in session.report()["epochs"]]
    assert losses[-1] < 0.9 * losses[0]
    recognizer = session.recognizer()
    assert isinstance(recognizer, FilmRecognizer)
    assert recognizer.features == FilmEmbeddings(64)
    save(tmp_path / "one.safetensors", recognizer, PROVENANCE)
    again = load_recognizer([tmp_path / "one.safetensors"])
    film = next((raw / "Videos").glob("*.mp4"))
    of_film = VideoPredictor(tmp_path / "one.safetensors", "cpu").predict_video(film)
    assert of_film.scores.shape == (120, len(again.behaviors))
    np.save(film.with_suffix(".npy"), np.zeros((120, 63), np.float16))
    with pytest.raises(ContractError, match="Expected embeddings of 64 numbers per frame, but got 63"):
        VideoPredictor(tmp_path / "one.safetensors", "cpu").predict_video(film)


def test_a_square_around_the_mouse_and_mixup_are_settings_of_a_recipe(tmp_path: Path):
    raw = write_films(tmp_path / "raw", individuals=2, seconds=2)
    for number, path in enumerate(sorted((raw / "Videos").glob("*.mp4")), start=1):
        path.rename(raw / "Videos" / f"{number}.mp4")
        (raw / "Annotations" / f"{path.stem}_labels.csv").rename(raw / "Annotations" / f"{number}.csv")
        tracks = raw / "train_tracking" / "lab" / f"{number}.parquet"
        tracks.parent.mkdir(parents=True, exist_ok=True)
        rows = [(frame, 1, "nose", 16.0, 12.0) for frame in range(60)]
        pq.write_table(pa.table([pa.array(column) for column in zip(*rows, strict=True)], names=RAW_TRACKING.schema.names), tracks)
    (raw / "individuals.csv").unlink()
    assert not curate(raw, tmp_path / "zone").put_aside
    recipe = changed(tiny(), ["features.picture.around_mouse_px=20", "augmentation.mixup=0.4", "epochs=1"])
    session = prepare(tmp_path / "zone", recipe, 0)
    session.fit(lambda _: None)
    assert session.report()["epochs"][0]["train_loss"] > 0
    zone = FilmZone(tmp_path / "zone")
    recording = zone.annotated_recordings()[0]
    seen = zone.film(recording).small(PictureSettings(20, 20, around_mouse_px=20))
    whole = FilmFile(raw / "Videos" / f"{zone.manifest[recording.video_id]['name']}.mp4").small(PictureSettings(32, 32))
    np.testing.assert_array_equal(seen[7], whole[7, 2:22, 6:26])
