"""Every figure of the cards, of model-index, `.eval_results` and Croissant equals the one computed a second time.

Each card is taken apart into the figures of its prose, its code and its tables. All of them have to be listed here, in
order: a figure that is new on a card has no recomputation, and fails the test until it gets one.
"""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from card_figures import Block, card, flat, percent, sha256, shown
from invented_release import build_release, invented_losses, release_config
from recomputed import COMPARED, CONDITIONS, KINDS, LABELS, MEASURES, PROFILED, SETUPS, SYSTEMS, TESTED, Recomputed

import hubkit
from hubkit.artifacts.scores import write_summary
from hubkit.artifacts.subgroups import write_subgroups
from hubkit.error_profile.profile import has
from hubkit.packaging.package import package
from hubkit.published import published
from hubkit.scoring.bertscore import SetupScores
from hubkit.scoring.groups import read_studies
from hubkit.scoring.inputs import read_evaluation
from hubkit.scoring.score import scores_table
from hubkit.scoring.subgroups import score_subgroups
from hubkit.scoring.summary import summarise
from hubkit.workspace import Workspace, write_json, write_table, write_text

NAMES = dict(
    zip(
        SYSTEMS,
        ("zero-shot †", "few-shot †", "LoRA †", "commonest report", "reference itself", "reference, negations flipped"),
        strict=True,
    )
)
MEASURE_NAMES = dict(
    zip(
        TESTED,
        (
            *("BERTScore F1, BERTimbau", "BERTScore F1, XLM-R", "chrF++", "BLEU"),
            *("findings F1, micro", "findings F1, macro"),
        ),
        strict=True,
    )
)
ERROR_NAMES = dict(
    zip(
        PROFILED,
        (
            *("errors per report", "reports without error", "finding missed", "finding invented", "wrong side"),
            *("wrong place", "wrong severity", "wrong size", "wrong trend or age", "wrong certainty", "device wrong"),
        ),
        strict=True,
    )
)
SETTINGS: dict[str, dict[str, Any]] = {
    "scoring": {
        "resamples": 200,
        "confidence": 0.9,
        "error_profile": True,
        "subgroups": ["images"],
        "subgroup_minimum": 5,
    },
    "release": {"seed": 11},
}
LOG = [
    {"step": 4, "loss": 2.5},
    {"step": 5, "loss": 2.25},
    {"step": 5, "eval_loss": 2.125, "eval_entropy": 0.75, "eval_mean_token_accuracy": 0.5},
    {"step": 9, "loss": 1.5, "entropy": 0.3},
    {"step": 9, "train_loss": 1.9, "train_runtime": 77.0},
    {"step": 10, "eval_loss": 1.375},
]
VERSIONS = {"translate": {"torch": "2.13.7"}, "score": {"torch": "2.14.1", "evaluate": "0.4.6"}}
TOOK = {
    "translate": {"seconds": 5400.0, "hardware": {"name": "GPU X", "count": 2, "watts": 350.0}},
    "score": {"seconds": 90.0, "hardware": {"name": "CPU Y", "count": 6, "watts": None}},
}
EFFORT = [
    ["translation", "2 x GPU X", "1.5 h", "1.1 kWh", "unknown"],
    ["scores", "6 x CPU Y", "0.025 h", "unknown", "unknown"],
]
"""1.5 hours at 700 W are 1.05 kWh."""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """An invented release in which no two counts that could be exchanged are equal."""
    root = tmp_path_factory.mktemp("figures")
    workspace = build_release(root, studies=90)
    rows = pq.read_table(workspace.studies).to_pylist()
    rows[1] |= {"labels": None, "images": None}
    write_table(workspace.studies, pa.Table.from_pylist(rows, schema=pq.read_schema(workspace.studies)))
    translations = pq.read_table(workspace.translations).to_pylist()
    for at, row in enumerate(translations[20:60]):
        row["reused"] = at % 3 == 0
        row["flags"] = ["anatomy_added"] * (1 + at % 2) if at % 5 == 0 else []
        if at % 8 == 0:
            row |= {"status": "flagged", "flags": [*row["flags"], "side_changed"]}
    next(row for row in translations if row["status"] == "failed")["flags"] = ["too_short"]
    schema = pq.read_schema(workspace.translations)
    write_table(workspace.translations, pa.Table.from_pylist(translations, schema=schema))
    write_text(workspace.log_history, "".join(json.dumps(entry) + "\n" for entry in LOG))
    for stage, versions in VERSIONS.items():
        write_json(workspace.manifest(stage), {"versions": versions, **TOOK[stage]})
    return workspace


@pytest.fixture(scope="module")
def yardsticks(workspace: Workspace) -> dict[tuple[str, str], np.ndarray]:
    """Score the release, and return the scores that are in no table: those of the yardsticks."""
    config = release_config(workspace.root, **SETTINGS)
    evaluation = read_evaluation(config, workspace)
    draw = np.random.default_rng(5)
    count = len(evaluation.studies)
    none = dict.fromkeys(SYSTEMS, np.zeros(count, bool))
    setups = {}
    for setup in SETUPS:
        scores = {name: (draw.random((count, 3)) * 0.2 + at / 10).astype("float32") for at, name in enumerate(SYSTEMS)}
        setups[setup] = SetupScores(f"made-{setup}", scores, none, none)
    write_table(workspace.scores / "scores.parquet", scores_table(evaluation, setups))
    write_summary(workspace, summarise(config, evaluation, setups))
    found = score_subgroups(config, evaluation, setups, read_studies(config, workspace, evaluation))
    write_subgroups(workspace, found)
    return {(setup, name): setups[setup].scores[name] for setup in SETUPS for name in SYSTEMS if name not in CONDITIONS}


@pytest.fixture(scope="module")
def again(workspace: Workspace, yardsticks: dict[tuple[str, str], np.ndarray]) -> Recomputed:
    package(release_config(workspace.root.parent / "corpus", **SETTINGS), workspace)
    scoring = SETTINGS["scoring"]
    return Recomputed(
        workspace.root, yardsticks, scoring["resamples"], SETTINGS["release"]["seed"], scoring["confidence"]
    )


def made_with() -> str:
    return f"hubkit {hubkit.__version__}, torch 2.14.1, evaluate 0.4.6"


def digits(name: str) -> int:
    """Behind the point, where a card shows a metric."""
    return {"chrf++": 1, "bleu": 1, "errors per report": 2}.get(name, 3)


@pytest.fixture(scope="module")
def evaluation(again: Recomputed) -> Block:
    return evaluation_block(again, SETTINGS["scoring"]["subgroup_minimum"])


def large(rows: Sequence[dict[str, Any]], studies: dict[str, np.ndarray], minimum: int) -> list[str]:
    """The findings that so many studies and patients have, and lack; one that is small takes the next with it."""
    subjects = np.array([row["subject_id"] for row in rows])
    sizes = {
        name: min(min(side.sum(), len({*subjects[side]})) if side.any() else minimum for side in (mask, ~mask))
        for name, mask in studies.items()
        if mask.any()
    }
    kept = [name for name, size in sizes.items() if size >= minimum]
    if len(kept) == len(sizes) - 1 and kept:
        kept.remove(min(kept, key=lambda name: studies[name].sum()))
    return kept


def evaluation_block(again: Recomputed, minimum: int | None) -> Block:
    """What a card says of the evaluation; the original study's figures are those that it published.

    Args:
        minimum: of studies and patients of a group, where subgroups were asked for.
    """
    seen = [label for label, any_study in zip(LABELS, again.true.any(axis=0), strict=True) if any_study]
    bertscore = [
        [setup, NAMES[system], *[shown(again.figure(system, f"{setup} {measure}")) for measure in MEASURES]]
        for setup in SETUPS
        for system in SYSTEMS
    ]
    overlap = [
        [NAMES[system], *[shown(again.figure(system, name), digits(name)) for name in (*TESTED[2:], *PROFILED[:2])]]
        for system in SYSTEMS
    ]
    kinds = [[NAMES[system], *[shown(again.figure(system, name)) for name in PROFILED[2:]]] for system in SYSTEMS]
    by_finding = [
        [name, str(count), *[shown(again.figure(system, f"about {name}")) for system in SYSTEMS]]
        for name, count in again.profiled_findings.items()
    ]
    if minimum:
        mentioned = [has(text) for text in again.generated["reference"]]
        kept = large(
            again.test,
            {
                name: np.array([(None if name == "Other" else name) in those for those in mentioned])
                for name in again.profiled_findings
            },
            minimum,
        )
        by_finding = [row for row in by_finding if row[0] in kept]
        seen = large(again.test, {label: again.true[:, LABELS.index(label)] for label in seen}, minimum)
    findings = [
        [
            label,
            str(int(again.true[:, LABELS.index(label)].sum())),
            *[f"{again.f1(system, label):.3f}" for system in SYSTEMS if system != "commonest"],
            f"{again.rules['labels'][label]:.3f}",
        ]
        for label in seen
    ]
    differences = [
        [
            (MEASURE_NAMES | ERROR_NAMES)[name],
            *[NAMES[one], NAMES[other], shown(again.figure(one, name, other), digits(name)), p_value],
        ]
        for one, other in COMPARED
        for name in (*TESTED, *PROFILED)
        for p_value in [f"{again.adjusted[one, other, name]:.4f}"]
    ]
    said = {system: again.named(system) for system in CONDITIONS}
    failing = [
        [
            NAMES[system],
            *[str(len(again.test)), "0 %", "0 %", str(len(again.test))],
            percent((said[system] & ~again.true).any(axis=1).mean()),
            percent((~said[system] & again.true).any(axis=1).mean()),
        ]
        for system in CONDITIONS
    ]
    original = [["bertimbau", "0.582", "0.655", "0.660"], ["xlm-roberta", "0.824", "0.826", "0.837"]]
    heads = [["BERTScore", "condition", "precision", "recall", "F1"]]
    heads += [["condition", *[MEASURE_NAMES[name] for name in TESTED[2:]], *[*ERROR_NAMES.values()][:2]]]
    heads += [["condition", *[ERROR_NAMES[name] for name in PROFILED[2:]]]]
    heads += [["finding", "references with it", *NAMES.values()]]
    heads += [
        ["condition", "answers", "empty", "cut at the limit", "with labels", "finding invented", "finding missed"]
    ]
    heads += [["finding", "studies", *[NAMES[system] for system in SYSTEMS if system != "commonest"], "rules"]]
    heads += [["measure", "of", "against", "difference", "p"], ["BERTScore", "zero-shot", "few-shot", "LoRA"]]
    count, subjects = str(len(again.test)), str(len(again.subjects))
    sample = [count, subjects, str(again.resamples), str(again.seed)]
    rules = [f"{again.rules[name]:.3f}" for name in ("micro", "macro")]
    whole = percent(again.rules["whole_texts"]).removesuffix(" %")
    sacrebleu = version("sacrebleu")
    signatures = [*sample, *sample, "1", "6", "2", sacrebleu, *sample, "1", "13a", sacrebleu, *sample]
    prose = [
        count,
        subjects,
        "90",
        *sample[2:],
        "12",
        "17",
        "2507.05201",
        "14",
        str(again.rules["texts"]),
        whole,
        *rules,
    ]
    # Of few subjects the card says what they are too few for.
    prose += [subjects, "30", subjects, "100", "965"]
    tables = zip(heads, (bertscore, overlap, kinds, by_finding, failing, findings, differences, original), strict=True)
    return Block(
        [*prose, *signatures, "14", *sample, str(len(KINDS)), *sample], [], [[head, *rows] for head, rows in tables]
    )


def test_the_datasets_card(again: Recomputed, evaluation: Block, workspace: Workspace) -> None:
    front, blocks = card(workspace.dist / "dataset")
    check_sizes(front.pop("dataset_info"), workspace.dist / "dataset", again)
    assert dict(flat(front)) == {"/size_categories": "1K", "/license_name": "physionet-credentialed-health-data-1.5.0"}
    by_split = [(name, [row for row in again.studies if row["split"] == split]) for name, split in SPLITS.items()]
    sizes = [
        [
            name,
            str(len(rows)),
            str(len({row["subject_id"] for row in rows})),
            str(sum(len(row["images"] or ()) for row in rows)),
        ]
        for name, rows in by_split
    ]
    masks = [
        (rows, {label: np.array([(row["labels"] or {}).get(label) == 1 for row in rows]) for label in LABELS})
        for _, rows in by_split
    ]
    kept = [large(rows, of_split, 5) for rows, of_split in masks]
    positive = [
        [
            label,
            *[
                str(of_split[label].sum()) if label in shown else "withheld"
                for (_, of_split), shown in zip(masks, kept, strict=True)
            ],
        ]
        for label in LABELS
        if any(label in shown for shown in kept)
    ]
    files = [
        *("studies/studies.parquet", "revised/translations.parquet"),
        *("adapter/adapter_model.safetensors", "scores/scores.parquet"),
    ]
    prompt = again.translations[0]["prompt"][:16]
    assert prompt == "d" * 16
    provenance = [
        *[["derived from", f"[{name}](https://physionet.org/content/{name.lower()}/2.1.0/), version 2.1.0"]
          for name in ("MIMIC-CXR", "MIMIC-CXR-JPG")],
        ["made with", made_with()],
        *[[f"SHA-256 of {name.rpartition('/')[2]}", sha256(workspace.root / name)] for name in files],
    ]  # fmt: skip
    code = [
        ["loader/mimic_cxr_ptbr.py", "lab/mimic-cxr-ptbr", "dataset/loader/mimic_cxr_ptbr.py"],
        ["bertscore_ptbr.py", "lab/bertscore_ptbr", "metric/bertscore_ptbr.py"],
    ]
    told = [[name, repo, sha256(workspace.dist / path)] for name, repo, path in code]
    assert blocks == {
        "code": Block([], [], [[["file", "repository", "SHA-256"], *told]]),
        "summary": Block(["1.0.0"], [], []),
        "resumo": Block(["2.21"], [], []),
        "access": Block(["1.5.0", "2.1.0"], [], []),
        "load": Block(["2.21", "2.21", "3"], ["12"], []),
        "contents": Block(
            ["14", "1", "0", "-1", "0"],
            # Of the invented row.
            ["0", "0", "1", "0"],
            [
                [["split", "studies", "subjects", "images referred to"], *sizes],
                [["label", "train", "validation", "test"], *positive],
            ],
        ),
        "provenance": Block([], [], [[["what", "value"], *provenance]]),
        "quality": quality_block(again.translations),
        "evaluation": evaluation,
        "citation": Block(LITERATURE, ["1.0.0"], []),
        "details": Block(
            [], [], [[["what", "value"], ["licence", "PhysioNet Credentialed Health Data License 1.5.0"]]]
        ),
        "privacy": Block(["5", "1", "1", "1"], [], []),
        "bias": bias_block(again),
        "impact": Block([], [], [[IMPACT, *EFFORT]]),
    }


IMPACT = ["work", "hardware", "hours", "energy", "carbon"]


def test_scores_by_view_stand_where_no_subgroups_are(again: Recomputed, workspace: Workspace, tmp_path: Path) -> None:
    copied = Workspace(tmp_path / "work", tmp_path / "partial")
    shutil.copytree(workspace.root, copied.root, dirs_exist_ok=True)
    copied.subgroups.unlink()
    package(release_config(workspace.root.parent / "corpus", **SETTINGS), copied)
    for name in ("dataset", "adapter"):
        blocks = card(copied.dist / name)[1]
        assert blocks["bias"] == bias_block(again, scored=True)
        assert blocks["evaluation"] == evaluation_block(again, None)


def bias_block(again: Recomputed, scored: bool = False) -> Block:
    """Images by view, and scores where no subgroups are: a frontal image is a study's first one."""
    rows = []
    scores = dict(zip((row["study_id"] for row in again.test), again.values("bertimbau", "lora")[:, 2], strict=True))
    for view in ("PA", "LATERAL"):
        images = [
            sum(
                image["view"] == view for row in again.studies if row["split"] == split for image in row["images"] or ()
            )
            for split in SPLITS.values()
        ]
        begins = [row["study_id"] for row in again.test if row["images"][0]["view"] == view]
        mean = f"{np.mean([scores[study] for study in begins]):.3f}" if begins else "-"
        rows.append([view, *map(str, images), *([str(len(begins)), mean] if scored else [])])
    heads = [f"images, {name}" for name in SPLITS]
    scores_heads = ["test studies that begin with it", "BERTScore F1 (bertimbau), LoRA †"] if scored else []
    return Block([], [], [[["view", *heads, *scores_heads], *rows]])


SPLITS = {"train": "train", "validation": "validate", "test": "test"}
LITERATURE = [
    *("2.1.0", "2.1.0", "2.1.0", "2.1.0", "2019", "6", "317", "10.1038", "s41597-019-0322-0"),
    *("2000", "101", "23", "e215-e220", "2025", "2507.05201", "2020", "1904.09675"),
    *("2020", "10.1007", "978-3-030-61377-8_28", "2020", "1911.02116"),
]
"""Versions of the sources, years, volumes, pages and addresses of what the card cites."""


def quality_block(rows: list[dict[str, Any]]) -> Block:
    status = Counter(row["status"] for row in rows)
    reused = sum(row["reused"] for row in rows)
    counted = [[name, str(count), percent(count / len(rows))] for name, count in (
        *((name, status[name]) for name in ("ok", "flagged", "failed")), ("taken from an equal text", reused)
    )]  # fmt: skip
    checks = []
    for name in {flag for row in rows for flag in row["flags"]}:
        noticed = [row["status"] for row in rows if name in row["flags"]]
        passed = noticed.count("ok")
        checks.append((len(noticed) - passed, passed, name, len(noticed) / len(rows)))
    checks.sort(key=lambda check: (-check[0], -check[1], check[2]))
    listed = [[name, str(flagged), str(passed), percent(share)] for flagged, passed, name, share in checks]
    heads = [["", "sections", "share"], ["check", "in flagged sections", "in sections that passed", "share"]]
    return Block([], [], [[heads[0], ["with text", str(len(rows)), ""], *counted], [heads[1], *listed]])


def check_sizes(info: list[dict[str, Any]], folder: Path, again: Recomputed) -> None:
    """Rows from the workspace, bytes from the files; bytes in memory are those of the tables as they are read."""
    sections = ("indication", "comparison", "findings", "impression", "last_paragraph", "report")
    studies = {name: [row for row in again.studies if row["split"] == split] for name, split in SPLITS.items()}
    rows = {
        **{("default", name): len(found) for name, found in studies.items()},
        **{("spans", name): sum(bool(row[part]) for row in found for part in sections)
           for name, found in studies.items()},
        ("generations", "test"): 3 * len(again.test),
        ("scores", "test"): 3 * 2 * len(again.test),
    }  # fmt: skip
    splits = {(config["config_name"], split["name"]): split for config in info for split in config["splits"]}
    assert {key: split["num_examples"] for key, split in splits.items()} == rows
    for (config, name), split in splits.items():
        files = sorted((folder / "data" / config).glob(f"{name}-*.parquet"))
        tables = [pq.read_table(path) for path in files]
        assert sum(table.num_rows for table in tables) == rows[config, name]
        assert split["num_bytes"] == pytest.approx(sum(table.nbytes for table in tables), rel=0.02)
    for config in info:
        files = (folder / "data" / config["config_name"]).glob("*.parquet")
        assert config["download_size"] == sum(path.stat().st_size for path in files)
        assert config["dataset_size"] == sum(split["num_bytes"] for split in config["splits"])
        assert {key for key, value in config.items() if isinstance(value, int)} == {"download_size", "dataset_size"}
    assert all(set(split) == {"name", "num_bytes", "num_examples"} for split in splits.values())


def test_the_adapters_card(again: Recomputed, evaluation: Block, workspace: Workspace) -> None:
    front, blocks = card(workspace.dist / "adapter")
    (model,) = front.pop("model-index")
    results = [
        (found["dataset"]["config"], found["dataset"]["split"], metric["name"], metric.get("config"), metric["value"])
        for found in model["results"]
        for metric in found["metrics"]
    ]
    values = {(setup, at): again.values(setup, "lora")[:, at].mean() for setup in SETUPS for at in range(3)}
    assert results == [
        ("generations", "test", f"BERTScore {measure} ({setup})", setup, round(values[setup, at], 6))
        for setup in SETUPS
        for at, measure in enumerate(MEASURES)
    ] + [("generations", "test", ERROR_NAMES[name], None, round(again.figure("lora", name)[0], 6)) for name in PROFILED]
    assert len(dict(flat(model))) == len(results), "a figure without a recomputation"
    assert dict(flat(front)) == {}
    training = json.loads((again.work / "adapter" / "training.json").read_text())["settings"]
    assert (training["r"], training["alpha"], training["batch_size"]) == (16, 16, 1)
    warm_up = percent(training["warmup_ratio"])
    settings = [
        ["training regime", "adapter in fp32, frozen base in nf4"],
        ["size of the adapter", "8 bytes"],
        ["LoRA", f"r {training['r']}, alpha {training['alpha']}, dropout {training['dropout']}"],
        ["epochs", str(training["epochs"])],
        ["batch, gradient accumulation", f"{training['batch_size']}, {training['gradient_accumulation']}"],
        ["learning rate, schedule, warm-up", f"{training['learning_rate']}, linear, {warm_up}"],
        ["maximum gradient norm", str(training["max_grad_norm"])],
        ["early stopping", f"after {training['patience']} evaluations without a lower loss"],
        ["seed", "11"],
        ["made with", made_with()],
        ["SHA-256 of adapter_model.safetensors", sha256(again.work / "adapter" / "adapter_model.safetensors")],
    ]  # fmt: skip
    assert [line["eval_loss"] for line in again.log if "eval_loss" in line] == [2.125, 1.375]
    differences = [
        ["vision tower in training", "NF4", "bf16, not quantised"],
        ["evaluation", "after every step", "after every 20 steps; training stops early"],
    ]
    curves = [["5", "2.2500", "2.1250", "0.7500", "0.5000"], ["10", "1.5000", "1.3750", "-", "-"]]
    train = str(sum(row["split"] == "train" for row in again.studies))
    assert blocks == {
        "summary": Block([train, "1.0.0"], [], []),
        "access": Block(["2.1.0"], [], []),
        "load": Block(["2", "896", "896", "4.51", "0.15"], ["3.0", "0", "1"], []),
        "training": Block(
            ["0.9206", "120", "0.4062", "0.7911", "13", "37"],
            [],
            [
                [["setting", "value"], *settings],
                [["step", "training loss", "evaluation loss", "entropy", "token accuracy"], *curves],
            ],
        ),
        "study": Block([], [], [[["what", "study", "hubkit by default"], *differences]]),
        "memorisation": memorisation_block(workspace),
        "evaluation": evaluation,
        "subgroups": subgroup_block(again),
        "citation": Block(["2507.05201"], ["1.0.0"], []),
        "bias": bias_block(again),
        "impact": Block([], [], [[IMPACT, *EFFORT]]),
    }


def subgroup_block(again: Recomputed) -> Block:
    """Test studies have one image or two by turns: of the two groups the first has the differences."""
    counts = np.array([len(row["images"]) for row in again.test])
    subjects = np.array([row["subject_id"] for row in again.test])
    measures = ("bertimbau f1", "clinical micro", "errors per report")
    found = {
        (count, system, name): again.within(system, name, counts == count)
        for count in (1, 2)
        for system in CONDITIONS
        for name in measures
    }
    ordered = sorted((found[1, system, name][2], system, name) for system in CONDITIONS for name in measures)
    adjusted, highest = {}, 0.0
    for rank, (p, system, name) in enumerate(ordered):
        highest = max(highest, min(1.0, (len(ordered) - rank) * p))
        adjusted[system, name] = f"{highest:.4f}"
    rows = []
    for count in (1, 2):
        studies, patients = int((counts == count).sum()), len(set(subjects[counts == count]))
        for system in CONDITIONS:
            cells = []
            for name in measures:
                figure, difference, _ = found[count, system, name]
                tested = [shown(difference, digits(name)), adjusted[system, name]] if count == 1 else ["", ""]
                cells += [shown(figure, digits(name)), *tested]
            rows.append([str(count), str(studies), str(patients), NAMES[system], *cells])
    names = [(MEASURE_NAMES | ERROR_NAMES)[name] for name in measures]
    head = ["group", "studies", "patients", "condition"]
    head += [cell for name in names for cell in (name, "difference", "p")]
    prose = [str(len(again.test)), str(len(again.subjects)), "90", str(again.resamples), str(again.seed), "9", "5"]
    few = ["30", "1", "2"]  # fewer than 30 patients have the groups 1 and 2
    return Block([*prose, *few, "3"], [], [[head, *rows]])


def memorisation_block(workspace: Workspace) -> Block:
    """The attack is computed a second time by counting pairs; the intervals are those of the audit's resamples."""
    told = json.loads(workspace.memorisation.read_text(encoding="utf-8"))["membership"]
    rows = {
        "base": "loss under the base alone",
        "loss": "loss",
        "ratio": "loss under the base, divided by the loss",
        "difference": "loss under the base minus the loss",
    }
    losses = {split: attack_scores(found) for split, found in invented_losses().items()}
    attack = []
    for name, text in rows.items():
        train, test, validate = (losses[split][name] for split in ("train", "test", "validate"))
        pairs = [(train, test), (train, validate), (train[3:], test[3:])]
        aucs = [np.mean([(1 if one > other else 0) for one in left for other in right]) for left, right in pairs]
        ends = [told[key][name] for key in ("train_test", "train_validate", "own_texts")]
        cells = [f"{auc:.3f} [{end['low']:.3f}, {end['high']:.3f}]" for auc, end in zip(aucs, ends, strict=True)]
        border = sorted(test, reverse=True)[12]
        attack.append([text, *cells, "not measurable", percent(np.mean([one > border for one in train]))])
    head = ["score of a study", "AUC, train against test", "AUC, train against validation", "AUC without shared texts"]
    asked = {
        "the report's first words, black images": (9, 2),
        "black images": (12, 5),
        "all words before it, for every word, black images": (15, 8),
        "images of a study that it was not trained on": (21, 14),
        "the study's own images": (40, 33),
    }
    repeats = []
    for text, (longest, _) in asked.items():
        shares = ["100 % (0 %)" if longest >= n else "not measurable (not measurable)" for n in (8, 16, 32)]
        repeats.append([text, str(longest), *shares])
    tables = [
        [[*head, "found at a false alarm in 100", "in 10"], *attack],
        [["asked with", "longest run of one patient", "runs of 8 words", "of 16", "of 32"], *repeats],
    ]
    prose = [".5", "1", "130", "120", "112", "95", "3", "2", "5", "1", "1", "1", "2"]
    return Block(prose, [], tables)


def attack_scores(found: Any) -> dict[str, Any]:
    base, adapter = found.base, found.adapter
    return {"base": -base, "loss": -adapter, "ratio": base / adapter, "difference": base - adapter}


def test_the_results_beside_the_adapter(again: Recomputed, workspace: Workspace) -> None:
    found = yaml.safe_load((workspace.dist / "adapter" / ".eval_results" / "bertscore.yaml").read_text())
    figures = [again.figure("lora", name) for name in (*(f"{setup} f1" for setup in SETUPS), "reports without error")]
    assert dict(flat(found)) == {
        key: value
        for at, (mean, low, high) in enumerate(figures)
        for key, value in (
            (f"/{at}/value", pytest.approx(mean, abs=1e-6)),
            (f"/{at}/notes", f"90 {low:.4f} {high:.4f}"),
        )
    }
    tasks = [*(f"bertscore_{setup}" for setup in SETUPS), "reports_without_error"]
    assert [entry["dataset"]["task_id"] for entry in found] == tasks
    assert not any("revision" in entry["dataset"] for entry in found), "the commit is known when it is pushed"
    defined = yaml.safe_load((workspace.dist / "dataset" / "eval.yaml").read_text())
    assert [task["id"] for task in defined["tasks"]] == tasks
    assert dict(flat(defined)) == {}


def test_the_metrics_card(again: Recomputed, workspace: Workspace) -> None:
    front, blocks = card(workspace.dist / "metric")
    assert dict(flat(front)) == {"/license": "apache-2.0"}
    page = (workspace.dist / "metric" / "index.html").read_text(encoding="utf-8")
    reports = (workspace.dist / "dataset" / "README.md").read_text(encoding="utf-8")
    rows = [
        line.split(" | ") for line in reports.splitlines() if re.match(r"\| `(bertimbau|xlm-roberta)` \| .*\[", line)
    ]
    assert rows
    assert [cell for row in rows for cell in row[2:] if cell.rstrip(" |") not in page] == []
    script = (published("bertscore_ptbr") / "bertscore_ptbr.py").read_text(encoding="utf-8")
    setups = re.findall(r'"([\w-]+)": \("([\w/-]+)", (\d+)\)', script)
    (longest,) = re.findall(r"max_length: int = (\d+)", script)
    (on_cpu, beside) = re.findall(r"return (\d+) if device.type == \"cpu\" else (\d+)", script)[0]
    assert [layer for _, _, layer in setups] == ["12", "17"]
    arguments = [
        ["device", '"auto", "cpu", "cuda", "cuda:1"', '"auto"'],
        ["max_length", "texts are cut after so many tokens, and counted", longest],
        ["batch_tokens, batch_size", "tokens and texts a batch", f"{on_cpu} on a CPU, else {beside}; no limit"],
        ["rescale_with_baseline, baseline_path", "make the scores of a file of lines LAYER,P,R,F 0", "raw scores"],
    ]
    encoders = [row[:3] for row in blocks["use"].tables[0][1:]]
    assert encoders == [list(row) for row in setups]
    assert blocks["use"].tables[1][0] == ["argument", "meaning", "default"]
    assert blocks["use"].tables[1][1:] == arguments
    assert len(blocks["use"].tables) == 2
    assert {name: (block.prose, block.code) for name, block in blocks.items()} == {
        "summary": (["0.3.13", "1e-5"], []),
        "use": ([], []),
        "scores": (["12", "17"], ["12"]),
        "citation": (["2020", "2020", "2020"], []),
    }
    assert not any(blocks[name].tables for name in blocks if name != "use")


def test_croissant(again: Recomputed, workspace: Workspace) -> None:
    folder = workspace.dist / "dataset"
    found = json.loads((folder / "croissant.json").read_text(encoding="utf-8"))
    files = found.pop("distribution")
    on_disk = sorted((folder / "data").rglob("*.parquet"))
    assert {file["contentUrl"]: (file["contentSize"], file["sha256"]) for file in files} == {
        path.relative_to(folder).as_posix(): (f"{path.stat().st_size} B", sha256(path)) for path in on_disk
    }
    assert all(file["@id"] == file["name"] == file["contentUrl"] for file in files)
    assert {key for file in files for key, _ in flat(file)} == {
        *("/@id", "/name", "/contentUrl", "/contentSize", "/sha256")
    }
    columns = {
        record["@id"]: {field["@id"].rpartition("/")[2] for field in record["field"]}
        for record in found.pop("recordSet")
    }
    assert columns == {f"{path.parent.name}/{path.stem}": set(pq.read_schema(path).names) for path in on_disk}
    assert found.pop("@context")["prov"] == "http://www.w3.org/ns/prov#"
    assert found.pop("conformsTo") == [f"http://mlcommons.org/croissant/{name}" for name in ("1.1", "RAI/1.0")]
    activities = found.pop("prov:wasGeneratedBy")
    agents = [[agent["prov:label"] for agent in one["prov:wasAssociatedWith"]] for one in activities]
    program, translators = f"hubkit {hubkit.__version__}", {row["model"] for row in again.translations}
    assert agents == [[program, *sorted(translators)], [program, "google/medgemma-4b-it"], [program]]
    sources = [source["@id"] for source in found.pop("prov:wasDerivedFrom")]
    assert sources == [f"https://physionet.org/content/{name}/2.1.0/" for name in ("mimic-cxr", "mimic-cxr-jpg")]
    assert dict(flat(found)) == {"/citeAs": "10.13026 4jqj-jw95", "/version": "1.0.0"}
