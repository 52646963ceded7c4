"""The YAML of the cards to the letter, and the counts and records that the cards take from tables and manifests."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from invented_release import build_release, release_config

from hubkit.artifacts.manifest import Manifest, write_manifest
from hubkit.artifacts.translator import Served, Translator, write_translator
from hubkit.digests import file_digest
from hubkit.packaging import provenance
from hubkit.packaging.card_data import CardFacts, gather, licences
from hubkit.packaging.metadata import (
    benchmark,
    dataset_metadata,
    eval_result_entries,
    model_metadata,
    stated_sizes,
)
from hubkit.packaging.parquet import Split
from hubkit.packaging.table_counts import Noticed, Quality, SplitSize, label_counts, quality, split_sizes
from hubkit.tables import CHEXPERT_LABELS, STUDIES, TRANSLATIONS
from hubkit.terms.kinds import TERMS
from hubkit.workspace import Workspace, write_json, write_table, write_text

SCHEMA = pa.schema([("study_id", pa.int64())])
SPLITS = [
    Split("default", "train", 7, 100, (), 90, SCHEMA),
    Split("default", "test", 5, 50, (), 40, SCHEMA),
    Split("spans", "train", 9, 30, (), 20, SCHEMA),
]
SOURCE = (
    "This repository is derived from MIMIC-CXR, which is credentialed data. Access is granted by hand to people who "
    "hold credentialed access to MIMIC-CXR on PhysioNet. By asking you agree to treat it under the PhysioNet data "
    "use agreement that you signed."
)
GATE: dict[str, Any] = {
    "extra_gated_prompt": SOURCE,
    "extra_gated_fields": {
        "PhysioNet user name": "text",
        "CITI certificate (record ID or link)": "text",
        "Date of the signed data use agreement": "date_picker",
        "Institution": "text",
        "Country": "country",
        "I hold access to MIMIC-CXR under its terms": "checkbox",
        "I will not share this with anyone or try to identify anyone in it": "checkbox",
        "I will send none of it to a service that keeps what it is sent": "checkbox",
    },
    "extra_gated_button_content": "Ask for access",
}
TAGS = ["medical", "radiology", "chest-x-ray", "brazilian-portuguese"]
DATASET: dict[str, Any] = {
    "language": ["pt"],
    "pretty_name": "MIMIC-CXR PT-BR",
    "size_categories": "n<1K",
    "task_categories": ["image-to-text", "text-generation", "translation"],
    "annotations_creators": ["machine-generated"],
    "language_creators": ["machine-generated"],
    "multilinguality": ["translation"],
    "source_datasets": ["extended|other-mimic-cxr"],
    "license": "other",
    "license_name": "physionet-credentialed-health-data-1.5.0",
    "license_link": "LICENSE",
    "tags": [*TAGS, "reports"],
    "viewer": False,
    **GATE,
    "extra_gated_heading": "Ask for access to mimic-cxr-ptbr",
    "configs": [
        {
            "config_name": "default",
            "default": True,
            "data_files": [
                {"split": "train", "path": "data/default/train-*.parquet"},
                {"split": "test", "path": "data/default/test-*.parquet"},
            ],
        },
        {"config_name": "spans", "data_files": [{"split": "train", "path": "data/spans/train-*.parquet"}]},
    ],
    "dataset_info": [
        {
            "config_name": "default",
            "features": [{"name": "study_id", "dtype": "int64"}],
            "splits": [
                {"name": "train", "num_bytes": 100, "num_examples": 7},
                {"name": "test", "num_bytes": 50, "num_examples": 5},
            ],
            "download_size": 130,
            "dataset_size": 150,
        },
        {
            "config_name": "spans",
            "features": [{"name": "study_id", "dtype": "int64"}],
            "splits": [{"name": "train", "num_bytes": 30, "num_examples": 9}],
            "download_size": 20,
            "dataset_size": 30,
        },
    ],
}
MODEL: dict[str, Any] = {
    "base_model": "google/medgemma-4b-it",
    "base_model_relation": "adapter",
    "library_name": "peft",
    "pipeline_tag": "image-text-to-text",
    "language": ["pt"],
    "datasets": ["lab/mimic-cxr-ptbr"],
    "metrics": ["bertscore"],
    "license": "other",
    "license_name": "health-ai-developer-foundations",
    "license_link": "https://developers.google.com/health-ai-developer-foundations/terms",
    "tags": ["lora", *TAGS],
    **GATE,
    "extra_gated_heading": "Ask for access to medgemma-4b-it-mimic-cxr-ptbr-lora",
}


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return build_release(tmp_path_factory.mktemp("metadata"))


def facts_of(workspace: Workspace, **tables: Any) -> CardFacts:
    corpus = {"root": str(workspace.root.parent / "corpus"), **tables.pop("corpus", {})}
    return gather(release_config(workspace.root, corpus=corpus, **tables), workspace)


def test_the_yaml_of_the_datasets_card(release: Workspace) -> None:
    assert dataset_metadata(facts_of(release), SPLITS).to_dict() == DATASET
    assert stated_sizes(SPLITS) == {130, 150, 100, 50, 20, 30}


CLINIC = {"name": "Clinic reports (2026)", "licence": "CC-BY 4.0", "citation": "The reports of a clinic."}


@pytest.mark.parametrize(
    ("tables", "changed"),
    [
        ({"packaging": {"include_source": True}}, {"language": ["pt", "en"]}),
        ({"release": {"title": "A title"}}, {"pretty_name": "A title"}),
        ({"packaging": {"license": "mit"}}, {"license": "mit", "license_name": None, "license_link": None}),
        (
            {"corpus": {"kind": "csv", "terms": CLINIC}},
            {"license": "cc-by-4.0", "license_name": None, "license_link": None},
        ),
        (
            {"corpus": {"kind": "demo"}},
            {"source_datasets": ["original"], "tags": [*TAGS, "reports", "synthetic"]},
        ),
    ],
    ids=["with sources", "title", "a licence of its own", "the licence of the corpus", "synthetic"],
)
def test_what_settings_and_terms_change_of_it(
    release: Workspace, tables: dict[str, Any], changed: dict[str, Any]
) -> None:
    found = dataset_metadata(facts_of(release, **tables), SPLITS).to_dict()
    assert {name: found.get(name) for name in changed} == changed


def test_a_model_in_a_folder_has_its_public_name_on_cards(release: Workspace) -> None:
    def folder(name: str) -> dict[str, Any]:
        return {"model": f"/data/models/{name}", "model_id": f"lab/{name}"}

    facts = facts_of(
        release,
        translation=folder("translator"),
        finetuning=folder("base"),
        scoring={name: {**folder(name), "layer": 9} for name in ("bertimbau", "xlm_roberta")},
    )
    config = facts.config
    named = (config.translation, config.finetuning, config.scoring.bertimbau, config.scoring.xlm_roberta)
    assert [table.model for table in named] == ["lab/translator", "lab/base", "lab/bertimbau", "lab/xlm_roberta"]
    assert "/data/models" not in str(config)


@pytest.mark.parametrize(
    ("tables", "medgemma", "dataset", "adapter"),
    [
        ({}, True, "PhysioNet Credentialed Health Data License 1.5.0", "Health AI Developer Foundations Terms of Use"),
        ({"packaging": {"license": "mit"}}, False, "mit", "mit"),
        ({"packaging": {"license": "mit"}}, True, "mit", "Health AI Developer Foundations Terms of Use"),
    ],
)
def test_licences_as_a_card_says_them(
    tmp_path: Path, tables: dict[str, Any], medgemma: bool, dataset: str, adapter: str
) -> None:
    found = licences(release_config(tmp_path, **tables), TERMS["mimic-cxr"], medgemma)
    assert found == {"dataset": dataset, "adapter": adapter}


def test_the_yaml_of_the_adapters_card(release: Workspace) -> None:
    facts = facts_of(release)
    found = model_metadata(facts).to_dict()
    (index,) = found.pop("model-index")
    assert found == MODEL
    assert index["name"] == "medgemma-4b-it-mimic-cxr-ptbr-lora"
    (results,) = index["results"]
    assert results["task"] == {"type": "image-to-text", "name": "Report generation"}
    assert results["dataset"] == {
        "name": "MIMIC-CXR PT-BR",
        "type": "lab/mimic-cxr-ptbr",
        "config": "generations",
        "split": "test",
        "revision": "release-1.0.0",
    }
    spreads = {setup: facts.adapter.bertscore[setup] for setup in ("bertimbau", "xlm-roberta")}
    assert results["metrics"] == [
        {
            "type": "bertscore",
            "value": round(getattr(spread, measure).mean, 6),
            "name": f"BERTScore {measure} ({setup})",
            "config": setup,
        }
        for setup, spread in spreads.items()
        for measure in ("precision", "recall", "f1")
    ]
    demo = model_metadata(facts_of(release, corpus={"kind": "demo"})).to_dict()
    assert demo["tags"] == ["lora", *TAGS, "synthetic"]


def test_what_a_leaderboard_reads(release: Workspace) -> None:
    facts = facts_of(release, packaging={"evaluation_framework": "lighteval"})
    tasks = ["bertscore_bertimbau", "bertscore_xlm-roberta"]
    found = benchmark(facts)
    assert (found.name, found.evaluation_framework) == ("MIMIC-CXR PT-BR", "lighteval")
    assert [(task.id, task.config, task.split) for task in found.tasks] == [(name, "default", "test") for name in tasks]
    spreads = [facts.adapter.bertscore[name].f1 for name in ("bertimbau", "xlm-roberta")]
    assert [(entry.dataset_id, entry.task_id, entry.value, entry.notes) for entry in eval_result_entries(facts)] == [
        (
            *("lab/mimic-cxr-ptbr", name, round(f1.mean, 6)),
            f"BERTScore F1, 95 % interval {f1.low:.4f} to {f1.high:.4f}",
        )
        for name, f1 in zip(tasks, spreads, strict=True)
    ]


def study(number: int, subject: int, split: str, images: int, **labels: int | None) -> dict[str, Any]:
    image = {"dicom_id": "d", "view": "PA", "path": "p"}
    return {
        "study_id": number,
        "subject_id": subject,
        "split": split,
        "images": [image] * images,
        "labels": {**dict.fromkeys(CHEXPERT_LABELS), **labels},
    }


def test_sizes_and_labels_of_the_splits(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    rows = [
        study(1, 1, "train", 2, Edema=1, Fracture=-1),
        study(2, 1, "train", 1, Edema=1, Fracture=0),
        study(3, 2, "train", 3, Edema=0),
        study(4, 3, "test", 1, Edema=-1, Fracture=1),
    ]
    write_table(workspace.studies, pa.Table.from_pylist(rows, schema=STUDIES))
    assert split_sizes(workspace) == [
        SplitSize("train", 3, 2, 6),
        SplitSize("validation", 0, 0, 0),
        SplitSize("test", 1, 1, 1),
    ]
    found = label_counts(workspace)
    assert [label for label, _ in found] == list(CHEXPERT_LABELS)
    assert {label: counts for label, counts in found if any(counts)} == {"Edema": [2, 0, 0], "Fracture": [0, 0, 1]}


def positive_until(**ends: int) -> list[dict[str, int]]:
    """The labels of 60 studies, of which the first so many have each."""
    return [{label: int(at < end) for label, end in ends.items()} for at in range(60)]


@pytest.mark.parametrize(
    ("labels", "subjects", "shown"),
    [
        # 55 of 60: five lack it.
        (positive_until(Edema=30, Fracture=55, Pneumonia=5), range(60), {"Edema": 30}),
        (positive_until(Edema=20, Fracture=40, Pneumonia=19), range(60), {"Fracture": 40}),
        # 30 studies of 10 patients; and of 30, where the others are of 10.
        (positive_until(Edema=30, Fracture=1), [*range(10)] * 3 + [*range(10, 40)], {}),
        (positive_until(Edema=30, Fracture=1), [*range(30)] + [*range(30, 40)] * 3, {}),
        # One that is small alone takes the next with it.
        (positive_until(Edema=30, Fracture=25, Pneumonia=4), range(60), {"Edema": 30}),
    ],
)
def test_counts_of_few_studies_or_patients_are_withheld(
    tmp_path: Path, labels: list[dict[str, int]], subjects: Sequence[int], shown: dict[str, int]
) -> None:
    workspace = Workspace(tmp_path)
    rows = [study(at, subjects[at], "validate", 1, **found) for at, found in enumerate(labels)]
    write_table(workspace.studies, pa.Table.from_pylist(rows, schema=STUDIES))
    found = dict(label_counts(workspace, 20))
    assert {label: counts[1] for label, counts in found.items() if counts[1] is not None} == shown
    assert {count for counts in found.values() for count in (counts[0], counts[2])} == {None}
    every = dict(label_counts(workspace))
    assert {label: every[label][1] for label in shown} == shown
    assert every["Fracture"] == [0, sum(row["Fracture"] for row in labels), 0]


def section(study_id: int, status: str, flags: tuple[str, ...] = (), reused: bool = False) -> dict[str, Any]:
    return {"study_id": study_id, "status": status, "flags": list(flags), "reused": reused}


def test_how_the_sections_fared(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    rows = [
        section(1, "ok"),
        section(1, "ok", ("unit",), reused=True),
        section(2, "flagged", ("unit", "loop", "unit")),
        section(2, "flagged", ("length", "english")),
        section(3, "flagged", ("loop",), reused=True),
        section(3, "failed", reused=True),
        section(4, "ok", ("length",)),
    ]
    write_table(workspace.translations, pa.Table.from_pylist(rows, schema=TRANSLATIONS))
    write_json(workspace.revision, {"corrected": 6, "stale": 9, "left_out": 5, "flagged": "publish"})
    assert quality(workspace) == Quality(
        sections=7,
        studies=4,
        status={"ok": 3, "flagged": 3, "failed": 1},
        # By flagged sections, then by warnings, then by name.
        checks=[
            Noticed("loop", 2, 0),
            Noticed("length", 1, 1),
            Noticed("unit", 1, 1),
            Noticed("english", 1, 0),
        ],
        reused=3,
        corrected=6,
        left_out=5,
    )


def test_an_empty_table_counts_as_nothing(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    write_table(workspace.translations, TRANSLATIONS.empty_table())
    write_json(workspace.revision, {"corrected": 0, "stale": 0, "left_out": 0, "flagged": "publish"})
    assert quality(workspace) == Quality(0, 0, {"ok": 0, "flagged": 0, "failed": 0}, [], 0, 0)


def test_models_that_translated_are_listed_once_each(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    models = [("b/m", "1", "p"), ("/data/a", "2", "p"), ("b/m", "1", "p"), ("b/m", "0", "p"), ("b/m", None, None)]
    rows = [dict(zip(("model", "revision", "prompt"), model, strict=True)) for model in models]
    write_table(workspace.translations, pa.Table.from_pylist(rows, schema=TRANSLATIONS))
    assert [tuple(found) for found in provenance.translator(workspace)] == [
        ("a", "2", "p"),
        ("b/m", "0", "p"),
        ("b/m", "1", "p"),
        ("b/m", None, None),
    ]


@pytest.mark.parametrize(
    ("engine", "precisions", "expected"),
    [
        ("transformers", None, "nf4"),
        ("transformers", ["bf16"], "bf16"),
        ("openai", None, "unknown, as the server was started"),
        ("openai", ["fp8", None], "fp8, then unknown, as the server was started"),
    ],
)
def test_the_precision_that_cards_name(
    tmp_path: Path, engine: str, precisions: list[str | None] | None, expected: str
) -> None:
    workspace = Workspace(tmp_path)
    if precisions is not None:
        served = tuple(Served(precision=precision) for precision in precisions)
        write_translator(workspace, Translator(engine=engine, served=served))
    config = release_config(tmp_path, translation={"engine": engine, "quantization": "nf4", "base_url": "http://x/v1"})
    assert provenance.translation_precision(config, workspace) == expected


def test_versions_and_ends_of_the_stages(tmp_path: Path) -> None:
    """Of a package that two stages ran with, the version of the later one counts."""
    workspace = Workspace(tmp_path)
    assert (provenance.versions(workspace), provenance.ended(workspace)) == ({}, {})
    for number, stage in enumerate(("read", "translate", "finetune", "generate", "score", "audit")):
        versions = {"torch": str(number), stage: "1"}
        started = f"2026-03-0{number + 1}T23:59:58Z"
        write_manifest(workspace, Manifest(stage=stage, versions=versions, started=started, seconds=2.6))
    assert provenance.versions(workspace) == {
        "torch": "4",
        **dict.fromkeys(("translate", "finetune", "generate", "score"), "1"),
    }
    assert provenance.ended(workspace) == {
        stage: datetime.datetime(2026, 3, day, 0, 0, 0, tzinfo=datetime.UTC)
        for stage, day in {"translate": 3, "finetune": 4, "generate": 5, "score": 6}.items()
    }
    write_manifest(workspace, Manifest(stage="score", started="2026-03-05T00:00:00Z"))
    write_manifest(workspace, Manifest(stage="generate", seconds=1.0))
    assert provenance.ended(workspace).keys() == {"translate", "finetune"}


def test_the_curve_of_the_training(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    lines = [
        '{"step": 1, "eval_loss": 3.0}',
        '{"step": 1, "loss": 2.5}',
        '{"step": 2, "loss": 2.25}',
        '{"step": 2, "eval_loss": 2.0, "eval_entropy": 0.5, "eval_mean_token_accuracy": 0.25}',
        '{"step": 3, "eval_loss": 0.0}',
        '{"step": 3, "train_runtime": 9}',
    ]
    write_text(workspace.log_history, "\n".join(lines) + "\n")
    assert [tuple(found) for found in provenance.curves(workspace)] == [
        (1, None, 3.0, None, None),
        (2, 2.25, 2.0, 0.5, 0.25),
        (3, 2.25, 0.0, None, None),
    ]


def test_the_files_that_figures_come_from(release: Workspace) -> None:
    files = (
        *(release.studies, release.translations),
        release.adapter / "adapter_model.safetensors",
        release.scores / "scores.parquet",
    )
    assert provenance.digests(release) == {path.name: file_digest(path) for path in files}
