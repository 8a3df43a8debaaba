"""Films through the lake: landed, counted by decoding, judged, curated once, and read by training; each test has a lab of its own."""

import json
import os
import shutil
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from curated_lake import aws_on_this_disk
from painted_film import number_in, painted, write_film
from small_recognizer import PROVENANCE, random_film_recognizer

from aws_pipeline import athena, commit_predictions, curation_run, lineage, quarantine, s3_upload
from aws_pipeline.config import Settings
from aws_pipeline.curation_options import Options
from aws_pipeline.quality_gate import Limits, judge
from aws_pipeline.quarantine_store import write_decision
from aws_pipeline.validate import validate
from behavior.contract import UsageError
from behavior.film_keys import film_number
from behavior.keys import recording_name
from behavior.pain import PAIN_BEHAVIORS
from behavior.verdicts import Decision, Verdict
from films import probe
from films.decoding import FilmReader
from inference import recognize
from recognizers.checkpoint import save
from training.material.film_zone import FilmZone

N = 40
PICTURES = [painted(number) for number in range(N)]


@dataclass
class Lab:
    """The films of one lab, and the lake."""

    chosen: Settings
    name: str
    folder: Path
    summary: dict[str, Any] = field(default_factory=dict)

    def film(self, name: str, labels: str | None = "start,stop,label\n0,40,rest\n", frames: list[np.ndarray] = PICTURES, **how) -> Path:
        if labels is not None:
            self.labels(name, labels)
        return write_film(self.folder / "Videos" / self.name / f"{name}.mp4", frames, **how)

    def labels(self, name: str, text: str) -> Path:
        path = self.folder / "Annotations" / self.name / f"{name}_Ada.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def upload(self) -> s3_upload.Uploaded:
        return s3_upload.upload(self.folder, self.chosen)

    def curate(self, keep_days: float = 0.0) -> dict[str, Any]:
        places = self.chosen.uri("raw"), self.chosen.uri("curated"), self.chosen.database
        self.summary = curation_run.run_curation(Options(*places, keep_days=keep_days, due_bytes=0))
        return self.summary

    def run(self) -> dict[str, Any]:
        self.upload()
        return self.curate()

    @property
    def zone(self) -> FilmZone:
        return FilmZone(self.chosen.mock_dir / "curated-zone")

    def rows(self) -> dict[str, dict[str, Any]]:
        return {row["name"]: row for row in self.zone.manifest.values() if row["lab_id"] == self.name}

    def put_aside(self) -> dict[str, list[str]]:
        """Codes by name of the film."""
        names = {recording_name("film", film_number(self.name, path.stem)): path.stem for path in self.folder.rglob("*") if path.is_file()}
        reasons = quarantine.read_quarantine(self.chosen).reasons
        return {names[one.name]: [fault.code for fault in one.faults] for one in reasons.values() if one.name in names}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with aws_on_this_disk(tmp_path_factory.mktemp("s3_mock")) as chosen:
        yield chosen


@pytest.fixture
def lab(aws: Settings, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Lab]:
    own = Lab(aws, f"L{zlib.crc32(request.node.name.encode())}", tmp_path / "data")
    yield own
    for folder in (aws.mock_dir / "raw-zone").glob(f"film*/lab_id={own.name}"):  # so that no other test judges its films
        shutil.rmtree(folder)


def test_films_land_with_their_digests_and_become_a_manifest_and_labels_that_training_reads(lab: Lab):
    film = lab.film("day 1, cage 2", "Frame,Action\n" + "".join(f"{n},{'flinch' if n < 10 else 'walk'}\n" for n in range(30)))
    (lab.folder / "individuals.csv").write_text('film,individual\n"day 1, cage 2",m7\n')
    done = lab.upload()
    raw = lab.chosen.mock_dir / "raw-zone"
    landed = raw / "film" / f"lab_id={lab.name}" / "day 1, cage 2.mp4"
    assert landed.read_bytes() == film.read_bytes()
    assert (raw / "film_annotation" / f"lab_id={lab.name}" / "day 1, cage 2.csv").is_file()
    assert [str(one) for one in done.plan.balances] == ["films: 1 in = 1 sound + 0 put aside"]
    tables = [pq.ParquetFile(path).read() for path in (raw / "landing" / f"lab_id={lab.name}").glob("*.parquet")]
    sources = pa.concat_tables(tables).column("source").to_pylist()
    assert sorted(sources) == [f"Annotations/{lab.name}/day 1, cage 2_Ada.csv", f"Videos/{lab.name}/day 1, cage 2.mp4"]
    summary = lab.curate()
    assert summary["films"] >= 1
    row = lab.rows()["day 1, cage 2"]
    assert (row["frames"], row["rate_numerator"], row["rate_denominator"], row["width_px"], row["height_px"]) == (N, 30, 1, 128, 96)
    assert (row["codec"], row["rotation_degrees"], row["variable_rate"], row["labelled_frames"]) == ("h264", 0, False, 30)
    assert (row["individual"], json.loads(row["behaviors"])[1]) == ("m7", "paw_withdraw")
    (recording,) = [one for one in lab.zone.annotated_recordings() if one.lab_id == lab.name]
    bouts = lab.zone.bouts([recording])
    assert bouts[["action", "start_frame", "stop_frame"]].to_numpy().tolist() == [["paw_withdraw", 0, 10], ["walk", 10, 30]]
    athena.query((athena.SQL / "views" / "film_frames.sql").read_text(), lab.chosen)
    asked = f"SELECT frame, action, written FROM film_frames WHERE lab_id = '{lab.name}' AND frame IN (9, 10, 29, 30) ORDER BY frame"
    assert athena.query(asked, lab.chosen).to_numpy().tolist() == [
        [9, "paw_withdraw", "flinch"],
        [10, "walk", "walk"],
        [29, "walk", "walk"],
    ]
    curated = lab.zone.film(recording)
    assert curated.path.read_bytes() == film.read_bytes()
    with FilmReader(curated.path) as reader:
        assert number_in(reader.frame(33)) == 33


def test_two_labs_that_each_bring_a_film_of_one_name_both_keep_it(lab: Lab):
    lab.film("7")
    other = Lab(lab.chosen, f"{lab.name}B", lab.folder)
    other.film("7", "start,stop,label\n0,40,walk\n", [painted(number + 100) for number in range(N)])
    try:
        assert str(lab.upload().plan.balances[0]) == "films: 2 in = 2 sound + 0 put aside"
        lab.curate()
        rows, others = lab.rows(), other.rows()
        assert (set(rows), set(others), lab.put_aside()) == ({"7"}, {"7"}, {})
        assert rows["7"]["video_id"] != others["7"]["video_id"]
        zone = {one.lab_id: lab.zone.bouts([one])["action"].tolist() for one in lab.zone.annotated_recordings()}
        assert (zone[lab.name], zone[other.name]) == (["rest"], ["walk"])
        counted = athena.query(athena.saved_query("film_behaviors"), lab.chosen)
        assert counted.to_numpy().tolist() == [["rest", 1, 1, 1, 40, 1.333], ["walk", 1, 1, 1, 40, 1.333]]
        verdict = judge(Limits(min_annotated=3), lab.chosen)
        assert verdict.reason.endswith("2 recordings or films have annotated bouts, fewer than 3.")
        assert judge(Limits(min_annotated=2), lab.chosen).passed
    finally:
        for folder in (lab.chosen.mock_dir / "raw-zone").glob(f"film*/lab_id={other.name}"):
            shutil.rmtree(folder)


@pytest.mark.filterwarnings("ignore:The copy keyword is deprecated")  # awswrangler says it to pandas
def test_bouts_that_a_recognizer_predicts_in_films_are_rows_of_the_lake_like_all_others(lab: Lab, tmp_path: Path, monkeypatch):
    """Two labs each film a 7; what the recognizer found is asked from Athena, and summed up by the view of statistics."""
    labs = [lab, Lab(lab.chosen, f"{lab.name}B", lab.folder)]
    for one in labs:
        one.film("7", None)
    torch.set_num_threads(1)
    save(tmp_path / "film.safetensors", random_film_recognizer("film_tcn", 32), PROVENANCE)
    output = tmp_path / "bouts.parquet"
    flags = ["--data-dir", lab.folder, "--checkpoint", tmp_path / "film.safetensors", "--output", output, "--device", "cpu"]
    assert recognize.main([str(flag) for flag in (*flags, "--json", tmp_path / "json", "--quiet")]) == 0
    assert sorted(path.parent.name for path in (tmp_path / "json").rglob("7_predictions.json")) == [one.name for one in labs]
    monkeypatch.setattr("sys.argv", ["commit_predictions.py", str(output)])
    monkeypatch.setenv("S3_MOCK_DIR", str(lab.chosen.mock_dir))
    assert commit_predictions.main() == 0

    written = pq.read_table(output).to_pylist()
    assert {row["video_id"] for row in written} == {film_number(one.name, "7") for one in labs}, "the recognizer found something in both"
    mine = f"lab_id IN ('{labs[0].name}', '{labs[1].name}')"
    columns = "lab_id, split, video_id, agent_id, action, kind, start_frame, stop_frame"
    rows = athena.query(f"SELECT {columns} FROM predicted_bouts WHERE {mine} ORDER BY lab_id, start_frame", lab.chosen)
    assert rows["agent_id"].isna().all()
    assert set(rows["kind"]) == {"arena"}
    plain = rows[["lab_id", "action", "start_frame", "stop_frame"]].itertuples(index=False, name=None)
    assert list(plain) == sorted(
        ((row["lab_id"], row["action"], row["start_frame"], row["stop_frame"]) for row in written), key=lambda row: (row[0], row[2])
    )

    athena.query((athena.SQL / "views" / "predicted_time_budgets.sql").read_text(), lab.chosen)
    asked = f"SELECT lab_id, action, count, total_s, observed_s FROM predicted_time_budgets WHERE {mine} AND bin_s = 1e9"
    budgets = {(row.lab_id, row.action): row for row in athena.query(asked, lab.chosen).itertuples()}
    assert len(budgets) == 2 * len(PAIN_BEHAVIORS), "also of behaviors that it did not find"
    for (name, action), row in budgets.items():
        own = [one for one in written if (one["lab_id"], one["action"]) == (name, action)]
        assert row.count == len(own)
        assert row.total_s == pytest.approx(sum(one["duration_s"] for one in own))
        assert row.observed_s == pytest.approx(N / 30)


def test_what_has_not_changed_is_neither_sent_nor_decoded_again_and_what_has_changed_says_why(lab: Lab):
    lab.film("one")
    lab.film("two")
    lab.run()
    first = lab.rows()
    assert not lab.upload().sent
    lab.labels("two", "start,stop,label\n0,20,walk\n")
    assert len(lab.upload().sent) == 1
    with mock.patch.object(probe, "probe", wraps=probe.probe) as decoding:
        summary = lab.curate()
    assert (decoding.call_count, summary["curated_anew"]) == (1, 1)
    second = lab.rows()
    assert second["one"] == first["one"]
    assert (second["two"]["labelled_frames"], second["two"]["file"]) == (20, first["two"]["file"])
    assert lab.curate()["curated_anew"] == 0


def test_who_is_filmed_may_be_told_later_without_decoding_anything(lab: Lab):
    lab.film("one")
    lab.film("two", frames=[painted(number + 100) for number in range(N)])
    lab.run()
    groups = {row["content_group"] for row in lab.rows().values()}
    assert len(groups) == 2
    (lab.folder / "individuals.csv").write_text("film,individual\none,m1\ntwo,m1\n")
    summary = lab.run()
    assert summary["curated_anew"] == 0
    assert len({row["content_group"] for row in lab.rows().values()}) == 1


def test_labels_that_a_lab_takes_back_are_forgotten(lab: Lab):
    lab.film("one")
    lab.run()
    assert lab.rows()["one"]["behaviors"] is not None
    (lab.folder / "Annotations" / lab.name / "one_Ada.csv").unlink()
    lab.run()
    assert lab.rows()["one"]["behaviors"] is None
    assert lab.summary["notes"]["film-unlabelled"] >= 1


def test_broken_films_and_labels_are_put_aside_by_name_and_the_others_are_used(lab: Lab):
    lab.film("sound")
    lab.film("noise").write_bytes(b"no film at all")
    whole = lab.film("cut")
    lab.film("far", "start,stop,label\n0,70,rest\n")
    lab.film("class", "start,stop,label\n0,10,dance\n")
    lab.film("both", "start,stop,label\n0,10,rest\n5,15,walk\n")
    lab.film("layout", "a,b\n1,2\n")
    lab.labels("lonely", "start,stop,label\n0,10,rest\n")
    whole.write_bytes(whole.read_bytes()[:400])
    done = lab.upload()
    assert {one.name for one in done.plan.put_aside} == {
        recording_name("film", film_number(lab.name, name)) for name in ("noise", "cut", "layout", "lonely_Ada")
    }
    assert str(done.plan.balances[0]) == "films: 8 in = 4 sound + 4 put aside"
    summary = lab.curate()
    assert lab.put_aside() == {
        "noise": ["film-unreadable"],
        "cut": ["film-unreadable"],
        "far": ["label-beyond"],
        "class": ["label-class"],
        "both": ["label-overlap"],
        "layout": ["label-layout"],
        "lonely_Ada": ["film-missing"],
    }
    assert set(lab.rows()) == {"sound"}
    assert summary["balances"]["films"]["quarantined"] == 7


def test_embeddings_of_a_film_are_curated_with_it_or_put_it_aside(lab: Lab):
    numbers = np.arange(N * 5, dtype=np.float32).reshape(N, 5)
    for name, array in (
        ("good", numbers),
        ("short", numbers[:-1]),
        ("nan", numbers * np.nan),
        ("text", np.array([["a"]] * N)),
        ("pickle", np.array([[{}]] * N)),
    ):
        np.save(lab.film(name).with_suffix(".npy"), array)
    lab.run()
    assert lab.put_aside() == {
        "short": ["file-unreadable"],
        "nan": ["file-unreadable"],
        "text": ["file-unreadable"],
        "pickle": ["file-unreadable"],
    }
    (recording,) = [one for one in lab.zone.annotated_recordings() if one.lab_id == lab.name]
    assert np.array_equal(lab.zone.film(recording).embeddings(), numbers)


def test_tracks_of_the_same_lab_and_number_say_where_the_mouse_is(lab: Lab):
    lab.film("7")
    tracks = lab.chosen.mock_dir / "raw-zone" / "train_tracking" / f"lab_id={lab.name}" / "7.parquet"
    tracks.parent.mkdir(parents=True)
    rows = {"video_frame": [0, 0], "mouse_id": [1, 1], "bodypart": ["nose", "tail_base"], "x": [10.0, 20.0], "y": [4.0, 8.0]}
    kinds = (pa.int32(), pa.int8(), pa.string(), pa.float32(), pa.float32())
    pq.write_table(pa.table([pa.array(each, kind) for each, kind in zip(rows.values(), kinds, strict=True)], names=list(rows)), tracks)
    lab.run()
    (recording,) = [one for one in lab.zone.annotated_recordings() if one.lab_id == lab.name]
    assert lab.zone.film(recording).centers_px.tolist() == [[15.0, 6.0]] * N
    shutil.rmtree(tracks.parent)


def test_a_person_excludes_a_film_and_lineage_leads_back_to_its_file(lab: Lab):
    lab.film("one")
    lab.film("two")
    lab.run()
    name = recording_name("film", film_number(lab.name, "one"))
    told = lineage.chain(name, lab.chosen.uri("curated"))
    assert told["tracking"]["key"] == f"film/lab_id={lab.name}/one.mp4"
    assert told["annotation"]["key"] == f"film_annotation/lab_id={lab.name}/one.csv"
    assert lineage.verify(lab.chosen, name) == []
    write_decision(lab.chosen.uri("curated"), Decision(name, Verdict.EXCLUDE, "mouse escapes"))
    lab.curate()
    assert set(lab.rows()) == {"two"}
    held = (lab.chosen.mock_dir / "curated-zone" / "films" / f"lab_id={lab.name}").iterdir()
    assert [path.name.partition("-")[0] for path in held] == [str(film_number(lab.name, "two"))], "its copy is removed"


def test_a_run_that_is_kept_has_its_films_although_they_were_replaced_since(lab: Lab):
    first = lab.film("one").read_bytes()
    run = lab.run()["run"]
    pinned = FilmZone(lab.chosen.mock_dir / "curated-zone" / "snapshots" / f"{run}.json")
    second = lab.film("one", frames=[painted(number + 500) for number in range(N)]).read_bytes()
    lab.upload()
    lab.curate(keep_days=1)

    def film_in(zone: FilmZone) -> Path:
        return zone.film(next(one for one in zone.annotated_recordings() if one.lab_id == lab.name)).path

    old, new = film_in(pinned), film_in(lab.zone)
    assert (old.read_bytes(), new.read_bytes()) == (first, second)
    lab.labels("one", "start,stop,label\n0,40,walk\n")
    lab.run()
    assert not old.exists(), "nobody keeps that run any more"
    assert new.exists(), "the film is the same, its labels are not"


def test_a_flipped_byte_in_the_raw_zone_is_found(lab: Lab):
    lab.film("one")
    lab.film("two")
    lab.upload()
    stored = lab.chosen.mock_dir / "raw-zone" / "film" / f"lab_id={lab.name}" / "one.mp4"
    said = stored.stat()
    data = bytearray(stored.read_bytes())
    data[-1] ^= 1
    stored.write_bytes(bytes(data))
    os.utime(stored, ns=(said.st_atime_ns, said.st_mtime_ns))
    lab.curate()
    assert lab.put_aside() == {"one": ["object-changed"]}
    assert set(lab.rows()) == {"two"}


def test_films_alone_leave_recordings_of_the_raw_zone_alone(lab: Lab):
    metadata = lab.chosen.mock_dir / "raw-zone" / "metadata" / "train.csv"
    metadata.parent.mkdir(parents=True, exist_ok=True)
    metadata.write_text("lab_id,video_id\n")
    lab.film("one")
    lab.upload()
    assert metadata.is_file()
    metadata.unlink()


def test_a_worker_without_pyav_ends_the_run_and_puts_no_film_aside(lab: Lab):
    lab.film("one")
    lab.upload()
    with mock.patch("importlib.util.find_spec", return_value=None), pytest.raises(UsageError, match="Expected PyAV on the workers"):
        lab.curate()


def test_validate_says_the_same_of_a_data_directory_before_it_is_uploaded(lab: Lab):
    lab.film("sound")
    lab.film("class", "start,stop,label\n0,10,dance\n")
    lab.film("noise").write_bytes(b"no film at all")
    report = validate(lab.folder)
    assert (report.accepted, len(report.put_aside)) == (1, 2)
    assert {one.code for one in report.findings} >= {"label-class", "film-unreadable"}
