"""The Croissant metadata is valid, and its records are the rows."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
from invented_release import build_release, release_config

from hubkit.packaging.package import package
from hubkit.workspace import write_json

RAI = (
    *("dataCollection", "dataCollectionType", "dataCollectionMissingData", "dataCollectionRawData"),
    *("dataCollectionTimeframe", "dataImputationProtocol", "dataManipulationProtocol", "dataPreprocessingProtocol"),
    *("dataAnnotationProtocol", "dataAnnotationPlatform", "dataAnnotationAnalysis", "dataReleaseMaintenancePlan"),
    *("personalSensitiveInformation", "dataSocialImpact", "dataBiases", "dataLimitations", "dataUseCases"),
    *("annotationsPerItem", "annotatorDemographics", "machineAnnotationTools"),
)
"""The properties of Croissant RAI 1.0."""


def test_mlcroissant_finds_no_fault_and_reads_the_rows(tmp_path: Path) -> None:
    import mlcroissant

    workspace = build_release(tmp_path)
    for stage in ("translate", "generate", "score"):
        times = {"started": "2026-03-04T23:30:00+00:00", "seconds": 3600.5}
        write_json(workspace.manifest(stage), {"stage": stage, "versions": {}, **times})
    package(release_config(tmp_path / "corpus"), workspace)
    folder = workspace.dist / "dataset"
    found = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
    assert not found.metadata.issues.errors
    assert found.metadata.personal_sensitive_information == ["De-identified clinical text"]
    assert not found.metadata.issues.warnings
    assert str(found.metadata.date_published) == "2026-03-05 00:00:00"
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


def written(tmp_path: Path, **settings: dict[str, object]) -> dict[str, object]:
    workspace = build_release(tmp_path)
    package(release_config(tmp_path / "corpus", **settings), workspace)
    found = json.loads((workspace.dist / "dataset" / "croissant.json").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def test_every_property_of_responsible_ai_is_answered(tmp_path: Path) -> None:
    found = written(tmp_path, release={"contact": "lab@example.org"})
    answers = {key: value for key, value in found.items() if key.startswith("rai:")}
    assert {key.removeprefix("rai:") for key in answers} == {*RAI}
    texts = {key: value if isinstance(value, str) else " ".join(value) for key, value in answers.items()}
    assert all(len(text) > 15 for text in texts.values())
    assert texts["rai:dataCollectionTimeframe"].startswith("Unknown here: see https://")
    assert texts["rai:dataReleaseMaintenancePlan"].endswith("Maintained by lab@example.org.")
    assert "google/medgemma-27b-text-it" in texts["rai:dataManipulationProtocol"]
    assert "The English text is not part of the dataset." in texts["rai:dataCollectionRawData"]


def test_what_it_was_made_from_and_how(tmp_path: Path) -> None:
    found = written(tmp_path)
    assert found["conformsTo"] == ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
    context = found["@context"]
    assert isinstance(context, dict)
    assert context["prov"] == "http://www.w3.org/ns/prov#"
    assert {"containedIn", "arrayShape"} <= context.keys(), "the names of 1.1"
    assert found["prov:wasDerivedFrom"] == [
        {"@id": f"https://physionet.org/content/{name}/2.1.0/"} for name in ("mimic-cxr", "mimic-cxr-jpg")
    ]
    activities = found["prov:wasGeneratedBy"]
    assert isinstance(activities, list)
    assert [one["prov:label"].split()[0] for one in activities] == ["Translation", "Generation", "Scoring"]
    assert all(one["@type"] == "prov:Activity" and "prov:endedAtTime" not in one for one in activities)
    assert [agent["prov:label"] for agent in activities[1]["prov:wasAssociatedWith"]][1:] == ["google/medgemma-4b-it"]
    assert "datePublished" not in found, "no stage says when it ended"
