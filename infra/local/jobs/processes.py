"""Programs run as their own process group with a log, and processes named so that a later one cannot be taken for them."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_CLOCK_STEP_S = 2.0
"""A start is counted from the machine's start, whose time moves when the clock is set; a number is not used again so soon."""
_MACHINES_OWN = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_\w+|TZ|TMPDIR|TMP|TEMP|LD_LIBRARY_PATH|DYLD_\w+|JAVA_HOME|VIRTUAL_ENV|SYSTEMROOT"
    r"|OMP_\w+|MKL_\w+|OPENBLAS_\w+|CUDA_\w+|NVIDIA_\w+|NCCL_\w+"
)
"""Variables that a job gets. It gets no other of a terminal: containers on AWS have none of them, and jobs print them into their logs."""
_DRIVER_WORDS = re.compile(r"\+|Command failed with exit code|An error occurred with exit code|\d\d:\d\d:\d\d (WARN|ERROR|INFO) ")
"""What drivers print around a program's own last words: bash's trace, the SageMaker SDK's wrapper, Spark's log."""

_EXCEPTION = re.compile(r"(?:[a-zA-Z_]\w*\.)*[A-Z]\w*(?:: |:?$)")
"""`ValueError: ...`, `package.module.SomeError: ...`, `KeyboardInterrupt`."""

_TRACEBACK = "Traceback (most recent call last):"
"""A Java exception repeats, behind its own first words, the traceback of the Python worker that caused it."""
_NO_ROOM_BYTES = 1 << 16


@dataclass(frozen=True)
class Process:
    """A process known by its number and its start, because numbers are used again."""

    pid: int
    started_s: float
    """When it started, seconds since 1970."""

    @classmethod
    def of(cls, pid: int) -> Process:
        """Name the running process `pid`."""
        return cls(pid, _start_time(pid))

    @property
    def alive(self) -> bool:
        """Say whether this very process still runs."""
        started_s = _start_time(self.pid)
        return started_s > 0 and abs(started_s - self.started_s) < _CLOCK_STEP_S

    def signal_group(self, number: int) -> None:
        """Send a signal to the group this process leads; nothing happens when it is gone."""
        if self.alive:
            _signal_group(self.pid, number)

    def stop_group(self, grace_s: float) -> None:
        """Ask the group to end, and end it when it has not done so within `grace_s` seconds; returns at once."""
        self.signal_group(signal.SIGTERM)
        self._end_after(grace_s)

    def stop_as_container(self, grace_s: float) -> None:
        """Do what `stop_group` does as a container is asked: only its first process, and that only if it listens.

        In a container the first process has number 1, and Linux drops signals for number 1 that it has no handler for. So a shell that
        waits for a program neither ends nor passes the signal on.
        """
        if self.alive and _listens(self.pid, signal.SIGTERM):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, signal.SIGTERM)
        self._end_after(grace_s)

    def _end_after(self, grace_s: float) -> None:
        reminder = threading.Timer(grace_s, self.signal_group, [signal.SIGKILL])
        reminder.daemon = True
        reminder.start()


@dataclass(frozen=True)
class ExitStatus:
    """How a program ended: its exit status, negative for a signal, None when it ran out of time."""

    code: int | None

    @property
    def good(self) -> bool:
        """Say whether the program ended by itself with status 0."""
        return self.code == 0


def run_logged(
    command: Sequence[str],
    environment: Mapping[str, str],
    workplace: Path,
    log: Path,
    timeout_s: float | None = None,
    on_start: Callable[[Process], None] = lambda process: None,
    every_half_second: Callable[[], None] = lambda: None,
) -> ExitStatus:
    """Run a command to its end with its output appended to `log`; whatever it leaves running is ended with it."""
    with open(log, "ab") as output:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=workplace,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    on_start(Process.of(process.pid))
    deadline = time.monotonic() + timeout_s if timeout_s else float("inf")
    try:
        while time.monotonic() < deadline:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return ExitStatus(process.wait(min(0.5, max(0.01, deadline - time.monotonic()))))
            every_half_second()
        return ExitStatus(None)
    finally:
        _signal_group(process.pid, signal.SIGKILL)
        process.wait()


def job_environment(endpoint_url: str, region: str, access_key: str) -> dict[str, str]:
    """Return the environment of a job: what describes this machine, a way to the endpoint, and the credentials of the job's role."""
    kept = {name: value for name, value in os.environ.items() if _MACHINES_OWN.fullmatch(name)}
    return {
        **kept,
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": region,
        "AWS_SESSION_TOKEN": "local",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "PYTHONUNBUFFERED": "1",
    }


def last_words(log: Path, limit: int = 1000) -> str:
    """Return what a failed program said last: the exception of its last Python traceback, else its last line.

    On a full disk a log ends before the program does; then that is said as well.
    """
    lines: list[str] = []
    with contextlib.suppress(FileNotFoundError), open(log, "rb") as source:
        source.seek(max(0, log.stat().st_size - 200_000))
        lines = source.read().decode("utf-8", "replace").splitlines()
    spoken = _exception_lines(lines)
    if shutil.disk_usage(log.parent).free < _NO_ROOM_BYTES:
        spoken.append(f"{os.strerror(errno.ENOSPC)} on the disk of {log.parent}.")
    elif not spoken:
        spoken = [line for line in lines if line.strip() and not _DRIVER_WORDS.match(line)][-1:]
    return "\n".join(spoken).strip()[:limit]


def _exception_lines(lines: list[str]) -> list[str]:
    """Return the exception that ends the last traceback, all lines of its message; some drivers strip the indentation of the frames."""
    starts = [number for number, line in enumerate(lines) if line.endswith(_TRACEBACK) and not _DRIVER_WORDS.match(line)]
    if not starts:
        return []
    said: list[str] = []
    for line in lines[starts[-1] + 1 :]:
        if said and (not line.strip() or line[:1].isspace() or _DRIVER_WORDS.match(line)):
            break
        if said or _EXCEPTION.match(line):
            said.append(line)
    return said


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _listens(pid: int, number: int) -> bool:
    """Say whether a process has a handler for a signal; where the system does not tell, it counts as having one."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("SigCgt:"):
                return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return True


def _start_time(pid: int) -> float:
    """Return when a process started, seconds since 1970; 0 when it is gone or only waits to be reaped."""
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            return 0.0 if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD) else float(process.create_time())
    except psutil.NoSuchProcess:
        return 0.0
