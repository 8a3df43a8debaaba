import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from behavior.contract import ContractError
from behavior.ids import lab_fault
from behavior.keys import (
    ICEBERG,
    RAW_FOLDERS,
    LakeObject,
    file_of,
    foreign_key,
    key_of,
    lab_folder,
    lab_key,
    object_of,
    pin_key,
    snapshot_key,
)
from behavior.tables import (
    ANNOTATIONS_ENRICHED,
    CLASS_DISTRIBUTION_STATS,
    CURATED_TABLES,
    LINEAGE,
    METADATA_TEST,
    METADATA_TRAIN,
    RAW_ANNOTATION,
    RAW_METADATA,
    RAW_TRACKING,
    TRACKING_CURATED,
)

LETTERS = string.ascii_letters + string.digits + " ._+-äß鼠"
LABS = st.text(LETTERS, min_size=1, max_size=128).filter(lambda lab: lab_fault(lab) is None)
VIDEOS = st.integers(0, 10**18 - 1)
OF_RECORDINGS = [
    *((table, split) for table in (RAW_TRACKING, TRACKING_CURATED) for split in ("train", "test")),
    *((table, "train") for table in (RAW_ANNOTATION, ANNOTATIONS_ENRICHED)),
]
SPANNING = [
    (RAW_METADATA, "train"),
    (RAW_METADATA, "test"),
    (METADATA_TRAIN, None),
    (METADATA_TEST, None),
    (CLASS_DISTRIBUTION_STATS, None),
]


def test_these_are_the_keys_of_the_lake(recording):
    assert [key_of(table, split, recording) for table, split in OF_RECORDINGS] == [
        "train_tracking/lab_id=QuietOtter/7.parquet",
        "test_tracking/lab_id=QuietOtter/7.parquet",
        "tracking_curated/lab_id=QuietOtter/train-7.parquet",
        "tracking_curated/lab_id=QuietOtter/test-7.parquet",
        "train_annotation/lab_id=QuietOtter/7.parquet",
        "annotations_enriched/lab_id=QuietOtter/train-7.parquet",
    ]
    assert [key_of(table, split) for table, split in SPANNING] == [
        "metadata/train.csv",
        "metadata/test.csv",
        "metadata_train/metadata_train.parquet",
        "metadata_test/metadata_test.parquet",
        "class_distribution_stats/class_distribution_stats.parquet",
    ]


def test_a_data_directory_holds_the_raw_objects_without_their_labels(recording):
    assert file_of(RAW_METADATA, "test") == "test.csv"
    assert file_of(RAW_TRACKING, "test", recording) == "test_tracking/QuietOtter/7.parquet"
    assert file_of(RAW_ANNOTATION, "train", recording) == "train_annotation/QuietOtter/7.parquet"


@settings(deadline=None)
@given(st.sampled_from(OF_RECORDINGS), LABS, VIDEOS)
def test_from_an_object_to_its_key_and_back_is_the_identity(kind, lab, video):
    held = LakeObject(*kind, lab, video)
    assert object_of(held.key) == held


@pytest.mark.parametrize(("table", "split"), SPANNING, ids=lambda one: getattr(one, "name", one))
def test_a_table_that_spans_recordings_has_one_key(table, split):
    assert object_of(key_of(table, split)) == LakeObject(table, split)


FOLDERS = st.sampled_from([*RAW_FOLDERS, *(table.name for table in CURATED_TABLES), "test_annotation", "..", ""])
ANY_PART = st.one_of(LABS, st.text(max_size=20), st.sampled_from(["..", ".", "null", ""]))
ANY_FILE = st.builds("{}{}{}".format, st.sampled_from(["", "train-", "test-"]), st.one_of(VIDEOS, st.text(max_size=9)), st.just(".parquet"))


@settings(deadline=None)
@given(st.one_of(st.text(), st.builds("{}/lab_id={}/{}".format, FOLDERS, ANY_PART, ANY_FILE)))
def test_any_other_text_is_no_key_or_the_very_key_of_what_it_holds(text):
    held = object_of(text)
    assert held is None or held.key == text


@pytest.mark.parametrize(
    "key",
    [
        "train_tracking/lab_id=QuietOtter/007.parquet",  # the same number as 7, and two keys for one recording are one too many
        "train_tracking/lab_id=QuietOtter/٣.parquet",
        "train_tracking/lab_id=QuietOtter/7.parquet.tmp",
        "train_tracking/lab_id=QuietOtter/train-7.parquet",
        "train_tracking/lab_id=QuietOtter/" + "9" * 5000 + ".parquet",
        "train_tracking/lab_id=../7.parquet",
        "train_tracking/lab_id=null/7.parquet",
        "train_tracking/lab_id=/7.parquet",
        "train_tracking/QuietOtter/7.parquet",
        "train_tracking/notes.txt",
        "test_annotation/lab_id=QuietOtter/7.parquet",
        "annotations_enriched/lab_id=QuietOtter/test-7.parquet",
        "tracking_curated/lab_id=QuietOtter/7.parquet",
        "tracking/lab_id=QuietOtter/7.parquet",
        "metadata/train.csv.bak",
        "",
    ],
)
def test_foreign_keys_hold_nothing(key):
    assert object_of(key) is None
    assert foreign_key(key).code == "key-foreign"


@pytest.mark.parametrize(
    ("lab", "video"), [("..", 7), ("a/b", 7), ("", 7), ("null", 7), (None, 7), ("QuietOtter", -1), ("QuietOtter", None)]
)
def test_what_could_leave_its_folder_gets_no_key(lab, video):
    with pytest.raises(ContractError) as caught:
        LakeObject(RAW_TRACKING, "train", lab, video)
    assert [fault.code for fault in caught.value.faults] == ["lab-name" if video == 7 else "video-id"]
    if video == 7:
        with pytest.raises(ContractError):
            lab_folder(TRACKING_CURATED, lab)


@pytest.mark.parametrize(
    ("table", "split", "lab", "video"),
    [
        (RAW_ANNOTATION, "test", "QuietOtter", 7),
        (RAW_TRACKING, "train", None, None),
        (METADATA_TRAIN, "train", None, None),
        (RAW_METADATA, None, None, None),
        (METADATA_TRAIN, "train", "QuietOtter", 7),
    ],
)
def test_an_object_that_no_table_has_is_a_mistake_of_the_program(table, split, lab, video):
    with pytest.raises(ValueError, match=f"Expected an object that table {table.name} has"):
        LakeObject(table, split, lab, video)


def test_a_labs_folder_begins_the_keys_of_its_objects(recording):
    assert lab_folder(TRACKING_CURATED, "QuietOtter") == "tracking_curated/lab_id=QuietOtter/"
    assert key_of(TRACKING_CURATED, "train", recording).startswith(lab_folder(TRACKING_CURATED, "QuietOtter"))


def test_a_version_is_part_of_the_key_of_a_curated_object(recording):
    version = "0123456789abcdef"
    keys = {
        key_of(TRACKING_CURATED, "train", recording, version): LakeObject(TRACKING_CURATED, "train", "QuietOtter", 7, version),
        key_of(METADATA_TRAIN, version=version): LakeObject(METADATA_TRAIN, version=version),
        lab_key(LINEAGE, "QuietOtter", version): LakeObject(LINEAGE, lab="QuietOtter", version=version),
    }
    assert list(keys) == [
        "tracking_curated/lab_id=QuietOtter/train-7-0123456789abcdef.parquet",
        "metadata_train/metadata_train-0123456789abcdef.parquet",
        "lineage/lab_id=QuietOtter/lineage-0123456789abcdef.parquet",
    ]
    assert {key: object_of(key) for key in keys} == keys


@pytest.mark.parametrize("key", [snapshot_key("run-1"), pin_key("job-1"), f"{ICEBERG}/runs/metadata/1.json"])
def test_lists_pins_and_metadata_are_in_no_tables_folder(key):
    assert not any(key.startswith(table.location) for table in CURATED_TABLES)
    assert object_of(key) is None
