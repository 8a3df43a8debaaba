from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.errors import ServiceError
from infra.local.s3 import object_store
from infra.local.s3.multipart import OpenUploads
from infra.local.s3.object_store import ObjectStore
from infra.local.s3.stored import Condition

ODD_KEYS = [
    "..",
    "../../outside",
    "a/../../../outside",
    "/outside",
    "//outside",
    "a/./b",
    "a//b",
    "directory/",
    "nul\x00inside",
    "new\nline",
    "back\\slash",
    "per%2Fcent",
    "ends in =",
    "~",
    "Käse/🧀",
    "x" * 1024,
    "y" * 255,
    "z" * 256,
    "%" * 200 + "=" + "%" * 200,
    "a\u0085b",
]


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    store = ObjectStore(tmp_path / "around" / "store")
    store.create_bucket("zone")
    return store


def read(store: ObjectStore, key: str) -> bytes:
    _, file = store.open("zone", key)
    with file:
        return file.read()


def code_of(action: object, *arguments: object, **named: object) -> str:
    with pytest.raises(ServiceError) as caught:
        action(*arguments, **named)  # type: ignore[operator]
    return caught.value.code


def test_an_object_is_the_plain_file_that_its_key_names(store: ObjectStore) -> None:
    store.put("zone", "lab_id=Calm/7.parquet", b"mouse", headers={"content-type": "x/y"}, tags={"kind": "raw"})
    assert (store.root / "zone" / "lab_id=Calm" / "7.parquet").read_bytes() == b"mouse"
    found = store.get("zone", "lab_id=Calm/7.parquet")
    assert (found.size, found.etag, found.headers, found.tags) == (
        5,
        "40203abe6e81ed98cbc97cdd6ec4f144",  # md5 of "mouse"
        {"content-type": "x/y"},
        {"kind": "raw"},
    )


def test_only_objects_lie_in_a_bucket_directory(store: ObjectStore) -> None:
    store.put("zone", "a", b"1", headers={"content-type": "x/y"})
    upload = OpenUploads(store).begin("zone", "b", {}, {})
    OpenUploads(store).put_part(upload, 1, store.stage([b"part"]))
    assert [path.name for path in (store.root / "zone").rglob("*")] == ["a"]


def test_a_file_that_another_program_drops_is_an_object_at_once(store: ObjectStore) -> None:
    (store.root / "zone" / "deep" / "er").mkdir(parents=True)
    (store.root / "zone" / "deep" / "er" / "part-0.parquet").write_bytes(b"spark")
    assert list(store.keys("zone")) == ["deep/er/part-0.parquet"]
    assert read(store, "deep/er/part-0.parquet") == b"spark"
    assert "-" in store.get("zone", "deep/er/part-0.parquet").etag, "it must not be taken for an MD5"


def test_a_file_that_was_dropped_a_while_ago_is_listed_without_a_lock(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.directory("zone").joinpath("dropped").write_bytes(b"hello")
    found = store.get("zone", "dropped")

    monkeypatch.setattr(object_store, "_SETTLED_S", -1.0)
    monkeypatch.setattr(ObjectStore, "_locked", lambda *_: pytest.fail("Expected no lock, but one is taken."))
    assert store.page("zone").objects == [found]


def test_what_was_said_of_an_object_ends_when_another_program_replaces_it(store: ObjectStore) -> None:
    before = store.put("zone", "a", b"first", headers={"content-type": "x/y"})
    (store.root / "zone" / "a").write_bytes(b"second")
    after = store.get("zone", "a")
    assert (after.size, after.headers) == (6, {})
    assert after.etag != before.etag
    (store.root / "zone" / "a").unlink()
    assert store.find("zone", "a") is None


@pytest.mark.parametrize("order", [["a", "a/b", "a/b/c"], ["a/b/c", "a/b", "a"]])
def test_a_key_may_be_the_beginning_of_another_in_either_order(store: ObjectStore, order: list[str]) -> None:
    for key in order:
        store.put("zone", key, key.encode(), headers={"x-amz-meta-key": key})
    assert list(store.keys("zone")) == ["a", "a/b", "a/b/c"]
    for key in order:
        assert read(store, key) == key.encode()
    store.delete("zone", "a/b")
    assert list(store.keys("zone")) == ["a", "a/b/c"]
    assert read(store, "a") == b"a"


def test_a_deleted_object_does_not_come_back_from_the_overflow(store: ObjectStore) -> None:
    store.put("zone", "a/b", b"")
    store.put("zone", "a", b"in the overflow")
    store.delete("zone", "a/b")
    (store.root / "zone" / "a").write_bytes(b"dropped")
    assert list(store.keys("zone")) == ["a"]
    assert read(store, "a") == b"dropped"
    store.delete("zone", "a")
    assert store.find("zone", "a") is None


def test_odd_keys_are_kept_and_never_leave_the_store(store: ObjectStore, tmp_path: Path) -> None:
    for key in ODD_KEYS:
        store.put("zone", key, key.encode())
    assert list(store.keys("zone")) == sorted(ODD_KEYS, key=str.encode)
    for key in ODD_KEYS:
        assert store.path("zone", key).is_relative_to(store.root)
        assert read(store, key) == key.encode()
    assert os.listdir(tmp_path) == ["around"]
    assert os.listdir(tmp_path / "around") == ["store"]
    for key in ODD_KEYS:
        store.delete("zone", key)
    assert [path for path in store.root.rglob("*") if path.is_file() and path.parent.name != "locks"] == []


@pytest.mark.parametrize(
    "bucket", ["..", ".", "", ".aws", "a", "ab", "a" * 64, "Zone", "a/b", "a\x00b", "a..b", "zone/../../outside", "zone\n"]
)
def test_a_bucket_name_that_s3_refuses_is_refused(store: ObjectStore, bucket: str) -> None:
    assert code_of(store.create_bucket, bucket) == "InvalidBucketName"
    assert code_of(store.put, bucket, "key", b"") == "NoSuchBucket"
    assert not store.has_bucket(bucket)
    assert store.buckets() == ["zone"]


def test_a_key_is_refused_as_s3_refuses_it(store: ObjectStore) -> None:
    assert code_of(store.put, "zone", "x" * 1025, b"") == "KeyTooLongError"
    assert code_of(store.put, "zone", "ü" * 513, b"") == "KeyTooLongError"
    assert code_of(store.put, "zone", "", b"") == "KeyTooLongError"
    assert os.listdir(store.side / "staged") == []


def test_a_local_path_is_inside_its_bucket_or_refused(store: ObjectStore) -> None:
    assert store.local_path("s3://zone/a/b/") == store.root / "zone" / "a" / "b"
    assert store.local_path("s3://zone") == store.root / "zone"
    assert code_of(store.local_path, "s3://zone/../x") == "InvalidURI"
    assert code_of(store.local_path, "s3://../x") == "NoSuchBucket"


def test_only_one_of_sixteen_creates_an_object(store: ObjectStore) -> None:
    results: list[str] = []

    def race(number: int) -> None:
        try:
            store.put("zone", "deep/lock", str(number).encode(), only_if=Condition(absent=True))
            results.append("won")
        except ServiceError as error:
            results.append(error.code)

    threads = [threading.Thread(target=race, args=[number]) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["PreconditionFailed"] * 15 + ["won"]
    assert os.listdir(store.side / "staged") == []


def test_a_change_may_depend_on_the_etag(store: ObjectStore) -> None:
    first = store.put("zone", "state", b"1")
    second = store.put("zone", "state", b"2", only_if=Condition(etag=f'"{first.etag}"'))
    assert code_of(store.put, "zone", "state", b"3", only_if=Condition(etag=first.etag)) == "PreconditionFailed"
    assert code_of(store.delete, "zone", "state", only_if=Condition(etag=first.etag)) == "PreconditionFailed"
    assert code_of(store.put, "zone", "other", b"3", only_if=Condition(etag="*")) == "NoSuchKey"
    assert read(store, "state") == b"2"
    store.delete("zone", "state", only_if=Condition(etag=second.etag))
    assert list(store.keys("zone")) == []


def test_nothing_is_left_of_a_body_that_breaks_off(store: ObjectStore) -> None:
    def breaking() -> Iterator[bytes]:
        yield b"half"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        store.stage(breaking())
    assert os.listdir(store.side / "staged") == []


def test_directories_vanish_with_their_last_object_and_the_bucket_stays(store: ObjectStore) -> None:
    store.put("zone", "a/b/c", b"")
    store.put("zone", "a/d", b"")
    store.delete("zone", "a/b/c")
    assert sorted(path.name for path in (store.root / "zone").rglob("*")) == ["a", "d"]
    store.delete("zone", "a/d")
    store.delete("zone", "never/there")
    assert os.listdir(store.root / "zone") == []


def test_a_bucket_goes_only_when_it_holds_no_object(store: ObjectStore) -> None:
    store.put("zone", "kept/", b"")
    assert code_of(store.delete_bucket, "zone") == "BucketNotEmpty"
    store.delete("zone", "kept/")
    (store.root / "zone" / "_temporary" / "0").mkdir(parents=True)
    store.delete_bucket("zone")
    assert store.buckets() == []
    assert code_of(store.keys, "zone") == "NoSuchBucket"


def test_no_prefix_leads_a_listing_out_of_the_bucket(store: ObjectStore) -> None:
    (store.root / "outside").write_bytes(b"")
    store.put("zone", "inside", b"")
    for prefix in ["/", "//", "../", "./", "a/../../", "/etc/", "..", "../zone/"]:
        assert list(store.keys("zone", prefix)) == []


def test_links_that_form_a_circle_end_a_listing_nowhere(store: ObjectStore) -> None:
    (store.root / "zone" / "circle").symlink_to(store.root / "zone", target_is_directory=True)
    (store.root / "zone" / "itself").symlink_to(store.root / "zone" / "itself")
    store.put("zone", "a", b"")
    assert list(store.keys("zone")) == ["a"]


def test_keys_come_in_the_order_of_their_bytes(store: ObjectStore) -> None:
    for key in ["a/b", "a-b", "a", "ab", "a.b/c", "Z", "é", "\uffee", "🐁", "a/b/", "a0"]:
        store.put("zone", key, b"")
    assert list(store.keys("zone")) == ["Z", "a", "a-b", "a.b/c", "a/b", "a/b/", "a0", "ab", "é", "\uffee", "🐁"]


def test_a_listing_can_group_by_directory_and_go_on_from_any_page(store: ObjectStore) -> None:
    for key in ["metadata/train.csv", "tracking/lab_id=A/1", "tracking/lab_id=A/2", "tracking/lab_id=B/1", "tracking/index", "top"]:
        store.put("zone", key, b"")
    page = store.page("zone", delimiter="/")
    assert ([found.key for found in page.objects], page.prefixes, page.after) == (["top"], ["metadata/", "tracking/"], None)
    page = store.page("zone", "tracking/", "/")
    assert ([found.key for found in page.objects], page.prefixes) == (["tracking/index"], ["tracking/lab_id=A/", "tracking/lab_id=B/"])
    first = store.page("zone", "tracking/", "/", limit=2)
    assert ([found.key for found in first.objects], first.prefixes) == (["tracking/index"], ["tracking/lab_id=A/"])
    rest = store.page("zone", "tracking/", "/", after=first.after or "", limit=2)
    assert ([found.key for found in rest.objects], rest.prefixes, rest.after) == ([], ["tracking/lab_id=B/"], None)
    assert store.page("zone", limit=0).objects == []


KEYS = st.lists(st.text(alphabet="ab/-.0é", min_size=1, max_size=6), max_size=12, unique=True)


@given(keys=KEYS, prefix=st.text(alphabet="ab/-", max_size=3), delimiter=st.sampled_from(["", "/", "-", "b/"]), limit=st.integers(1, 4))
def test_pages_together_are_what_s3_defines(
    tmp_path_factory: pytest.TempPathFactory, keys: list[str], prefix: str, delimiter: str, limit: int
) -> None:
    store = ObjectStore(tmp_path_factory.mktemp("store"))
    store.create_bucket("zone")
    for key in keys:
        store.put("zone", key, b"")

    matching = sorted((key for key in keys if key.startswith(prefix)), key=str.encode)
    grouped = {key for key in matching if delimiter and delimiter in key[len(prefix) :]}
    groups = sorted({key[: key.index(delimiter, len(prefix)) + len(delimiter)] for key in grouped}, key=str.encode)

    listed: list[str] = []
    named: list[str] = []
    after: str | None = ""
    while after is not None:
        page = store.page("zone", prefix, delimiter, after, limit)
        assert len(page.objects) + len(page.prefixes) <= limit
        listed += [found.key for found in page.objects]
        named += page.prefixes
        after = page.after
    assert listed == [key for key in matching if key not in grouped]
    assert named == groups


def test_parts_are_joined_in_order_and_the_etag_says_how_many(store: ObjectStore) -> None:
    uploads = OpenUploads(store)
    upload = uploads.begin("zone", "big", {"content-type": "x/y"}, {})
    five = b"5" * (5 << 20)
    uploads.put_part(upload, 2, store.stage([b"end"]))
    uploads.put_part(upload, 1, store.stage([b"replaced"]))
    uploads.put_part(upload, 1, store.stage([five]))
    wanted = [(part.number, part.etag) for part in uploads.parts(upload)]
    done = uploads.complete("zone", "big", upload.id, wanted)
    assert read(store, "big") == five + b"end"
    assert done.etag.endswith("-2")
    assert done.headers == {"content-type": "x/y"}
    assert uploads.complete("zone", "big", upload.id, wanted).etag == done.etag, "clients repeat a request whose answer was lost"
    assert uploads.of_bucket("zone") == []


def test_parts_stay_until_the_object_is_there(store: ObjectStore) -> None:
    uploads = OpenUploads(store)
    store.put("zone", "big", b"already")
    upload = uploads.begin("zone", "big", {}, {})
    uploads.put_part(upload, 1, store.stage([b"part"]))
    wanted = [(1, uploads.parts(upload)[0].etag)]
    assert code_of(uploads.complete, "zone", "big", upload.id, wanted, only_if=Condition(absent=True)) == "PreconditionFailed"
    assert read(store, "big") == b"already"
    uploads.complete("zone", "big", upload.id, wanted)
    assert read(store, "big") == b"part"


def test_an_upload_is_completed_only_with_what_was_uploaded(store: ObjectStore) -> None:
    uploads = OpenUploads(store)
    upload = uploads.begin("zone", "big", {}, {})
    for number in (1, 2):
        uploads.put_part(upload, number, store.stage([b"small"]))
    etag = uploads.parts(upload)[0].etag
    assert code_of(uploads.complete, "zone", "big", upload.id, [(1, etag), (2, etag)]) == "EntityTooSmall"
    assert code_of(uploads.complete, "zone", "big", upload.id, [(2, etag), (1, etag)]) == "InvalidPartOrder"
    assert code_of(uploads.complete, "zone", "big", upload.id, [(1, "00" * 16)]) == "InvalidPart"
    assert code_of(uploads.complete, "zone", "big", upload.id, [(1, "no etag")]) == "InvalidPart"
    assert code_of(uploads.complete, "zone", "other", upload.id, [(1, etag)]) == "NoSuchUpload"
    assert code_of(uploads.find, "zone", "big", "../../../zone") == "NoSuchUpload"
    assert code_of(uploads.put_part, upload, 0, store.stage([b""])) == "InvalidArgument"
    uploads.give_up(upload)
    assert code_of(uploads.find, "zone", "big", upload.id) == "NoSuchUpload"
