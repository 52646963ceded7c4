"""The YAML of the cards, by the Hub's own card classes: licence, gate, configs, features and results."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from hubkit.artifacts.eval_results import Benchmark, Task
from hubkit.metrics.registry import METRICS
from hubkit.packaging.card_data import CardFacts
from hubkit.packaging.parquet import Split, features
from hubkit.tables import MEASURES

if TYPE_CHECKING:
    from huggingface_hub import DatasetCardData, EvalResultEntry, ModelCardData

PHYSIONET_LICENSE = "physionet-credentialed-health-data-1.5.0"
HAI_DEF_TERMS = "https://developers.google.com/health-ai-developer-foundations/terms"
CREDENTIALS = {
    "PhysioNet user name": "text",
    "CITI certificate (record ID or link)": "text",
    "Date of the signed data use agreement": "date_picker",
}
"""What PhysioNet's credentials are checked by; other corpora have no such account and no such agreement."""

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))


def dataset_metadata(facts: CardFacts, splits: Sequence[Split]) -> DatasetCardData:
    """YAML of the dataset's card; the features stand here, since the Parquet files hold none."""
    from huggingface_hub import DatasetCardData

    config = facts.config
    studies = sum(split.rows for split in splits if split.config == "default")
    languages = ["pt", "en"] if config.packaging.include_source else ["pt"]
    return DatasetCardData(
        language=languages,
        pretty_name=facts.release.title,
        size_categories=next((name for limit, name in SIZES if studies < limit), "1M<n<10M"),
        task_categories=["image-to-text", "text-generation", "translation"],
        annotations_creators=["machine-generated"],
        language_creators=["machine-generated"],
        multilinguality=["translation"],
        source_datasets=["original" if facts.synthetic else f"extended|other-{facts.corpus.name}"],
        **_license(facts, PHYSIONET_LICENSE),
        tags=["medical", "radiology", "chest-x-ray", "brazilian-portuguese", "reports", *_synthetic(facts)],
        viewer=False,
        **gate(facts, "dataset"),
        configs=configs(splits),
        dataset_info=dataset_info(splits),
    )


def configs(splits: Sequence[Split]) -> list[dict[str, Any]]:
    """Which files are which split of which config."""
    return [
        {
            "config_name": name,
            **({"default": True} if name == "default" else {}),
            "data_files": [
                {"split": split.name, "path": f"data/{name}/{split.name}-*.parquet"}
                for split in splits
                if split.config == name
            ],
        }
        for name in dict.fromkeys(split.config for split in splits)
    ]


def dataset_info(splits: Sequence[Split]) -> list[dict[str, Any]]:
    """Features and sizes of each config, as `datasets` reads them."""
    found = []
    for name in dict.fromkeys(split.config for split in splits):
        inside = [split for split in splits if split.config == name]
        found.append(
            {
                "config_name": name,
                "features": features(inside[0].schema),
                "splits": [
                    {"name": split.name, "num_bytes": split.num_bytes, "num_examples": split.rows} for split in inside
                ],
                "download_size": sum(split.file_bytes for split in inside),
                "dataset_size": sum(split.num_bytes for split in inside),
            }
        )
    return found


def stated_sizes(splits: Sequence[Split]) -> set[int]:
    """The numbers that a card states as sizes, which the leak guard takes for no ids."""
    found = set()
    for info in dataset_info(splits):
        found |= {info["download_size"], info["dataset_size"], *(split["num_bytes"] for split in info["splits"])}
    return found


def gate(facts: CardFacts, asked_for: str) -> dict[str, Any]:
    """The form that people fill in when they ask for access to the repo of `asked_for` (dataset or adapter)."""
    source = facts.source
    if facts.corpus.credentialed:
        prompt = (
            f"This repository is derived from {source}, which is credentialed data. Access is granted by hand to "
            f"people who hold credentialed access to {source} on PhysioNet. By asking you agree to treat it under "
            "the PhysioNet data use agreement that you signed."
        )
    elif facts.corpus.rehearses:
        prompt = (
            "This is a demonstration on a synthetic corpus, not MIMIC-CXR. The form below rehearses that of a "
            "credentialed corpus."
        )
    else:
        prompt = f"This repository is derived from {source}, under {facts.corpus.licence}. Access is granted by hand."
    return {
        "extra_gated_heading": f"Ask for access to {facts.repos[asked_for].split('/')[-1]}",
        "extra_gated_prompt": prompt,
        "extra_gated_fields": {
            **(CREDENTIALS if facts.corpus.credentialed or facts.corpus.rehearses else {}),
            "Institution": "text",
            "Country": "country",
            f"I hold access to {source} under its terms": "checkbox",
            "I will not share this with anyone or try to identify anyone in it": "checkbox",
            "I will send none of it to a service that keeps what it is sent": "checkbox",
        },
        "extra_gated_button_content": "Ask for access",
    }


def model_metadata(facts: CardFacts) -> ModelCardData:
    """YAML of the adapter's card, with its model-index."""
    from huggingface_hub import EvalResult, ModelCardData

    measured = partial(
        EvalResult,
        task_type="image-to-text",
        task_name="Report generation",
        dataset_type=facts.repos["dataset"],
        dataset_name=facts.release.title,
        dataset_config="generations",
        dataset_split="test",
        dataset_revision=facts.release.tag,
    )
    results = [
        measured(
            metric_type="bertscore",
            metric_name=f"BERTScore {measure} ({setup})",
            metric_config=setup,
            metric_value=round(facts.adapter.figure(f"{setup} {measure}").value, 6),
        )
        for setup in facts.adapter.bertscore
        for measure in MEASURES
    ]
    results += [
        measured(
            metric_type=metric.name.replace(" ", "_"),
            metric_name=metric.label,
            metric_value=round(facts.adapter.figure(metric.name).value, 6),
        )
        for metric in METRICS.values()
        if metric.switch and metric.name in facts.adapter.names
    ]
    hai_def: dict[str, Any] = {
        "license": "other",
        "license_name": "health-ai-developer-foundations",
        "license_link": HAI_DEF_TERMS,
    }
    return ModelCardData(
        model_name=facts.repos["adapter"].split("/")[-1],
        base_model=facts.base.name,
        base_model_relation="adapter",
        library_name="peft",
        pipeline_tag="image-text-to-text",
        language=["pt"],
        datasets=[facts.repos["dataset"]],
        metrics=["bertscore"],
        eval_results=results,
        tags=["lora", "medical", "radiology", "chest-x-ray", "brazilian-portuguese", *_synthetic(facts)],
        **(hai_def if facts.medgemma else _license(facts, PHYSIONET_LICENSE)),
        **gate(facts, "adapter"),
    )


WITHOUT_ERROR = "reports_without_error"
"""The task of the error profile: a leaderboard puts the highest value first, and errors per report would be wrong."""


def benchmark(facts: CardFacts) -> Benchmark:
    """What eval.yaml says: the tasks that `.eval_results/` has results of, on the test split."""
    tasks = [f"bertscore_{setup}" for setup in facts.adapter.bertscore]
    return Benchmark(
        name=facts.release.title,
        description="Reports of chest X-rays in Brazilian Portuguese, written from images; scored by BERTScore F1"
        + (" and by the share of reports without a clinical error." if facts.evaluation.profiled else "."),
        evaluation_framework=facts.config.packaging.evaluation_framework,
        tasks=[
            Task(id=name, config="default", split="test")
            for name in [*tasks, *([WITHOUT_ERROR] if facts.evaluation.profiled else [])]
        ],
    )


def eval_result_entries(facts: CardFacts) -> list[EvalResultEntry]:
    """What `.eval_results/` says of the adapter: F1 in each setup, and the share of reports without an error.

    The commit of the dataset is known to `push` alone, which writes it in.
    """
    from huggingface_hub import EvalResultEntry

    figures = {
        f"bertscore_{setup}": ("BERTScore F1", facts.adapter.figure(f"{setup} f1")) for setup in facts.adapter.bertscore
    }
    if facts.evaluation.profiled:
        figures[WITHOUT_ERROR] = ("Reports without an error", facts.adapter.figure("reports without error"))
    confidence = 100 * facts.evaluation.confidence
    return [
        EvalResultEntry(
            dataset_id=facts.repos["dataset"],
            task_id=task,
            value=round(found.value, 6),
            notes=f"{name}, {confidence:.0f} % interval {found.low:.4f} to {found.high:.4f}",
        )
        for task, (name, found) in figures.items()
    ]


def _license(facts: CardFacts, name: str) -> dict[str, Any]:
    license_key = facts.config.packaging.license
    if license_key != "other":
        return {"license": license_key}
    if not facts.corpus.credentialed:
        return {"license": _slug(facts.corpus.licence)}
    return {"license": "other", "license_name": name, "license_link": "LICENSE"}


def _slug(text: str) -> str:
    return "-".join("".join(letter if letter.isalnum() or letter == "." else " " for letter in text.lower()).split())


def _synthetic(facts: CardFacts) -> list[str]:
    return ["synthetic"] if facts.synthetic else []
