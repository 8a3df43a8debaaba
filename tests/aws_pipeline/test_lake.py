"""Objects of a zone, on S3 and in a folder alike."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aws_pipeline import connections, lake
from aws_pipeline.config import endpoint
from aws_pipeline.terminal import run

KEYS = ["metadata/train.csv", "train_tracking/lab_id=A/1.parquet", "train_tracking/lab_id=B/2.parquet", "other/lab_id=A/3.parquet"]


@pytest.fixture(params=["s3", "folder"])
def zone(request, settings, tmp_path):
    folder = settings.mock_dir / "raw-zone" / tmp_path.name if request.param == "s3" else tmp_path
    for key in KEYS:
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(b"1234")
    return f"s3://raw-zone/{tmp_path.name}" if request.param == "s3" else folder.as_uri()


def test_objects_of_folders_are_listed_with_their_bytes(zone):
    listed = lake.list_objects(zone, ["metadata", "train_tracking", "absent"])
    assert sorted(listed) == KEYS[:3]
    assert {one.n_bytes for one in listed.values()} == {4}


def test_only_chosen_subfolders_are_listed_beside_what_lies_in_the_folder_itself(zone):
    assert sorted(lake.list_objects(zone, ["metadata", "train_tracking"], {"lab_id=A"})) == KEYS[:2]
    assert sorted(lake.list_objects(zone, ["metadata", "train_tracking"], set())) == KEYS[:1]


class Overtaken:
    """A file system in which each of the first readings is overtaken: the object is replaced after it was opened."""

    def __init__(self, filesystem, contents):
        self._filesystem, self._contents = filesystem, list(contents)

    def open_input_file(self, path):
        source = self._filesystem.open_input_file(path)
        if self._contents:
            with self._filesystem.open_output_stream(path) as target:
                target.write(self._contents.pop(0))
        return source

    open_input_stream = open_input_file

    def get_file_info(self, path):
        return self._filesystem.get_file_info(path)


@pytest.fixture
def overtaken(settings, tmp_path, monkeypatch):
    """Return a function that makes an object, which each of the first readings finds replaced by the next of some contents."""
    filesystem, root = lake.open_zone(f"s3://raw-zone/{tmp_path.name}")

    def make(contents):
        with filesystem.open_output_stream(f"{root}/x") as target:
            target.write(b"1234")
        monkeypatch.setattr(lake, "open_zone", lambda _: (Overtaken(filesystem, contents), root))
        return f"s3://raw-zone/{tmp_path.name}"

    return make


@pytest.mark.parametrize("contents", [[b"1"], [b"12345678"], [b"1", b"12345678"], [b"12345678", b"1"]])
def test_an_object_that_is_replaced_while_it_is_read_is_read_as_one_version(overtaken, tmp_path, contents):
    assert lake.read_object(overtaken(contents), "x").to_pybytes() == contents[-1]
    lake.copy_to_file(overtaken(contents), "x", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == contents[-1]


def test_an_object_that_is_replaced_all_the_time_is_not_read(overtaken):
    zone = overtaken([b"x" * number for number in range(20, 40)])
    with pytest.raises(OSError, match=r"Expected x in s3://raw-zone/.* to stay the same while it is read, but got another one 5 times"):
        lake.read_object(zone, "x")


def test_listings_side_by_side_throw_no_connection_away(settings, tmp_path, caplog):
    """The client warns of each one, and the user would read it."""
    for lab in range(30):
        for table in ("train_tracking", "train_annotation", "test_tracking"):
            file = settings.mock_dir / "raw-zone" / tmp_path.name / table / f"lab_id=L{lab}" / "1.parquet"
            file.parent.mkdir(parents=True)
            file.write_bytes(b"1234")
    with ThreadPoolExecutor(3) as pool:
        listed = pool.map(lambda table: lake.list_objects(f"s3://raw-zone/{tmp_path.name}", [table]), os.listdir(file.parents[2]))
        assert [len(each) for each in listed] == [30, 30, 30]
    assert [one.getMessage() for one in caplog.records if "pool" in one.getMessage()] == []


def test_another_endpoint_gets_connections_of_its_own(tmp_path: Path, settings, monkeypatch):
    """A client that is kept from an endpoint which has ended would be refused."""
    before = os.environ["AWS_ENDPOINT_URL"]
    client = connections.s3_client()
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    with endpoint(settings.__class__(True, tmp_path, tmp_path / "s3_mock", settings.region)):
        assert connections.s3_client() is not client
        assert lake.list_objects("s3://raw-zone", ["metadata"]) == {}
    monkeypatch.setenv("AWS_ENDPOINT_URL", before)
    assert lake.list_objects("s3://raw-zone", ["metadata"]) is not None


@pytest.fixture
def refusals(settings, tmp_path, monkeypatch):
    """Three objects of a zone; S3 answers requests to delete them with these errors, one after the other, and then as it is."""
    folder = settings.mock_dir / "raw-zone" / tmp_path.name
    folder.mkdir()
    for name in "abc":
        (folder / name).write_bytes(b"1234")
    root, client, left = f"{tmp_path.name}/", connections.s3_client(), []
    really = client.delete_objects

    def delete_objects(**request):
        if not left:
            return really(**request)
        code, keys = left.pop(0)
        refused = [{"Key": root + key, "Code": code, "Message": "not now"} for key in keys]
        sound = [one for one in request["Delete"]["Objects"] if one["Key"] not in {each["Key"] for each in refused}]
        return {**really(**{**request, "Delete": {"Objects": sound, "Quiet": True}}), "Errors": refused} if sound else {"Errors": refused}

    monkeypatch.setattr(client, "delete_objects", delete_objects)
    monkeypatch.setattr(lake, "_PAUSE_S", 0.001)
    return f"s3://raw-zone/{tmp_path.name}", folder, left


def test_objects_that_s3_was_too_busy_to_delete_are_deleted_in_the_end(refusals):
    zone, folder, left = refusals
    left += [("SlowDown", "ab"), ("InternalError", "b")]
    assert lake.remove_objects(zone, "abc") == 3
    assert not folder.exists()


@pytest.mark.parametrize(
    ("answers", "code", "says"), [([("AccessDenied", "b")], 5, "role's rights"), ([("SlowDown", "a")] * 9, 2, "later")]
)
def test_an_object_that_s3_does_not_delete_ends_with_a_documented_exit_code(refusals, answers, code, says, capsys):
    zone, _, left = refusals
    left += answers
    assert run(lambda: lake.remove_objects(zone, "abc")) == code
    assert says in capsys.readouterr().err
