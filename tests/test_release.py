"""The runner: a stage whose digests match is skipped, one whose inputs changed runs again, and so do those after it."""

from __future__ import annotations

import datetime
import errno
import hashlib
import importlib
import json
import re
import stat
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

import pytest

from hubkit import __version__, release
from hubkit.artifacts.manifest import Hardware, Manifest, read_manifest
from hubkit.config import ReleaseConfig, parse_config
from hubkit.digests import file_digest
from hubkit.disk import FullDiskError
from hubkit.errors import HubkitError, UsageError
from hubkit.release import Step, check_before, check_edits, plan, run, run_one
from hubkit.stages import STAGES, Stage
from hubkit.workspace import Workspace

SOURCE = {"text": "a"}

MAYBE = "an earlier stage may change what it reads"


def outside(config: ReleaseConfig) -> str:
    return SOURCE["text"]


def first(config: ReleaseConfig, workspace: Workspace) -> None:
    (workspace.root / "one").write_text(SOURCE["text"])


def open_to_all(config: ReleaseConfig, workspace: Workspace) -> None:
    (workspace.root / "one").touch()
    (workspace.root / "one").chmod(0o666)


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
    assert actions(workspace) == [("run", "not done yet"), ("run", "not done yet")]
    with pytest.raises(HubkitError, match="killed"):
        run(ReleaseConfig(), workspace)
    assert actions(workspace) == [("skip", "up to date"), ("run", "continues")]
    # Nothing more: only a stage that loads a model notes which.
    assert [path.name for path in (workspace.root / "partial").glob("*/*")] == ["half"]
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
    assert actions(workspace) == [("run", "inputs changed"), ("run", "two changed")]
    with pytest.raises(HubkitError, match=r"two: was changed since two wrote it.*--discard-edits"):
        run(ReleaseConfig(), workspace)
    assert (workspace.root / "two").read_text() == "edited", "nobody's work is written over"
    with pytest.raises(HubkitError, match="killed"):
        run(ReleaseConfig(), workspace, discard_edits=True)
    run(ReleaseConfig(), workspace)
    assert (workspace.root / "two").read_text() == "B42"
    (workspace.root / "two").unlink()
    finish(workspace)
    assert (workspace.root / "two").read_text() == "B42", "what was deleted is made again"


def test_an_equal_output_leaves_the_next_stage_alone(workspace: Workspace) -> None:
    finish(workspace)
    done = run(ReleaseConfig(), workspace, first="one")
    assert [(step.action, step.reason) for step in done] == [("run", "asked for"), ("skip", "up to date")]


@pytest.mark.parametrize(("first_stage", "last_stage"), [("three", None), (None, "three"), ("two", "one")])
def test_stages_that_make_no_sense(workspace: Workspace, first_stage: str | None, last_stage: str | None) -> None:
    with pytest.raises(UsageError, match="one, two"):
        plan(ReleaseConfig(), workspace, first_stage, last_stage)


@pytest.mark.parametrize(
    ("between", "expected"),
    [
        ((None, None), [("one", "skip", "up to date"), ("two", "skip", "up to date")]),
        (("one", None), [("one", "run", "asked for"), ("two", "maybe", MAYBE)]),
        (("one", "one"), [("one", "run", "asked for")]),
        (("two", None), [("two", "run", "asked for")]),
        ((None, "one"), [("one", "skip", "up to date")]),
    ],
)
def test_a_part_of_the_stages(workspace: Workspace, between: tuple[str | None, str | None], expected: list) -> None:
    finish(workspace)
    steps = plan(ReleaseConfig(), workspace, *between)
    assert [(step.stage.name, step.action, step.reason) for step in steps] == expected


def test_reasons_come_in_order_and_the_cheapest_first(workspace: Workspace) -> None:
    finish(workspace)
    manifest = json.loads(workspace.manifest("two").read_text())
    (workspace.root / "two").write_text("edited")
    for change, reason in [
        ({}, "two changed"),
        ({"key": "k"}, "inputs changed"),
        ({"settings": "s"}, "settings changed"),
    ]:
        manifest |= change
        workspace.manifest("two").write_text(json.dumps(manifest))
        assert actions(workspace)[1] == ("run", reason)
    for damaged in ("{", ""):
        workspace.manifest("two").write_text(damaged)
        assert read_manifest(workspace, "two") is None
        assert actions(workspace)[1] == ("run", "not done yet")


def test_what_a_manifest_says(workspace: Workspace) -> None:
    finish(workspace)
    manifest = json.loads(workspace.manifest("two").read_text())
    assert read_manifest(workspace, "two") == Manifest(**manifest)
    started, seconds, versions, ran_on = (manifest.pop(name) for name in ("started", "seconds", "versions", "hardware"))
    stage = release.STAGES[1]
    assert manifest == {
        "format": 1,
        "stage": "two",
        "key": stage.key(ReleaseConfig(), workspace),
        "settings": ReleaseConfig().digest(("release.seed",)),
        "outputs": {"two": file_digest(workspace.root / "two")},
        "seed": 42,
    }
    assert set(ran_on) == {"name", "count", "watts"}
    ago = datetime.datetime.now(datetime.UTC) - datetime.datetime.strptime(started, "%Y-%m-%dT%H:%M:%S%z")
    assert 0 <= ago.total_seconds() < 3600
    assert 0 <= seconds < 60
    assert seconds == round(seconds, 1)
    packages = {"torch", "transformers", "datasets", "peft", "trl", "bitsandbytes", "huggingface-hub", "evaluate"}
    modules = {name: name.replace("-", "_") for name in {*packages, "bert-score", "pyarrow"}} | {"pillow": "PIL"}
    installed = {name: version(name) for name, module in modules.items() if find_spec(module)}
    assert versions == {"hubkit": __version__} | installed
    assert len(installed) > 3


def test_a_stage_alone_runs_where_it_is_not_done_or_asked_for(workspace: Workspace) -> None:
    said: list[tuple[str, str, str]] = []

    def report(step: Step, seconds: float) -> None:
        assert 0 <= seconds < 60
        said.append((step.stage.name, step.action, step.reason))

    for asked in ({}, {"asked_for": False}, {}, {"asked_for": True}):
        run_one("one", ReleaseConfig(), workspace, report, **asked)
    assert said == [
        ("one", "run", "not done yet"),
        *[("one", "skip", "up to date")] * 2,
        ("one", "run", "asked for"),
    ]
    said.clear()
    with pytest.raises(HubkitError, match="killed"):
        run(ReleaseConfig(), workspace, report=report)
    run(ReleaseConfig(), workspace, first="two", report=report)
    assert said == [("one", "skip", "up to date"), ("two", "run", "asked for")]


def test_what_a_stage_leaves_open_is_closed_without_a_word(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(f"{__name__}.first", open_to_all)
    run_one("one", ReleaseConfig(), workspace)
    assert stat.S_IMODE((workspace.root / "one").stat().st_mode) == 0o600
    assert capsys.readouterr().err == ""


RUNS = [
    pytest.param(lambda workspace, **more: run(ReleaseConfig(), workspace, last="one", **more), id="release"),
    pytest.param(lambda workspace, **more: run_one("one", ReleaseConfig(), workspace, **more), id="one stage"),
]


@pytest.mark.parametrize("start", RUNS)
def test_both_ways_to_run_a_stage_keep_edits_announce_and_close(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], start: Callable[..., object]
) -> None:
    announced = list[Step]()
    old = workspace.root / "old"
    old.touch()
    old.chmod(0o666)
    start(workspace, announce=announced.append)
    assert [(step.stage.name, step.action, step.reason) for step in announced] == [("one", "run", "not done yet")]
    assert stat.S_IMODE(old.stat().st_mode) == 0o600
    assert "others could read 1 files" in capsys.readouterr().err
    start(workspace, announce=announced.append)
    assert len(announced) == 1, "nothing is announced where nothing runs"
    (workspace.root / "one").write_text("edited")
    with pytest.raises(HubkitError, match="would write over that"):
        start(workspace, announce=announced.append)
    assert (workspace.root / "one").read_text() == "edited"
    assert len(announced) == 1
    start(workspace, discard_edits=True)
    assert (workspace.root / "one").read_text() == "a"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        *[(name, "put corrections into a file: hubkit corrections export; keep") for name in ("translate", "revise")],
        *[(name, "keep") for name in ("read", "generate")],
    ],
)
def test_edits_of_translations_go_into_a_file(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, name: str, hint: str
) -> None:
    one = release.STAGES[0]._replace(name=name)
    monkeypatch.setattr(release, "STAGES", [one])
    check_edits(one, workspace)
    run(ReleaseConfig(), workspace)
    check_edits(one, workspace)
    (workspace.root / "one").write_text("edited")
    with pytest.raises(HubkitError) as caught:
        check_edits(one, workspace)
    assert caught.value.hint == f"{hint} a copy elsewhere, then run again with --discard-edits"


def fills_the_disk(config: ReleaseConfig, workspace: Workspace) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_says_what_the_stage_needs_in_all(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.first", fills_the_disk)
    with pytest.raises(FullDiskError, match=r"GB free, one needs about [\d.]+ GB in all") as caught:
        run(ReleaseConfig(), workspace)
    assert str(caught.value).startswith(f"{workspace.root}: ")


def test_a_plan_reads_each_file_once(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The images of a corpus are 107 GB."""
    finish(workspace)
    read = list[str]()
    digest = hashlib.file_digest

    def record(file: BinaryIO, name: str) -> object:
        read.append(Path(file.name).name)
        return digest(file, name)

    monkeypatch.setattr(hashlib, "file_digest", record)
    assert {action for action, _ in actions(workspace)} == {"skip"}
    assert sorted(read) == ["one", "two"]


def test_a_release_that_nobody_could_open_is_refused_before_each_stage(workspace: Workspace) -> None:
    sealed = parse_config({"corpus": {"kind": "csv"}, "custody": {"mode": "sealed"}})
    for start in (lambda: check_before("one", sealed, workspace), lambda: run_one("one", sealed, workspace)):
        with pytest.raises(UsageError, match="cannot be sealed"):
            start()
    assert not (workspace.root / "one").exists()
    check_before("one", parse_config({"corpus": {"kind": "csv"}, "custody": {"mode": "gated"}}), workspace)


# Which settings say on how many devices a stage computes, where hubkit itself computes there.
DEVICES = {
    "translation": {"device": "cuda:1", "workers": 2},
    "finetuning": {"device": "cuda:3"},
    "generation": {"device": "cuda:4", "tasks": 5},
    "scoring": {"device": "cuda:6"},
}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("read", ("cpu", 1)),
        ("translate", ("cuda:1", 2)),
        ("finetune", ("cuda:3", 1)),
        ("generate", ("cuda:4", 5)),
        ("score", ("cuda:6", 1)),
        ("audit", ("cuda:4", 1)),
        ("package", ("cpu", 1)),
    ],
)
def test_a_manifest_counts_the_devices_of_its_stage(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, name: str, expected: tuple[str, int]
) -> None:
    def described(device: str, processes: int) -> Hardware:
        return Hardware(name=device, count=processes)

    monkeypatch.setattr(release, "hardware", described)
    monkeypatch.setattr(release, "STAGES", [release.STAGES[0]._replace(name=name)])
    run(parse_config(DEVICES), workspace)
    manifest = read_manifest(workspace, name)
    assert manifest is not None
    assert (manifest.hardware.name, manifest.hardware.count) == expected


def test_a_stage_that_fails_is_not_done_any_more(workspace: Workspace) -> None:
    finish(workspace)
    with pytest.raises(HubkitError, match="killed"):
        run(ReleaseConfig(), workspace, first="two")
    assert read_manifest(workspace, "two") is None
    assert actions(workspace)[1] == ("run", "continues")


def test_one_run_at_a_time(workspace: Workspace) -> None:
    with workspace.lock():
        for start in (lambda: run(ReleaseConfig(), workspace), lambda: run_one("one", ReleaseConfig(), workspace)):
            with pytest.raises(HubkitError, match="another hubkit works in this workspace"):
                start()


def test_a_stage_that_hands_on_what_another_made_refuses_other_outputs(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = release.STAGES
    both = one._replace(outputs=lambda w: [w.root / "zero", w.root / "one"])
    monkeypatch.setattr(release, "STAGES", [both, two._replace(after="one")])
    config = ReleaseConfig()
    # The file is named that the second stage takes.
    complaint = rf"^{re.escape(str(workspace.root))}/one: is out of date: not done yet \(run: hubkit one\)"
    with pytest.raises(HubkitError, match=complaint):
        run_one("two", config, workspace)
    run_one("one", config, workspace)
    check_before("one", config, workspace)
    check_before("two", config, workspace)
    (workspace.root / "one").write_text("edited")
    with pytest.raises(HubkitError, match="is out of date: one changed"):
        check_before("two", config, workspace)


@pytest.mark.parametrize(("stage", "before"), [("push", "package"), ("audit", "finetune")])
def test_stages_that_hand_on_what_another_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str, before: str
) -> None:
    monkeypatch.setattr(release, "STAGES", STAGES)
    with pytest.raises(HubkitError, match=rf"not done yet \(run: hubkit {before}\)"):
        check_before(stage, ReleaseConfig(), Workspace(tmp_path))


def test_the_stages_of_a_release(tmp_path: Path) -> None:
    """Names stand in workspaces and on command lines; what is read where no stage wrote it has a digest."""
    workspace = Workspace(tmp_path)
    rows = [(stage.name, stage.outside, stage.after, stage.differs, stage.models) for stage in STAGES]
    assert rows == [
        ("read", "hubkit.corpus.read:fingerprint", None, None, ()),
        ("translate", None, None, None, ("translation",)),
        ("revise", "hubkit.translation.revise:corrections_digest", None, None, ()),
        ("finetune", None, None, "hubkit.finetuning.selection:chosen_otherwise", ("finetuning",)),
        ("generate", None, None, "hubkit.generation.generate:made_otherwise", ("finetuning",)),
        ("score", "hubkit.scoring.groups:fingerprint", None, None, ("scoring.bertimbau", "scoring.xlm_roberta")),
        ("audit", None, "finetune", None, ()),
        ("package", None, None, None, ()),
        ("push", "hubkit.endpoint:where", "package", "hubkit.hub.receipt:taken_back", ()),
        ("verify", None, None, None, ()),
    ]
    for stage in STAGES:
        for entry in filter(None, (stage.entry, stage.outside, stage.differs)):
            module, _, name = entry.partition(":")
            assert callable(getattr(importlib.import_module(module), name))
        assert len(set(stage.outputs(workspace))) == len(stage.outputs(workspace)) > 0
    # What a stage reads, one before it wrote, or it is a part of hubkit or of the reviews by readers.
    written: set[Path] = set()
    for stage in STAGES:
        read = {path for path in stage.inputs(workspace) if path.is_relative_to(tmp_path)}
        manifests = {workspace.manifest(earlier.name) for earlier in STAGES}
        missing = read - written - manifests - {workspace.translator}
        assert missing == set(), stage.name
        written |= set(stage.outputs(workspace))


def difference(config: ReleaseConfig, workspace: Workspace) -> str | None:
    return SOURCE.get("difference")


def test_what_was_made_under_other_settings_is_made_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings that are in no digest, which a stage compares with what it recorded."""
    finish(workspace)
    one, two = release.STAGES
    monkeypatch.setattr(release, "STAGES", [one._replace(differs=f"{__name__}:difference"), two])
    assert actions(workspace)[0] == ("skip", "up to date")
    monkeypatch.setitem(SOURCE, "difference", "made otherwise")
    assert actions(workspace) == [("run", "made otherwise"), ("maybe", MAYBE)]
    (workspace.root / "one").write_text("edited")
    assert actions(workspace)[0] == ("run", "one changed")


def loads_a_model(config: ReleaseConfig, workspace: Workspace) -> None:
    begun = workspace.partial / "begun"
    text = begun.read_text() if begun.exists() else ""
    weights = (Path(config.translation.model) / "model.safetensors").read_text()
    begun.write_text(text + weights)
    if weights == "fails":
        raise HubkitError("killed")
    (workspace.root / "three").write_text(begun.read_text())


def test_other_weights_in_a_folder_are_noticed_and_a_moved_folder_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = Stage(
        "three",
        f"{__name__}:loads_a_model",
        ("translation",),
        lambda w: [],
        lambda w: [w.root / "three"],
        models=("translation",),
    )
    monkeypatch.setattr(release, "STAGES", [stage])
    workspace = Workspace(tmp_path / "work")

    def model(name: str, weights: str) -> ReleaseConfig:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "model.safetensors").write_text(weights)
        return parse_config({"translation": {"model": str(folder), "model_id": "lab/model"}})

    for _ in range(2):
        with pytest.raises(HubkitError, match="killed"):
            run(model("a", "fails"), workspace)
    (begun,) = (workspace.root / "partial").glob("*/begun")
    assert begun.read_text() == "failsfails", "the same model goes on"
    assert capsys.readouterr().err == ""
    run(model("a", "first"), workspace)
    assert capsys.readouterr().err == "  three: begins again, since the files of its model changed\n"
    assert (workspace.root / "three").read_text() == "first", "what another model began is not gone on with"
    assert actions(workspace, model("b", "first")) == [("skip", "up to date")]
    swapped = model("b", "second")
    assert actions(workspace, swapped) == [("run", "the files of [translation] model changed")]
    run(swapped, workspace)
    assert actions(workspace, swapped) == [("skip", "up to date")]
    # A workspace of an older hubkit says nothing of the files: nobody translates again for that.
    manifest = workspace.manifest("three")
    manifest.write_text(
        json.dumps({key: value for key, value in json.loads(manifest.read_text()).items() if key != "models"})
    )
    assert actions(workspace, model("b", "third")) == [("skip", "up to date")]


def same_again(config: ReleaseConfig, workspace: Workspace) -> None:
    (workspace.root / "one").write_text("a")


def upper(config: ReleaseConfig, workspace: Workspace) -> None:
    (workspace.root / "two").write_text((workspace.root / "one").read_text().upper())


def copied(config: ReleaseConfig, workspace: Workspace) -> None:
    (workspace.root / "three").write_text("c")


def test_a_plan_says_what_runs_and_what_may_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = f"{__name__}:{{}}".format
    stages = [
        Stage("one", entry("same_again"), (), lambda w: [], lambda w: [w.root / "one"], entry("outside")),
        Stage("two", entry("upper"), ("release.seed",), lambda w: [w.root / "one"], lambda w: [w.root / "two"]),
        Stage("three", entry("copied"), (), lambda w: [w.root / "two"], lambda w: [w.root / "three"]),
        Stage("four", entry("copied"), (), lambda w: [w.manifest("two")], lambda w: []),
        Stage("five", entry("copied"), (), lambda w: [w.manifest("one")], lambda w: []),
        Stage("six", entry("copied"), (), lambda w: [w.root / "unrelated"], lambda w: []),
    ]
    monkeypatch.setattr(release, "STAGES", stages)
    monkeypatch.setitem(SOURCE, "text", "a")
    workspace = Workspace(tmp_path)
    run(ReleaseConfig(), workspace)
    assert {action for action, _ in actions(workspace)} == {"skip"}
    SOURCE["text"] = "b"
    maybe = ("maybe", MAYBE)
    assert actions(workspace) == [
        ("run", "inputs changed"),
        maybe,
        maybe,
        maybe,
        ("run", "an earlier stage runs"),
        ("skip", "up to date"),
    ]
    other_seed = parse_config({"release": {"seed": 1}})
    assert actions(workspace, other_seed)[1:4] == [
        ("run", "settings changed"),
        maybe,
        ("run", "an earlier stage runs"),
    ]
    ran = [step.stage.name for step in run(ReleaseConfig(), workspace) if step.action == "run"]
    assert ran == ["one", "five"], "the first wrote the same again"
