"""A push ends with the same repos whatever the network does to it, and no data is ever within a stranger's reach.

The suite runs the first schedules, `make long` all that HUBKIT_FAULT_SCHEDULES says, and `make faults` 200.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fault_schedule import Repos, clean_push, faulty_push
from gate_schedule import OPENINGS, gate_push

SCHEDULES, IN_THE_SUITE = int(os.environ.get("HUBKIT_FAULT_SCHEDULES", "200")), 2
OPEN = ("README.md", "LICENSE", ".gitattributes")


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Repos:
    return clean_push(tmp_path_factory.mktemp("clean"), "faults")


@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=[pytest.mark.long] if seed >= IN_THE_SUITE else []) for seed in range(SCHEDULES)]
)
def test_faults_change_nothing_of_what_is_pushed(
    expected: Repos, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", seed % 2 == 0)
    found, log, ends = faulty_push(tmp_path, "faults", seed)
    assert ends[-1] == 0, ends
    assert set(ends) <= {0, 1, -9}
    assert found == expected
    for line in log:
        repo, path = str(line["repo"]), str(line["path"])
        if not repo.startswith(("datasets/", "models/")):
            continue
        reads = "/resolve/" in path or "/xet-read-token/" in path or "/raw/" in path
        served = line["status"] in (200, 206) and reads and not path.endswith(OPEN)
        assert not (served and line["user"] in (None, "outsider")), line
        writes = line["method"] == "PUT" or "/commit/" in path or "/xet-write-token/" in path
        accepted = line["status"] == 200 and writes and "/settings" not in path
        assert not accepted or line["gated"] == "manual", line


@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=[pytest.mark.long] if seed >= len(OPENINGS) else []) for seed in range(SCHEDULES)]
)
def test_a_gate_that_does_not_hold_is_shut_and_told(
    tmp_path: Path, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    found = gate_push(tmp_path, "gates", seed)
    with capsys.disabled():
        print(f"\nschedule {seed}: {found}")
    assert found.before == 0
    if found.opening in ("lfs", "xet"):
        assert (found.ends, found.after, found.private) == ([1], 0, True)
    elif found.ends == [0]:
        # Opened before it was shown, and set right with the visibility.
        assert (found.private, found.gated, found.after) == (False, "manual", 0)
    else:
        # Seen by the push, or by the next one where it was opened after the last look.
        assert found.ends in ([1], [0, 1])
        assert found.private
        assert found.window is not None
