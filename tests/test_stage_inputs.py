"""The real stages run at a small scale: each reads what it declares, and every file that it writes has a model."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from artifact_files import without_model
from invented_release import build_release, release_config
from loopback import hub, own_home

import hubkit.verification.verify
from hubkit.artifacts.recipe import read_base
from hubkit.artifacts.training import read_training
from hubkit.artifacts.translator import Translator, write_translator
from hubkit.config import ReleaseConfig, Runtime, Table, parse_config
from hubkit.demo.config import MODELS
from hubkit.demo.corpus import write_corpus
from hubkit.localhub import LocalHub
from hubkit.release import record
from hubkit.stages import STAGES, Stage
from hubkit.tables import CONDITIONS
from hubkit.workspace import Workspace

sys.path.insert(0, str(Path(__file__).parent / "bertscore_ptbr"))  # tiny_encoders

__all__ = ["hub", "own_home"]

TABLES = {field.annotation: name for name, field in ReleaseConfig.model_fields.items()}

NAMED = {setting for stage in STAGES for setting in stage.settings if "." in setting}
"""Settings that a stage names one by one; they count whether they are `Runtime` or not."""

READ_OTHERWISE = {
    # Whether a stage may run at all, not what it writes.
    "translate": {"corpus.kind", "corpus.terms"},
    # The first two as with translate; the others are copies in the recipe, which packaging replaces by what holds then.
    "finetune": {
        *("corpus.kind", "corpus.terms"),
        *("corpus.max_images", "corpus.image_size", "corpus.fit", "corpus.jpeg_quality"),
        *("generation.do_sample", "generation.max_new_tokens"),
    },
    # The adapter and the generations record both, and `Stage.differs` compares them.
    "generate": {"finetuning.model", "finetuning.model_id", "finetuning.quantization"},
    # Set to false in the audit's own copy, which is looked at.
    "audit": {"generation.do_sample"},
    # dist/ says the first three, and is an input; the last two decide whether a push is allowed.
    "push": {"release.title", "custody.mode", "custody.adapter_custody", "corpus.kind", "corpus.terms"},
    # Where the reader's own files lie, by which what was pushed is looked at.
    "verify": {"corpus.kind", "corpus.terms", "corpus.root", "corpus.images"},
}
"""Settings that a stage reads and does not declare, so that they make no workspace stale, each for a reason."""

UNNOTICED = {
    "package": ["revised/checks.parquet"],
    "verify": ["dist"],
}
"""What a stage declares and is not seen to read: the digests of 0.1.0 hold it, so it stays."""


class Reads:
    """Records the settings and the files of a workspace that are read while it is `on`."""

    def __init__(self, root: Path):
        self.root, self.on = root, False
        self.settings: set[str] = set()
        self.files: set[Path] = set()

    def setting(self, table: Table, name: str) -> None:
        owner = TABLES.get(type(table))
        if not self.on or owner is None:
            return
        fields = type(table).model_fields
        # Whoever takes a table as a whole reads all of it.
        read = fields if name in ("identity", "model_dump", "model_dump_json") else {name} & set(fields)
        self.settings |= {
            setting for one in read if (setting := f"{owner}.{one}") in NAMED or Runtime not in fields[one].metadata
        }

    def file(self, path: object) -> None:
        if self.on and isinstance(path, str | Path) and Path(path).is_relative_to(self.root):
            self.files.add(Path(path))

    def opened(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and self.on and isinstance(arguments[1], str) and "r" in arguments[1]:
            self.file(arguments[0])


@pytest.fixture
def reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reads]:
    recorded = Reads(tmp_path / "work")

    def attribute(table: Table, name: str) -> Any:
        recorded.setting(table, name)
        return object.__getattribute__(table, name)

    monkeypatch.setattr(Table, "__getattribute__", attribute, raising=False)
    sys.addaudithook(recorded.opened)
    # Arrow opens files by itself, which Python's audit does not see.
    for name in ("read_table", "read_schema", "read_metadata"):
        real = getattr(pq, name)

        def open_table(path: Any, *arguments: Any, real: Any = real, **options: Any) -> Any:
            recorded.file(path)
            return real(path, *arguments, **options)

        monkeypatch.setattr(pq, name, open_table)
    yield recorded
    recorded.on = False


def small_release(home: Path, vision: Path) -> ReleaseConfig:
    from tiny_encoders import save_bert, save_xlm_roberta

    write_corpus(home / "corpus", studies=12)
    # Below the working directory, since cards name models as they are configured, and no path of this machine.
    models = home / "models"
    shutil.copytree(MODELS["translator"], models / "translator")
    save_bert(models / "bert")
    save_xlm_roberta(models / "xlm")
    encoders = {"bertimbau": "models/bert", "xlm_roberta": "models/xlm"}
    return parse_config(
        {
            "corpus": {"kind": "demo", "root": str(home / "corpus"), "subset": "all", "image_size": 32, "workers": 1},
            "translation": {
                "model": "models/translator",
                "quantization": "fp32",
                "rules": False,
                "max_new_tokens": 256,
                "flagged": "stop",
                "max_flagged": 1.0,
                "retries": 1,
            },
            "finetuning": {
                "model": str(vision),
                "quantization": "fp32",
                "epochs": 1,
                "batch_size": 8,
                "gradient_accumulation": 1,
                "gradient_checkpointing": False,
            },
            "generation": {"max_new_tokens": 4},
            "scoring": {
                **{name: {"model": folder, "layer": 2} for name, folder in encoders.items()},
                "resamples": 20,
            },
            "hub": {"namespace": "maintainer"},
        }
    )


def declared(setting: str, stage: Stage) -> bool:
    return setting in stage.settings or setting.partition(".")[0] in stage.settings


def run_recorded(stage: Stage, config: ReleaseConfig, workspace: Workspace, reads: Reads) -> None:
    """Run a stage; what it reads is in `reads` then."""
    reads.settings, reads.files = set(), set()
    running = workspace.running(stage.name, "0" * 64)
    reads.on = True
    stage.run(config, running)
    reads.on = False


def undeclared(stage: Stage, workspace: Workspace, reads: Reads) -> list[str]:
    """Settings and files of the workspace that were read, and that `stage` declares nowhere."""
    partial = workspace.running(stage.name, "0" * 64).partial
    own = [*stage.inputs(workspace), *stage.outputs(workspace), partial, workspace.access_check]
    settings = {one for one in reads.settings if not declared(one, stage)} - READ_OTHERWISE.get(stage.name, set())
    files = {path for path in reads.files if not any(path.is_relative_to(known) for known in own)}
    elsewhere = {path for path in files if not path.is_relative_to(workspace.dist)}
    temporary = {path for path in elsewhere if path.name.startswith(".") or "dist" in path.parts}
    return sorted([*settings, *(str(path.relative_to(reads.root)) for path in files - temporary)])


def unnoticed(stage: Stage, workspace: Workspace, reads: Reads) -> list[str]:
    """What `stage` could declare no more without a word of `undeclared`; published files are not asked about."""
    found = []
    for setting in stage.settings:
        less = stage._replace(settings=tuple(one for one in stage.settings if one != setting))
        if not undeclared(less, workspace, reads):
            found.append(setting)
    inputs = stage.inputs(workspace)
    for path in inputs:
        rest = [one for one in inputs if one != path]
        less = stage._replace(inputs=lambda work, rest=rest: rest)
        if path.is_relative_to(reads.root) and not undeclared(less, workspace, reads):
            found.append(str(path.relative_to(reads.root)))
    return found


def files_below(*folders: Path) -> Iterator[Path]:
    return (path for folder in folders for path in folder.rglob("*") if path.is_file())


def stage_of(name: str) -> Stage:
    (stage,) = (stage for stage in STAGES if stage.name == name)
    return stage


def test_read_score_and_package_declare_what_they_read_and_no_declaration_can_go(
    reads: Reads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stages that need no model but tiny encoders; the others are in the long test below."""
    from tiny_encoders import save_bert, save_xlm_roberta

    write_corpus(tmp_path / "demo", studies=10)
    demo = {"kind": "demo", "root": str(tmp_path / "demo"), "subset": "all", "image_size": 16, "workers": 1}
    monkeypatch.chdir(tmp_path)
    build_release(tmp_path, studies=24)
    encoders = {"bertimbau": save_bert(Path("bert")), "xlm_roberta": save_xlm_roberta(Path("xlm"))}
    scoring = {name: {"model": str(folder), "model_id": f"lab/{name}", "layer": 1} for name, folder in encoders.items()}
    workspace, other = Workspace(reads.root), Workspace(tmp_path / "demo-work")
    config = release_config(tmp_path / "corpus", scoring={**scoring, "resamples": 20, "device": "cpu"})
    for name in ("translate", "finetune", "generate"):
        record(stage_of(name), config, workspace, "0" * 64, 0.0)
    write_translator(workspace, Translator(engine="transformers"))
    for name in ("score", "package"):
        stage = stage_of(name)
        run_recorded(stage, config, workspace, reads)
        assert undeclared(stage, workspace, reads) == []
        assert unnoticed(stage, workspace, reads) == UNNOTICED.get(name, [])
        record(stage, config, workspace, "0" * 64, 0.0)
    written = [workspace.scores, workspace.dist, workspace.root / "manifests"]
    assert without_model(files_below(*written), workspace.root) == []
    reads.root = other.root
    run_recorded(stage_of("read"), parse_config({"corpus": demo}), other, reads)
    assert undeclared(stage_of("read"), other, reads) == []
    assert unnoticed(stage_of("read"), other, reads) == []
    assert without_model(files_below(other.studies.parent), other.root) == []


@pytest.mark.long
def test_every_stage_declares_what_it_reads(
    reads: Reads, hub: LocalHub, vision_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        ("HF_ENDPOINT", hub.url),
        ("HF_TOKEN", hub.tokens["owner"]),
        ("HUBKIT_UNGRANTED_TOKEN", hub.tokens["ungranted"]),
    ):
        monkeypatch.setenv(name, value)
    # The checks run in processes without hubkit, which are told no setting.
    monkeypatch.setattr(hubkit.verification.verify, "_examine", lambda *arguments, **named: None)
    monkeypatch.chdir(tmp_path)
    config = small_release(tmp_path, vision_model)
    workspace = Workspace(reads.root)
    found: dict[str, list[str]] = {}
    blind: dict[str, list[str]] = {}
    expected_of = {"read": "corpus.root", "translate": "translation.model", "score": "scoring.resamples"}
    for stage in STAGES:
        run_recorded(stage, config, workspace, reads)
        assert expected_of.get(stage.name, stage.settings[0]).partition(".")[0] in {
            setting.partition(".")[0] for setting in reads.settings
        }, f"the settings of {stage.name} are recorded"
        assert not stage.inputs(workspace) or reads.files, f"the files of {stage.name} are recorded"
        found[stage.name] = undeclared(stage, workspace, reads)
        blind[stage.name] = unnoticed(stage, workspace, reads)
        if stage.name != "verify":
            record(stage, config, workspace, "0" * 64, 0.0)
        if stage.name == "generate":
            parts = files_below(*(workspace.running(stage.name, "0" * 64).partial / name for name in CONDITIONS))
            assert without_model(parts, workspace.root) == []
        workspace.running(stage.name, "0" * 64).forget_partial()
    assert found == {stage.name: [] for stage in STAGES}
    assert without_model(files_below(workspace.root), workspace.root) == []
    assert blind == {stage.name: UNNOTICED.get(stage.name, []) for stage in STAGES}

    # What is read otherwise is in an input, where a change of it shows.
    assert read_base(workspace.adapter).name == vision_model.name
    assert read_training(workspace.adapter).settings.quantization == "fp32"
    assert config.release.title in (workspace.dist / "dataset" / "README.md").read_text()
