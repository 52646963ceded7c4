"""Cards say what is so, are valid for the Hub, and keep what a person wrote."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import yaml
from huggingface_hub import DatasetCard, ModelCard, metadata_load
from hypothesis import given
from hypothesis import strategies as st
from invented_release import build_release, release_config
from PIL import Image, ImageOps

import hubkit
from hubkit import pins
from hubkit.artifacts.training import TRAINING
from hubkit.cards import merge_card
from hubkit.corpus.images import ImageFile, prepare_images
from hubkit.digests import file_digest
from hubkit.errors import HubkitError
from hubkit.packaging.card_data import gather
from hubkit.packaging.cards import render
from hubkit.packaging.code_digests import code_digests
from hubkit.packaging.metadata import dataset_metadata, gate, model_metadata
from hubkit.packaging.package import package
from hubkit.packaging.parquet import Split
from hubkit.packaging.table_counts import Noticed, quality
from hubkit.published import published
from hubkit.terms.kinds import LICENSE_URL
from hubkit.workspace import Workspace, read_table, write_json, write_table

CLINIC = {"name": "Clinic reports", "licence": "CC-BY-4.0", "citation": "The reports of a clinic, 2026."}


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("cards")
    workspace = build_release(root)
    package(release_config(root / "corpus"), workspace)
    return workspace


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("demo")
    workspace = build_release(root)
    config = {"root": str(root / "corpus"), "kind": "demo"}
    package(release_config(root / "corpus", corpus=config, release={"title": "Demo"}), workspace)
    return workspace


def test_the_adapters_card_tells_of_the_trial_that_was_chosen(tmp_path: Path) -> None:
    workspace, config = (
        build_release(tmp_path),
        release_config(tmp_path / "corpus", finetuning={"sweep": {"r": [4, 8]}}),
    )
    trials = [
        {"r": 4, "eval_loss": 1.5, "best_step": 20, "chosen": False},
        {"r": 8, "eval_loss": 1.25, "best_step": 40, "chosen": True},
    ]
    settings = config.finetuning.deciding() | {"r": 8}
    write_json(workspace.adapter / TRAINING, {"settings": settings, "sweep": trials})
    package(config, workspace)
    card = (workspace.dist / "adapter" / "README.md").read_text(encoding="utf-8")
    assert "| LoRA | r 8, alpha 16, dropout 0.05 |" in card
    assert (
        "| r | evaluation loss | best step |\n|---:|---:|---:|\n| 4 | 1.5000 | 20 |\n| 8 | 1.2500 (this one) | 40 |\n"
        in card
    )


def test_the_adapters_card_lists_the_checkpoints_that_were_audited(tmp_path: Path) -> None:
    workspace, config = build_release(tmp_path), release_config(tmp_path / "corpus")
    tried = [
        {"step": 40, "eval_loss": 1.25, "auc": 0.7104, "longest": 12, "excess": "an AUC of 0.710"},
        {"step": 20, "eval_loss": 1.5, "auc": 0.5521, "longest": 9},
    ]
    selection = {"max_auc": 0.6, "max_verbatim": 32, "studies": 200, "completions": 24, "tried": tried}
    write_json(workspace.adapter / TRAINING, {"settings": config.finetuning.deciding(), "selection": selection})
    package(config, workspace)
    card = (workspace.dist / "adapter" / "README.md").read_text(encoding="utf-8")
    assert "bounds of the audit: an AUC of at most 0.6, at most 32 words of one patient's training report." in card
    assert "of up to 200 training and validation studies each; 24 training reports were asked for." in card
    assert "| 40 | 1.2500 | 0.710 | 12 | over a bound |\n| 20 | 1.5000 | 0.552 | 9 | this one |\n" in card


def test_the_datasets_card_has_what_the_hub_reads(packaged: Workspace) -> None:
    card = DatasetCard.load(packaged.dist / "dataset" / "README.md")
    found = card.data.to_dict()
    assert found["license"] == "other"
    assert found["license_name"] == "physionet-credentialed-health-data-1.5.0"
    assert found["viewer"] is False
    assert {name for name in found if name.startswith("extra_gated")} == {
        "extra_gated_heading",
        "extra_gated_prompt",
        "extra_gated_fields",
        "extra_gated_button_content",
    }
    assert found["extra_gated_heading"] == "Ask for access to mimic-cxr-ptbr"
    assert found["extra_gated_fields"] == {
        "PhysioNet user name": "text",
        "Institution": "text",
        "Country": "country",
        "CITI certificate (record ID or link)": "text",
        "Date of the signed data use agreement": "date_picker",
        "I hold access to MIMIC-CXR under its terms": "checkbox",
        "I will not share this with anyone or try to identify anyone in it": "checkbox",
        "I will send none of it to a service that keeps what it is sent": "checkbox",
    }
    assert [config["config_name"] for config in found["configs"]] == ["default", "spans", "generations", "scores"]
    sizes = {info["config_name"]: info["download_size"] for info in found["dataset_info"]}
    data = packaged.dist / "dataset" / "data"
    assert sizes == {name: sum(path.stat().st_size for path in (data / name).iterdir()) for name in sizes}


@pytest.mark.parametrize(
    ("corpus", "asks", "prompt"),
    [
        ({"kind": "mimic-cxr"}, True, "people who hold credentialed access to MIMIC-CXR on PhysioNet."),
        ({"kind": "demo"}, True, "The form below rehearses that of a credentialed corpus."),
        ({"kind": "openi"}, False, "This repository is derived from OPENI, under CC BY-NC-ND 4.0."),
        ({"kind": "csv", "terms": CLINIC}, False, "This repository is derived from Clinic reports, under CC-BY-4.0."),
        (
            {"kind": "csv", "terms": {**CLINIC, "synthetic": True}},
            False,
            "This repository is derived from Clinic reports, under CC-BY-4.0.",
        ),
    ],
    ids=["mimic-cxr", "demo", "openi", "csv", "synthetic csv"],
)
def test_the_gate_asks_for_credentials_where_the_terms_do(
    packaged: Workspace, corpus: dict[str, Any], asks: bool, prompt: str
) -> None:
    facts = gather(release_config(packaged.root, corpus=corpus), packaged)
    for artifact in ("dataset", "adapter"):
        form = gate(facts, artifact)
        assert prompt in form["extra_gated_prompt"]
        assert ("PhysioNet" in str(form)) is asks
        credentials = ["PhysioNet user name", "CITI certificate (record ID or link)"]
        fields = list(form["extra_gated_fields"])
        assert fields[: 5 if asks else 2] == [
            *([*credentials, "Date of the signed data use agreement"] if asks else []),
            *("Institution", "Country"),
        ]
        assert fields[-3:-1] == [
            f"I hold access to {facts.source} under its terms",
            "I will not share this with anyone or try to identify anyone in it",
        ]


@pytest.mark.parametrize(
    ("medgemma", "expected"),
    [
        (True, "health-ai-developer-foundations"),
        (False, "physionet-credentialed-health-data-1.5.0"),
    ],
)
def test_an_adapter_has_the_licence_of_what_it_was_trained_on(tmp_path: Path, medgemma: bool, expected: str) -> None:
    workspace = build_release(tmp_path)
    config = release_config(tmp_path / "corpus")
    facts = gather(config, workspace)
    facts = dataclasses.replace(facts, medgemma=medgemma)
    assert model_metadata(facts).to_dict()["license_name"] == expected


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (999, "n<1K"),
        (1_000, "1K<n<10K"),
        (9_999, "1K<n<10K"),
        (10_000, "10K<n<100K"),
        (99_999, "10K<n<100K"),
        (100_000, "100K<n<1M"),
        (999_999, "100K<n<1M"),
        (1_000_000, "1M<n<10M"),
    ],
)
def test_the_size_of_a_dataset_is_that_of_its_studies(tmp_path: Path, rows: int, expected: str) -> None:
    workspace = build_release(tmp_path)
    facts = gather(release_config(tmp_path / "corpus"), workspace)
    schema = pa.schema([("study_id", pa.int64())])
    splits = [Split(name, "train", count, 1, (), 1, schema) for name, count in (("default", rows), ("spans", 5))]
    assert dataset_metadata(facts, splits).to_dict()["size_categories"] == expected


def test_the_adapters_card_names_base_data_and_results(packaged: Workspace) -> None:
    card = ModelCard.load(packaged.dist / "adapter" / "README.md")
    assert card.data.base_model == "google/medgemma-4b-it"
    assert card.data.to_dict()["base_model_relation"] == "adapter"
    assert card.data.to_dict()["extra_gated_heading"] == "Ask for access to medgemma-4b-it-mimic-cxr-ptbr-lora"
    assert card.data.to_dict()["license_name"] == "health-ai-developer-foundations"
    assert {result.metric_config for result in card.data.eval_results} == {"bertimbau", "xlm-roberta"}
    assert "Health AI Developer Foundations Terms of Use" in (packaged.dist / "adapter" / "NOTICE").read_text()
    assert "| 2 | 1.5000 | 1.2500 | 0.5000 | 0.6250 |" in card.text
    entries = yaml.safe_load((packaged.dist / "adapter" / ".eval_results" / "bertscore.yaml").read_text())
    assert {entry["dataset"]["id"] for entry in entries} == {"lab/mimic-cxr-ptbr"}


def test_the_three_repos_name_one_another_by_tag(packaged: Workspace) -> None:
    for folder in ("dataset", "adapter"):
        text = (packaged.dist / folder / "README.md").read_text(encoding="utf-8")
        for repo in ("mimic-cxr-ptbr", "medgemma-4b-it-mimic-cxr-ptbr-lora", "bertscore_ptbr"):
            prefix = {"mimic-cxr-ptbr": "datasets/", "bertscore_ptbr": "spaces/"}.get(repo, "")
            link = f"[`lab/{repo}`](https://huggingface.co/{prefix}lab/{repo})"
            assert f"| {link} | `release-1.0.0` |" in text


def test_the_datasets_card_names_its_sources_by_version_and_links_their_terms(packaged: Workspace) -> None:
    text = (packaged.dist / "dataset" / "README.md").read_text(encoding="utf-8")
    for said in (
        "| derived from | [MIMIC-CXR](https://physionet.org/content/mimic-cxr/2.1.0/), version 2.1.0 |",
        "| derived from | [MIMIC-CXR-JPG](https://physionet.org/content/mimic-cxr-jpg/2.1.0/), version 2.1.0 |",
        "[data use agreement](https://physionet.org/content/mimic-cxr/view-dua/2.1.0/)",
        f"| SHA-256 of `scores.parquet` | `{file_digest(packaged.scores / 'scores.parquet')}` |",
        "| `negation_added` | 1 | 0 | 0.8 % |",
        "@misc{mimic_cxr_ptbr,",
    ):
        assert said in text


def test_a_check_that_only_warned_is_not_counted_as_one_that_flagged(tmp_path: Path) -> None:
    workspace = build_release(tmp_path)
    table = read_table(workspace.translations)
    rows = table.to_pylist()
    for row in rows[-2:]:
        row["flags"] = ["anatomy_added", "anatomy_added", "negation_added"]
    write_table(workspace.translations, pa.Table.from_pylist(rows, schema=table.schema))
    assert quality(workspace).checks == [
        Noticed("negation_added", 1, 2),
        Noticed("side_changed", 1, 0),
        Noticed("anatomy_added", 0, 2),
    ]


@pytest.mark.parametrize("custody", [{}, {"mode": "sealed", "adapter_custody": "gated"}], ids=["gated", "sealed"])
def test_the_code_on_the_cards_is_python_and_opens_what_is_sealed(tmp_path: Path, custody: dict[str, str]) -> None:
    workspace = build_release(tmp_path)
    package(release_config(tmp_path / "corpus", custody=custody), workspace)
    blocks = {
        folder: re.findall(r"```python\n(.*?)```", (workspace.dist / folder / "README.md").read_text(), re.DOTALL)
        for folder in ("dataset", "adapter", "metric")
    }
    assert {folder: len(found) for folder, found in blocks.items()} == {
        "dataset": 4 if custody else 3,
        "adapter": 1,
        "metric": 2,
    }
    portuguese = "o texto está selado e só abre com a sua própria cópia do MIMIC-CXR"
    assert (portuguese in (workspace.dist / "dataset" / "README.md").read_text()) is bool(custody)
    for code in (code for found in blocks.values() for code in found):
        compile(code, "card", "exec")
    for folder, found in blocks.items():
        # A reader pastes the blocks of a card one after the other.
        pasted = "\n".join(found)
        ruff = [
            sys.executable,
            "-m",
            "ruff",
            "check",
            "--isolated",
            "--select",
            "F821",
            "--output-format",
            "concise",
            "-",
        ]
        checked = subprocess.run(ruff, input=pasted, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, f"{folder}: {checked.stdout}"
    for folder in ("dataset", "metric"):
        assert any("sealed.open_sealed(" in code for code in blocks[folder]) is bool(custody)
        assert not any("hubkit import" in code or "import hubkit" in code for code in blocks[folder])


@pytest.mark.parametrize("fit", ["stretch", "pad"])
@pytest.mark.parametrize("shape", [(300, 200), (41, 67)])
def test_the_adapters_card_prepares_images_as_the_release_did(tmp_path: Path, fit: str, shape: tuple[int, int]) -> None:
    workspace = build_release(tmp_path)
    config = release_config(
        tmp_path / "corpus", corpus={"root": str(tmp_path / "corpus"), "fit": fit, "image_size": 48}
    )
    package(config, workspace)
    (code,) = re.findall(r"```python\n(.*?)```", (workspace.dist / "adapter" / "README.md").read_text(), re.DOTALL)
    function = next(part for part in ast.parse(code).body if isinstance(part, ast.FunctionDef))
    recipe = json.loads((workspace.dist / "adapter" / "hubkit_generation.json").read_text())
    names = {"io": io, "Image": Image, "ImageOps": ImageOps, "recipe": recipe}
    exec(ast.unparse(function), names)
    noise = np.random.default_rng(1).integers(0, 256, (shape[1], shape[0]), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "image.png")
    prepare_images([ImageFile("made", "image.png")], tmp_path, tmp_path / "made", 48, fit, 95, 1)
    with Image.open(tmp_path / "made" / "made.jpg") as made:
        assert (np.asarray(names["prepare"](tmp_path / "image.png")) == np.asarray(made)).all()


@pytest.mark.parametrize("custody", [{}, {"mode": "sealed", "adapter_custody": "gated"}], ids=["gated", "sealed"])
def test_the_card_names_the_digest_of_all_code_that_it_tells_to_run(tmp_path: Path, custody: dict[str, str]) -> None:
    workspace, config = build_release(tmp_path), release_config(tmp_path / "corpus", custody=custody)
    package(config, workspace)
    found = code_digests(config)
    assert set(found) == {"loader", "metric", *(["reader"] if custody else [])}
    table = (workspace.dist / "dataset" / "README.md").read_text().partition("## Code that this card")[2]
    for file in found.values():
        path = workspace.dist / file.artifact / file.path
        assert hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256
        assert f"| `{file.path}` | `{config.hub.repo(file.artifact)}` | `{file.sha256}` |" in table
    # The commits are for a push to name, where code is fetched too.
    repos = {name: config.hub.repo(name) for name in ("dataset", "adapter", "metric")}
    rows = {"dataset": ("dataset", *(() if custody else ("script",)), "metric"), "adapter": tuple(sorted(repos))}
    for folder, names in rows.items():
        card = (workspace.dist / folder / "README.md").read_text()
        # Otherwise whoever has a grant is refused, and the Hub does not say why.
        assert "enable access to public gated repositories in your token" in card
        assert pins.parts(card) == {name: repos.get(name, repos["dataset"]) for name in names}
        assert pins.commits(card) == {}
    known = {"dataset": "d" * 40, "script": "e" * 40, "metric": "f" * 40}
    filled = pins.fill((workspace.dist / "dataset" / "README.md").read_text(), known)
    fetch = "hf_hub_download(" if custody else "snapshot_download("
    lines = [line for line in filled.splitlines() if fetch in line]
    assert lines
    assert all(f'revision="{"d" * 40}"' in line for line in lines)
    assert f'evaluate.load("{repos["metric"]}", revision="{"f" * 40}")' in filled
    assert (f'"text", revision="{"e" * 40}", trust_remote_code=True' in filled) is not bool(custody)
    assert [digest.path for digest in pins.code(filled)] == [file.path for file in found.values()]
    reader = workspace.dist / "dataset" / "loader" / "sealed.py"
    assert reader.is_file() is bool(custody)
    if custody:
        assert reader.read_bytes() == (Path(hubkit.__file__).parent / "custody" / "sealed.py").read_bytes()


@pytest.mark.parametrize("folder", ["dataset", "adapter"])
def test_a_card_begins_with_a_summary_in_portuguese(packaged: Workspace, demo: Workspace, folder: str) -> None:
    def summary(workspace: Workspace) -> str:
        card = (workspace.dist / folder / "README.md").read_text(encoding="utf-8")
        names = re.findall(r"hubkit:begin (\w+)", card)
        assert names[:2] == ["summary", "resumo"]
        return card[card.index("hubkit:begin resumo") : card.index("hubkit:end resumo")]

    credentialed, synthetic = summary(packaged), summary(demo)
    for text in (credentialed, synthetic):
        points = re.findall(r"^- \*\*(.+?)\*\*", text, flags=re.MULTILINE)
        assert points == ["O que é", "Quem pode ter acesso", "Como carregar", "Limites", "Não serve para uso clínico"]
    assert "conta credenciada no PhysioNet" in credentialed
    assert "inventado" not in credentialed.partition("- **Limites**")[0]
    assert "corpus inventado, e não o MIMIC-CXR" in synthetic
    assert "credenciada" not in synthetic


def test_a_synthetic_corpus_is_called_so_and_nothing_claims_physionets_terms(demo: Workspace) -> None:
    for folder in ("dataset", "adapter"):
        text = (demo.dist / folder / "README.md").read_text(encoding="utf-8")
        assert "a demonstration on a synthetic corpus, and not MIMIC-CXR" in text
        assert "is credentialed data" not in text
        assert "]()" not in text
    found = metadata_load(demo.dist / "dataset" / "README.md")
    assert found is not None
    assert "synthetic" in found["tags"]
    assert found["license"] == "apache-2.0"


def test_the_citation_is_valid_yaml_with_its_required_keys(packaged: Workspace, demo: Workspace) -> None:
    for workspace in (packaged, demo):
        found = yaml.safe_load((workspace.dist / "dataset" / "CITATION.cff").read_text(encoding="utf-8"))
        assert {"cff-version", "message", "title", "authors"} <= set(found)
        assert found["version"] == "1.0.0"
        assert found["url"] == "https://huggingface.co/datasets/lab/mimic-cxr-ptbr"
        assert "date-released" not in found
        assert found["references"][0]["title"] == "GustavoFA/MIMIC-CXR-PT-BR"
        # Of the Citation File Format's types of references: "dataset" is one of a whole file alone.
        assert {reference["type"] for reference in found["references"]} == {"software", "database"}


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ({}, {"license-url": LICENSE_URL}),
        ({"corpus": {"kind": "demo"}}, {"license": "Apache-2.0"}),
        ({"corpus": {"kind": "openi"}}, {"license": "CC-BY-NC-ND-4.0"}),
        (
            {"corpus": {"kind": "demo"}, "packaging": {"license": "mit"}},
            {"license-url": "https://huggingface.co/datasets/lab/mimic-cxr-ptbr/blob/release-1.0.0/LICENSE"},
        ),
    ],
    ids=["mimic-cxr", "demo", "openi", "another"],
)
def test_the_citation_says_the_licence(packaged: Workspace, tables: dict[str, Any], expected: dict[str, str]) -> None:
    facts = gather(release_config(packaged.root, **tables), packaged)
    text = render(published("dataset_card") / "CITATION.cff.jinja", facts.variables())
    found = yaml.safe_load(text)
    assert {key: value for key, value in found.items() if key.startswith("license")} == expected


def test_each_card_cites_its_own_repo(packaged: Workspace) -> None:
    for folder, address in (
        ("dataset", "https://huggingface.co/datasets/lab/mimic-cxr-ptbr"),
        ("adapter", "https://huggingface.co/lab/medgemma-4b-it-mimic-cxr-ptbr-lora"),
    ):
        text = (packaged.dist / folder / "README.md").read_text(encoding="utf-8")
        (entry,) = re.findall(r"```bibtex\n@misc\{(.*?)\n\}\n```", text, re.DOTALL)
        assert f"url          = {{{address}}}" in entry
        assert (
            f"{address.removeprefix('https://huggingface.co/').removeprefix('datasets/')}, tag release-1.0.0" in entry
        )


@pytest.mark.parametrize("folder", ["dataset", "adapter"])
def test_a_card_merged_with_itself_is_itself(packaged: Workspace, folder: str) -> None:
    ours = (packaged.dist / folder / "README.md").read_text(encoding="utf-8")
    merged = merge_card(ours, ours)
    assert merged.split("\n---\n", 1)[1] == ours.split("\n---\n", 1)[1]
    assert yaml.safe_load(merged.split("\n---\n", 1)[0]) == yaml.safe_load(ours.split("\n---\n", 1)[0])
    assert merge_card(merged, ours) == merged


def block(name: str, text: str) -> str:
    return f"<!-- hubkit:begin {name} (ours) -->\n{text}\n<!-- hubkit:end {name} -->\n"


OURS = f"---\nlicense: other\ntags:\n- a\n---\n\n{block('one', 'new one')}\n{block('two', 'new two')}"


@pytest.mark.parametrize(
    ("existing", "body"),
    [
        ("", f"{block('one', 'new one')}\n{block('two', 'new two')}"),
        ("# Mine\n", f"{block('one', 'new one')}\n{block('two', 'new two')}\n# Mine\n"),
        (
            f"Before.\n{block('one', 'old one')}Between.\n{block('two', 'old two')}After.\n",
            f"Before.\n{block('one', 'new one')}Between.\n{block('two', 'new two')}After.\n",
        ),
        (
            f"{block('one', 'old one')}Mine.\n{block('gone', 'old')}",
            f"{block('one', 'new one')}\n{block('two', 'new two')}\nMine.\n",
        ),
        (
            f"{block('withdrawn-release-1.0.0', 'why')}{block('one', 'old one')}{block('two', 'old two')}",
            f"{block('withdrawn-release-1.0.0', 'why')}{block('one', 'new one')}{block('two', 'new two')}",
        ),
        (f"{block('two', 'edited inside')}", f"{block('one', 'new one')}\n{block('two', 'new two')}"),
    ],
)
def test_our_blocks_are_replaced_and_a_persons_words_stay(existing: str, body: str) -> None:
    assert merge_card(existing, OURS).split("---\n\n", 1)[1] == body


def test_of_the_yaml_our_keys_win_and_others_stay() -> None:
    existing = "---\nlicense: mit\ntags:\n- b\n- a\nfunding: a grant\n---\n\nMine.\n"
    merged = merge_card(existing, OURS)
    assert yaml.safe_load(merged.split("\n---\n", 1)[0]) == {
        "license": "other",
        "tags": ["a", "b"],
        "funding": "a grant",
    }


def test_a_card_on_the_hub_with_broken_yaml_is_named() -> None:
    with pytest.raises(HubkitError, match="no valid YAML"):
        merge_card("---\n: : [\n---\n", OURS)


def without(mark: str, text: str) -> str:
    lines = text.splitlines(keepends=True)
    assert any(mark in line for line in lines)
    return "".join(line for line in lines if mark not in line)


@pytest.mark.parametrize(
    ("existing", "message"),
    [
        (without("end one", f"{block('one', 'old')}Mine.\n{block('two', 'old')}"), "the block one does not end"),
        (without("end one", f"{block('one', 'old')}Mine.\n"), "the block one does not end"),
        (without("end two", f"{block('one', 'old')}Mine.\n{block('two', 'old')}"), "the block two does not end"),
        (without("begin one", f"{block('one', 'old')}Mine.\n"), "the end of the block one has no begin before it"),
        (without("end one", f"{block('one', 'old')}Mine.\n") + block("one", "new"), "the block one does not end"),
        (without("end gone", f"{block('one', 'old')}{block('gone', 'old')}Mine.\n"), "the block gone does not end"),
    ],
)
def test_a_block_that_lost_a_mark_is_named_and_not_doubled(existing: str, message: str) -> None:
    with pytest.raises(HubkitError, match=rf"^README.md of lab/x: {message} \(on the Hub, put <!-- hubkit:"):
        merge_card(existing, OURS, "README.md of lab/x")


def test_a_mark_that_was_put_back_is_as_good_as_ours() -> None:
    existing = "<!-- hubkit:begin one -->\nold\n<!-- hubkit:end one -->\nMine.\n"
    merged = merge_card(existing.replace("\n", "\r\n"), OURS)
    assert (merged.count("new one"), merged.count("old"), merged.count("Mine.")) == (1, 0, 1)


PERSON = st.text(alphabet="ab #-|\n", max_size=30)


@given(PERSON, PERSON, PERSON)
def test_whatever_stands_between_the_blocks_survives(before: str, between: str, after: str) -> None:
    existing = f"x{before}\n{block('one', 'old')}{between}\n{block('two', 'old')}{after}"
    merged = merge_card(existing, OURS)
    assert f"x{before}\n{block('one', 'new one')}{between}\n{block('two', 'new two')}{after}" in merged
    assert merge_card(merged, OURS) == merged


def test_a_template_that_asks_for_what_there_is_not_is_named(tmp_path: Path) -> None:
    (tmp_path / "README.md.jinja").write_text("{{ nowhere }}")
    with pytest.raises(HubkitError, match="'nowhere' is undefined"):
        render(tmp_path / "README.md.jinja", {})


def test_both_cards_say_what_was_left_out_of_training_and_scores(tmp_path: Path) -> None:
    workspace, config = build_release(tmp_path), release_config(tmp_path / "corpus")
    training = json.loads((workspace.adapter / TRAINING).read_text())
    write_json(workspace.adapter / TRAINING, {**training, "studies": {"train": 18, "validate": 10}})
    summary = json.loads((workspace.scores / "summary.json").read_text())
    figures = {"bertimbau f1": 0.625, "xlm-roberta f1": 0.5, "chrf++": 37.5, "clinical micro": 0.25}
    revision = json.loads(workspace.revision.read_text())
    write_json(workspace.revision, {**revision, "left_out": 3})
    whole = {"n": 11, "conditions": {"lora": figures}}
    write_json(workspace.scores / "summary.json", {**summary, "of": 11, "with_left_out": whole})
    package(config, workspace)
    for artifact in ("dataset", "adapter"):
        card = (workspace.dist / artifact / "README.md").read_text()
        assert "10 of 11 test studies have a reference that passed the checks or that a person accepted" in card
        assert "| LoRA † | 11 | 0.625 | 0.500 | 37.5 | 0.250 |" in card
    assert "3 flagged sections were left out" in (workspace.dist / "dataset/README.md").read_text()
    assert "trained on 18 of the 20 studies of the train split" in card
