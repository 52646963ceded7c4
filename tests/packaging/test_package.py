"""What `package` writes is what stock libraries read, whole or not at all."""

from __future__ import annotations

import fnmatch
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml
from invented_release import FIRST_STUDY, build_release, release_config

from hubkit import study_batches
from hubkit.config import ReleaseConfig
from hubkit.digests import file_digest
from hubkit.errors import HubkitError, UsageError
from hubkit.packaging import dataset, parquet
from hubkit.packaging.dataset import release_keys, write_dataset
from hubkit.packaging.package import package
from hubkit.workspace import Workspace, read_table, write_table

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "site"))
file_reference: Any = importlib.import_module("file_reference")


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("packaged")
    workspace = build_release(root)
    package(release_config(root / "corpus"), workspace)
    return workspace


@pytest.mark.parametrize(
    ("config", "rows"),
    [
        ("default", {"train": 20, "validation": 10, "test": 10}),
        ("spans", {"train": 80, "validation": 40, "test": 40}),
        ("generations", {"test": 30}),
        ("scores", {"test": 60}),
    ],
)
@pytest.mark.parametrize("streaming", [False, True])
def test_stock_datasets_loads_every_config(
    packaged: Workspace, tmp_path: Path, config: str, rows: dict[str, int], streaming: bool
) -> None:
    from datasets import load_dataset

    loaded = load_dataset(
        str(packaged.dist / "dataset"), config, streaming=streaming, cache_dir=str(tmp_path / "cache")
    )
    assert {split: sum(1 for _ in part) for split, part in loaded.items()} == rows


def test_a_row_says_what_the_stages_found(packaged: Workspace) -> None:
    path = packaged.dist / "dataset" / "data" / "default" / "train-00000-of-00001.parquet"
    failed, flagged, fine = pq.read_table(path).slice(0, 3).to_pylist()
    assert failed["study_id"] == FIRST_STUDY
    assert failed["report"] is None
    assert failed["impression"] is None
    assert failed["translation_flags"] == ["impression:failed"]
    assert flagged["translation_flags"] == ["findings:negation_added", "findings:side_changed"]
    assert fine["report"].startswith("INDICAÇÃO: Tosse, exame número 2.\n\nACHADOS: ")
    assert fine["images"] == [f"files/p10/p10000101/s{fine['study_id']}/{fine['study_id']:08x}-PA.jpg"]


def test_parquet_files_have_page_indexes_zstd_and_no_schema_of_datasets(packaged: Workspace) -> None:
    for path in (packaged.dist / "dataset" / "data").rglob("*.parquet"):
        file = pq.ParquetFile(path)
        assert file.schema_arrow.metadata is None
        column = file.metadata.row_group(0).column(0)
        assert (column.compression, column.has_offset_index) == ("ZSTD", True)
        ids = file.read(["study_id"])["study_id"].to_pylist()
        assert ids == sorted(ids)


def test_shards_hold_every_row_once(tmp_path: Path) -> None:
    workspace = build_release(tmp_path)
    package(release_config(tmp_path / "corpus", packaging={"rows_per_file": 7}), workspace)
    files = sorted((workspace.dist / "dataset" / "data" / "default").glob("train-*"))
    assert [file.name for file in files] == [f"train-{number:05d}-of-00003.parquet" for number in range(3)]
    ids = [study for file in files for study in pq.read_table(file)["study_id"].to_pylist()]
    assert ids == [FIRST_STUDY + 3 * number for number in range(20)]


def test_the_source_is_published_only_when_asked(packaged: Workspace, tmp_path: Path) -> None:
    plain = pq.read_schema(packaged.dist / "dataset" / "data" / "default" / "test-00000-of-00001.parquet")
    assert not [name for name in plain.names if name.endswith("_en")]
    workspace = build_release(tmp_path)
    package(release_config(tmp_path / "corpus", packaging={"include_source": True}), workspace)
    with_source = pq.read_table(workspace.dist / "dataset" / "data" / "default" / "test-00000-of-00001.parquet")
    assert with_source["report_en"][0].as_py().startswith(" FINAL REPORT")


def test_packaging_again_gives_the_same_bytes(packaged: Workspace, tmp_path: Path) -> None:
    before = file_digest(packaged.dist)
    package(release_config(packaged.root.parent / "corpus"), packaged)
    assert file_digest(packaged.dist) == before


def test_without_test_studies_nothing_is_written(tmp_path: Path) -> None:
    workspace = build_release(tmp_path)
    studies = read_table(workspace.studies)
    write_table(workspace.studies, studies.filter(pc.not_equal(studies["split"], "test")))
    with pytest.raises(HubkitError, match="the split test has no studies"):
        package(release_config(tmp_path / "corpus"), workspace)
    assert not workspace.dist.exists()


def test_a_model_in_a_folder_is_packaged_under_a_public_name(tmp_path: Path) -> None:
    workspace = build_release(tmp_path)
    folder = tmp_path / "models" / "translator-27b"
    folder.mkdir(parents=True)
    table = read_table(workspace.translations)
    index = table.column_names.index("model")
    write_table(workspace.translations, table.set_column(index, "model", pa.array([str(folder)] * len(table))))
    encoder = {"model": str(folder), "model_id": "lab/encoder", "layer": 1}
    package(release_config(tmp_path / "corpus", scoring={"bertimbau": encoder, "xlm_roberta": encoder}), workspace)
    card = (workspace.dist / "dataset/README.md").read_text()
    assert "| translated by | `translator-27b`" in card
    assert "`lab/encoder`" in card
    setups = json.loads((workspace.dist / "dataset/hubkit_release.json").read_text())["scoring"]["setups"]
    assert {setup["model"] for setup in setups.values()} == {"lab/encoder"}
    assert str(tmp_path) not in card


def test_without_a_namespace_nothing_is_written(tmp_path: Path) -> None:
    workspace = build_release(tmp_path)
    with pytest.raises(UsageError, match="no namespace"):
        package(ReleaseConfig(), workspace)
    assert not workspace.dist.exists()


@pytest.mark.parametrize(
    "missing", ["adapter/adapter_model.safetensors", "scores/summary.json", "studies/studies.parquet"]
)
def test_a_missing_file_is_named_and_the_old_dist_stays(tmp_path: Path, missing: str) -> None:
    workspace = build_release(tmp_path)
    config = release_config(tmp_path / "corpus")
    package(config, workspace)
    before = file_digest(workspace.dist)
    (workspace.root / missing).unlink()
    with pytest.raises(HubkitError, match=missing.rsplit("/", 1)[-1]):
        package(config, workspace)
    assert file_digest(workspace.dist) == before


def known(path: Path, described: dict[str, Any]) -> Any:
    """What the reference says of a file of a repo, where it describes one of that path."""
    return next((found for pattern, found in described.items() if fnmatch.fnmatch(str(path), pattern)), None)


def used_keys(value: Any, documented: set[str], prefix: str = "") -> Iterator[str]:
    """The keys of a file as the reference writes them; what is in a key that it does not open is left alone."""
    if isinstance(value, list):
        for item in value:
            yield from used_keys(item, documented, f"{prefix}[]" if prefix else "")
    elif isinstance(value, dict) and (not prefix or any(key.startswith(f"{prefix}.") for key in documented)):
        free = any(key.startswith(f"{prefix}.*") for key in documented)
        for name, inner in value.items():
            path = ".".join(part for part in (prefix, "*" if free else name) if part)
            yield from [] if free else [path]
            yield from used_keys(inner, documented, path)


def test_the_reference_describes_every_packaged_table_and_document(packaged: Workspace) -> None:
    tables = dict(file_reference.SCHEMAS.values())
    documents = {document.path: document for document in file_reference.DOCUMENTS.values()}
    read = {
        ".json": json.loads,
        ".yaml": yaml.safe_load,
        ".jsonl": lambda text: list(map(json.loads, text.split("\n")[:-1])),
    }
    seen = set()
    for path in sorted(path for path in packaged.dist.rglob("*") if path.is_file()):
        inside = path.relative_to(packaged.dist / path.relative_to(packaged.dist).parts[0])
        if path.suffix == ".parquet":
            columns = [name for name in known(inside, tables).names if not name.endswith("_en")]
            assert pq.read_schema(path).names == columns, inside
        elif path.suffix in read and path.name not in file_reference.FOREIGN:
            documented = set(file_reference.keys(known(inside, documents)))
            used = set(used_keys(read[path.suffix](path.read_text(encoding="utf-8")), documented))
            assert used - documented == set(), inside
            seen.add(known(inside, documents).path)
    published = list(documents)[: file_reference.PUBLISHED_DOCUMENTS]
    assert seen == set(published)


def test_nothing_of_this_machine_is_in_it(packaged: Workspace) -> None:
    for path in packaged.dist.rglob("*"):
        assert not path.is_file() or str(packaged.root).encode() not in path.read_bytes()


@pytest.mark.parametrize("mode", ["gated", "sealed"])
def test_tables_are_made_a_group_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: Literal["gated", "sealed"]
) -> None:
    """No more rows than a group are made at once, and a file has the rows and the order that it had."""
    workspace = build_release(tmp_path)
    config = release_config(tmp_path / "corpus", packaging={"rows_per_file": 9}, custody={"mode": mode})
    keys = release_keys(config)
    whole = write_dataset(config, workspace, tmp_path / "whole", keys)
    for module in (study_batches, dataset):
        monkeypatch.setattr(module, "ROWS_AT_ONCE", 3)
    monkeypatch.setattr(parquet, "ROWS_PER_GROUP", 4)
    made = []
    monkeypatch.setattr(dataset, "_row", lambda *arguments, real=dataset._row: made.append(0) or real(*arguments))

    class Counting(pq.ParquetWriter):
        def write_table(self, table: pa.Table, *arguments: Any, **options: Any) -> None:
            if "report" in table.column_names:
                assert table.num_rows <= 4
                # What is made and not yet written is less than the few rows of one reading.
                del made[: table.num_rows]
                assert len(made) < 3
            super().write_table(table, *arguments, **options)

    monkeypatch.setattr(pq, "ParquetWriter", Counting)
    assert [part[:3] + part[4:5] for part in write_dataset(config, workspace, tmp_path / "parts", keys)] == [
        part[:3] + part[4:5] for part in whole
    ]
    for file in (file for part in whole for file in part.files):
        assert pq.read_table(tmp_path / "parts" / file).equals(pq.read_table(tmp_path / "whole" / file))
