"""What was uploaded is what is curated: a damaged object is found, a replaced one is told, and an upload again mends it."""

import os
import shutil
from unittest import mock

import pyarrow.parquet as pq
import pytest
from faults.night import BAD, GOOD, tracking, walk

from aws_pipeline import athena, curation_plan, curation_task, landing, lineage, s3_upload
from aws_pipeline.glue_catalog import connect
from aws_pipeline.landed import read_digests, read_landing
from behavior.contract import CONTRACT_VERSION, ContractError
from behavior.tables import METADATA_TRAIN

RAW = "s3://raw-zone"
pytestmark = pytest.mark.filterwarnings("ignore:The copy keyword is deprecated")  # awswrangler 3.17 on pandas 3


@pytest.fixture
def data_dir(night, tmp_path):
    """The three recordings of the night as a data directory, uploaded."""
    night.download(tmp_path)
    s3_upload.upload(tmp_path, night.settings, force=True)
    return tmp_path


def damage(file, at=-200):
    """Flip a bit on the disk: neither size nor time changes, so S3 reports the same ETag."""
    said, content = file.stat(), bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(said.st_atime_ns, said.st_mtime_ns))


@pytest.mark.parametrize("kind", ["tracking", "annotation"])
def test_a_flipped_bit_in_a_recording_is_found_and_an_upload_by_force_mends_it(night, data_dir, kind):
    shutil.rmtree(night.curated)  # a recording that was curated before is not read again
    night.curated.mkdir()
    damage(getattr(night, kind)(*BAD))
    (aside,) = night.run()["put_aside"]
    assert aside["name"] == "train-7"
    (fault,) = aside["faults"]
    assert "Expected the bytes that were uploaded, SHA-256" in fault
    assert "s3_upload.py --force" in fault
    assert night.accepted() == [8, 9]
    assert len(s3_upload.upload(data_dir, night.settings, force=True).sent) == 7
    assert night.run()["put_aside"] == []
    assert night.accepted() == [7, 8, 9]


def test_a_flipped_bit_in_the_metadata_refuses_the_run(night, data_dir):
    damage(night.raw / "metadata" / "train.csv", at=-20)
    with pytest.raises(ContractError, match=r"metadata/train\.csv: Expected the bytes that were uploaded"):
        night.run()


def test_an_object_that_another_tool_wrote_is_used_and_told(night, data_dir):
    night.put(night.tracking(*GOOD), tracking(walk(range(12))))
    assert night.run()["notes"] == {"object-replaced": 1}
    assert night.accepted() == [7, 8, 9]


def test_a_policy_can_refuse_what_another_tool_wrote(night, data_dir):
    night.put(night.tracking(*GOOD), tracking(walk(range(12))))
    (aside,) = night.run(f'contract = {CONTRACT_VERSION}\n[severity]\nobject-replaced = "reject"')["put_aside"]
    assert aside["name"] == "train-8"


def test_the_table_holds_every_object_of_the_upload_for_sql_and_for_readers_without_a_catalog(night, data_dir):
    landed = read_landing(RAW).to_pylist()
    assert sorted(row["key"] for row in landed) == [
        "metadata/train.csv",
        *(f"train_{kind}/lab_id={lab}/{video}.parquet" for kind in ("annotation", "tracking") for lab, video in OF_THE_NIGHT),
    ]
    (one,) = (row for row in landed if row["key"] == "train_tracking/lab_id=LoudHeron/9.parquet")
    assert (one["source"], one["recording"]) == ("train_tracking/LoudHeron/9.parquet", "train-9")
    rows = connect().load_table("mabe.landing").scan().to_arrow().to_pylist()
    assert {row["key"]: row["sha256"] for row in rows} == {row["key"]: row["sha256"] for row in landed}
    assert {row["lab_id"] for row in rows} == {None, "LoudHeron", "QuietOtter"}
    answer = athena.query("SELECT lab_id, count(*) n, sum(bytes) total FROM landing GROUP BY 1 ORDER BY 2", night.settings)
    assert answer["n"].tolist() == [1, 2, 4]
    assert answer["total"].sum() == sum(row["bytes"] for row in landed)
    assert athena.query("SELECT key FROM landing WHERE lab_id IS NULL", night.settings)["key"].tolist() == ["metadata/train.csv"]
    assert athena.query("SELECT key FROM landing WHERE lab_id = 'LoudHeron'", night.settings)["key"].size == 2


OF_THE_NIGHT = (("LoudHeron", 9), ("QuietOtter", 7), ("QuietOtter", 8))


def test_verify_reads_raw_objects_that_no_recording_of_the_lake_comes_from(night, data_dir):
    night.run()
    assert lineage.verify(night.settings, None) == []
    damage(night.raw / "metadata" / "train.csv", at=-20)
    (fault,) = lineage.verify(night.settings, None)
    assert fault.startswith("s3://raw-zone/metadata/train.csv: Expected the bytes with SHA-256")


def test_the_rows_of_uploads_at_once_are_all_there(night, data_dir, tmp_path_factory):
    """The second upload brings a recording of another lab while the first one is about to commit."""
    other = tmp_path_factory.mktemp("other")
    file = other / "train_tracking" / "NewLab" / "77.parquet"
    file.parent.mkdir(parents=True)
    pq.write_table(tracking(walk()), file)
    text = (data_dir / "train.csv").read_text().splitlines()
    (other / "train.csv").write_text("\n".join([text[0], text[1].replace("QuietOtter,7", "NewLab,77")]) + "\n")
    commit, overtaken = landing._commit, []

    def slow(*arguments, **how):
        if not overtaken:
            overtaken.append(True)
            s3_upload.upload(other, night.settings)
        return commit(*arguments, **how)

    pq.write_table(tracking(walk(range(15))), data_dir / "train_tracking" / "QuietOtter" / "7.parquet")
    with mock.patch.object(landing, "_commit", slow):
        s3_upload.upload(data_dir, night.settings)
    landed = read_digests(RAW)
    assert "train_tracking/lab_id=NewLab/77.parquet" in landed
    rows = connect().load_table("mabe.landing").scan().to_arrow()
    assert {row["key"]: row["sha256"] for row in rows.to_pylist()} == {key: one.sha256 for key, one in landed.items()}
    assert landed["train_tracking/lab_id=QuietOtter/7.parquet"].version
    assert sorted(path.parent.name for path in (night.raw / "landing").rglob("*.parquet")) == sorted(
        ["lab_id=LoudHeron", "lab_id=NewLab", "lab_id=QuietOtter", "lab_id=__HIVE_DEFAULT_PARTITION__"]
    )


@pytest.mark.parametrize("policy", ["", f'contract = {CONTRACT_VERSION}\n[severity]\nobject-replaced = "reject"'])
def test_a_run_in_the_midst_of_an_upload_says_nothing_of_it_that_stays(night, data_dir, policy):
    """The object is there, and its row is not yet: it looks as if another tool had written it."""
    pq.write_table(tracking(walk(range(13))), data_dir / "train_tracking" / GOOD[0] / f"{GOOD[1]}.parquet")
    with mock.patch.object(s3_upload, "_record", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        s3_upload.upload(data_dir, night.settings)
    early = night.run(policy)
    assert early["notes"] == {"object-replaced": 1} or [one["name"] for one in early["put_aside"]] == ["train-8"]
    s3_upload.upload(data_dir, night.settings)
    late = night.run(policy)
    assert (late["notes"], late["put_aside"]) == ({}, [])
    assert night.run(policy)["curated_anew"] == 0


def test_an_object_that_left_while_a_run_read_it_and_came_back_is_curated_by_the_next_run(night, data_dir):
    """It has the ETag that the first run saw, so nothing seems to have changed."""
    read, key = curation_task.read_object, f"train_tracking/lab_id={GOOD[0]}/{GOOD[1]}.parquet"
    night.put(night.tracking(*GOOD), tracking(walk(range(17))))

    def gone(zone, wanted):
        if wanted == key:
            raise FileNotFoundError(wanted)
        return read(zone, wanted)

    with mock.patch.object(curation_task, "read_object", gone):
        (aside,) = night.run()["put_aside"]
    assert "Expected an object, but got none." in aside["faults"][0]
    assert night.run()["put_aside"] == []
    assert night.accepted() == [7, 8, 9]


def test_metadata_that_an_upload_replaces_while_a_run_plans_are_those_that_the_run_uses(night, data_dir):
    read, uploads = curation_plan.read_digests, []

    def uploaded_meanwhile(zone):
        known = read(zone)
        if not uploads:
            night.spoil_row(frames_per_second=25)  # as an upload does: the object first, and its row later
            uploads.append(zone)
        return known

    with mock.patch.object(curation_plan, "read_digests", uploaded_meanwhile):
        night.run()
    assert night.read(METADATA_TRAIN).column("frames_per_second").to_pylist() == [25.0, 30.0, 30.0]
