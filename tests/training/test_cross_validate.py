"""Cross-validation: no leak, resumable, one report that says what was measured."""

import json
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from simulated_lake import Lake

from behavior.contract import EXIT_CONTRACT, EXIT_OK, EXIT_UNEXPECTED, EXIT_USAGE
from behavior.keys import LakeObject, key_of
from behavior.metric import mabe_score
from behavior.tables import ANNOTATIONS_ENRICHED, METADATA_TRAIN, TRACKING_CURATED, Table
from inference.recognition import recognize
from recognizers.checkpoint import read_header
from recognizers.competition import solution_rows, submission_rows
from recognizers.families import load_recognizer
from training import cross_validate
from training.decoding.decoding_file import read_decoding
from training.judging.out_of_fold import FoldRecord, OutOfFold
from training.material import curated_zone, fold_plan
from training.material.curated_zone import CuratedZone
from training.recipes import named as recipes
from training.recipes.network_recipe import Recipe

LAB, TWIN, ORIGINAL = "CalMS21_task2", 900, 102


@pytest.fixture(scope="session")
def zone_with_a_twin(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake, in which video 102 comes once more as video 900, annotated by a second annotator who saw one bout only."""
    root = tmp_path_factory.mktemp("twin") / "curated"
    shutil.copytree(lake.curated, root)
    for table in (TRACKING_CURATED, ANNOTATIONS_ENRICHED):
        rows = pq.read_table(root / LakeObject(table, "train", LAB, ORIGINAL).key, partitioning=None).to_pandas()
        rows = rows.assign(video_id=TWIN)
        kept = rows.head(1) if table is ANNOTATIONS_ENRICHED else rows
        _write(kept, table.schema, root / LakeObject(table, "train", LAB, TWIN).key)
    path = root / key_of(METADATA_TRAIN)
    metadata = pq.read_table(path).to_pandas()
    twin = metadata[metadata["video_id"] == ORIGINAL].assign(video_id=TWIN)
    _write(pd.concat([metadata, twin], ignore_index=True), METADATA_TRAIN.schema, path)
    return root


def _write(rows: pd.DataFrame, schema, path: Path) -> None:
    pq.write_table(pa.Table.from_pandas(rows, schema=schema, preserve_index=False), path)


@pytest.fixture(scope="session")
def finished(zone_with_a_twin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole run: two folds, one epoch."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(recipes.RECIPES, "tiny", tiny_recipe)
        assert run("--curated", zone_with_a_twin, "--output-dir", folder) == EXIT_OK
    return folder


def tiny_recipe() -> Recipe:
    network = replace(recipes.cnn_transformer_small().network, width=16, dilations=(1, 2), layers=1, heads=2)
    return replace(recipes.cnn_transformer_small(), name="tiny", network=network, epochs=1, batch=8)


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(recipes.RECIPES, "tiny", tiny_recipe)


def run(*flags: object) -> int:
    return cross_validate.main(["--recipe", "tiny", "--folds", "2", "--device", "cpu", *map(str, flags)])


def watch_steps(patch: pytest.MonkeyPatch, watch: Callable[[str], None]) -> None:
    """Have the line of each step of each fold told to `watch` before it is printed."""
    honest = OutOfFold.train

    def train(store: OutOfFold, *what: Any) -> FoldRecord:
        *before, on_step, batches = what

        def both(line: str) -> None:
            watch(line)
            on_step(line)

        return honest(store, *before, both, batches)

    patch.setattr(OutOfFold, "train", train)


def told(folder: Path) -> dict:
    return json.loads((folder / "report.json").read_text())


def test_no_fold_reads_what_it_scores(finished: Path, lake: Lake) -> None:
    folds = told(finished)["folds"]
    everything = sorted([recording.video_id for recording in lake.recordings] + [TWIN])
    assert sorted(video for fold in folds for video in fold["held_out"]) == everything
    for number, fold in enumerate(folds, start=1):
        assert not {*fold["held_out"]} & {*fold["train"], *fold["validation"]}
        assert fold["validation"], "epochs are chosen on recordings of training folds"
        assert not {*fold["train"]} & {*fold["validation"]}
        header = read_header(finished / f"fold-{number}" / "tiny.safetensors")
        assert header["videos"] == {part: fold[part] for part in ("train", "validation", "held_out")}


def test_one_video_under_two_ids_stays_on_one_side(finished: Path) -> None:
    report = told(finished)
    assert report["data"]["same_content"] == [[ORIGINAL, TWIN]]
    assert (report["data"]["recordings"], report["data"]["contents"]) == (8, 7)
    for fold in report["folds"]:
        for part in ("train", "validation", "held_out"):
            assert (ORIGINAL in fold[part]) == (TWIN in fold[part])


def test_a_fold_does_not_open_what_it_scores_before_it_is_trained(
    zone_with_a_twin: Path, finished: Path, known: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read between the start of a fold and the end of its training are its own recordings."""
    reads: list[int] = []
    honest = curated_zone._read

    def spying(table: Table, files: Sequence[Path], *columns: str, **condition: Any) -> pa.Table:
        reads.extend(int(file.stem.removeprefix("train-")) for file in files if "tracking_curated" in file.parts)
        return honest(table, files, *columns, **condition)

    monkeypatch.setattr(curated_zone, "_read", spying)
    opened: list[set[int]] = []
    watch_steps(monkeypatch, lambda line: opened.append({*reads}))
    planned = fold_plan.content_groups

    def forget(contents):
        reads.clear()  # up to here everything was read, to know which recordings are the same
        return planned(contents)

    monkeypatch.setattr(fold_plan, "content_groups", forget)
    assert run("--curated", zone_with_a_twin, "--output-dir", tmp_path / "out") == EXIT_OK
    first = told(finished)["folds"][0]
    assert opened[0] == {*first["train"], *first["validation"]}


def test_scores_are_kept_per_recording_and_pair_in_16_bits(finished: Path, lake: Lake) -> None:
    files = sorted((finished / "scores").glob("*.npz"))
    expected = {f"{one.video_id}-{agent}-{target}" for one in lake.recordings for agent, target in one.pairs}
    assert {path.stem for path in files if not path.stem.startswith(f"{TWIN}-")} == expected
    for path in files:
        with np.load(path) as kept:
            assert kept["scores"].dtype == np.float16
            assert kept["scores"].shape[1] == len(kept["behaviors"])
            assert 0 <= kept["scores"].min() <= kept["scores"].max() <= 1


def test_the_score_is_that_of_serving_each_recording_with_the_recognizer_that_never_saw_it(finished: Path, lake: Lake) -> None:
    report = told(finished)
    found = []
    for number, fold in enumerate(report["folds"], start=1):
        recognizer = load_recognizer([finished / f"fold-{number}" / "tiny.safetensors"])
        fitted = read_decoding(finished / f"fold-{number}")
        assert not {*fitted.videos} & {*fold["held_out"]}
        recognizer = replace(recognizer, decoding=fitted.over(recognizer.behaviors, {}))
        for recording in lake.recordings:
            if recording.video_id in fold["held_out"]:
                found.append(recognize(lake.tracking(recording), recording, recognizer))
    truth = CuratedZone(lake.curated).bouts(lake.recordings)
    truth = truth[truth["video_id"] != ORIGINAL]  # apart from the two whose truth is not the lake's
    recordings = [recording for recording in lake.recordings if recording.video_id != ORIGINAL]
    served = mabe_score(solution_rows(recordings, truth), submission_rows(pd.concat(found)))
    assert report["labs"]["JovialSwallow"]["score"]["value"] == pytest.approx(served.labs["JovialSwallow"].score, abs=0.01)


def test_a_fold_is_decoded_without_a_look_at_its_own_scores_and_labels(
    finished: Path, zone_with_a_twin: Path, known: None, tmp_path: Path
) -> None:
    """With all scores of fold 1 turned around, its own decoding stays as it was, and those of fold 2 and of all do not."""
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    for video in told(folder)["folds"][0]["held_out"]:
        for path in (folder / "scores").glob(f"{video}-*.npz"):
            with np.load(path) as kept:
                turned = {**kept, "scores": (1 - kept["scores"]).astype(np.float16)}
            np.savez_compressed(path, **turned)
    assert run("--curated", zone_with_a_twin, "--output-dir", folder) == EXIT_OK
    assert read_decoding(folder / "fold-1") == read_decoding(finished / "fold-1")
    assert read_decoding(folder / "fold-2") != read_decoding(finished / "fold-2")
    assert read_decoding(folder).decoding != read_decoding(finished).decoding


def test_the_decoding_for_use_is_fitted_on_all_and_told_beside_others(finished: Path) -> None:
    report = told(finished)
    fitted = read_decoding(finished)
    assert report["decoding"] == fitted.to_json_dict()
    assert list(fitted.videos) == sorted(video for fold in report["folds"] for video in fold["held_out"])
    assert fitted.decoding.occurring == {
        "CalMS21_task2": {"attack", "mount", "sniff"},
        "JovialSwallow": {"attack", "chase", "sniff"},
    }
    assert set(fitted.decoding.lab_thresholds) == {"CalMS21_task2", "JovialSwallow"}
    assert set(report["other_decodings"]) == {"plain", "validation", "without_labs"}
    score = report["headline"]["competition_score"]["value"]
    for other in report["other_decodings"].values():
        assert other["gain"]["value"] == pytest.approx(score - other["score"]["value"])
        assert other["gain"]["low"] <= other["gain"]["value"] <= other["gain"]["high"]
    page = (finished / "report.html").read_text()
    for behavior, threshold in fitted.decoding.lab_thresholds["JovialSwallow"].items():
        assert re.search(rf"<tr><td class=\"text\">{behavior}</td>(<td>[^<]*</td>)*<td>{threshold:.3f}</td></tr>", page)
    assert "calibrated on the other folds" in page


def test_the_report_has_every_number_with_its_interval(finished: Path) -> None:
    report = told(finished)
    assert set(report["behaviors"]) == {"attack", "chase", "mount", "sniff"}
    for estimate in report["headline"].values():
        assert estimate["low"] <= estimate["value"] <= estimate["high"]
    for one in report["behaviors"].values():
        assert 0 < one["frames"] < one["annotated_frames"]
        assert 0 < one["average_precision"]["value"] <= 1
        assert one["bout_f1_at_0.1"]["value"] >= one["bout_f1_at_0.5"]["value"]
        assert one["frame_f1_optimistic"]["value"] >= one["frame_f1"]["value"]
    assert np.shape(report["confusion"]["frames"]) == (5, 5)
    sniff = report["behaviors"]["sniff"]
    assert sum(sniff["reliability"]["frames"]) == sniff["annotated_frames"]
    assert len(sniff["curve"]["recall"]) == len(sniff["curve"]["precision"]) > 10


def test_the_page_stands_alone_and_says_the_numbers_of_the_report(finished: Path) -> None:
    page = (finished / "report.html").read_text()
    report = told(finished)
    assert not re.search(r"<script|<img|<link|src=|url\((?!#)|@import", page)
    assert page.count("<svg") == 4 + 3  # a curve for each behavior, reliability, overlap, confusion
    score = report["headline"]["competition_score"]
    assert f"<strong>{score['value']:.3f}</strong>" in page
    assert f"[{score['low']:.3f}, {score['high']:.3f}]" in page
    for name, one in report["behaviors"].items():
        row = re.search(rf"<tr><td class=\"text\">{name}</td>.*?</tr>", page).group()
        for key in ("frame_f1", "frame_f1_optimistic", "average_precision", "bout_f1_at_0.3"):
            assert f"<td>{one[key]['value']:.3f}</td>" in row
    assert f"{ORIGINAL}, {TWIN}" in page
    assert "optimistic" in page
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert {*re.findall(r'(?:url\(#|href="#)([^")]+)', page)} <= {*ids}


def test_a_fold_that_is_done_is_not_trained_again(finished: Path, zone_with_a_twin: Path, known: None, tmp_path: Path, capsys) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    first = told(folder)
    (folder / "report.json").unlink()
    shutil.rmtree(folder / "fold-2")
    kept = (folder / "fold-1" / "tiny.safetensors").stat().st_mtime_ns
    assert run("--curated", zone_with_a_twin, "--output-dir", folder) == EXIT_OK
    out = capsys.readouterr().out
    assert "fold=1/2 done before" in out
    assert "fold=1/2 epoch" not in out
    assert "fold=2/2 epoch=1" in out
    assert (folder / "fold-1" / "tiny.safetensors").stat().st_mtime_ns == kept
    again = told(folder)
    assert again["headline"] == first["headline"]
    assert not list(folder.glob("fold-*/state.safetensors"))


def test_an_interrupted_fold_goes_on_after_its_last_epoch(
    zone_with_a_twin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setitem(recipes.RECIPES, "tiny", lambda: replace(tiny_recipe(), epochs=2))
    flags = ("--curated", zone_with_a_twin, "--output-dir", tmp_path / "out")

    def stop(line: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        watch_steps(patch, stop)
        assert run(*flags) == 130
    capsys.readouterr()
    assert run(*flags) == EXIT_OK
    out = capsys.readouterr().out
    assert "fold=1/2 epoch=1 " not in out
    assert "fold=1/2 epoch=2 " in out
    assert "fold=2/2 epoch=1 " in out


def test_the_folder_of_another_run_is_refused_with_the_difference(finished: Path, zone_with_a_twin: Path, known: None, capsys) -> None:
    before = (finished / "report.json").read_text()
    assert run("--curated", zone_with_a_twin, "--output-dir", finished, "--seed", "5") == EXIT_CONTRACT
    assert "to have this run, but got another: seed was 0 and is 5" in capsys.readouterr().err
    assert (finished / "report.json").read_text() == before


def test_a_gain_over_another_run_is_told_with_its_interval(
    finished: Path, zone_with_a_twin: Path, known: None, tmp_path: Path, capsys
) -> None:
    flags = ("--curated", zone_with_a_twin, "--output-dir", tmp_path, "--against", finished)
    assert run(*flags) == EXIT_OK
    same = told(tmp_path)["against"]
    assert (same["recipe"], same["seed"]) == ("tiny", 0)
    assert all(gain == {"value": 0.0, "low": 0.0, "high": 0.0} for gain in same["gain"].values())  # a run gains nothing over itself
    assert "within the noise" in capsys.readouterr().out
    assert "Gain over tiny, seed 0" in (tmp_path / "report.html").read_text()


def test_runs_on_other_recordings_are_not_compared(finished: Path, zone_with_a_twin: Path, known: None, tmp_path: Path, capsys) -> None:
    flags = ("--curated", zone_with_a_twin, "--output-dir", tmp_path / "out", "--labs", "CalMS21_task2", "--against", finished)
    assert run(*flags) == EXIT_CONTRACT
    assert "to be a run on the same data, but got others" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("other", "named"), [("arena", "arena"), (None, "unknown")])
def test_runs_of_another_view_or_of_code_that_does_not_say_are_not_compared(
    other: str | None, named: str, finished: Path, zone_with_a_twin: Path, known: None, tmp_path: Path, capsys
) -> None:
    shutil.copytree(finished, tmp_path / "other")
    identity = json.loads((finished / "run.json").read_text())
    told = {key: value for key, value in identity.items() if key != "view"} | ({} if other is None else {"view": other})
    (tmp_path / "other" / "run.json").write_text(json.dumps(told))
    flags = ("--curated", zone_with_a_twin, "--output-dir", tmp_path / "out", "--against", tmp_path / "other")
    assert run(*flags) == EXIT_CONTRACT
    assert f"to be a run of the pair view, but got the {named} view" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_lab_by_itself(zone_with_a_twin: Path, known: None, tmp_path: Path) -> None:
    assert run("--curated", zone_with_a_twin, "--output-dir", tmp_path, "--labs", "JovialSwallow") == EXIT_OK
    assert told(tmp_path)["data"]["labs"] == ["JovialSwallow"]
    assert sorted(video for fold in told(tmp_path)["folds"] for video in fold["held_out"]) == [105, 106, 107]


def test_a_recipe_that_names_groups_is_judged_by_groups(
    zone_with_a_twin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    small = recipes.RECIPES["conv_bilstm_small"]()
    network = replace(small.network, channels=(8, 8), hidden=8)
    monkeypatch.setitem(recipes.RECIPES, "tiny", lambda: replace(small, name="tiny", network=network, epochs=1, batch=8))
    assert run("--curated", zone_with_a_twin, "--output-dir", tmp_path) == EXIT_OK
    found = told(tmp_path)
    assert set(found["behaviors"]) == {"social", "mating", "aggressive"}
    assert found["behaviors"]["social"]["frames"] > 0
    assert found["headline"]["competition_score"]["value"] > 0  # found and true bouts of an arena meet
    videos = sorted(str(recording.video_id) for recording in CuratedZone(zone_with_a_twin).annotated_recordings())
    assert sorted(path.stem for path in (tmp_path / "scores").iterdir()) == videos  # nobody is named
    assert found["confusion"]["names"][-1] == "nothing"
    assert np.sum(found["confusion"]["frames"]) == sum(content_frames(zone_with_a_twin))
    assert "F1 of groups" in (tmp_path / "report.html").read_text()
    assert "the competition's score" not in (tmp_path / "report.html").read_text()
    assert (found["decoding"], found["other_decodings"]) == (None, {})
    assert not list(tmp_path.rglob("decoding.json"))
    assert "F1 of groups, as the competition pools it: 0." in capsys.readouterr().out


def content_frames(curated: Path) -> list[int]:
    zone = CuratedZone(curated)
    return [zone.tracking(recording).frames for recording in zone.annotated_recordings()]


def test_a_lab_without_annotations_is_a_usage_error(lake: Lake, known: None, tmp_path: Path, capsys) -> None:
    assert run("--curated", lake.curated, "--output-dir", tmp_path, "--labs", "Nowhere") == EXIT_USAGE
    assert "labs with annotations (CalMS21_task2, JovialSwallow), but got Nowhere" in capsys.readouterr().err


def test_more_folds_than_recordings_break_the_contract(lake: Lake, known: None, tmp_path: Path, capsys) -> None:
    assert run("--curated", lake.curated, "--output-dir", tmp_path, "--folds", "9") == EXIT_CONTRACT
    assert "got 7 recordings of different content and 9 folds" in capsys.readouterr().err


@pytest.mark.parametrize("flags", [("--recipe", "soufflé"), ("--curated", "nowhere"), ("--device", "abacus"), ("--epochs", "0")])
def test_what_a_user_gets_wrong_is_a_usage_error(flags: tuple[str, str], lake: Lake, known: None, tmp_path: Path, capsys) -> None:
    assert run("--curated", lake.curated, "--output-dir", tmp_path / "out", *flags) == EXIT_USAGE
    assert capsys.readouterr().err.startswith("error: Expected ")
    assert not (tmp_path / "out").exists()


def test_a_loss_that_diverges_is_told_in_one_line(lake: Lake, known: None, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("training.fitting.loop.Trainer._step", lambda trainer, batch: torch.tensor(torch.nan))
    assert run("--curated", lake.curated, "--output-dir", tmp_path) == EXIT_UNEXPECTED
    assert "error: Expected a finite loss, but got nan in epoch 1" in capsys.readouterr().err


def test_without_what_draws_the_report_nothing_is_trained(lake: Lake, known: None, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr("training.command_line.find_spec", lambda name: None if name == "jinja2" else object())
    assert run("--curated", lake.curated, "--output-dir", tmp_path / "out") == EXIT_USAGE
    assert "which draw the report, but got no jinja2. Run pip install jinja2." in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_run_leaves_its_line_for_the_table_of_experiments_in_its_own_folder(finished: Path) -> None:
    assert re.fullmatch(
        r"\| \d{4}-\d\d-\d\d \| tiny, 1 epochs \| CalMS21_task2, JovialSwallow \(8 recordings, 2 folds out of fold\) \| 0 "
        r"\| \d\.\d{3} \[\d\.\d{3}, \d\.\d{3}\] \| frame F1 .*, optimistic .*; PR-AUC .*over one threshold for all.* \|\n",
        (finished / "experiment.md").read_text(),
    )
