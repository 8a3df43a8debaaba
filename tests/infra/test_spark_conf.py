from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from infra.local.jobs import spark_conf
from infra.local.jobs.spark_home import spark_home


def test_every_bucket_is_mounted_on_its_directory_and_a_later_one_as_well(tmp_path: Path) -> None:
    root, folder = tmp_path / "s3 mock", tmp_path / "conf"
    spark_conf.write_conf(folder, root, ["raw-zone"])
    assert mounts(folder) == {"fs.viewfs.mounttable.raw-zone.linkFallback": (root / "raw-zone").as_uri()}

    spark_conf.write_mounts(folder, root, ["later", "raw-zone"])
    assert sorted(mounts(folder)) == ["fs.viewfs.mounttable.later.linkFallback", "fs.viewfs.mounttable.raw-zone.linkFallback"]


def test_the_settings_name_no_bucket_and_keep_to_the_loopback_interface(tmp_path: Path) -> None:
    settings = spark_conf.spark_settings(tmp_path)

    assert settings["spark.driver.bindAddress"] == "127.0.0.1"
    assert settings["spark.sql.session.timeZone"] == "UTC"
    assert settings["spark.local.dir"] == str(tmp_path / "tmp"), "what a killed run leaves ends with its folder"
    assert f"-Djava.io.tmpdir={tmp_path / 'tmp'}" in settings["spark.driver.extraJavaOptions"]
    assert settings["spark.hadoop.fs.s3.impl"].endswith("ViewFileSystemOverloadScheme")
    assert settings["spark.hadoop.fs.viewfs.mounttable.path"].startswith("file:///")


def test_a_machine_without_java_uses_the_one_from_the_python_index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: None)

    home = spark_conf.spark_environment(tmp_path)["JAVA_HOME"]
    told = subprocess.run([Path(home) / "bin" / "java", "-version"], capture_output=True, text=True, check=True).stderr
    assert 'version "17.' in told


def test_a_java_of_the_machine_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", "/opt/some-java")
    assert spark_conf.spark_environment(tmp_path)["JAVA_HOME"] == "/opt/some-java"


def test_our_spark_home_has_the_same_jars_and_no_zip_that_workers_would_compile() -> None:
    import pyspark

    home = spark_home()
    assert home is not None
    assert (home / "jars").resolve() == Path(pyspark.__file__).parent / "jars"
    assert not (home / "python").exists()
    assert list((home / "conf").iterdir()) == []


@pytest.mark.spark
def test_plain_pyspark_reads_and_writes_s3_addresses_and_no_side_files_appear(tmp_path: Path) -> None:
    root, folder = tmp_path / "s3 mock", tmp_path / "its conf"
    (root / "curated-zone").mkdir(parents=True)
    spark_conf.write_conf(folder, root, ["curated-zone"])
    script = """
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
spark.range(6).selectExpr("id", "id % 2 AS half").write.partitionBy("half").parquet("s3://curated-zone/numbers/")
print("sum", spark.read.parquet("s3a://curated-zone/numbers/").where("half = 1").groupBy().sum("id").first()[0])
print("files", spark.read.format("binaryFile").load("s3://curated-zone/numbers/*/*.parquet").count())
try:
    spark.range(1).write.parquet("s3://nowhere/numbers/")
except Exception as error:
    print("refused", "NoSuchBucket" in str(error))
"""
    environment = {**os.environ, **spark_conf.spark_environment(folder)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=300, check=True)

    assert done.stdout.splitlines()[0] == "sum 9"
    assert done.stdout.splitlines()[2] == "refused True"
    written = sorted(path.parent.name for path in root.rglob("*.parquet"))
    assert set(written) == {"half=0", "half=1"}
    assert not list(root.rglob("*.crc"))
    assert not Path("/numbers").exists()


def mounts(folder: Path) -> dict[str, str]:
    properties = ElementTree.parse(folder / "mounts.1.xml").getroot().iter("property")
    return {each.findtext("name", ""): each.findtext("value", "") for each in properties}
