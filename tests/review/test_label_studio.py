"""`hubkit review label-studio`: tasks without ids and flags, and a warning where the text may not go everywhere."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from review_workspace import build_review_workspace
from test_review_make import CONFIRM, allow, hubkit, made

from hubkit.artifacts.review import ERROR_TYPES, read_review
from hubkit.workspace import Workspace, read_table, write_table


@pytest.fixture
def root(tmp_path: Path) -> Path:
    build_review_workspace(tmp_path / "work")
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("translation", {"item", "review", "section", "source", "target"}),
        ("generation", {"item", "review", "reference", "a", "b"}),
    ],
)
def test_tasks(root: Path, kind: str, names: set[str]) -> None:
    review = read_review(made(root, "--kind", kind, "--items", "8"))
    done = hubkit(root, "label-studio", "pilot", "--output", str(root / "tasks.json"))
    assert done.exit_code == 0
    assert "hubkit:" not in done.stderr
    text = (root / "tasks.json").read_text(encoding="utf-8")
    tasks = json.loads(text)
    assert [task["data"]["item"] for task in tasks] == [item.id for item in review.items]
    assert all(task.keys() == {"data"} and task["data"].keys() == names for task in tasks)
    assert "50000" not in text.replace(review.digest, "")
    assert "laterality" not in text
    interface = ET.parse(root / "tasks.xml").getroot()
    # Every text that the interface shows is a field of the tasks.
    shown = {node.get("value", "")[1:] for node in interface.iter() if node.get("value", "").startswith("$")}
    assert shown <= names
    if kind == "translation":
        assert [node.get("value") for node in interface.iter("Label")] == list(ERROR_TYPES)


def test_a_credentialed_corpus_comes_with_a_warning(root: Path) -> None:
    allow(root / "work")
    hubkit(root, *CONFIRM)
    made(root, "--items", "5", kind="mimic-cxr")
    done = hubkit(root, "label-studio", "pilot", "--output", str(root / "tasks.json"), kind="mimic-cxr")
    assert "the file holds text of mimic-cxr in clear" in done.stderr
    assert "never into a hosted one" in done.stderr
    (root / "work" / "physionet-access.json").unlink()
    done = hubkit(root, "label-studio", "pilot", "--output", str(root / "other.json"), kind="mimic-cxr")
    assert "there is no PhysioNet access check on record" in str(done.exception)
    assert not (root / "other.json").exists()


def test_what_is_not_the_review_any_more_is_refused(root: Path) -> None:
    made(root, "--items", "5")
    cases = {
        "none": ("none", "demo", "review.json: is missing"),
        "kind": ("pilot", "openi", "is a review of demo, and [corpus] kind is openi"),
    }
    for name, kind, wrong in cases.values():
        done = hubkit(root, "label-studio", name, "--output", str(root / "tasks.json"), kind=kind)
        assert wrong in str(done.exception)
    path = Workspace(root / "work").translations
    table = read_table(path)
    at = table.column_names.index("translation")
    changed = pc.binary_join_element_wise(table["translation"], pa.scalar("!"), "")
    write_table(path, table.set_column(at, table.schema.field("translation"), changed))
    done = hubkit(root, "label-studio", "pilot", "--output", str(root / "tasks.json"))
    assert "texts of the review have changed since it was made" in str(done.exception)


@pytest.mark.parametrize("name", ["tasks.xml", "tasks", "tasks.html"])
def test_the_interface_does_not_take_the_place_of_the_tasks(root: Path, name: str) -> None:
    made(root, "--items", "8")
    done = hubkit(root, "label-studio", "pilot", "--output", str(root / name))
    assert f"{root / name}: tasks are JSON (give a name that ends in .json)" in str(done.exception)
    assert not (root / name).exists()
