"""What is shown while something runs: an estimate of the time left, lines without a terminal, a bar of 80 columns."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import time

import pytest

from hubkit import progress
from hubkit.progress import Progress, duration, running, track


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (7.06, "7.1 s"),
        (12.3, "12 s"),
        (89.6, "90 s"),
        (90, "2 min"),
        (3599, "1 h"),
        (7800, "2 h 10 min"),
        (47.9 * 3600, "47 h 54 min"),
        (76 * 3600, "3 d 4 h"),
        (48 * 3600, "2 d"),
    ],
)
def test_a_time_reads_as_people_say_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("done_before", "done", "seconds", "text"),
    [
        (0, 0, 60, "units: 0 of 100"),
        (0, 25, 60, "units: 25 of 100, about 3 min left"),
        # What an earlier run did says nothing of the speed of this one.
        (50, 75, 60, "units: 75 of 100, about 60 s left"),
        (0, 5, 0.5, "units: 5 of 100"),
        (0, 100, 60, "units: 100 of 100"),
        (0, 1, 36000, "units: 1 of 100, about 41 d 6 h left"),
    ],
)
def test_the_time_left_comes_from_this_run(
    monkeypatch: pytest.MonkeyPatch, done_before: int, done: int, seconds: float, text: str
) -> None:
    clock = {"now": 1000.0}
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock["now"])
    with Progress("units", 100, done_before) as shown:
        shown.advance(done - done_before)
        clock["now"] += seconds
        assert str(shown) == text
        shown.note = "Slurm job 7: 2 running"
        assert str(shown) == f"{text}, Slurm job 7: 2 running"


def test_lines_come_at_intervals_also_while_nothing_is_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.05)
    with Progress("units", 3) as shown:
        time.sleep(0.2)
        shown.reach(2)
        time.sleep(0.2)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "  units: 0 of 3"
    assert lines[-1].startswith("  units: 2 of 3")
    assert 4 <= len(lines) <= 9


def test_a_stage_without_a_counter_says_that_it_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "SECONDS_OF_SILENCE", 0.05)
    with running("translate"):
        time.sleep(0.12)
        said = capsys.readouterr().err.splitlines()
        assert re.fullmatch(r"  translate: running for 0\.\d s", said[0])
        with Progress("translate: units", 3):
            capsys.readouterr()
            time.sleep(0.12)
            assert capsys.readouterr().err == "", "a counter speaks for the stage"
    time.sleep(0.12)
    assert capsys.readouterr().err == "", "the stage has ended"


def test_what_is_tracked_comes_through_whatever_ends_it() -> None:
    assert list(track(range(5), "items", 5)) == [0, 1, 2, 3, 4]
    with pytest.raises(ZeroDivisionError):
        for item in track(range(5), "items", 5):
            print(1 / (item - 2))
    assert not progress._counters


@pytest.mark.parametrize("what", ["translate: units", "score: pairs in xlm-roberta"])
def test_on_a_terminal_it_is_one_bar_of_its_width(what: str) -> None:
    code = (
        "import time; from hubkit.progress import Progress\n"
        f"with Progress({what!r}, 2895) as shown:\n"
        "    for _ in range(4):\n        time.sleep(0.4); shown.advance(500)\n"
        "shown.advance(895)\n"
    )
    master, slave = pty.openpty()
    environment = {**os.environ, "COLUMNS": "80", "TERM": "xterm"}
    with subprocess.Popen([sys.executable, "-c", code], stderr=slave, env=environment) as process:
        process.wait(60)
    os.close(slave)
    drawn = b""
    try:
        while part := os.read(master, 65536):
            drawn += part
    except OSError:  # the other side is closed
        pass
    os.close(master)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn.decode())
    lines = [line for line in re.split(r"[\r\n]+", text) if line.strip()]
    assert lines, text
    assert max(map(len, lines)) <= 80
    assert all(line.startswith(what) for line in lines), "a line that wraps leaves pieces behind"
    assert re.search(r"2000 of 2895, about \d\.\d s left", lines[-1])
