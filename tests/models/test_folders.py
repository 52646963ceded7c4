"""Models in folders: what they are called in public, and that a renamed folder is the same model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from hubkit.cli import cli
from hubkit.config import ReleaseConfig, parse_config
from hubkit.errors import UsageError
from hubkit.finetuning.finetune import finetune
from hubkit.models.folders import BLOCK, BLOCKS, METADATA, folder_digest, is_known, public_name
from hubkit.models.loading import commit_of
from hubkit.packaging.card_data import _with_public_names
from hubkit.packaging.package import package
from hubkit.terms.policy import check_public_names
from hubkit.translation.translate import translate
from hubkit.workspace import Workspace

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
    assert is_known(str(home), model_id) == ("/" in name)
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


@pytest.mark.parametrize(
    ("name", "model_id", "known"),
    [
        ("xlm-roberta-large", None, True),  # a repo of the Hub without an owner
        ("google/medgemma-4b-it", None, True),
        ("/models/medgemma", None, False),  # a folder of the server that translates
        ("/models/medgemma", "google/medgemma-4b-it", True),
    ],
)
def test_whether_cards_can_name_a_model_that_is_no_folder_here(name: str, model_id: str | None, known: bool) -> None:
    assert is_known(name, model_id) is known


TABLES = ["translation", "finetuning", "scoring.bertimbau", "scoring.xlm_roberta"]


def with_folder(table: str, folder: Path, **more: object) -> dict[str, dict[str, object]]:
    """Settings in which one model is a folder."""
    name, _, inner = table.partition(".")
    values = {"model": str(folder), **more}
    return {name: {inner: {**values, "layer": 1}} if inner else values}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    ("kind", "model_id", "refused"),
    [
        ("mimic-cxr", None, True),
        ("mimic-cxr", "lab/model", False),
        ("demo", None, False),
    ],
)
def test_a_release_of_a_credentialed_corpus_names_its_models(
    tmp_path: Path, table: str, kind: str, model_id: str | None, refused: bool
) -> None:
    named = {"model_id": model_id} if model_id else {}
    config = parse_config({"corpus": {"kind": kind}, **with_folder(table, tmp_path, **named)})
    if not refused:
        check_public_names(config)
        return
    with pytest.raises(UsageError, match=rf'set \[{table}\] model_id = "OWNER/NAME"') as caught:
        check_public_names(config)
    assert caught.value.where == f"[{table}] model"


@pytest.mark.parametrize("stage", [translate, finetune, package])
def test_stages_refuse_a_nameless_model_before_they_work(
    tmp_path: Path, stage: Callable[[ReleaseConfig, Workspace], None]
) -> None:
    settings = with_folder("scoring.bertimbau", tmp_path) | {"hub": {"namespace": "somebody"}}
    with pytest.raises(UsageError, match="does not say which public model it holds"):
        stage(parse_config(settings), Workspace(tmp_path / "work"))


def test_release_refuses_a_nameless_model_before_it_reads(tmp_path: Path) -> None:
    (tmp_path / "hubkit.toml").write_text(f'[finetuning]\nmodel = "{tmp_path}"\n')
    options = ["--config", str(tmp_path / "hubkit.toml"), "--workspace", str(tmp_path / "work")]
    result = CliRunner().invoke(cli, ["release", *options])
    assert isinstance(result.exception, UsageError)
    assert "set [finetuning] model_id" in str(result.exception)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ("nothing", True),
        ("card", True),
        ("metadata", True),
        ("config", False),
        ("weight in the middle", False),
        ("size", False),
        ("renamed weights", False),
        ("vocabulary", False),
    ],
)
def test_the_digest_of_a_folder_is_that_of_what_is_loaded(tmp_path: Path, change: str, same: bool) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
        (folder / "config.json").write_text("{}")
        (folder / "vocab.txt").write_text("a")
        (folder / "model.safetensors").write_bytes(bytes(BLOCK * (BLOCKS + 8)))
    changed = bytearray(BLOCK * (BLOCKS + 8))
    changed[len(changed) // 3 : -BLOCK] = bytes([1]) * (len(changed) - BLOCK - len(changed) // 3)
    if change == "card":
        (two / "README.md").write_text("# A model")
    elif change == "metadata":
        (two / METADATA).parent.mkdir(parents=True)
        (two / METADATA).write_text(COMMIT)
    elif change == "config":
        (two / "config.json").write_text("[]")
    elif change == "weight in the middle":
        (two / "model.safetensors").write_bytes(changed)
    elif change == "size":
        (two / "model.safetensors").write_bytes(bytes(BLOCK * (BLOCKS + 8) + 1))
    elif change == "renamed weights":
        (two / "model.safetensors").rename(two / "other.safetensors")
    elif change == "vocabulary":
        (two / "vocab.txt").write_text("b")
    assert (folder_digest(one) == folder_digest(two)) is same
