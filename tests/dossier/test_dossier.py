"""`hubkit dossier`: every pointer leads to a value, and no line contradicts a manifest, a setting or a result."""

from __future__ import annotations

import json
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from dossier_workspace import build_dossier_workspace, configured, record_stage

from hubkit.artifacts.subgroups import read_subgroups, write_subgroups
from hubkit.cli import cli
from hubkit.config import ReleaseConfig, write_config
from hubkit.dossier.dossier import coverage_rows, make_dossier
from hubkit.dossier.evidence import FILES, Row, plain
from hubkit.dossier.guidelines import GUIDELINES, Pointer, load_guideline
from hubkit.dossier.markdown import escaped, markdown, write_markdown
from hubkit.dossier.readers import READERS
from hubkit.dossier.word import write_word
from hubkit.errors import HubkitError
from hubkit.packaging.table_counts import label_counts
from hubkit.stages import STAGES
from hubkit.tables import CHEXPERT_LABELS, SPLITS
from hubkit.terms.kinds import terms_of
from hubkit.workspace import Workspace

CHECKOUT = Path(__file__).parents[2]
POINTERS = [pointer for name in GUIDELINES for item in load_guideline(name).items for pointer in item.evidence]

Made = tuple[ReleaseConfig, Workspace]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return build_dossier_workspace(tmp_path_factory.mktemp("dossier"))


@pytest.fixture(scope="module")
def before(made: Made) -> dict[Pointer, Row]:
    return rows(*made)


@pytest.fixture(scope="module")
def page_before(made: Made) -> str:
    return page(*made)


@pytest.fixture
def copied(made: Made, tmp_path: Path) -> Made:
    """A copy that a test may change; the corpus stays where it is."""
    config, workspace = made
    return config, Workspace(shutil.copytree(workspace.root, tmp_path / "work"))


def rows(config: ReleaseConfig, workspace: Workspace) -> dict[Pointer, Row]:
    found = make_dossier(config, workspace)
    answers = [answer for answered in found.guidelines for answer in answered.answers]
    return {
        pointer: row
        for answer in answers
        for pointer, row in zip(answer.item.evidence, answer.rows, strict=True)
    }  # fmt: skip


def change(path: Path, key: str, value: Any) -> None:
    """Put another value at a place with dots in a JSON file."""
    values = json.loads(path.read_text(encoding="utf-8"))
    *parents, last = key.split(".")
    at = values
    for name in parents:
        at = at[int(name)] if isinstance(at, list) else at[name]
    assert at.get(last) != value  # what is not set has no key
    at[last] = value
    path.write_text(json.dumps(values), encoding="utf-8")


# The tables of the guidelines


REFINE_SECTIONS = (8, 6, 3, 10, 10, 7)

TRIPOD_SUBITEMS = (0, 12, 2, 0, 5, 5, 5, 3, 2, 0, 0, 0, 0, 6, 0, 4, 0, 0, 7)
"""Of each of the 19 items; those of item 2 are of the abstract."""


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("mi-clear-llm", [str(number) for number in range(1, 7)]),
        (
            "refine",
            [f"{part}.{number}" for part, count in enumerate(REFINE_SECTIONS, 1) for number in range(1, count + 1)],
        ),
        (
            "tripod-llm",
            [
                f"{number}{letter}"
                for number, count in enumerate(TRIPOD_SUBITEMS, 1)
                for letter in ("abcdefghijkl"[:count] or [""])
            ],
        ),
        ("claim", [str(number) for number in range(1, 45)]),
    ],
)
def test_every_item_of_a_guideline_is_listed(name: str, numbers: list[str]) -> None:
    assert [item.number for item in load_guideline(name).items] == numbers


def test_no_topic_has_the_words_of_another_guideline() -> None:
    # What a guideline's own form prints of an item, in part: nothing of it may stand here.
    topics = " ".join(item.topic.lower() for name in GUIDELINES for item in load_guideline(name).items)
    wordings = [
        "describe", "specify", "report the", "provide", "identification as a study", "how missing data were handled",
        "level at which partitions are disjoint", "sources of funding", "study limitations", "ensembling techniques",
    ]  # fmt: skip
    assert [wording for wording in wordings if wording in topics] == []


def test_an_item_has_evidence_or_says_why_it_has_none() -> None:
    items = [item for name in GUIDELINES for item in load_guideline(name).items]
    assert [item.number for item in items if not (item.evidence or item.authors or item.undone)] == []


def test_every_guide_that_a_fact_names_is_there() -> None:
    missing = []
    for see in {pointer.see for pointer in POINTERS if pointer.see}:
        path, _, anchor = see.partition("#")
        text = (CHECKOUT / path).read_text(encoding="utf-8")
        headings = {line.lstrip("# ").lower().replace(" ", "-") for line in text.splitlines() if line.startswith("#")}
        # The section, and not a page: a second reader has to find the sentence.
        missing += [] if anchor in headings else [see]
    assert missing == []


def test_every_reader_is_used() -> None:
    assert {pointer.reader for pointer in POINTERS if pointer.reader} == set(READERS)


# A whole release


def test_every_pointer_resolves(before: dict[Pointer, Row]) -> None:
    unresolved = [row for row in before.values() if row.value is None or row.remark]
    assert unresolved == []


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("adapter/hubkit_generation.json: base_model.name", "google/medgemma-4b-it"),
        ("adapter/hubkit_generation.json: few_shot_study_ids", "1"),
        ("translations/translator.json: served.*.precision", "nf4"),
        ("generations/decoding.json: generation_config", "do_sample no, max_new_tokens 512"),
        ("studies/selection.json: sizes", "train 12, validate 6, test 6"),
        ("studies/selection.json: images.missing", "1"),
        ("studies/selection.json: headers", "by the rule of the corpus itself"),
        (
            "studies/studies.parquet: subject_id, split (computed)",
            "0 of 12 patients have studies in more than one split",
        ),
        ("revised/translations.parquet: status (computed)", "70 ok, 1 failed, 1 flagged"),
        (
            "review/*/results.json: readers, strata, agreement (computed)",
            "first (translation): 1 reader, years of experience 9, 4 of 10 rows read, agreement between readers an "
            "error kappa 0.75 (4 items), of readers with themselves an error kappa 0.875 (3 items)",
        ),
        ("hubkit.toml: [translation] retries", "2"),
        ("hubkit.toml: [translation] allowed_hosts", "10.0.0.5"),
        ("hubkit.toml: [packaging] physionet.ethics", "Approved under number 1234."),
        ("manifests/generate.json: started", "2026-09-21T14:13:20Z"),
        ("receipt.json: withdrawn", "not withdrawn"),
        ("verification.json: counts", "passed 9"),
    ],
)
def test_a_value_is_that_of_its_file(before: dict[Pointer, Row], where: str, value: str) -> None:
    assert {row.value for row in before.values() if row.where == where} == {value}


def test_the_extent_follows_from_the_rows(made: Made) -> None:
    found = extents(*made)
    expected = {
        ("MI-CLEAR-LLM", "3"): "answered",
        ("MI-CLEAR-LLM", "1"): "answered in part",
        ("REFINE", "2.1"): "only the authors know",
        ("REFINE", "2.3"): "answered",
        ("REFINE", "5.2"): "answered in part",
        ("REFINE", "5.9"): "not done in this release",
        ("TRIPOD-LLM", "2f"): "answered",
        ("TRIPOD-LLM", "5c"): "only the authors know",
        ("TRIPOD-LLM", "7b"): "answered in part",
        ("TRIPOD-LLM", "10"): "not done in this release",
        ("CLAIM", "20"): "answered",
        ("CLAIM", "4"): "only the authors know",
        ("CLAIM", "11"): "answered in part",
        ("CLAIM", "18"): "answered in part",
        ("CLAIM", "24"): "answered",
        ("CLAIM", "42"): "answered in part",
        ("CLAIM", "33"): "not done in this release",
    }
    assert {item: found[item] for item in expected} == expected


def extents(config: ReleaseConfig, workspace: Workspace) -> dict[tuple[str, str], str]:
    """How far each item is answered, by guideline and number."""
    return {
        (part.guideline.name, answer.item.number): answer.extent
        for part in make_dossier(config, workspace).guidelines
        for answer in part.answers
    }


def test_the_guide_has_the_coverage_of_a_whole_release(made: Made) -> None:
    lines = [f"| {' | '.join(cells)} |" for cells in coverage_rows(make_dossier(*made))]
    assert [len(load_guideline(name).items) for name in GUIDELINES] == [6, 44, 60, 44]
    guide = (CHECKOUT / "docs" / "dossier.md").read_text(encoding="utf-8")
    assert [line for line in lines if line not in guide] == []
    assert [line for line in lines if line not in "\n".join(markdown(make_dossier(*made)))] == []


CLINIC = {"kind": "csv", "terms": {"name": "Clinic reports", "licence": "CC-BY-4.0", "citation": "A clinic, 2026."}}


def test_terms_that_nobody_declared_are_left_to_the_authors(made: Made) -> None:
    config, workspace = made
    # `read` ran under another corpus: without its manifest the settings are shown as planned.
    clinic = Workspace(shutil.copytree(workspace.root, workspace.root.with_name("clinic")))
    clinic.manifest("read").unlink()
    declared = configured(config.corpus.root.parent, corpus=CLINIC)
    found = {row.where: row for row in rows(declared, clinic).values()}
    for key in ("site", "demographics", "producers", "deidentified"):
        row = found[f"hubkit.toml: [corpus] kind (its terms: {key})"]
        assert (row.value, row.remark) == (None, "only the authors know it of this corpus")
    assert found["hubkit.toml: [corpus] kind (its terms: name)"].value == "Clinic reports"
    assert extents(declared, clinic)["REFINE", "4.2"] == "only the authors know"
    version = "hubkit.toml: [corpus] version (computed)"
    assert found[version].value is None
    shutil.rmtree(clinic.root)


def test_a_corpus_that_a_program_made_has_no_radiologists(made: Made) -> None:
    terms = {**CLINIC["terms"], "synthetic": True}  # type: ignore[dict-item]
    declared = configured(made[0].corpus.root.parent, corpus={**CLINIC, "terms": terms})
    assert terms_of(declared.corpus).producers == "A program."


@pytest.mark.parametrize("kind", ["openi", "demo"])
def test_a_version_of_mimic_is_shown_of_mimic_alone(made: Made, kind: str) -> None:
    config, workspace = made
    assert READERS["corpus_version"].compute(config, workspace) == "2.1.0"
    other = configured(config.corpus.root.parent, corpus={"kind": kind})
    assert READERS["corpus_version"].compute(other, workspace) is None


def test_the_page_has_every_item_and_no_text_of_the_corpus(made: Made) -> None:
    lines = list(markdown(make_dossier(*made)))
    assert sum(line.startswith("### ") for line in lines) == 154
    assert all(line.count(" | ") == 2 for line in lines if line.endswith("` |") and "SHA" not in line and ": " in line)
    page = "\n".join(lines)
    held = ["pleural effusion", "derrame", "50000706", str(made[1].root), str(made[0].corpus.root), "files/a.jpg"]
    assert [text for text in held if text in page] == []


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"mean": 0.5, "low": 0.25, "high": 1.0, "sd": 2.0}, "0.5 (0.25 to 1)"),
        ({"value": 1 / 3, "low": 0, "high": 1}, "0.333333 (0 to 1)"),
        ({"a": True, "b": None, "c": [], "d": {}}, "a yes, b none, c none, d none"),
        ([["<think>", "</think>"]], "<think>, </think>"),
        (1_000_000, "1000000"),
    ],
)
def test_values_for_people(value: Any, shown: str) -> None:
    assert plain(value) == shown


def test_a_value_stays_in_its_cell() -> None:
    assert escaped("a|b\n<script> *c* `d` [e](f)") == r"a\|b \<script> \*c\* \`d\` \[e\](f)"


@pytest.mark.parametrize("scored", [True, False], ids=["by the scores", "before there are scores"])
def test_counts_of_few_studies_are_withheld_as_on_the_card(copied: Made, scored: bool) -> None:
    """The invented corpus has 12, 6 and 6 studies, of which a finding has up to seven."""
    _, workspace = copied
    config = configured(copied[0].corpus.root.parent, scoring={"subgroups": ["view"], "subgroup_minimum": 5})
    found = read_subgroups(workspace)
    assert found is not None
    write_subgroups(workspace, found.model_copy(update={"minimum": 2}))
    if not scored:
        workspace.subgroups.unlink()
    counts, seen = dict(label_counts(workspace, 2 if scored else 5)), set()
    for place, split in enumerate(SPLITS):
        value = READERS[f"positive_{split}"].compute(config, workspace)
        # The counts of this workspace's selection.json are 3 throughout.
        expected = {label: "withheld" if counts[label][place] is None else "3" for label in CHEXPERT_LABELS}
        assert value == "; ".join(f"{label}: {shown}" for label, shown in expected.items())
        seen |= {*expected.values()}
    assert seen == ({"withheld", "3"} if scored else {"withheld"})


# No line contradicts a manifest

RESULTS = [
    ("adapter/hubkit_generation.json", "base_model.name", "lab/other"),
    ("adapter/hubkit_generation.json", "base_model.revision", "beef34"),
    ("adapter/hubkit_generation.json", "prompt", "Outra pergunta"),
    ("adapter/hubkit_generation.json", "few_shot_study_ids", [1, 2]),
    ("adapter/hubkit_generation.json", "reference", "report"),
    ("adapter/hubkit_generation.json", "images.size", 448),
    ("adapter/training.json", "settings.r", 8),
    ("adapter/training.json", "settings.target_modules", "all-linear"),
    ("adapter/hubkit_generation.json", "images.max", 1),
    ("studies/selection.json", "seed", 7),
    ("studies/selection.json", "reports", {"no_section": 3}),
    ("studies/selection.json", "catalogue.studies", 31),
    ("studies/selection.json", "catalogue.other_studies", [1]),
    ("studies/selection.json", "labels.train.Edema.positive", 5),
    ("studies/selection.json", "labels.validate.Edema.positive", 5),
    ("adapter/training.json", "settings.epochs", 9.0),
    ("adapter/training.json", "seed", 7),
    ("adapter/training.json", "trainable_parameters", 5),
    ("adapter/training.json", "steps", 53),
    ("adapter/training.json", "best_step", 41),
    ("adapter/training.json", "eval_loss", 0.5),
    ("adapter/training.json", "studies", {"train": 11, "validate": 6}),
    ("adapter/training.json", "left_out.train", [3]),
    ("adapter/training.json", "left_out.validate", [3]),
    ("adapter/training.json", "sweep", [{"eval_loss": 0.5, "best_step": 3, "chosen": True, "r": 8}]),
    ("translations/translator.json", "engine", "openai"),
    ("translations/translator.json", "served.0.model", "lab/other"),
    ("translations/translator.json", "served.0.revision", "beef34"),
    ("translations/translator.json", "served.0.precision", "fp8"),
    ("translations/translator.json", "served.0.software", "SGLang 1"),
    ("translations/translator.json", "served.0.context", 4096),
    ("generations/decoding.json", "generation_config.do_sample", True),
    ("generations/decoding.json", "generation_config.max_new_tokens", 99),
    ("generations/decoding.json", "seed", 43),
    ("generations/decoding.json", "quantization", "bf16"),
    ("generations/decoding.json", "dtype", "float32"),
    ("generations/decoding.json", "batches.order", "none"),
    ("generations/decoding.json", "devices", ["H200"]),
    ("studies/selection.json", "sizes.test", 7),
    ("studies/selection.json", "subset", "all"),
    ("studies/selection.json", "labels.test.Atelectasis.positive", 5),
    ("studies/selection.json", "headers", "any"),
    ("studies/selection.json", "images.prepared", 1),
    ("studies/selection.json", "images.broken", ["x"]),
    ("studies/selection.json", "images.missing", ["x", "y"]),
    ("revised/revision.json", "corrected", 4),
    ("revised/revision.json", "left_out", 4),
    ("revised/revision.json", "flagged", "leave_out"),
    ("revised/revision.json", "test_studies", [3]),
    ("scores/summary.json", "n", 7),
    ("scores/summary.json", "patients", 99),
    ("scores/summary.json", "of", 8),
    ("scores/summary.json", "signatures.bleu", "other"),
    ("scores/summary.json", "rules.macro", 0.5),
    ("scores/summary.json", "conditions.zero_shot.bertimbau.f1.mean", 0.99),
    ("scores/summary.json", "conditions.few_shot.bertimbau.f1.mean", 0.99),
    ("scores/summary.json", "conditions.commonest.bertimbau.f1.mean", 0.99),
    ("scores/summary.json", "conditions.flipped.bertimbau.f1.mean", 0.99),
    ("scores/summary.json", "conditions.lora.xlm-roberta.f1.mean", 0.99),
    ("scores/summary.json", "conditions.lora.chrf++.value", 99.0),
    ("scores/summary.json", "conditions.lora.bleu.value", 99.0),
    ("scores/summary.json", "conditions.lora.clinical.micro.value", 0.99),
    ("scores/summary.json", "conditions.lora.clinical.labels.Edema.f1", 0.99),
    ("scores/summary.json", "conditions.lora.errors invented.value", 0.99),
    ("scores/summary.json", "confidence", 0.9),
    ("scores/summary.json", "resamples", 21),
    ("scores/summary.json", "seed", 1),
    ("scores/summary.json", "conditions.lora.bertimbau.f1.mean", 0.99),
    ("scores/summary.json", "conditions.few_shot.clinical.macro.low", 0.99),
    ("scores/summary.json", "conditions.zero_shot.errors missed.value", 0.99),
    ("scores/summary.json", "cautions", ["Other"]),
    ("audit/memorisation.json", "longest", 30),
    ("audit/memorisation.json", "identifiers.dates", 9),
    ("audit/memorisation.json", "membership.train_test.loss.value", 0.99),
    ("audit/memorisation.json", "membership.shared_texts.train", 99),
    ("receipt.json", "endpoint", "http://127.0.0.1:8"),
    ("receipt.json", "repos.dataset.commit", "e" * 40),
    ("receipt.json", "repos.dataset.id", "lab/other"),
    ("receipt.json", "repos.dataset.tag", "release-2.0.0"),
    ("receipt.json", "withdrawn", "2026-01-01"),
    ("verification.json", "counts", {"passed": 8, "failed": 1}),
    ("verification.json", "repos.dataset.commit", "e" * 40),
]
"""A file, a key that pointers lead to, and another value."""


def about(pointer: Pointer, file: str, key: str) -> bool:
    """Whether a pointer leads to a key, to something that holds it, or into it."""
    shown = (pointer.file, pointer.key)
    if pointer.reader and ": " in READERS[pointer.reader].where:
        shown = tuple(READERS[pointer.reader].where.split(": ", 1))
    if shown[0] != file:
        return False
    pairs = zip(str(shown[1]).split("."), key.split("."), strict=False)
    return all(one in ("*", other) or other.isdigit() for one, other in pairs)


@pytest.mark.parametrize(("file", "key", "value"), RESULTS, ids=[f"{file}-{key}" for file, key, _ in RESULTS])
def test_another_result_is_never_shown_as_what_a_stage_left(
    copied: Made, before: dict[Pointer, Row], file: str, key: str, value: Any
) -> None:
    config, workspace = copied
    change(workspace.root / file, key, value)
    after = rows(config, workspace)
    touched = [pointer for pointer in POINTERS if about(pointer, file, key)]
    assert touched
    for pointer in touched:
        same = after[pointer].value == before[pointer].value
        assert not same, (pointer, after[pointer])
        # The manifest holds no digest of what translated.
        assert after[pointer].value is None or file == "translations/translator.json", after[pointer]

    # What the stage itself leaves is shown.
    (stage,) = (stage for stage in STAGES if stage.name == FILES[file].stage)
    record_stage(stage, config, workspace)
    shown = rows(config, workspace)
    for pointer in touched:
        assert shown[pointer].value not in (None, before[pointer].value), shown[pointer]


MANIFESTS = [
    *[(stage.name, "started", "2020-01-01T00:00:00Z") for stage in STAGES],
    *[(stage.name, "seconds", 12345.5) for stage in STAGES],
    *[(stage.name, "seed", 43) for stage in STAGES],
    *[(stage.name, "key", "f" * 64) for stage in STAGES],
    *[(stage.name, "settings", "f" * 64) for stage in STAGES],
    *[(stage.name, "versions.hubkit", "9.9.9") for stage in STAGES],
    ("read", "versions.pillow", "9.9.9"),
    *[(stage.name, "hardware.name", "abacus") for stage in STAGES],
    ("score", "outputs.scores", "f" * 64),
    ("finetune", "outputs.adapter", "f" * 64),
    ("revise", "outputs.revised/revision.json", "f" * 64),
]


@pytest.mark.parametrize(("stage", "key", "value"), MANIFESTS, ids=[f"{stage}-{key}" for stage, key, _ in MANIFESTS])
def test_another_manifest_makes_another_dossier(
    copied: Made, page_before: str, stage: str, key: str, value: Any
) -> None:
    config, workspace = copied
    if key.startswith("outputs."):
        path = workspace.manifest(stage)
        values = json.loads(path.read_text(encoding="utf-8"))
        values["outputs"][key.removeprefix("outputs.")] = value
        path.write_text(json.dumps(values), encoding="utf-8")
    else:
        change(workspace.manifest(stage), key, value)
    assert page(config, workspace) != page_before


def of_another_output(values: dict[str, Any]) -> None:
    values["outputs"] = dict.fromkeys(values["outputs"], "f" * 64)


def of_another_key(values: dict[str, Any]) -> None:
    values["key"] = "f" * 64


def of_other_settings(values: dict[str, Any]) -> None:
    values["settings"] = "f" * 64


NOTICED = [
    (stage.name, changed) for stage in STAGES for changed in (of_another_output, of_another_key, of_other_settings)
]


@pytest.mark.parametrize(("stage", "changed"), NOTICED, ids=[f"{stage}-{of.__name__}" for stage, of in NOTICED])
def test_every_guideline_notices_a_manifest_that_no_longer_fits(
    copied: Made, before: dict[Pointer, Row], stage: str, changed: Callable[[dict[str, Any]], None]
) -> None:
    config, workspace = copied
    path = workspace.manifest(stage)
    values = json.loads(path.read_text(encoding="utf-8"))
    changed(values)
    path.write_text(json.dumps(values), encoding="utf-8")
    after = rows(config, workspace)
    unknown = make_dossier(*copied).states[stage].unknown
    for name in GUIDELINES:
        touched = resting_on(name, stage, changed)
        # The corpus of this workspace is not whole, so that nobody can tell whether the inputs of `read` changed.
        quiet = [pointer for pointer in touched if after[pointer] == before[pointer] and not unknown]
        assert quiet == []


def rests_on(pointer: Pointer, stage: str, changed: Callable[[dict[str, Any]], None]) -> bool:
    """Whether what a pointer shows has to be another where the manifest of a stage changed in a way."""
    if changed is of_another_output:
        # Neither a manifest nor what translated is an output.
        if pointer.file in FILES:
            whole = not pointer.file.startswith("manifests/") and pointer.file != "translations/translator.json"
            return whole and FILES[pointer.file].stage == stage
        return pointer.reader is not None and stage in READERS[pointer.reader].stages
    if pointer.file in ("hubkit.toml", "terms"):
        return False
    if pointer.file is not None:
        return FILES[pointer.file].stage == stage
    return pointer.reader is not None and stage in READERS[pointer.reader].stages


def resting_on(name: str, stage: str, changed: Callable[[dict[str, Any]], None]) -> list[Pointer]:
    """The pointers of a guideline that a changed manifest touches."""
    items = load_guideline(name).items
    return [pointer for item in items for pointer in item.evidence if rests_on(pointer, stage, changed)]


@pytest.mark.parametrize(("name", "least"), [("mi-clear-llm", 15), ("refine", 20), ("tripod-llm", 20), ("claim", 20)])
def test_manifests_of_most_stages_are_looked_at_in_each_guideline(name: str, least: int) -> None:
    assert sum(bool(resting_on(name, *noticed)) for noticed in NOTICED) >= least


def test_every_place_in_a_file_is_changed_by_one_of_these() -> None:
    keys = [
        *((file, key) for file, key, _ in RESULTS),
        *((f"manifests/{stage}.json", key) for stage, key, _ in MANIFESTS),
    ]
    left = {
        (pointer.file, pointer.key)
        for pointer in POINTERS
        if pointer.file in FILES and not any(about(pointer, *place) for place in keys)
    }
    assert left == set()


@pytest.mark.parametrize("name", GUIDELINES)
def test_another_place_of_a_manifest_is_shown_by_each_guideline(
    copied: Made, before: dict[Pointer, Row], name: str
) -> None:
    config, workspace = copied
    pointers = [pointer for item in load_guideline(name).items for pointer in item.evidence]
    for stage, key, value in MANIFESTS:
        if key in ("key", "settings") or key.startswith("outputs."):
            continue
        path = workspace.manifest(stage)
        whole = path.read_text(encoding="utf-8")
        touched = [pointer for pointer in pointers if about(pointer, f"manifests/{stage}.json", key)]
        if touched:
            change(path, key, value)
            after = rows(config, workspace)
            assert [pointer for pointer in touched if after[pointer].value == before[pointer].value] == []
            path.write_text(whole, encoding="utf-8")


def page(config: ReleaseConfig, workspace: Workspace) -> str:
    """The dossier without the digests of files, which any change would change."""
    text = "\n".join(markdown(make_dossier(config, workspace)))
    return text[: text.index("| file | SHA-256 |")]


OTHER_SETTINGS = [
    ("translation", "prompt", "Traduza."),
    ("translation", "retries", 5),
    ("translation", "units", "report"),
    ("translation", "context", True),
    ("translation", "template", "user"),
    ("translation", "max_new_tokens", 99),
    ("finetuning", "select", "eval_loss within audit"),
    ("generation", "shots", 3),
    ("corpus", "version", "2.0.0"),
    ("release", "title", "Another"),
    ("packaging", "include_source", True),
    ("packaging", "location", "elsewhere"),
    ("custody", "mode", "sealed"),
    ("audit", "max_verbatim", 16),
]
"""Settings that a stage was run under: with others nobody knows what a release under them would be."""


READ_SETTINGS = {name: set[tuple[str, str]]() for name in READERS} | {
    "translation_prompt": {("translation", "prompt"), ("translation", "template")},
    "translation_requests": {("translation", "context"), ("translation", "retries"), ("translation", "template")},
    "prompt_lengths": {("translation", "prompt"), ("translation", "template")},
    "corpus_version": {("corpus", "version")},
}
"""The settings that readers compute from."""


@pytest.mark.parametrize(("table", "key", "value"), OTHER_SETTINGS)
def test_a_setting_that_changed_since_is_not_shown(
    made: Made, before: dict[Pointer, Row], table: str, key: str, value: Any
) -> None:
    config, workspace = made
    after = rows(configured(config.corpus.root.parent, **{table: {key: value}}), workspace)
    touched = [pointer for pointer in POINTERS if pointer.file == "hubkit.toml" and pointer.key == f"{table}.{key}"]
    touched += [pointer for pointer in POINTERS if pointer.reader and (table, key) in READ_SETTINGS[pointer.reader]]
    assert touched
    for pointer in touched:
        assert before[pointer].value is not None
        assert after[pointer].value is None
        assert "hubkit.toml changed since" in after[pointer].remark


def test_a_result_says_that_the_settings_changed_since(made: Made) -> None:
    config, workspace = made
    after = rows(configured(config.corpus.root.parent, scoring={"resamples": 21}), workspace)
    assert extents(config, workspace)["REFINE", "4.2"] == "answered"
    row = next(row for row in after.values() if row.where == "scores/summary.json: resamples")
    assert (row.value, row.remark) == ("20", "hubkit.toml changed since `score` ran")


def test_an_item_whose_settings_changed_since_is_not_called_undone(made: Made) -> None:
    config, workspace = made
    other = configured(config.corpus.root.parent, corpus={"max_images": 1})
    assert extents(other, workspace)["REFINE", "4.2"] == "not certain"


# Half a release, and none


@pytest.mark.parametrize("stage", [stage.name for stage in STAGES])
def test_a_stage_that_has_not_run_leaves_its_items_open(copied: Made, stage: str) -> None:
    config, workspace = copied
    workspace.manifest(stage).unlink()
    after = rows(config, workspace)
    of_stage = [pointer for pointer in POINTERS if pointer.file in FILES and FILES[str(pointer.file)].stage == stage]
    assert {(after[pointer].value, after[pointer].remark) for pointer in of_stage} <= {
        (None, f"not done: `{stage}` has not run (hubkit {stage})")
    }
    assert make_dossier(config, workspace).open_stages == [stage]


def test_a_workspace_without_a_review_says_so(copied: Made) -> None:
    config, workspace = copied
    shutil.rmtree(workspace.root / "review")
    found = extents(config, workspace)
    without = [("REFINE", "5.2"), ("TRIPOD-LLM", "7b"), ("TRIPOD-LLM", "8b"), ("CLAIM", "18")]
    assert {found[item] for item in without} == {"not done in this release"}


def test_the_command(copied: Made, tmp_path: Path) -> None:
    config, workspace = copied
    workspace.manifest("verify").unlink()
    path = tmp_path / "hubkit.toml"
    path.write_text(write_config(config), encoding="utf-8")
    done = CliRunner().invoke(cli, ["dossier", "--config", str(path), "--workspace", str(workspace.root)])
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0] == str(workspace.root / "dossier.md")
    assert lines[1].startswith("MI-CLEAR-LLM: 6 items: ")
    assert lines[2].startswith("REFINE: 44 items: ")
    assert lines[3].startswith("TRIPOD-LLM: 60 items: ")
    assert lines[4].startswith("CLAIM: 44 items: ")
    assert lines[5:] == ["not run yet, and open in the dossier: verify (run: hubkit release)"]
    assert (workspace.root / "dossier.md").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("break_it", "line"),
    [
        (lambda workspace: shutil.rmtree(workspace.root / "manifests"), "no stage has run here (run: hubkit release"),
        (
            lambda workspace: workspace.verification.write_text("{"),
            "is not whole (delete it, then: hubkit verify)",
        ),
    ],
)
def test_wrong_input_is_one_line(copied: Made, break_it: Any, line: str) -> None:
    config, workspace = copied
    break_it(workspace)
    if "whole" in line:
        record_stage(STAGES[-1], config, workspace)
    with pytest.raises(HubkitError) as caught:
        make_dossier(config, workspace)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_dossier_is_the_same_each_time(made: Made) -> None:
    config, workspace = made
    first = write_markdown(make_dossier(config, workspace), workspace).read_bytes()
    assert write_markdown(make_dossier(config, workspace), workspace).read_bytes() == first
    assert Counter(first.decode().splitlines())["## REFINE"] == 1


# DOCX


def test_word_has_what_markdown_has(made: Made) -> None:
    docx = pytest.importorskip("docx", reason="needs the extra [evidence]")
    config, workspace = made
    found = make_dossier(config, workspace)._replace(title="A\x01 title\nof two lines")
    path = write_word(found, workspace)
    document = docx.Document(str(path))
    headings = [
        paragraph.text for paragraph in document.paragraphs if paragraph.style.name.startswith(("Head", "Title"))
    ]
    shown = [line.lstrip("# ") for line in markdown(found) if line.startswith("#")]
    assert headings == [shown[0].replace("\x01", ""), *shown[1:]]
    cells = {cell.text for table in document.tables for row in table.rows for cell in row.cells}
    values = {row.value for part in found.guidelines for answer in part.answers for row in answer.rows}
    assert {" ".join(str(value).split()) for value in values} <= cells
    assert path.stat().st_mode & 0o777 == 0o600

    section = document.sections[0]
    room = section.page_width - section.left_margin - section.right_margin
    for table in document.tables:
        header = table.rows[0]
        assert header._tr.xpath("w:trPr/w:tblHeader"), "a table that goes on has its head on the next page"
        assert all(run.style.name == "Strong" for cell in header.cells for run in cell.paragraphs[0].runs)
        widths = [cell.width for cell in header.cells]
        assert 0.99 * room <= sum(widths) <= 1.01 * room
    evidence = [table for table in document.tables if table.rows[0].cells[0].text == "what"]
    assert len(evidence) == sum(bool(answer.rows) for part in found.guidelines for answer in part.answers)
    what, value, where = (cell.width for cell in evidence[0].rows[0].cells)
    assert what < where < value


def test_a_missing_extra_is_one_line(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "docx", None)
    config, workspace = made
    path = tmp_path / "hubkit.toml"
    path.write_text(write_config(config), encoding="utf-8")
    done = CliRunner().invoke(cli, ["dossier", "--docx", "--config", str(path), "--workspace", str(workspace.root)])
    assert "the package docx is missing" in str(done.exception)
    assert "evidence" in str(done.exception)


def test_prompts_that_were_tried_are_evidence(copied: Made) -> None:
    config, workspace = copied
    pointer = next(pointer for pointer in POINTERS if pointer.reader == "prompts_tried")
    assert rows(config, workspace)[pointer].value == (
        "2 prompts and 2 draws of examples on 6 studies of validate; best by BERTScore F1: few_shot other "
        "(+0.125 over the set one); test split not read"
    )
    change(workspace.sensitivity / "sensitivity.json", "prompts.0.text", "another")
    assert ", when another prompt was set;" in str(rows(config, workspace)[pointer].value)
    (workspace.sensitivity / "sensitivity.json").unlink()
    found = rows(config, workspace)[pointer]
    assert (found.value, found.remark) == (None, "not done in this release")
