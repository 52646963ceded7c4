"""The submission to PhysioNet has what its author guidelines ask for, holds the release, and leaks nothing."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from invented_release import build_release, release_config

from hubkit.artifacts.receipt import Receipt, write_receipt
from hubkit.cli import cli
from hubkit.errors import HubkitError
from hubkit.packaging.package import package
from hubkit.packaging.physionet import Submission, write_submission
from hubkit.workspace import Workspace, read_table, write_table

SECTIONS = [
    "Abstract",
    "Background",
    "Methods",
    "Data Description",
    "Usage Notes",
    "Release Notes",
    "Ethics",
    "Acknowledgements",
    "Conflicts of Interest",
    "References",
]
"""What PhysioNet asks of a database, in its order (https://physionet.org/about/publish)."""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("submission")
    workspace = build_release(root)
    package(release_config(root / "corpus"), workspace)
    return workspace


def written(workspace: Workspace, output: Path, **tables: dict[str, Any]) -> Submission:
    return write_submission(release_config(workspace.root.parent / "corpus", **tables), workspace, output)


@pytest.fixture(scope="module")
def submission(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Submission:
    return written(workspace, tmp_path_factory.mktemp("out") / "mimic-cxr-ext-ptbr")


@pytest.fixture(scope="module")
def sections(submission: Submission) -> dict[str, str]:
    readme = (submission.folder / "README.md").read_text(encoding="utf-8")
    _, *parts = re.split(r"^## (.*)\n", readme, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_the_sections_are_physionets(sections: dict[str, str]) -> None:
    assert list(sections) == SECTIONS
    assert all(text.strip() for text in sections.values())


def test_the_abstract_is_short_and_cites_nothing(sections: dict[str, str]) -> None:
    assert len(sections["Abstract"].split()) <= 250
    assert "[" not in sections["Abstract"]


def test_references_are_numbered_as_they_are_cited_and_addresses_stand_there_alone(submission: Submission) -> None:
    text, references = (submission.folder / "README.md").read_text(encoding="utf-8").split("## References\n")
    cited = [int(number) for group in re.findall(r"\[(\d+(?:, \d+)*)\]", text) for number in group.split(", ")]
    assert list(dict.fromkeys(cited)) == list(range(1, len(references.strip().splitlines()) + 1))
    assert "http" not in text
    assert [line.split(".")[0] for line in references.strip().splitlines()] == [str(number) for number in set(cited)]


def test_it_names_its_parents_by_version_and_the_terms(submission: Submission) -> None:
    readme, terms = ((submission.folder / name).read_text() for name in ("README.md", "LICENSE.txt"))
    assert "| Parent projects | MIMIC-CXR 2.1.0, MIMIC-CXR-JPG 2.1.0 |" in readme
    assert readme.startswith("# MIMIC-CXR-Ext-PTBR")
    assert "PhysioNet Credentialed Health Data License 1.5.0" in terms
    assert "https://physionet.org/content/mimic-cxr/view-dua/2.1.0/" in terms
    assert "hub" not in readme.lower().replace("github", "").replace("hubkit", "").split("## references")[0]


def test_the_tables_are_those_of_the_release(workspace: Workspace, submission: Submission) -> None:
    ours = sorted((workspace.dist / "dataset" / "data").rglob("*.parquet"))
    assert len(ours) == 8
    for path in ours:
        theirs = submission.folder / path.relative_to(workspace.dist / "dataset")
        assert theirs.read_bytes() == path.read_bytes()
    assert (submission.folder / "adapter" / "adapter_model.safetensors").is_file()
    assert "google/medgemma-4b-it" in (submission.folder / "adapter" / "NOTICE").read_text()


def test_the_checksums_are_those_of_all_files(submission: Submission) -> None:
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS.txt"], cwd=submission.folder, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stderr
    files = {path.relative_to(submission.folder).as_posix() for path in submission.folder.rglob("*") if path.is_file()}
    assert {line.split(":")[0] for line in checked.stdout.splitlines()} == files - {"SHA256SUMS.txt"}
    assert len(files) == submission.files


def test_physionets_validator_finds_nothing(submission: Submission) -> None:
    from physionet import validate_dataset

    found = validate_dataset(str(submission.folder), show_progress=False)
    assert (found.total_errors, found.total_warnings) == (0, 0)
    report = (submission.folder / "PHYSIONET_REPORT.md").read_text()
    assert "Dataset: mimic-cxr-ext-ptbr\n" in report
    assert "passed validation" in report


def test_what_is_left_to_the_authors_is_named_until_it_is_there(
    workspace: Workspace, submission: Submission, tmp_path: Path
) -> None:
    assert submission.left == [
        *(f"[packaging.physionet] {name}" for name in ("conflicts_of_interest", "acknowledgements", "ethics")),
        "[packaging] authors",
    ]
    said = {
        "conflicts_of_interest": "The authors have no conflicts of interest to declare.",
        "acknowledgements": "Nobody else helped.",
        "ethics": "Exempt.",
    }
    whole = written(workspace, tmp_path / "out", packaging={"authors": ["Somebody"], "physionet": said})
    assert whole.left == []
    readme = (whole.folder / "README.md").read_text()
    assert "TO BE WRITTEN" not in readme
    assert all(text in readme for text in said.values())


def test_stock_datasets_and_the_loader_read_it(
    submission: Submission, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datasets import load_dataset

    reports = load_dataset("parquet", data_dir=str(submission.folder / "data" / "default"), cache_dir=str(tmp_path))
    assert {split: len(part) for split, part in reports.items()} == {"train": 20, "validation": 10, "test": 10}
    spec = importlib.util.spec_from_file_location("mimic_cxr_ptbr", submission.folder / "loader" / "mimic_cxr_ptbr.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "mimic_cxr_ptbr", module)
    # The submission is looked at by other tests: nothing compiled is left in it.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    spec.loader.exec_module(module)
    test = module.load("default", release=str(submission.folder), split="test", cache_dir=str(tmp_path / "own"))
    assert test["study_id"][:] == reports["test"]["study_id"][:]


def test_of_a_sealed_release_the_data_are_in_clear_and_the_adapter_is_there_alone(
    workspace: Workspace, submission: Submission, tmp_path: Path
) -> None:
    sealed = written(workspace, tmp_path / "mimic-cxr-ext-ptbr", custody={"mode": "sealed"})
    for path in (submission.folder / "data").rglob("*.parquet"):
        assert (sealed.folder / path.relative_to(submission.folder)).read_bytes() == path.read_bytes()
    assert (sealed.folder / "adapter" / "adapter_model.safetensors").is_file()
    assert not (sealed.folder / "custody").exists()


def test_it_says_that_the_tables_are_on_the_hub_once_they_are(workspace: Workspace, tmp_path: Path) -> None:
    for endpoint, there in (("http://127.0.0.1:8080", False), ("https://hub.example", True)):
        write_receipt(workspace, Receipt(endpoint=endpoint, repos={}))
        readme = (written(workspace, tmp_path / str(there)).folder / "README.md").read_text()
        assert ("behind a gate on the Hugging Face Hub" in readme) is there
    workspace.receipt.unlink()


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"packaging": {"physionet": {"title": "MIMIC-CXR in Portuguese"}}}, 'a title with MIMIC and without "Ext"'),
        ({"packaging": {"physionet": {"title": "MIMIC-CXR-Extra"}}}, 'a title with MIMIC and without "Ext"'),
        ({"corpus": {"kind": "openi", "root": "."}}, "do not allow derived works to be passed on"),
        ({"generation": {"prompt": "Exemplo: {}"}}, r"README.md line \d+: a run of 6 words"),
        ({"packaging": {"physionet": {"acknowledgements": "See study 50000703."}}}, "a subject or study id"),
    ],
    ids=["no Ext", "Extra", "no derivatives", "a report in the prompt", "an id"],
)
def test_what_may_not_be_submitted_is_refused_and_nothing_is_written(
    workspace: Workspace, tmp_path: Path, tables: dict[str, Any], said: str
) -> None:
    report = next(row for row in read_table(workspace.translations).to_pylist() if row["section"] == "findings")
    if "generation" in tables:
        tables = {"generation": {"prompt": tables["generation"]["prompt"].format(report["translation"])}}
    with pytest.raises(HubkitError, match=said):
        written(workspace, tmp_path / "out", **tables)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_stays_as_it_is(workspace: Workspace, submission: Submission, tmp_path: Path) -> None:
    """Also one with checksums in it, such as a copy of the corpus itself."""
    (tmp_path / "SHA256SUMS.txt").write_text("of something else")
    with pytest.raises(HubkitError, match="is there already"):
        written(workspace, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["SHA256SUMS.txt"]


def test_a_name_that_physionet_refuses_is_named(tmp_path: Path) -> None:
    workspace = build_release(tmp_path)
    (workspace.adapter / "chat template.json").write_text("{}")
    with pytest.raises(HubkitError, match=r"adapter/chat template\.json: has a name that PhysioNet refuses"):
        written(workspace, tmp_path / "out")


def test_the_command_packages_first_and_replaces_its_own(tmp_path: Path) -> None:
    workspace = build_release(tmp_path)
    settings = tmp_path / "hubkit.toml"
    settings.write_text(f'[corpus]\nroot = "{tmp_path / "corpus"}"\n[hub]\nnamespace = "lab"\n')
    arguments = ["physionet", "--config", str(settings), "--workspace", str(workspace.root)]
    first = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert re.search(r"^package: .+ in ", first.output, re.MULTILINE)
    assert "no errors by PhysioNet's validator" in first.output
    assert "yours  [packaging.physionet] conflicts_of_interest" in first.output
    folder = workspace.root / "physionet" / "mimic-cxr-ext-ptbr"
    before = pq.read_table(folder / "data" / "default" / "test-00000-of-00001.parquet")
    rows = [{**row, "translation": "Novo."} for row in read_table(workspace.translations).to_pylist()]
    write_table(workspace.translations, before.from_pylist(rows, schema=read_table(workspace.translations).schema))
    again = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert re.search(r"^package: .+ in ", again.output, re.MULTILINE)
    after = pq.read_table(folder / "data" / "default" / "test-00000-of-00001.parquet")
    assert after["findings"].to_pylist() == ["Novo."] * 10
    assert [path.name for path in folder.parent.iterdir()] == ["mimic-cxr-ext-ptbr"]
