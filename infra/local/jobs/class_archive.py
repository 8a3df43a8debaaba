"""Make Java's archives of classes: with them, a JVM need not find and check 9,000 classes of Spark in jars, a second of each job."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.local.jobs.spark_conf import QUICK_START, spark_environment, write_conf
from infra.local.jobs.spark_home import JAVAS_OWN, SPARKS, archives, java_command

_A_JOB = """
from pyspark import SparkContext
print(SparkContext.getOrCreate().parallelize([[1], [2]], 2).flatMap(lambda part: part).collect())
"""
"""A job with the steps of the Glue job: the classes that it needs are archived."""


def make_archives(home: Path) -> None:
    """Make the archives of a Spark home; a JVM never sees half of one. Raises CalledProcessError or OSError."""
    java = [java_command(), *QUICK_START.split()]
    with tempfile.TemporaryDirectory(prefix=".archive.", dir=home) as drafts:
        draft, folder = Path(drafts) / "draft.jsa", Path(drafts) / "conf"
        _run([*java, "-Xshare:dump", f"-XX:SharedArchiveFile={draft}"], drafts)
        (home / SPARKS).unlink(missing_ok=True)  # it fits only the former one of Java
        draft.replace(home / JAVAS_OWN)
        record = [*archives(home, JAVAS_OWN), f"-XX:ArchiveClassesAtExit={draft}"]
        write_conf(folder, Path(drafts), [], {"spark.driver.defaultJavaOptions": shlex.join(record)})
        _run([sys.executable, "-c", _A_JOB], drafts, {**os.environ, **spark_environment(folder)})
        # one that was cut off, by a full disk, would make every JVM crash
        together = f"-XX:SharedArchiveFile={home / JAVAS_OWN}:{draft}"
        _run([*java, "-Xshare:on", together, "-cp", f"{home}/conf/:{home}/jars/*", "-version"], drafts)
        draft.replace(home / SPARKS)


def _run(command: Sequence[str], folder: str, environment: Mapping[str, str] | None = None) -> None:
    """Run a program to the end of all that it started: their common output ends then. A crash leaves its traces in `folder`."""
    subprocess.run(
        command,
        cwd=folder,
        env=environment,
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
