"""The Croissant metadata is valid, and its records are the rows."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
from invented_release import build_release, release_config

from hubkit.packaging.package import package


def test_mlcroissant_finds_no_fault_and_reads_the_rows(tmp_path: Path) -> None:
    import mlcroissant

    workspace = build_release(tmp_path)
    package(release_config(tmp_path / "corpus"), workspace)
    folder = workspace.dist / "dataset"
    found = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
    assert not found.metadata.issues.errors
    assert found.metadata.personal_sensitive_information == ["De-identified clinical text"]
    assert [issue for issue in found.metadata.issues.warnings if "datePublished" not in issue] == []
    for path in sorted((folder / "data").rglob("*.parquet")):
        name = f"{path.parent.name}/{path.stem}"
        rows = pq.read_table(path).to_pylist()
        records = list(found.records(name))
        assert [record[f"{name}/study_id"] for record in records] == [row["study_id"] for row in rows]
        if path.parent.name == "default":
            assert [record[f"{name}/labels"][f"{name}/labels/Lung_Lesion"] for record in records] == [
                row["labels"]["Lung Lesion"] for row in rows
            ]
            assert [[image.decode() for image in record[f"{name}/images"]] for record in records] == [
                row["images"] for row in rows
            ]
