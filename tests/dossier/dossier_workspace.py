"""A workspace in which every stage has run, with a value for everything that a pointer may name."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

from invented_release import build_release

from hubkit.artifacts.receipt import PushedRepo, Receipt, write_receipt
from hubkit.artifacts.recipe import RECIPE
from hubkit.artifacts.review_results import (
    Agreement,
    Coefficient,
    MetricFigures,
    ReaderResult,
    Results,
    StratumRead,
    write_results,
)
from hubkit.artifacts.scores import Interval
from hubkit.artifacts.sensitivity import (
    Choice,
    Component,
    ConditionSensitivity,
    MeasureSensitivity,
    SensitivityResults,
    TriedPrompt,
    write_sensitivity,
)
from hubkit.artifacts.subgroups import Division, Subgroup, SubgroupFigure, Subgroups, write_subgroups
from hubkit.artifacts.training import TRAINING
from hubkit.artifacts.translator import Served, Translator, write_translator
from hubkit.artifacts.verification import Verification, VerifiedRepo, write_verification
from hubkit.config import ReleaseConfig, parse_config
from hubkit.errors import HubkitError
from hubkit.release import record
from hubkit.stages import STAGES, Stage
from hubkit.tables import CHEXPERT_LABELS, SPLITS
from hubkit.workspace import Workspace, write_json, write_text

STARTED = 1_790_000_000
"""When every stage began, in seconds since 1970."""

SETTINGS: dict[str, dict[str, Any]] = {
    "translation": {"allowed_hosts": ["10.0.0.5"]},
    "scoring": {"resamples": 20},
    "release": {"install": f"git+https://host.example/hubkit@{'a' * 40}"},
    "packaging": {
        "location": "own machines, Brazil",
        "funding": "A foundation.",
        "physionet": {"ethics": "Approved under number 1234.", "conflicts_of_interest": "None."},
    },
    "hub": {
        "namespace": "lab",
        "physionet_consent": {"who": "the editors", "when": "2025-01-31", "what": "a gated release"},
    },
}


def configured(root: Path, **changes: dict[str, Any]) -> ReleaseConfig:
    """The settings that the workspace was made under, with `changes` by table."""
    tables = {name: {**SETTINGS.get(name, {}), **changes.get(name, {})} for name in {*SETTINGS, *changes}}
    corpus = {"root": str(root / "corpus"), **tables.pop("corpus", {})}
    return parse_config({"corpus": corpus, **tables})


def build_dossier_workspace(root: Path) -> tuple[ReleaseConfig, Workspace]:
    """Write the workspace of a whole release below `root`."""
    config, workspace = configured(root), build_release(root, studies=24)
    workspace = Workspace(workspace.root)
    _write_selection(workspace)
    _write_models(workspace)
    _write_errors(workspace)
    _write_subgroups(workspace)
    _write_review(workspace)
    _write_sensitivity(config, workspace)
    write_text(workspace.dist / "dataset" / "README.md", "# A card\n")
    write_text(workspace.salt, "00\n")
    repo = PushedRepo(id="lab/mimic-cxr-ptbr", type="dataset", tag="release-1.0.0", commit="c" * 40, files={})
    write_receipt(workspace, Receipt(endpoint="http://127.0.0.1:9", repos={"dataset": repo}))
    checked = {"dataset": VerifiedRepo(id="lab/mimic-cxr-ptbr", commit="c" * 40)}
    write_verification(
        workspace.verification, Verification(release="release-1.0.0", repos=checked, counts={"passed": 9})
    )
    for stage in STAGES:
        record_stage(stage, config, workspace)
    return config, workspace


def record_stage(stage: Stage, config: ReleaseConfig, workspace: Workspace) -> None:
    """Write the manifest of a stage as if it had left the files as they are now."""
    try:
        key = stage.key(config, workspace)
    except HubkitError:
        key = "0" * 64  # the invented corpus has no tables, so that its reports cannot be listed
    record(stage, config, workspace, key, STARTED, {})


def _edit(path: Path, **values: Any) -> None:
    write_json(path, {**(json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}), **values})


def _write_selection(workspace: Workspace) -> None:
    counts = {"positive": 3, "negative": 2, "uncertain": 1}
    _edit(
        workspace.selection,
        seed=42,
        subset={"train": 12, "validate": 6, "test": 6},
        sizes={"train": 12, "validate": 6, "test": 6},
        labels={split: dict.fromkeys(CHEXPERT_LABELS, counts) for split in SPLITS},
        reports={"no_section": 2},
        catalogue={"studies": 30, "other_studies": [1, 2, 3]},
        headers=None,
        images={"text_only": False, "prepared": 36, "broken": [], "missing": ["files/a.jpg"]},
    )


def _write_models(workspace: Workspace) -> None:
    served = Served(
        software="vLLM 0.32.0", model="google/medgemma-27b-text-it", revision="abc123", precision="nf4", context=8192
    )
    write_translator(workspace, Translator(engine="transformers", served=(served,)))
    images = {"max": 2, "size": 896, "fit": "stretch", "jpeg_quality": 95}
    _edit(workspace.adapter / RECIPE, prompt="Descreva as imagens", reference="findings_impression", images=images)
    _edit(
        workspace.adapter / TRAINING,
        seed=42,
        trainable_parameters=1000,
        steps=52,
        best_step=40,
        eval_loss=0.25,
        studies={"train": 12, "validate": 6},
        left_out={"train": [], "validate": []},
    )
    _edit(workspace.decoding, devices=["cpu"])


def _write_errors(workspace: Workspace) -> None:
    """Add the error profile, which the invented scores lack, and a caution."""
    summary = json.loads(workspace.summary.read_text(encoding="utf-8"))
    names = ("errors per report", "reports without error", "errors missed", "errors invented")
    for place, system in enumerate(summary["conditions"].values()):
        system |= {name: {"value": 0.5 + place, "low": 0.25, "high": 9.0} for name in names}
    write_json(workspace.summary, {**summary, "of": 7, "cautions": ["There are few patients"]})


def _write_subgroups(workspace: Workspace) -> None:
    figure = SubgroupFigure(condition="lora", measure="bertimbau f1", figure=Interval(value=0.5, low=0.25, high=0.75))
    group = Subgroup(name="none", studies=30, patients=29, figures=(figure,))
    prior = Division(name="prior", title="Earlier studies", note="None", groups=(group,), withheld=("1 or 2",))
    # Of the few studies of this workspace, a minimum of one withholds nothing.
    findings = {"findings": CHEXPERT_LABELS, "findings_of_errors": ()}
    numbers = {"n": 60, "patients": 58, "minimum": 1, "confidence": 0.95, "resamples": 9, "seed": 1, "tests": 0}
    write_subgroups(workspace, Subgroups(**numbers, divisions=(prior,), **findings))


def _write_review(workspace: Workspace) -> None:
    reader = ReaderResult(
        id="a", years=9, language="pt", saved=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), items=4, repeats=0,
        asked=4, seconds=30.0, alike=False, sha256="d" * 64,
    )  # fmt: skip
    kappa, itself = Coefficient(value=0.75, low=0.5, high=0.9), Coefficient(value=0.875, low=0.5, high=1.0)
    results = Results(
        review="e" * 64, kind="translation", collected=datetime.date(2026, 1, 2), corpus="mimic-cxr", simulated=False,
        confidence=0.95, readers=(reader,), strata=(StratumRead(name="flagged", size=10, sampled=4, read=4),), rates=(),
        agreement=(
            Agreement(question="an error", between="readers", items=4, coefficients={"kappa": kappa}),
            Agreement(question="an error", between="repeats", items=3, coefficients={"kappa": itself}),
        ),
        checks=(), metrics=(MetricFigures(metric="bertimbau f1", texts=4, tau=kappa, compared=2),),
        learning=(), disagreements=(),
    )  # fmt: skip
    write_results(workspace.review("first"), results)


def _write_sensitivity(config: ReleaseConfig, workspace: Workspace) -> None:
    lead = Interval(value=0.125, low=0.05, high=0.25)
    measure = MeasureSensitivity(
        components={"prompt": Component(variance=0.1, share=1.0)}, prompts={"set": lead, "other": lead},
        draws={"set": [0.5], "other": [0.625]}, choice=Choice(prompt="other", lead=lead, lead_on_others=0.1),
    )  # fmt: skip
    results = SensitivityResults(
        split="validate", test_split="not read", studies=6, patients=6, fraction=1.0, base="google/medgemma-4b-it",
        prompts=[TriedPrompt(name="set", text=config.generation.prompt), TriedPrompt(name="other", text="Descreva")],
        set_prompt="set", shots=1, draw_seeds=[42, 43], left_out={}, seed=42, resamples=20, confidence=0.95,
        versions={}, conditions={"few_shot": ConditionSensitivity(combinations=4, measures={"bertimbau f1": measure})},
    )  # fmt: skip
    write_sensitivity(workspace, results)
