"""How plain PySpark finds this disk's buckets under `s3://`, a Java, and a quick start: settings that Glue itself has none of.

Hadoop's own ViewFileSystemOverloadScheme, which comes with pyspark, mounts each bucket on its directory, so a job script holds no path.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from xml.sax.saxutils import escape

from behavior.whole_file import whole_file
from infra.local.jobs.spark_home import JAVAS_OWN, SPARKS, archives, java_home, spark_home

MEMORY = "1g"
_SETTINGS = "spark-defaults.conf"
_MOUNTS = "mounts.1.xml"  # Hadoop reads no mount table whose name lacks a version number
_TEMPORARY = "tmp"
_VIEW = "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme"
_RAW_FILES = "org.apache.hadoop.fs.RawLocalFileSystem"  # raw: it writes no .crc files beside the objects
QUICK_START = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""The quick compiler only: a short job would spend half its processor time on compiling well what runs once."""

_LOGGING = """\
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss} %p %c{1}: %m%n%ex
logger.native.name = org.apache.hadoop.util.NativeCodeLoader
logger.native.level = error
"""


def spark_settings(folder: Path) -> dict[str, str]:
    """Return the Spark settings of a run whose configuration lies in `folder`."""
    logging = shlex.quote(f"-Dlog4j2.configurationFile={folder / 'log4j2.properties'}")
    home = spark_home()
    archived = [shlex.quote(option) for option in (archives(home, JAVAS_OWN, SPARKS) if home else [])]
    temporary = folder / _TEMPORARY  # a JVM that is killed leaves libraries there, which end with the run's folder
    places = f"{logging} {shlex.quote(f'-Djava.io.tmpdir={temporary}')}"
    settings = {
        "spark.master": "local[*]",
        "spark.driver.memory": MEMORY,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.eventLog.enabled": "false",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.session.timeZone": "UTC",
        "spark.driver.extraJavaOptions": " ".join([QUICK_START, *archived, "-Djava.net.preferIPv4Stack=true", places]),
        "spark.local.dir": str(temporary),
        "spark.hadoop.fs.file.impl": _RAW_FILES,
        "spark.hadoop.fs.viewfs.overload.scheme.target.file.impl": _RAW_FILES,
        "spark.hadoop.fs.viewfs.mounttable.path": f"file://{folder / _MOUNTS}",  # not quoted as in an address: Hadoop takes it literally
    }
    for scheme in ("s3", "s3a"):
        settings[f"spark.hadoop.fs.{scheme}.impl"] = _VIEW
        # Hadoop falls back to this class for a bucket without a mount. It does not exist, and so the message names the fault.
        settings[f"spark.hadoop.fs.viewfs.overload.scheme.target.{scheme}.impl"] = "NoSuchBucket"
    return settings


def write_conf(folder: Path, root: Path, buckets: Iterable[str], conf: Mapping[str, str] | None = None) -> None:
    """Write the configuration folder of a run: Spark's settings, with those of the job, its logging, and the mounts."""
    (folder / _TEMPORARY).mkdir(parents=True, exist_ok=True)
    (folder / _SETTINGS).write_text("".join(f"{name} {value}\n" for name, value in {**spark_settings(folder), **(conf or {})}.items()))
    (folder / "log4j2.properties").write_text(_LOGGING)
    write_mounts(folder, root, buckets)


def write_mounts(folder: Path, root: Path, buckets: Iterable[str]) -> None:
    """Mount each bucket on its directory below `root`; a running job sees a bucket that is added before it first uses it."""
    mounts = "".join(
        f"  <property><name>fs.viewfs.mounttable.{bucket}.linkFallback</name><value>{escape((root / bucket).as_uri())}</value></property>\n"
        for bucket in buckets
    )
    with whole_file(folder / _MOUNTS) as draft:
        draft.write_text(f"<configuration>\n{mounts}</configuration>\n")


def spark_environment(folder: Path) -> dict[str, str]:
    """Return the environment variables that make pyspark use the configuration in `folder`."""
    java, home = java_home(), spark_home()
    archived = archives(home, JAVAS_OWN) if home and len(str(home).split()) == 1 else []  # the launcher divides its options at spaces
    return {
        "PYSPARK_SUBMIT_ARGS": f"--properties-file {shlex.quote(str(folder / _SETTINGS))} pyspark-shell",
        "SPARK_LAUNCHER_OPTS": " ".join([QUICK_START, *archived]),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_HOSTNAME": "localhost",  # otherwise Spark asks the network for this machine's name
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        **({"JAVA_HOME": java} if java else {}),
        **({"SPARK_HOME": str(home), "SPARK_CONF_DIR": str(home / "conf")} if home else {}),
    }
