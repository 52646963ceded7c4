"""`hubkit init`: presets for kinds of machines, and the name of the release."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from hubkit.cli import cli, main
from hubkit.config import ReleaseConfig, load_config
from hubkit.config.identity import identity
from hubkit.config.presets import NAMES, preset
from hubkit.doctor.hub import names
from hubkit.terms.policy import name_warning
from hubkit.workspace import Workspace


def init(path: Path, *arguments: str) -> tuple[ReleaseConfig, str]:
    shown = CliRunner().invoke(cli, ["init", str(path), *arguments], catch_exceptions=False)
    assert shown.exit_code == 0, shown.output
    return load_config(path), shown.output


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_loads_and_sets_nothing_that_is_the_default(tmp_path: Path, name: str) -> None:
    config, _ = init(tmp_path / "hubkit.toml", "--preset", name)
    settings = preset(name)
    assert settings
    for setting, value in settings.items():
        table, key = setting.split(".")
        chosen, default = (getattr(each, table).model_dump(mode="json")[key] for each in (config, ReleaseConfig()))
        assert chosen == value, f"{setting} is lost"
        assert chosen != default, f"{setting} is the default, which the preset need not repeat"
    tables = {setting.split(".")[0] for setting in settings}
    for table, default in ReleaseConfig():
        if table not in tables | {"hub", "corpus"}:
            assert getattr(config, table) == default


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("cpu", "study")])
def test_a_preset_for_a_gpu_changes_no_figure_of_the_study(name: str) -> None:
    """Studies, models, prompts and the training's arithmetic are the defaults; how it is computed is the preset's."""
    how = {
        *("translation.quantization", "translation.engine", "finetuning.gradient_checkpointing"),
        *(f"translation.{key}" for key in ("checkpoint", "serve", "concurrency", "executor", "tasks", "workers")),
        *("translation.slurm", "generation.batch_size", "generation.tasks", "scoring.batch_tokens"),
    }
    assert preset(name).keys() <= how


def test_every_file_is_offered_and_the_other_way_round() -> None:
    folder = Path(sys.modules[preset.__module__].__file__ or "").parent
    assert sorted(path.stem for path in folder.glob("*.toml")) == sorted(NAMES)


def test_without_a_preset_every_setting_is_at_its_default(tmp_path: Path) -> None:
    config, _ = init(tmp_path / "hubkit.toml")
    for table, default in ReleaseConfig():
        part = getattr(config, table)
        assert table in ("hub", "corpus") or identity(part, {}, {}) == identity(default, {}, {})
    assert config.hub.dataset == "mimic-cxr-ptbr"


def test_the_name_is_offered_once_and_kept(tmp_path: Path) -> None:
    default, said = init(tmp_path / "a.toml")
    assert "PhysioNet asks" in said
    assert said.rstrip().endswith("or: hubkit init --force --dataset-name mimic-cxr-ext-ptbr")
    assert name_warning(default, chosen=False) is not None
    assert [finding.status for finding in names(default, Workspace(tmp_path))] == ["warning"]

    named, said = init(tmp_path / "b.toml", "--dataset-name", "mimic-cxr-ext-ptbr")
    assert "PhysioNet asks" not in said
    assert (named.hub.dataset, named.hub.adapter) == (
        "mimic-cxr-ext-ptbr",
        "medgemma-4b-it-mimic-cxr-ext-ptbr-lora",
    )
    assert name_warning(named) is None
    assert list(names(named, Workspace(tmp_path))) == []

    kept, said = init(tmp_path / "c.toml", "--dataset-name", "mimic-cxr-ptbr")
    assert "PhysioNet asks" not in said
    assert name_warning(kept, chosen=False) is None, "push does not argue with a choice"
    assert [finding.status for finding in names(kept, Workspace(tmp_path))] == ["warning"], "doctor does"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preset", "12gb"], "'12gb' is not one of '24gb', '80gb', '8x80gb', 'slurm', 'cpu', 'study'"),
        (["--dataset-name", "lab/reports"], "--dataset-name: 'lab/reports' cannot be the name of a repo"),
        (["--dataset-name", ""], "--dataset-name: '' cannot be the name of a repo"),
        (["--dataset-name", "a b"], "--dataset-name: 'a b' cannot be the name of a repo"),
        (["--dataset-name", "a" * 80], "cannot be the name of a repo"),
    ],
)
def test_a_wrong_option_writes_no_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["hubkit", "init", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
