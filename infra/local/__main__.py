"""`python -m infra.local serve`: AWS on this disk for notebooks, the AWS CLI and several scripts at once. `prepare`: a faster Spark."""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_pipeline.config import settings
from aws_pipeline.terminal import known_error, run
from behavior.contract import EXIT_OK, UsageError

if TYPE_CHECKING:
    from infra.local.server import LocalServer


def serve(root: Path, port: int, host: str, *, deploy: bool, with_parent: bool) -> int:
    """Serve until SIGTERM, SIGINT, or, `with_parent`, the end of stdin; say on stdout where, as soon as everything is there."""
    from infra.local.errors import ServiceError, full_disk, is_full
    from infra.local.server import LocalServer
    from infra.local.tidying import tidy_daily

    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    if with_parent:
        threading.Thread(target=_wait_for_the_parent, args=[stopped], daemon=True).start()
    try:
        server = LocalServer(root, port, host)
    except (OSError, ServiceError, sqlite3.Error) as error:
        if is_full(error):
            error = full_disk(root)
        mend = "Choose another port (--port), or another folder (--root, or S3_MOCK_DIR)"
        what = f"Expected to serve on {host}:{port}, but got {error}. {mend}."
        raise UsageError(error.message if isinstance(error, ServiceError) else what) from None
    with server:
        if deploy:
            deploy_once(server)
        print(json.dumps({"endpoint": server.url}), flush=True)
        server.warm()
        tidy_daily(server, stopped)
        stopped.wait()
    return EXIT_OK


def prepare() -> int:
    """Make what lets Spark start faster; where that fails, say why: everything works without it."""
    from infra.local.jobs.class_archive import make_archives
    from infra.local.jobs.spark_home import spark_home

    try:
        if home := spark_home():
            make_archives(home)
    except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
        last = (getattr(error, "stdout", "") or str(error)).strip().splitlines()[-1]
        print(f"Spark starts a second later than it could, because Java made no archive of its classes: {last}", file=sys.stderr)
    return EXIT_OK


def deploy_once(server: LocalServer) -> None:
    """Bring the stack and its job's code up, unless they are: the last template that was deployed here is remembered by its fingerprint."""
    from aws_pipeline.job_code import glue_code
    from infra.cloud.compute import compute_parameters, compute_template
    from infra.cloud.data import data_template
    from infra.cloud.graph import graph_parameters, graph_template

    chosen = settings()
    code, data = glue_code(chosen), data_template(chosen)
    buckets = [each["Properties"]["BucketName"] for each in data["Resources"].values() if each["Type"] == "AWS::S3::Bucket"]
    compute, graph = (compute_template(chosen), compute_parameters(code)), (graph_template(chosen), graph_parameters(code))
    wanted = [data, *compute, *graph]
    fingerprint = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()
    side = server.store.root / ".aws"
    with (side / "deploy.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two servers that start at once must not both create everything
        remembered = side / "deployed"
        known = remembered.read_text() if remembered.exists() else ""
        there = known == fingerprint and not server.control.pristine and all(map(server.store.has_bucket, buckets))
        if there and all(server.store.local_path(address).is_file() for address in code.objects):
            return
        from infra.deploy import deploy
        from infra.local.cloudformation.old_stores import make_room

        if not server.control.pristine and not any((side / "stacks").glob("*.json")):
            make_room(server.caller(), [(json.dumps(template), values) for template, values in ((data, {}), compute, graph)])
        deploy(chosen, _session(server.url), code, adopt=True)
        remembered.write_text(fingerprint)


def _session(url: str) -> Any:
    """Return a session whose clients reach this server and no other, whatever the environment says."""
    import boto3

    class SessionHere(boto3.Session):
        def client(self, *args: Any, **options: Any) -> Any:
            return super().client(*args, **{"endpoint_url": url, **options})

    return SessionHere("local", "local", region_name="us-east-1")


def _wait_for_the_parent(stopped: threading.Event) -> None:
    while os.read(0, 1 << 12):  # not sys.stdin, whose lock a thread that waits would hold while the interpreter ends
        pass
    stopped.set()


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m infra.local", description="AWS on this disk.")
    commands = parser.add_subparsers(dest="command", required=True)
    about = "serve S3, Glue, Athena, SageMaker and the rest at one address; point AWS_ENDPOINT_URL there"
    command = commands.add_parser("serve", help=about, description=about)
    command.add_argument(
        "--root", type=Path, default=None, metavar="DIR", help="where objects and state lie (default: S3_MOCK_DIR or s3_mock)"
    )
    command.add_argument("--port", type=int, default=4566, help="0 takes a free one (default: %(default)s)")
    command.add_argument("--host", default="127.0.0.1", help="an address of the loopback interface (default: %(default)s)")
    command.add_argument("--no-deploy", action="store_true", help="start empty: without buckets, tables and jobs")
    command.add_argument("--with-parent", action="store_true", help="stop when stdin ends")
    about = "once after the installation: let Java archive the classes of Spark, which then starts a second faster"
    commands.add_parser("prepare", help=about, description=about)
    chosen = parser.parse_args()
    if chosen.command == "prepare":
        return prepare()
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    if not 0 <= chosen.port <= 65535:
        raise UsageError(f"Expected --port to be a number from 0 to 65535, but got {chosen.port}. Choose another.")
    try:
        root = chosen.root or settings().mock_dir
        return serve(root, chosen.port, chosen.host, deploy=not chosen.no_deploy, with_parent=chosen.with_parent)
    except Exception as error:  # only errors that a user can mend are told here; all others are raised again
        if not chosen.with_parent or (known := known_error(error)) is None:
            raise
        print(json.dumps({"error": known[0]}), flush=True)  # the parent tells it, as its own
        return known[1]


if __name__ == "__main__":
    sys.exit(run(main))
