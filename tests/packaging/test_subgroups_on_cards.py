"""Subgroups on the cards and in the dossier: what is withheld stands nowhere."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from invented_release import build_release, release_config

from hubkit.artifacts.scores import Interval
from hubkit.artifacts.subgroups import Division, Subgroup, SubgroupFigure, Subgroups, write_subgroups
from hubkit.config import ReleaseConfig
from hubkit.dossier.result_values import f1_by_finding, scores_by_view, subgroups
from hubkit.errors import HubkitError
from hubkit.metrics.registry import METRICS
from hubkit.packaging.package import package
from hubkit.tables import CONDITIONS
from hubkit.workspace import Workspace, write_json

PA = Subgroup(
    name="PA",
    studies=33,
    patients=31,
    figures=tuple(
        SubgroupFigure(
            condition=condition,
            measure="bertimbau f1",
            figure=Interval(value=0.512, low=0.41, high=0.61),
            difference=Interval(value=-0.043, low=-0.11, high=0.02),
            p_bootstrap=0.01,
            p_holm=0.0321,
        )
        for condition in CONDITIONS
    ),
)
NONE = Division(name="sex", title="Sex", note="As MIMIC-IV has it", groups=(), withheld=("female", "male"))
FOUND = Subgroups(
    n=70,
    patients=68,
    minimum=20,
    confidence=0.95,
    resamples=20,
    seed=42,
    tests=3,
    findings=("Edema", "Fracture"),
    findings_of_errors=("Cardiomegaly",),
    divisions=(
        Division(name="view", title="View", note="By image", groups=(PA,), withheld=("AP", "portable", "lateral")),
        NONE,
    ),
)
BY_FIRST_VIEW = "test studies that begin with it"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("plain")
    workspace = build_release(root)
    package(config(root), workspace)
    return workspace


@pytest.fixture(scope="module")
def divided(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("divided")
    workspace = build_release(root)
    write_subgroups(workspace, FOUND)
    workspace.subgroups.with_suffix(".csv").write_text("division\n")
    package(config(root, subgroups=["view", "sex"], patients=str(root / "patients.csv.gz")), workspace)
    return workspace


def config(root: Path, **scoring: object) -> ReleaseConfig:
    return release_config(root / "corpus", scoring=scoring, hub={"namespace": "lab", "space": "static"})


def text_of(workspace: Workspace, part: str) -> str:
    return (workspace.dist / part / "README.md").read_text(encoding="utf-8")


def test_the_adapters_card_folds_a_table_for_each_division(divided: Workspace) -> None:
    card = text_of(divided, "adapter")
    (block,) = re.findall(r"<!-- hubkit:begin subgroups .*?-->\n(.*?)<!-- hubkit:end subgroups -->", card, re.DOTALL)
    assert re.findall(r"<summary>(.*)</summary>", block) == ["View", "Sex"]
    assert block.count("<details>\n") == block.count("</details>\n") == 2
    rows = [line for line in block.splitlines() if line.startswith("| PA ")]
    assert len(rows) == len(CONDITIONS)
    assert rows[2].endswith("| LoRA † | 0.512 [0.410, 0.610] | -0.043 [-0.110, 0.020] | 0.0321 |")
    assert "Withheld: AP, portable, lateral." in block
    assert "Withheld: female, male." in block
    assert "| AP |" not in block


def test_the_table_by_the_first_image_has_no_scores_then(divided: Workspace, plain: Workspace) -> None:
    """It counts and scores every view, however few studies begin with it."""
    for part in ("dataset", "adapter"):
        assert BY_FIRST_VIEW in text_of(plain, part)
        assert BY_FIRST_VIEW not in text_of(divided, part)
        assert "| LATERAL |" in text_of(divided, part)
        assert "scores by sex are on the adapter's card" in text_of(divided, part)
        assert "no figure here is broken down by them" in text_of(plain, part)
    # Nor is it denied elsewhere.
    croissant = (divided.dist / "dataset" / "croissant.json").read_text(encoding="utf-8")
    assert "join them by `subject_id`" in croissant
    assert "no figure here" not in croissant + text_of(divided, "dataset") + text_of(divided, "adapter")


def test_no_table_gets_round_the_minimum_where_views_are_not_divided(tmp_path: Path) -> None:
    """Scores by first view, and means with a few studies more, whose difference is that of these few."""
    workspace = build_release(tmp_path)
    summary = json.loads(workspace.summary.read_text())
    whole = {"n": summary["n"] + 19, "conditions": {"lora": summary_means()}}
    changed = {**summary, "of": summary["n"] + 19, "with_left_out": whole}
    write_json(workspace.summary, changed)
    write_subgroups(workspace, FOUND.model_copy(update={"divisions": (NONE,)}))
    asked = config(tmp_path, subgroups=["sex"], patients=str(tmp_path / "patients.csv.gz"))
    package(asked, workspace)
    for part in ("dataset", "adapter"):
        text = text_of(workspace, part)
        assert BY_FIRST_VIEW not in text
        assert "in the next table" not in text
        assert f"{summary['n']} of {summary['n'] + 19} test studies have a reference" in text
        assert "scored against what the machine wrote" not in text
    whole["n"] += 1
    write_json(workspace.summary, changed)
    package(asked, workspace)
    assert f"| LoRA † | {summary['n'] + 20} | 0.625 |" in text_of(workspace, "adapter")


def summary_means() -> dict[str, float]:
    return {"bertimbau f1": 0.625, "xlm-roberta f1": 0.5, "chrf++": 37.5, "clinical micro": 0.25}


def test_an_unasked_subgroup_leaves_no_trace(plain: Workspace) -> None:
    assert "ubgroup" not in text_of(plain, "adapter") + text_of(plain, "dataset")


def rows_below(card: str, header: str) -> list[str]:
    """The first cells of the table whose header begins so."""
    (lines,) = re.findall(rf"^\| {header} .*\n\|-.*\n((?:\|.*\n)*)", card, re.MULTILINE)
    return [line.split(" | ")[0].removeprefix("| ") for line in lines.splitlines()]


def test_findings_that_few_studies_have_are_withheld(divided: Workspace, plain: Workspace) -> None:
    for part in ("dataset", "adapter"):
        every = rows_below(text_of(plain, part), r"finding \| studies")
        assert set(every) > {"Edema", "Fracture"}
        assert sorted(rows_below(text_of(divided, part), r"finding \| studies")) == ["Edema", "Fracture"]
        hidden = [label for label in every if label not in ("Edema", "Fracture")]
        assert f"Withheld, as groups of few studies or patients are: {', '.join(hidden)}." in text_of(divided, part)
        assert "Withheld" not in text_of(plain, part)
    # The page is public, and so is what it draws.
    page, before = ((one.dist / "metric" / "index.html").read_text(encoding="utf-8") for one in (divided, plain))
    assert "Edema (" in page
    assert not any(f"{label} (" in page or f">{label}<" in page for label in hidden)
    assert all(f"{label} (" in before and f">{label}<" in before for label in every)
    # The dataset's card counts positive labels by split.
    counted = re.findall(r"^\| Edema \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", text_of(divided, "dataset"), re.MULTILINE)
    assert counted
    assert {cell for row in counted for cell in row} == {"withheld"}
    assert "A count is withheld where few studies" in text_of(divided, "dataset")
    assert "A count is withheld" not in text_of(plain, "dataset")


def test_scores_of_before_do_not_read_as_scores_without_a_large_finding(divided: Workspace, tmp_path: Path) -> None:
    copied = Workspace(shutil.copytree(divided.root, tmp_path / "work"), tmp_path / "partial")
    values = json.loads(copied.subgroups.read_text())
    del values["findings"]
    write_json(copied.subgroups, values)
    with pytest.raises(HubkitError, match="is incomplete: findings") as raised:
        package(config(divided.root.parent, subgroups=["view"]), copied)
    assert raised.value.hint == "run: hubkit release --from score --until score"


def test_errors_about_findings_that_few_studies_have_are_withheld(divided: Workspace, tmp_path: Path) -> None:
    copied = Workspace(shutil.copytree(divided.root, tmp_path / "work"), tmp_path / "partial")
    summary = json.loads(copied.summary.read_text())
    one = {"value": 0.125, "low": 0.0, "high": 0.25}
    for found in summary["conditions"].values():
        found |= {name: one for name, metric in METRICS.items() if metric.switch == "error_profile"}
        found["errors_by_finding"] = {
            name: {"per_report": one, "references": 7, "by_dimension": {}}
            for name in ("Cardiomegaly", "Pneumothorax", "Other")
        }
    write_json(copied.summary, summary)
    package(config(divided.root.parent, subgroups=["view"]), copied)
    for part in ("dataset", "adapter"):
        assert rows_below(text_of(copied, part), r"finding \| references with it") == ["Cardiomegaly"]
        assert "are: Pneumothorax, Other." in text_of(copied, part)


def test_the_file_and_its_csv_stay_in_the_workspace(divided: Workspace) -> None:
    assert [path for path in divided.dist.rglob("*") if path.suffix == ".csv" or path.stem == "subgroups"] == []


def test_the_dossier_gives_what_the_card_gives(divided: Workspace, plain: Workspace) -> None:
    asked = config(divided.root.parent, subgroups=["view"])
    assert subgroups(asked, divided) == "view, PA (33 studies): 0.512 (0.410 to 0.610)"
    assert scores_by_view(asked, divided) is None
    assert re.fullmatch(r"Fracture \S+, Edema \S+|Edema \S+, Fracture \S+", f1_by_finding(asked, divided) or "")
    assert len((f1_by_finding(config(plain.root.parent), plain) or "").split(", ")) > 10
    assert scores_by_view(config(divided.root.parent, subgroups=["images"]), divided) is None
    assert subgroups(config(plain.root.parent), plain) is None
    assert scores_by_view(config(plain.root.parent), plain)
