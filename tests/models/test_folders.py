"""Models in folders: what they are called in public, and that a renamed folder is the same model."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubkit.config import parse_config
from hubkit.errors import UsageError
from hubkit.models.folders import METADATA
from hubkit.models.loading import commit_of, public_name
from hubkit.packaging.card_data import _with_public_names

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SNAPSHOT = f"hub/models--google--medgemma-4b-it/snapshots/{COMMIT}"


@pytest.mark.parametrize(
    ("folder", "model_id", "metadata", "name", "commit"),
    [
        ("models/base", None, None, "base", None),
        ("models/base", "google/medgemma-4b-it", None, "google/medgemma-4b-it", None),
        ("models/base", None, f"{COMMIT}\nabc\n1.0\n", "base", COMMIT),
        ("models/base", "google/medgemma-4b-it", f"{COMMIT}\nabc\n1.0\n", "google/medgemma-4b-it", COMMIT),
        ("models/base", None, "no commit\n", "base", None),
        ("models/base", None, "", "base", None),
        (SNAPSHOT, None, None, "google/medgemma-4b-it", COMMIT),
        (SNAPSHOT, "lab/own", None, "lab/own", COMMIT),
    ],
)
def test_what_a_folder_is_called_in_public(
    tmp_path: Path, folder: str, model_id: str | None, metadata: str | None, name: str, commit: str | None
) -> None:
    home = tmp_path / folder
    home.mkdir(parents=True)
    if metadata is not None:
        (home / METADATA).parent.mkdir(parents=True)
        (home / METADATA).write_text(metadata)
    assert public_name(str(home), model_id) == name
    assert commit_of(str(home), None) == commit
    assert commit_of(str(home), "v1") == (commit or "v1")


def test_a_folder_that_is_gone_is_never_named_by_its_path(tmp_path: Path) -> None:
    assert public_name(str(tmp_path / "gone")) == "gone"


def test_templates_see_public_names_alone(tmp_path: Path) -> None:
    encoder = {"model": str(tmp_path), "layer": 1}
    config = parse_config(
        {
            "translation": {"model": str(tmp_path), "model_id": "google/medgemma-27b-text-it"},
            "finetuning": {"model": str(tmp_path)},
            "scoring": {"bertimbau": encoder, "xlm_roberta": encoder},
        }
    )
    shown = _with_public_names(config)
    assert shown.translation.model == "google/medgemma-27b-text-it"
    names = {shown.finetuning.model, shown.scoring.bertimbau.model, shown.scoring.xlm_roberta.model}
    assert names == {tmp_path.name}


@pytest.mark.parametrize("table", ["translation", "finetuning"])
def test_a_renamed_folder_is_the_same_model(table: str) -> None:
    def digest(**values: str) -> str:
        return parse_config({table: values}).digest((table,))

    one = digest(model="/models/a", model_id="google/medgemma-4b-it")
    assert one == digest(model="/elsewhere/b", model_id="google/medgemma-4b-it")
    assert one == digest(model="google/medgemma-4b-it")
    assert one != digest(model="/models/a", model_id="google/gemma-3-4b-it")
    assert one != digest(model="/models/a")


@pytest.mark.parametrize("wrong", ["medgemma", "/models/a/b", "a/b/c", "a b/c", ""])
def test_a_public_name_is_a_repo(wrong: str) -> None:
    with pytest.raises(UsageError):
        parse_config({"translation": {"model_id": wrong}})
