"""The runner: a stage whose digests match is skipped, one whose inputs changed runs again, and so do those after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubkit import release
from hubkit.config import ReleaseConfig, parse_config
from hubkit.errors import HubkitError, UsageError
from hubkit.release import plan, run
from hubkit.stages import Stage
from hubkit.workspace import Workspace

SOURCE = {"text": "a"}


def outside(config: ReleaseConfig) -> str:
    return SOURCE["text"]


def first(config: ReleaseConfig, workspace: Workspace) -> None:
    (workspace.root / "one").write_text(SOURCE["text"])


def second(config: ReleaseConfig, workspace: Workspace) -> None:
    checkpoint = workspace.partial / "half"
    if not checkpoint.exists():
        checkpoint.write_text("half")
        raise HubkitError("killed")
    (workspace.root / "two").write_text((workspace.root / "one").read_text().upper() + str(config.release.seed))


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    stages = [
        Stage("one", f"{__name__}:first", (), lambda w: [], lambda w: [w.root / "one"], f"{__name__}:outside"),
        Stage("two", f"{__name__}:second", ("release.seed",), lambda w: [w.root / "one"], lambda w: [w.root / "two"]),
    ]
    monkeypatch.setattr(release, "STAGES", stages)
    monkeypatch.setitem(SOURCE, "text", "a")
    return Workspace(tmp_path)


def actions(workspace: Workspace, config: ReleaseConfig | None = None) -> list[tuple[str, str]]:
    return [(step.action, step.reason) for step in plan(config or ReleaseConfig(), workspace)]


def finish(workspace: Workspace) -> None:
    with pytest.raises(HubkitError, match="killed"):
        run(ReleaseConfig(), workspace)
    run(ReleaseConfig(), workspace)


def test_a_stage_that_failed_continues_and_is_then_skipped(workspace: Workspace) -> None:
    assert actions(workspace) == [("run", "not done yet"), ("run", "an earlier stage runs")]
    with pytest.raises(HubkitError, match="killed"):
        run(ReleaseConfig(), workspace)
    assert actions(workspace) == [("skip", "up to date"), ("run", "continues")]
    run(ReleaseConfig(), workspace)
    assert (workspace.root / "two").read_text() == "A42"
    assert actions(workspace) == [("skip", "up to date"), ("skip", "up to date")]
    assert list((workspace.root / "partial").iterdir()) == []


def test_what_changed_runs_again(workspace: Workspace) -> None:
    finish(workspace)
    assert actions(workspace, parse_config({"release": {"seed": 1}}))[1] == ("run", "settings changed")
    (workspace.root / "two").write_text("edited")
    assert actions(workspace)[1] == ("run", "two changed")
    SOURCE["text"] = "b"
    assert actions(workspace) == [("run", "inputs changed"), ("run", "an earlier stage runs")]
    finish(workspace)
    assert (workspace.root / "two").read_text() == "B42"


def test_an_equal_output_leaves_the_next_stage_alone(workspace: Workspace) -> None:
    finish(workspace)
    done = run(ReleaseConfig(), workspace, first="one")
    assert [(step.action, step.reason) for step in done] == [("run", "asked for"), ("skip", "up to date")]


@pytest.mark.parametrize(("first_stage", "last_stage"), [("three", None), (None, "three"), ("two", "one")])
def test_stages_that_make_no_sense(workspace: Workspace, first_stage: str | None, last_stage: str | None) -> None:
    with pytest.raises(UsageError, match="one, two"):
        plan(ReleaseConfig(), workspace, first_stage, last_stage)
