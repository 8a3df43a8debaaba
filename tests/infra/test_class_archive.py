"""Java's archives of Spark's classes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from infra.local.__main__ import prepare
from infra.local.jobs import class_archive, spark_conf, spark_home
from infra.local.jobs.spark_home import JAVAS_OWN, SPARKS, archives


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(spark_home, "_folder", lambda theirs, version: tmp_path / "home")
    made = spark_home.spark_home()
    assert made is not None
    return made


@pytest.mark.spark
def test_a_jvm_takes_the_classes_of_spark_from_the_archive(home: Path) -> None:
    class_archive.make_archives(home)

    options = [
        *spark_conf.QUICK_START.split(),
        *archives(home, JAVAS_OWN, SPARKS),
        "-Xlog:class+load",
        "-cp",
        f"{home}/conf/:{home}/jars/*",
    ]
    command = [spark_home.java_command(), *options, "org.apache.spark.deploy.SparkSubmit", "--version"]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    ours = [line for line in loaded if " org.apache.spark.deploy.SparkSubmit " in line]
    assert ours
    assert all(line.endswith("shared objects file (top)") for line in ours)
    assert sorted(path.name for path in home.iterdir()) == ["bin", "conf", "jars", JAVAS_OWN, SPARKS], "no drafts are left"


@pytest.mark.spark
def test_an_archive_that_was_cut_off_is_not_used(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (home / SPARKS).write_bytes(b"of an earlier Java")

    def cut_off(command: Sequence[str], folder: str, environment: Mapping[str, str] | None = None) -> None:
        plain(command, folder, environment)
        if command[0] == sys.executable:
            (draft,) = home.glob(".archive.*/draft.jsa")
            draft.chmod(0o600)
            draft.write_bytes(draft.read_bytes()[:1_000_000])

    plain = class_archive._run
    monkeypatch.setattr(class_archive, "_run", cut_off)
    assert prepare() == 0
    assert "Java made no archive of its classes" in capsys.readouterr().err
    assert archives(home, JAVAS_OWN, SPARKS) == []


def test_a_jvm_is_only_told_of_archives_that_are_all_there(home: Path, tmp_path: Path) -> None:
    (home / JAVAS_OWN).touch()
    assert "SharedArchiveFile" not in spark_conf.spark_settings(tmp_path)["spark.driver.extraJavaOptions"]

    (home / SPARKS).touch()
    settings, environment = spark_conf.spark_settings(tmp_path), spark_conf.spark_environment(tmp_path)
    assert f" -XX:SharedArchiveFile={home / JAVAS_OWN}:{home / SPARKS} " in settings["spark.driver.extraJavaOptions"]
    assert environment["SPARK_LAUNCHER_OPTS"].endswith(f" -XX:SharedArchiveFile={home / JAVAS_OWN}")


def test_a_home_with_a_space_is_quoted_and_kept_from_the_launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark_home, "_folder", lambda theirs, version: tmp_path / "my home")
    for name in (JAVAS_OWN, SPARKS):
        (spark_home.spark_home() or tmp_path).joinpath(name).touch()

    assert (
        f" '-XX:SharedArchiveFile={tmp_path}/my home/{JAVAS_OWN}:" in spark_conf.spark_settings(tmp_path)["spark.driver.extraJavaOptions"]
    )
    assert "SharedArchiveFile" not in spark_conf.spark_environment(tmp_path)["SPARK_LAUNCHER_OPTS"]


def test_without_java_nothing_is_archived_and_nothing_fails(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nowhere"))
    assert prepare() == 0
    assert "nowhere/bin/java" in capsys.readouterr().err
