"""From doubtful bouts to corrections, and from corrections to annotations that training reads."""

import json
import re
import shutil
from pathlib import Path

import av
import pandas as pd
import pytest
from browser import assert_reads_well
from curated_lake import aws_on_this_disk, fill
from simulated_lake import Lake
from small_recognizer import PROVENANCE, random_arena_recognizer, random_recognizer

from behavior.contract import EXIT_CONTRACT, EXIT_OK, EXIT_USAGE
from behavior.labelling import PairLabelling, Subject
from inference import recognize, review, take_corrections
from recognizers.checkpoint import save
from training.material.curated_zone import CuratedZone

LAB = "CalMS21_task2"


def run(script, *flags: object) -> int:
    return script.main([str(flag) for flag in flags])


@pytest.fixture
def raw(lake: Lake, tmp_path: Path) -> Path:
    """A copy of the data directory; its videos 103 and 104 are also those of test.csv, as 1103 and 1104."""
    folder = tmp_path / "raw"
    shutil.copytree(lake.raw, folder)
    metadata = pd.read_csv(folder / "train.csv")
    metadata[metadata["video_id"] >= 103].assign(video_id=lambda rows: rows["video_id"] + 1000).to_csv(folder / "test.csv", index=False)
    (folder / "test_tracking" / LAB).mkdir(parents=True)
    for video in (103, 104):
        shutil.copy(folder / "train_tracking" / LAB / f"{video}.parquet", folder / "test_tracking" / LAB / f"{1000 + video}.parquet")
    return folder


@pytest.fixture
def queue(raw: Path, request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A queue of six bouts, of test.csv or of held-out recordings of train.csv."""
    paths = []
    for name, seed in (("one", 0), ("two", 1)):
        save(tmp_path / f"{name}.safetensors", random_recognizer(("attack", "mount", "sniff"), seed=seed, threshold=0.3), PROVENANCE)
        flags = ["--data-dir", raw, "--checkpoint", tmp_path / f"{name}.safetensors", "--device", "cpu", *request.param]
        assert run(recognize, *flags, "--output", tmp_path / f"{name}.parquet") == EXIT_OK
        paths.append(tmp_path / f"{name}.parquet")
    flags = ["--data-dir", raw, "--bouts", *paths, "--count", 6, "--margin-s", 1, "--output", tmp_path / "review", "--no-clips"]
    assert run(review, *flags) == EXIT_OK
    return tmp_path / "review"


def judge(path: Path, verdicts: dict[int, dict[str, object]]) -> pd.DataFrame:
    """Fill the table as a person does, by item."""
    table = pd.read_csv(path / "queue.csv", dtype={"verdict": str})
    table = table.astype(dict.fromkeys(("verdict", "corrected_start_frame", "corrected_stop_frame"), object))
    for item, values in verdicts.items():
        for name, value in values.items():
            table.loc[table["item"] == item, name] = value
    table.to_csv(path / "queue.csv", index=False)
    return table.set_index("item")


TEST, HELD_OUT = pytest.mark.parametrize("queue", [[]], indirect=True), pytest.mark.parametrize("queue", [["--held-out"]], indirect=True)


@TEST
def test_the_queue_is_a_table_to_fill_and_a_project_for_boris(queue: Path) -> None:
    table = pd.read_csv(queue / "queue.csv")
    assert len(table) == 6
    assert table["item"].tolist() == [1, 2, 3, 4, 5, 6]
    assert table["verdict"].isna().all()
    assert (table["window_start_frame"] <= table["start_frame"]).all()
    assert (table["window_stop_frame"] >= table["stop_frame"]).all()
    assert table["behavior"].nunique() > 1
    assert table["dispute"].notna().all()
    project = json.loads((queue / "queue.boris").read_text())
    events = [event for one in project["observations"].values() for event in one["events"]]
    assert len(events) == 12
    assert sum(event[4].startswith("item ") for event in events) == 6
    assert set(project["observations"]) == set(table["recording"].astype(str))


@TEST
def test_a_page_shows_a_clip_of_each_bout_beside_the_queue(queue: Path, raw: Path, tmp_path: Path) -> None:
    flags = ["--data-dir", raw, "--bouts", tmp_path / "one.parquet", tmp_path / "two.parquet", "--count", 3, "--margin-s", 0.2]
    assert run(review, *flags, "--output", tmp_path / "shown") == EXIT_OK
    table = pd.read_csv(tmp_path / "shown" / "queue.csv")
    assert table["clip"].tolist() == [f"clips/item-00{item}.mp4" for item in (1, 2, 3)]
    for row in table.itertuples():
        with av.open(str(tmp_path / "shown" / row.clip)) as film:
            (stream,) = film.streams.video
            assert sum(1 for _ in film.decode(stream)) == row.window_stop_frame - row.window_start_frame
    html = (tmp_path / "shown" / "queue.html").read_text()
    for row in table.itertuples():
        assert re.search(rf"{row.item}: {row.behavior} .*? {row.video_id}, .*?\(frames {row.start_frame} to {row.stop_frame}\)", html)
    seen = assert_reads_well(html, tmp_path)
    assert len(seen["videos"]) == 3
    assert seen["headings"] == [*sorted(set(table["behavior"])), "All bouts"]


@HELD_OUT
def test_the_next_training_reads_the_corrections_with_the_name_of_the_annotator(queue: Path, raw: Path, tmp_path: Path) -> None:
    table = judge(queue, {1: {"verdict": "right"}, 2: {"verdict": "wrong"}})
    assert run(take_corrections, "--data-dir", raw, "--queue", queue / "queue.csv", "--annotator", "Ada") == EXIT_OK
    with aws_on_this_disk(tmp_path / "s3_mock") as chosen:
        fill(chosen, raw)
        zone = CuratedZone(tmp_path / "s3_mock" / "curated-zone")
        (folder,) = (tmp_path / "s3_mock" / "curated-zone" / "annotations_enriched").iterdir()
        curated = pd.read_parquet(folder)
    recordings = {one.video_id: one for one in zone.annotated_recordings()}
    bouts = zone.bouts(list(recordings.values()))
    for item, expected in ((1, 1), (2, 0)):
        row = table.loc[item]
        recording, (agent, target) = recordings[row["video_id"]], (int(row[name][-1]) for name in ("agent", "target"))
        labelling = PairLabelling((row["behavior"],))
        truth = labelling.truth(recording, Subject(agent, target), (1, 2), 300, bouts)
        frames = slice(row["window_start_frame"], row["window_stop_frame"])
        inside = slice(row["start_frame"], row["stop_frame"])
        assert truth.labels[frames].sum() == expected * (row["stop_frame"] - row["start_frame"]), "these are the labels of training"
        assert truth.labels[inside].all() == bool(expected)
    one = table.loc[1]
    same = (curated["video_id"] == one["video_id"]) & (curated["start_frame"] == one["start_frame"])
    assert curated[same & (curated["action"] == one["behavior"])]["annotator"].tolist() == ["Ada"]


@HELD_OUT
def test_corrections_change_annotations_and_keep_what_was(queue: Path, raw: Path, capsys) -> None:
    before = {path.name: path.read_bytes() for path in (raw / "train_annotation").rglob("*.parquet")}
    table = judge(queue, {1: {"verdict": "right"}, 2: {"verdict": "wrong"}})
    one, two = table.loc[1], table.loc[2]
    flags = ["--data-dir", raw, "--queue", queue / "queue.csv", "--annotator", "Ada"]
    assert run(take_corrections, *flags) == EXIT_OK
    assert "corrections of Ada" in capsys.readouterr().out

    def bouts(row: pd.Series) -> pd.DataFrame:
        table = pd.read_parquet(raw / "train_annotation" / LAB / f"{row['video_id']}.parquet")
        own = table[(table["action"] == row["behavior"]) & (table["agent_id"] == int(row["agent"][-1]))]
        return own[(own["start_frame"] < row["window_stop_frame"]) & (own["stop_frame"] > row["window_start_frame"])]

    (found,) = bouts(one).to_dict("records")
    assert (found["start_frame"], found["stop_frame"], found["annotator"]) == (one["start_frame"], one["stop_frame"], "Ada")
    assert bouts(two).empty
    kept = {path.name.split(".")[0]: path.read_bytes() for path in (raw / "replaced_annotations").rglob("*.parquet")}
    assert all(before[f"{name}.parquet"] == content for name, content in kept.items())
    assert kept
    after = {path: path.read_bytes() for path in raw.rglob("*.parquet")}
    assert run(take_corrections, *flags) == EXIT_OK
    assert "Changed the annotations of 0 of" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in raw.rglob("*.parquet")} == after


@TEST
def test_windows_of_new_recordings_become_training_recordings_that_the_lake_takes(queue: Path, raw: Path, tmp_path: Path, capsys) -> None:
    table = judge(queue, {1: {"verdict": "right"}, 2: {"verdict": "wrong"}, 3: {"verdict": "dance"}})
    flags = ["--data-dir", raw, "--queue", queue / "queue.csv", "--annotator", "Ada"]
    before = (raw / "train.csv").read_text()
    assert run(take_corrections, *flags) == EXIT_OK
    assert "Made 3 recordings of Ada's corrections, 3 of them new" in capsys.readouterr().out
    metadata = pd.read_csv(raw / "train.csv")
    clips = metadata[~metadata["video_id"].isin(range(101, 105))].reset_index(drop=True)
    assert len(clips) == 3
    assert set(clips["annotator"]) == {"Ada"}
    assert len(pd.read_csv(raw / "train.csv")) == len(before.splitlines()) - 1 + 3
    by_name = clips.set_index("recording_name")
    behaviors = table["behavior"]
    for item, listed in ((1, [behaviors[1]]), (2, [behaviors[2]]), (3, sorted([behaviors[3], "dance"]))):
        row = table.loc[item]
        span = (row["start_frame"], row["stop_frame"]) if item == 3 else (row["window_start_frame"], row["window_stop_frame"])
        clip = by_name.loc[f"{row['video_id']} frames {span[0]} to {span[1]}"]
        assert sorted(text.split(",")[-1] for text in json.loads(clip["behaviors_labeled"])) == listed
        bouts = pd.read_parquet(raw / "train_annotation" / LAB / f"{clip['video_id']}.parquet")
        tracks = pd.read_parquet(raw / "train_tracking" / LAB / f"{clip['video_id']}.parquet")
        assert 0 <= tracks["video_frame"].min() <= tracks["video_frame"].max() < span[1] - span[0]
        expected = [] if item == 2 else [(row["start_frame"] - span[0], row["stop_frame"] - span[0], "Ada")]
        assert list(bouts[["start_frame", "stop_frame", "annotator"]].itertuples(index=False, name=None)) == expected
    text = (raw / "train.csv").read_text()
    assert run(take_corrections, *flags) == EXIT_OK
    assert (raw / "train.csv").read_text() == text
    assert "0 of them new" in capsys.readouterr().out

    with aws_on_this_disk(tmp_path / "s3_mock") as chosen:
        fill(chosen, raw)
    zone = CuratedZone(tmp_path / "s3_mock" / "curated-zone")
    assert set(clips["video_id"]) <= {one.video_id for one in zone.annotated_recordings()}
    bouts = zone.bouts(zone.annotated_recordings())
    assert len(bouts[bouts["video_id"].isin(clips["video_id"])]) == 2


@TEST
def test_a_corrected_boris_project_is_taken(queue: Path, raw: Path, capsys) -> None:
    table = pd.read_csv(queue / "queue.csv").set_index("item")
    project = json.loads((queue / "queue.boris").read_text())
    moved, deleted = table.loc[1], table.loc[2]

    def events(row: pd.Series) -> list[list]:
        own = project["observations"][str(row["recording"])]["events"]
        times = {round(row["start_frame"] / 30, 3), round(row["stop_frame"] / 30, 3)}
        return [event for event in own if event[0] in times and event[2] == row["behavior"] and event[1] == row["agent"]]

    start = events(moved)[0]
    later = round((moved["start_frame"] + 1) / 30, 3)
    start[0] = later
    for event in events(deleted):
        project["observations"][str(deleted["recording"])]["events"].remove(event)
    (queue / "corrected.boris").write_text(json.dumps(project))
    flags = ["--data-dir", raw, "--queue", queue / "queue.csv", "--boris", queue / "corrected.boris", "--annotator", "Zoë"]
    assert run(take_corrections, *flags) == EXIT_OK
    assert "Made 6 recordings of Zoë's corrections" in capsys.readouterr().out
    metadata = pd.read_csv(raw / "train.csv").set_index("recording_name")
    bouts = {}
    for item, row in table.iterrows():
        name = f"{row['video_id']} frames {row['window_start_frame']} to {row['window_stop_frame']}"
        own = metadata.loc[[name]]
        listed = own[own["behaviors_labeled"].str.contains(f"{row['agent']},{row['target']},{row['behavior']}", regex=False)]
        bouts[item] = pd.read_parquet(raw / "train_annotation" / LAB / f"{listed['video_id'].iloc[0]}.parquet")
    assert bouts[1]["start_frame"].tolist() == [moved["start_frame"] + 1 - moved["window_start_frame"]]
    assert bouts[2].empty
    assert bouts[3]["start_frame"].tolist() == [table.loc[3, "start_frame"] - table.loc[3, "window_start_frame"]]


@TEST
def test_mistakes_are_told_in_one_line(queue: Path, raw: Path, tmp_path: Path, capsys) -> None:
    flags = ["--data-dir", raw, "--queue", queue / "queue.csv", "--annotator", "Ada"]
    capsys.readouterr()
    assert run(take_corrections, *flags) == EXIT_USAGE
    assert "Expected verdicts in" in capsys.readouterr().err
    judge(queue, {1: {"verdict": "right", "corrected_start_frame": 900, "corrected_stop_frame": 2}})
    assert run(take_corrections, *flags) == EXIT_CONTRACT
    assert "item 1: Expected the bout to end after it begins" in capsys.readouterr().err
    assert run(take_corrections, *flags, "--boris", queue / "queue.csv") == EXIT_CONTRACT
    assert "Expected" in capsys.readouterr().err
    assert run(take_corrections, "--data-dir", raw, "--queue", "nowhere.csv", "--annotator", "Ada") == EXIT_USAGE
    assert run(take_corrections, *flags[:-1], "  ") == EXIT_USAGE
    project = json.loads((queue / "queue.boris").read_text())
    next(iter(project["observations"].values()))["events"][0][3] = ""
    (queue / "nobody.boris").write_text(json.dumps(project))
    assert run(take_corrections, *flags, "--boris", queue / "nobody.boris") == EXIT_CONTRACT
    assert "Choose the subject, and the target as modifier." in capsys.readouterr().err
    project = json.loads((queue / "queue.boris").read_text())
    next(iter(project["observations"].values()))["events"].pop()
    (queue / "half.boris").write_text(json.dumps(project))
    assert run(take_corrections, *flags, "--boris", queue / "half.boris") == EXIT_CONTRACT
    assert "but got no stop of" in capsys.readouterr().err


def test_bouts_of_a_whole_arena_cannot_be_reviewed(raw: Path, tmp_path: Path, capsys) -> None:
    save(tmp_path / "groups.safetensors", random_arena_recognizer(), PROVENANCE)
    flags = ["--data-dir", raw, "--checkpoint", tmp_path / "groups.safetensors", "--held-out", "--device", "cpu"]
    assert run(recognize, *flags, "--output", tmp_path / "g.parquet") == EXIT_OK
    assert run(review, "--data-dir", raw, "--bouts", tmp_path / "g.parquet", "--output", tmp_path / "review") == EXIT_USAGE
    assert "bouts of a whole arena" in capsys.readouterr().err
