"""How far a step is: plain lines now and then, or a bar on a terminal."""

import os
import pty
import subprocess
import sys
from pathlib import Path

from reports.progress import Progress, progress

ROOT = Path(__file__).resolve().parents[2]


def test_elsewhere_than_on_a_terminal_every_new_state_is_a_line_and_the_same_one_is_not(capsys):
    with Progress("glue job") as shown:
        for state, done in (("starting", 0), ("running", 1), ("running", 2)):
            shown.update(state, done, 3)
        shown.say("a line that stays")
    assert capsys.readouterr().err == "glue job: starting, 0 of 3, 0 s\nglue job: running, 1 of 3, 0 s\na line that stays\n"


def test_after_a_silence_the_same_state_is_told_again(capsys, monkeypatch):
    clock = iter([100.0, 105.0, 111.0, 112.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    assert list(progress("abc", "upload", 3)) == ["a", "b", "c"]
    assert capsys.readouterr().err == "upload: 2 of 3, 11 s\n"


def test_on_a_terminal_a_bar_shows_the_state_and_goes_when_the_step_is_over():
    work = (
        "import time; from reports.progress import Progress\n"
        "with Progress('glue job') as shown:\n    shown.update('running', 2, 5); shown.say('epoch=1 [3/4]'); time.sleep(0.3)\n"
    )
    ours, theirs = pty.openpty()
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    done = subprocess.run([sys.executable, "-c", work], cwd=ROOT, env=env, stderr=theirs, timeout=60, check=False)
    told = os.read(ours, 1 << 16).decode()
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 0
    assert "glue job: running" in told
    assert "2 of 5" in told
    assert "epoch=1 [3/4]" in told
    assert told.rstrip().endswith("\x1b[2K"), "the bar's line is erased"
