"""Files that cross a stage: what is written is read again, also from 0.1.0, and a damaged one is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from invented_release import build_release

from hubkit.artifacts.manifest import read_manifest
from hubkit.artifacts.model import Model, to_json
from hubkit.artifacts.receipt import Pins, PushedRepo, Receipt, read_receipt, write_receipt
from hubkit.artifacts.revision import Revision, read_revision, write_revision
from hubkit.artifacts.scores import read_summary, write_summary
from hubkit.artifacts.selection import LabelCounts, Listed, SelectedImages, Selection, read_selection, write_selection
from hubkit.artifacts.training import TrainedTrial, Training, TrainingSettings, read_training, write_training
from hubkit.config import Finetuning
from hubkit.errors import HubkitError
from hubkit.workspace import Workspace

REPO = PushedRepo(id="lab/x", type="dataset", tag="release-1.0.0", commit="a" * 40, files={"README.md": "0" * 64})
RECEIPT = Receipt(endpoint="https://hub.example", collection=None, repos={"dataset": REPO})
SETTINGS = {**Finetuning().deciding(), "dropout": 0.1, "trainer": {"optim": "sgd"}}
TRAINING = Training(
    settings=TrainingSettings(**SETTINGS),
    steps=8,
    best_step=None,
    eval_loss=float("inf"),
    sweep=[TrainedTrial(r=4, eval_loss=1.5, best_step=2, chosen=True, steps=8)],
)
SELECTION = Selection(
    sizes={"train": 2, "validate": 0, "test": 1},
    labels={"train": {"Edema": LabelCounts(positive=1, negative=0, uncertain=0)}},
    images=SelectedImages(text_only=False, prepared=3, broken=("files/a.jpg",), missing=()),
    catalogue=Listed(studies=3, texts_that_are_no_report=["a.txt"], other_studies=(7,)),
)


class File(NamedTuple):
    """A file with its model, where it is, and a value without which it is not complete."""

    path: str
    read: Callable[[Workspace], Model | None]
    write: Callable[[Workspace, Any], None]
    needed: tuple[str, ...]
    value: Model | None = None


FILES = {
    "summary": File("scores/summary.json", read_summary, write_summary, ("conditions", "lora", "bleu", "low")),
    "selection": File("studies/selection.json", read_selection, write_selection, ("sizes",), SELECTION),
    "receipt": File("receipt.json", read_receipt, write_receipt, ("repos", "dataset", "commit"), RECEIPT),
    "revision": File("revised/revision.json", read_revision, write_revision, (), Revision(stale=2, test_studies=(7,))),
    "training": File(
        "adapter/training.json",
        lambda work: read_training(work.adapter),
        lambda work, training: write_training(work.adapter, training),
        ("settings", "r"),
        TRAINING,
    ),
}


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return build_release(tmp_path_factory.mktemp("artifacts"))


@pytest.fixture(params=FILES)
def file(request: pytest.FixtureRequest, released: Workspace) -> File:
    found = FILES[request.param]
    return found if found.value else found._replace(value=found.read(released))


@pytest.fixture
def workspace(file: File, tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path)
    file.write(workspace, file.value)
    return workspace


def values(file: File, workspace: Workspace) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((workspace.root / file.path).read_text())
    return found


def test_what_is_written_is_read_again(file: File, workspace: Workspace) -> None:
    before = (workspace.root / file.path).read_bytes()
    assert file.read(workspace) == file.value
    file.write(workspace, file.read(workspace))
    assert (workspace.root / file.path).read_bytes() == before


def test_a_file_of_0_1_0_or_of_a_later_version_is_read(file: File, workspace: Workspace) -> None:
    other = {name: value for name, value in values(file, workspace).items() if name != "format"}
    (workspace.root / file.path).write_text(json.dumps(other | {"of_a_later_version": 1}))
    assert file.read(workspace) == file.value


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1', "\ud800"], ids=str.__repr__)
def test_a_torn_file_is_named(file: File, workspace: Workspace, text: str) -> None:
    path = workspace.root / file.path
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(HubkitError) as caught:
        file.read(workspace)
    assert str(caught.value).startswith(f"{path}: is not ")
    assert "hubkit " in str(caught.value)


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.selection.mkdir(parents=True)
    workspace.manifest("read").mkdir(parents=True)
    for read in (lambda: read_selection(workspace), lambda: read_manifest(workspace, "read")):
        with pytest.raises(HubkitError, match=r"\.json: cannot be read: Is a directory \(check the path"):
            read()


def test_a_value_that_is_missing_is_named_and_none_is_shown(file: File, workspace: Workspace) -> None:
    if not file.needed:
        pytest.skip("every value has a default")
    found = values(file, workspace)
    inside: dict[str, Any] = found
    for name in file.needed[:-1]:
        inside = inside[name]
    del inside[file.needed[-1]]
    (workspace.root / file.path).write_text(json.dumps(found))
    with pytest.raises(HubkitError, match=rf"is incomplete: .*{file.needed[-1]}: Field required"):
        file.read(workspace)
    inside[file.needed[-1]] = {"a": "secret text"}
    (workspace.root / file.path).write_text(json.dumps(found))
    with pytest.raises(HubkitError, match="is incomplete") as caught:
        file.read(workspace)
    assert "secret" not in str(caught.value)


def test_the_settings_of_a_training_are_kept_whole() -> None:
    assert to_json(TRAINING)["settings"] == json.loads(json.dumps(SETTINGS))
    assert TRAINING.sweep is not None
    assert TRAINING.sweep[0].values == {"r": 4, "steps": 8}


def test_what_is_missing_has_a_meaning(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert read_receipt(workspace) is None
    assert read_revision(workspace) == Revision(flagged="publish", test_studies=())
    for read in (read_summary, lambda work: read_training(work.adapter)):
        with pytest.raises(HubkitError, match="is missing"):
            read(workspace)
    write_receipt(workspace, RECEIPT.model_copy(update={"pins": Pins(commits={"dataset": "b" * 40}, code=[])}))
    assert json.loads(workspace.receipt.read_text()).keys() == {"format", "endpoint", "collection", "repos", "pins"}
