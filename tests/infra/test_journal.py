"""The journal of the control plane stays short, and tidying it changes nothing that a client can see."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.local.control import plane as plane_module
from infra.local.control.compaction import void_requests
from infra.local.control.journal import Call, Journal
from infra.local.control.plane import ControlPlane
from infra.local.errors import ServiceError
from infra.local.server import LocalServer

Planes = Callable[[Path], ControlPlane]
NAMED = {"DatabaseName": "mabe", "Name": "bouts"}


def table(version: str, name: str = "bouts") -> dict[str, Any]:
    columns = [{"Name": "video_id", "Type": "bigint"}]
    return {"Name": name, "Description": version, "StorageDescriptor": {"Columns": columns, "Location": "s3://curated-zone/bouts/"}}


def commit(plane: ControlPlane, version: str, **more: Any) -> None:
    """Update the table as pyiceberg does: if it is still as it was read, and without a copy of its former version."""
    found = plane.invoke("glue", "GetTable", NAMED)["Table"]["VersionId"]
    request = {"DatabaseName": "mabe", "TableInput": table(version), "VersionId": found, "SkipArchive": True, **more}
    plane.invoke("glue", "UpdateTable", request)


def make(plane: ControlPlane) -> None:
    plane.invoke("glue", "CreateDatabase", {"DatabaseInput": {"Name": "mabe"}})
    plane.invoke("glue", "CreateTable", {"DatabaseName": "mabe", "TableInput": table("0")})


def rows(root: Path) -> int:
    with closing(sqlite3.connect(root / ".aws" / "journal.sqlite")) as database:
        (found,) = database.execute("select count(*) from request").fetchone()
    return int(found)


def shown(plane: ControlPlane) -> tuple[str, int]:
    found = plane.invoke("glue", "GetTable", NAMED)["Table"]
    return found["Description"], int(found["VersionId"])


def test_updates_that_later_ones_made_void_are_dropped_at_the_next_start(control_plane: Planes, tmp_path: Path) -> None:
    first = control_plane(tmp_path)
    make(first)
    for version in range(1, 21):
        commit(first, str(version))
    before = shown(first)
    assert (rows(tmp_path), before[0]) == (22, "20")
    first.close()
    second = control_plane(tmp_path)
    assert shown(second) == before
    assert rows(tmp_path) == 3
    commit(second, "21")
    assert shown(second) == ("21", before[1] + 1)


def test_a_writer_that_read_before_the_restart_is_never_told_that_nothing_changed(control_plane: Planes, tmp_path: Path) -> None:
    """Were VersionIds counted anew, the number that it read would come back for another state of the table."""
    first = control_plane(tmp_path)
    make(first)
    for version in range(1, 6):
        commit(first, str(version))
    stale = shown(first)[1]
    for version in range(6, 9):
        commit(first, str(version))
    first.close()
    second = control_plane(tmp_path)
    for version in range(9, 30):
        commit(second, str(version))
        with pytest.raises(ServiceError, match="concurrent modifications"):
            second.invoke("glue", "UpdateTable", {"DatabaseName": "mabe", "TableInput": table("lost"), "VersionId": str(stale)})


def test_a_running_process_tidies_too_and_others_notice(control_plane: Planes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plane_module, "_TIDY_AFTER", 10)
    make(control_plane(tmp_path))
    script = (
        "import sys; from pathlib import Path; sys.path[:0] = [sys.argv[2]]\n"
        "from infra.local.control.plane import ControlPlane\n"
        "plane = ControlPlane(Path(sys.argv[1]))\n"
        "table = lambda name: {'Name': name, 'StorageDescriptor': {'Columns': [], 'Location': 's3://curated-zone/x/'}}\n"
        "plane.invoke('glue', 'CreateTable', {'DatabaseName': 'mabe', 'TableInput': table('brief')})\n"
        "print('made', flush=True); input()\n"
        "plane.invoke('glue', 'DeleteTable', {'DatabaseName': 'mabe', 'Name': 'brief'})\n"
        "plane.invoke('glue', 'CreateTable', {'DatabaseName': 'mabe', 'TableInput': table('last')})\n"
        "plane.close(); ControlPlane(Path(sys.argv[1])).invoke('glue', 'GetDatabases', {})\n"
    )
    here = control_plane(tmp_path)
    command = [sys.executable, "-c", script, str(tmp_path), str(Path(__file__).resolve().parents[2])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "made\n"
        names = [each["Name"] for each in here.invoke("glue", "GetTables", {"DatabaseName": "mabe"})["TableList"]]
        assert names == ["bouts", "brief"]
        other.stdin.write("\n")
        other.stdin.close()
        assert other.wait(timeout=60) == 0
    assert rows(tmp_path) == 3, "the table that came and went has left no trace in the journal"
    names = [each["Name"] for each in here.invoke("glue", "GetTables", {"DatabaseName": "mabe"})["TableList"]]
    assert names == ["bouts", "last"], "nor in a process that saw it come and not go"
    for version in range(1, 31):
        commit(here, str(version))
    assert rows(tmp_path) < 14
    assert shown(here)[0] == "30"


def test_a_version_that_was_archived_remains_to_be_asked_for(control_plane: Planes, tmp_path: Path) -> None:
    first = control_plane(tmp_path)
    make(first)
    commit(first, "1", SkipArchive=False)
    for version in range(2, 6):
        commit(first, str(version))
    first.close()
    second = control_plane(tmp_path)
    request = {"DatabaseName": "mabe", "TableName": "bouts"}
    versions = second.invoke("glue", "GetTableVersions", request)["TableVersions"]
    assert sorted(each["Table"]["Description"] for each in versions) == ["0", "5"]
    oldest = next(each["VersionId"] for each in versions if each["Table"]["Description"] == "0")
    found = second.invoke("glue", "GetTableVersion", {**request, "VersionId": oldest})["TableVersion"]
    assert (found["Table"]["Description"], found["VersionId"]) == ("0", oldest)
    assert {each["VersionId"] for each in versions} == {oldest, str(shown(second)[1])}


def test_a_kill_while_the_journal_is_tidied_loses_nothing(tmp_path: Path, control_plane: Planes) -> None:
    first = control_plane(tmp_path)
    make(first)
    for version in range(1, 11):
        commit(first, str(version))
    first.close()
    script = (
        "import os, signal, sqlite3, sys; sys.path[:0] = [sys.argv[2]]\n"
        "from infra.local.control.journal import Journal\n"
        "journal = Journal(__import__('pathlib').Path(sys.argv[1]))\n"
        "journal._database.set_trace_callback(lambda sql: os.kill(os.getpid(), signal.SIGKILL) if sql.startswith('update') else None)\n"
        "journal.drop(range(3, 12))\n"
    )
    journal = tmp_path / ".aws" / "journal.sqlite"
    done = subprocess.run([sys.executable, "-c", script, str(journal), str(Path(__file__).resolve().parents[2])], timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert rows(tmp_path) == 12
    assert shown(control_plane(tmp_path))[0] == "10"


def test_a_full_disk_leaves_the_journal_as_it_was(control_plane: Planes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = control_plane(tmp_path)
    make(first)
    commit(first, "1")
    commit(first, "2")
    first.close()

    def full(self: Journal, sequences: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Journal, "drop", full)
    assert shown(control_plane(tmp_path))[0] == "2"
    assert rows(tmp_path) == 4


def test_a_file_that_is_no_journal_is_not_held_open(tmp_path: Path) -> None:
    file = tmp_path / ".aws" / "journal.sqlite"
    file.parent.mkdir()
    file.write_bytes(b"no database" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        LocalServer(tmp_path)
    held = [os.readlink(one.path) for one in os.scandir("/proc/self/fd") if os.path.lexists(one.path)]
    assert not [one for one in held if one.startswith(str(tmp_path))]


# Answers that are remembered


def test_a_fresh_process_recalls_an_answer_without_moto_until_something_changes(control_plane: Planes, tmp_path: Path) -> None:
    first = control_plane(tmp_path)
    make(first)
    assert first.recall("glue", "GetTable", NAMED)["Table"]["Description"] == "0"
    script = (
        "import json, sys; from pathlib import Path; sys.path[:0] = [sys.argv[2]]\n"
        "from infra.local.control.plane import ControlPlane\n"
        "found = ControlPlane(Path(sys.argv[1])).recall('glue', 'GetTable', {'Name': 'bouts', 'DatabaseName': 'mabe'})\n"
        "print(json.dumps([found['Table']['Description'], 'moto' in sys.modules]))\n"
    )

    def recalled() -> list[Any]:
        command = [sys.executable, "-c", script, str(tmp_path), str(Path(__file__).resolve().parents[2])]
        found: list[Any] = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout)
        return found

    assert recalled() == ["0", False]
    commit(first, "1")
    assert recalled() == ["1", True]
    assert recalled() == ["1", False]
    for version in range(2, 5):
        commit(first, str(version))
    first.close()
    assert shown(control_plane(tmp_path))[0] == "4"  # and tidies, which is a change too
    assert recalled() == ["4", True]


# Which requests are void: whatever the order of requests, moto ends in the same state


def call(operation: str, name: str, number: int, *, skip: bool = True, key: str = "local") -> Call:
    requests: dict[str, dict[str, Any]] = {
        "CreateTable": {"TableInput": table(str(number), name)},
        "UpdateTable": {"TableInput": table(str(number), name), "SkipArchive": skip},
        "DeleteTable": {"Name": name},
        "CreatePartition": {"TableName": name, "PartitionInput": {"Values": [str(number)], "StorageDescriptor": {"Location": "s3://c/"}}},
        "DeleteTableVersion": {"TableName": name, "VersionId": "1"},
        "DeleteDatabase": {"Name": "mabe"},
        "CreateDatabase": {"DatabaseInput": {"Name": "mabe"}},
    }

    body = json.dumps({"DatabaseName": "mabe", **requests[operation]}).encode()
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": f"AWSGlue.{operation}", "access-key": key}
    return Call("glue", "POST", "/", headers=headers, body=body)


@pytest.mark.parametrize(
    ("operations", "void"),
    [
        (["CreateTable", "UpdateTable", "UpdateTable", "UpdateTable"], [2, 3]),
        (["CreateTable", "UpdateTable", "CreatePartition", "UpdateTable"], [2]),
        (["CreateTable", "UpdateTable", "DeleteTableVersion", "UpdateTable"], []),
        (["CreateTable", "UpdateTable", "CreatePartition", "DeleteTable", "CreateTable"], [1, 2, 3, 4]),
        (["CreateTable", "DeleteTable"], [1]),
        (["DeleteTable", "CreateTable"], []),
        (["UpdateTable", "DeleteTable", "CreateTable", "DeleteTable", "CreateTable"], [3, 4]),
        (["CreateTable", "DeleteDatabase", "CreateDatabase", "CreateTable", "UpdateTable"], []),
    ],
)
def test_what_makes_requests_void(operations: list[str], void: list[int]) -> None:
    calls = [(number, call(operation, "bouts", number)) for number, operation in enumerate(operations, start=1)]
    assert sorted(void_requests(calls)) == void


def test_what_may_depend_on_a_table_keeps_what_was_before_it() -> None:
    updates = [(number, call("UpdateTable", "bouts", number)) for number in (1, 2)]
    for between in (Call("cloudformation", "POST", "/"), call("CreatePartition", "other", 3, key="ASIAEXAMPLE")):
        assert void_requests([updates[0], (2, between), (3, updates[1][1])]) == []
    assert void_requests([updates[0], (2, Call("iam", "POST", "/")), (3, updates[1][1])]) == [1]
    archived = call("UpdateTable", "bouts", 2, skip=False)
    assert void_requests([updates[0], (2, archived), (3, updates[1][1])]) == []


def test_requests_are_repeated_with_and_without_the_shortcut_alike(
    control_plane: Planes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each request of a journal is repeated on moto's catalog; whatever that refuses, moto's server repeats."""
    first = control_plane(tmp_path)
    make(first)
    accessed = {**table("accessed", "accessed"), "LastAccessTime": 1700000000}
    first.invoke("glue", "CreateTable", {"DatabaseName": "mabe", "TableInput": accessed})
    for number, operation in enumerate(["UpdateTable", "CreatePartition", "CreatePartition"]):
        each = call(operation, "bouts", number, skip=False)
        first.forward("glue", "POST", "/", "", each.headers, each.body)
    parts = [{"Values": [value], "StorageDescriptor": {"Location": "s3://c/"}} for value in "xy"]
    first.invoke("glue", "BatchCreatePartition", {"DatabaseName": "mabe", "TableName": "bouts", "PartitionInputList": parts})
    before = state(first)
    first.close()
    assert state(control_plane(tmp_path)) == before
    monkeypatch.setattr(plane_module, "repeat", lambda call: False)
    assert state(control_plane(tmp_path)) == before


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_tidying_changes_nothing_that_clients_see(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """The tables, their partitions and their versions are the same after a restart that tidied as after one that did not."""
    steps = st.tuples(
        st.sampled_from(["CreateTable", "UpdateTable", "UpdateTable", "DeleteTable", "CreatePartition"]),
        st.sampled_from(["a", "b"]),
        st.booleans(),
    )
    drawn, root = data.draw(st.lists(steps, max_size=14)), tmp_path_factory.mktemp("store")
    with closing(ControlPlane(root)) as plane:
        plane.invoke("glue", "CreateDatabase", {"DatabaseInput": {"Name": "mabe"}})
        for number, (operation, name, skip) in enumerate(drawn):
            each = call(operation, name, number, skip=skip)
            plane.forward("glue", "POST", "/", "", each.headers, each.body)
        before = state(plane)
    for _ in range(2):
        with closing(ControlPlane(root)) as again:
            assert state(again) == before


def state(plane: ControlPlane) -> list[Any]:
    found = []
    for each in plane.invoke("glue", "GetTables", {"DatabaseName": "mabe"})["TableList"]:
        named = {"DatabaseName": "mabe", "TableName": each["Name"]}
        partitions = [part["Values"] for part in plane.invoke("glue", "GetPartitions", named)["Partitions"]]
        versions = [version["Table"]["Description"] for version in plane.invoke("glue", "GetTableVersions", named)["TableVersions"]]
        found.append((each["Name"], each["Description"], partitions, sorted(versions)))
    return sorted(found)
