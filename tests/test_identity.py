"""A new version of hubkit makes no stage of an existing workspace run again, unless a setting was changed."""

from __future__ import annotations

import hashlib
import json
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest

from hubkit.config import ReleaseConfig, Runtime, Table, Translation, parse_config
from hubkit.config.identity import ADDED, RELEASED, identity, named_setting
from hubkit.config.values import Formerly
from hubkit.stages import STAGES, Stage
from hubkit.workspace import Workspace

FROZEN: dict[str, Any] = json.loads(Path(__file__).with_name("digests_0_1_0.json").read_text(encoding="utf-8"))
"""Configurations, and the digest of each stage's settings as the code of 0.1.0 computed them."""


@pytest.mark.parametrize("name", FROZEN)
def test_digests_are_those_of_0_1_0(name: str) -> None:
    # 0.1.0 pushed a Gradio Space; the default is a static one now, which packages and pushes other files.
    frozen, tables = FROZEN[name]["digests"], FROZEN[name]["config"]
    as_then = parse_config({**tables, "hub": {**tables.get("hub", {}), "space": "gradio"}})
    assert {stage.name: as_then.digest(stage.settings) for stage in STAGES if stage.name in frozen} == frozen
    now = {stage.name: parse_config(tables).digest(stage.settings) for stage in STAGES}
    assert {stage for stage in frozen if now[stage] != frozen[stage]} == {"package", "push", "verify"}


def test_the_key_of_a_stage_is_computed_as_in_0_1_0(tmp_path: Path) -> None:
    (tmp_path / "corpus.csv").write_bytes(b"a,b\n")
    stage = Stage("one", "", ("release",), lambda workspace: [workspace.root / "corpus.csv"], lambda workspace: [])
    settings = ReleaseConfig().digest(("release",))
    parts = f'{{"inputs": [["corpus.csv", "{hashlib.sha256(b"a,b" + bytes([10])).hexdigest()}"]], "outside": null, '
    whole = f'{parts}"settings": "{settings}"}}'
    assert stage.key(ReleaseConfig(), Workspace(tmp_path)) == hashlib.sha256(whole.encode()).hexdigest()


def test_a_new_setting_at_its_default_changes_no_digest() -> None:
    class Glossary(Table):
        path: str = ""
        strict: bool = False

    class Later(Translation):
        tone: str = "neutral"
        glossary: Glossary = Glossary()
        judge: Glossary | None = None

    before = ReleaseConfig()
    settings = [stage.settings for stage in STAGES]
    for translation, same in [
        (Later(), True),
        (Later(tone="plain"), False),
        (Later(glossary=Glossary(strict=True)), False),
        (Later(judge=Glossary()), False),
    ]:
        after = before.model_copy(update={"translation": translation})
        changed = {chosen[0] for chosen in settings if before.digest(chosen) != after.digest(chosen)}
        assert changed == (set() if same else {"translation", "release"})  # those of translate and of package


def test_a_new_table_at_its_defaults_changes_no_digest() -> None:
    class Review(Table):
        readers: int = 2

    class Later(ReleaseConfig):
        review: Review = Review()

    settings = ("release", "packaging")
    assert Later().digest((*settings, "review")) == ReleaseConfig().digest(settings)
    assert Later().digest((*settings, "review.readers")) == ReleaseConfig().digest(settings)
    assert Later(review=Review(readers=3)).digest((*settings, "review")) != ReleaseConfig().digest(settings)
    assert Later(review=Review(readers=3)).digest((*settings, "review.readers")) != ReleaseConfig().digest(settings)


def test_what_decides_about_finished_rows_belongs_to_a_step_after_translate() -> None:
    (translate,) = (stage for stage in STAGES if stage.name == "translate")
    strict, lax = (parse_config({"translation": {"max_flagged": share}}) for share in (0, 1))
    assert strict.digest(translate.settings) == lax.digest(translate.settings)
    after = (*translate.settings, "translation.max_flagged")
    assert strict.digest(after) != lax.digest(after)
    assert ReleaseConfig().digest(after) == ReleaseConfig().digest(translate.settings)
    deciding = set(RELEASED["translation"]) | set(ADDED.get("translation", {}))
    assert deciding.isdisjoint({"max_flagged", "flagged", "corrections"})


class Part(Table):
    size: int = 3
    shape: str = "round"


BEFORE = {"old": 1, "gone": "x", "kept": True, "part": {"size": 3}}
CAME_WITH = {"extra": 5, "part": {"shape": "round"}}


class After(Table):
    new: Annotated[int, Formerly("old")] = 1
    kept: Annotated[bool, Runtime] = True
    part: Part | str = Part()
    extra: int = 6
    """Came with 5."""
    named: Annotated[int, Runtime] = 0


@pytest.mark.parametrize(
    ("values", "changes"),
    [
        ({"extra": 5}, {}),
        ({}, {"extra": 6}),
        ({"extra": 5, "new": 2}, {"old": 2}),
        ({"extra": 5, "kept": False}, {}),
        ({"extra": 5, "part": {"size": 4}}, {"part": {"size": 4}}),
        ({"extra": 5, "part": {"shape": "flat"}}, {"part": {"size": 3, "shape": "flat"}}),
        ({"extra": 5, "part": "all"}, {"part": "all"}),
        ({"extra": 5, "named": 9}, {}),
    ],
)
def test_renamed_removed_and_changed_settings(values: dict[str, Any], changes: dict[str, Any]) -> None:
    assert identity(After.model_validate(values), BEFORE, CAME_WITH) == BEFORE | changes


@pytest.mark.parametrize(
    ("values", "key", "expected"),
    [
        ({}, "old", {"old": 1}),
        ({}, "extra", {"extra": 6}),
        ({"extra": 5}, "extra", {}),
        ({}, "named", {}),
        ({"named": 9}, "named", {"named": 9}),
    ],
)
def test_a_setting_that_a_stage_names(values: dict[str, Any], key: str, expected: dict[str, Any]) -> None:
    assert named_setting(After.model_validate(values), key, BEFORE, CAME_WITH) == expected


def test_every_setting_has_a_frozen_default() -> None:
    """Add a new setting, with its default, to hubkit.config.identity.ADDED."""
    missing = [path for path in _deciding(ReleaseConfig) if not (_frozen(RELEASED, path) or _frozen(ADDED, path))]
    assert missing == []


def _deciding(table: type[Table], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, field in table.model_fields.items():
        if Runtime in field.metadata:
            continue
        inner = [part for part in _members(field.annotation) if isinstance(part, type) and issubclass(part, Table)]
        here = (*path, field.serialization_alias or name)
        for part in inner:
            yield from _deciding(part, here)
        if not inner and not field.is_required():
            yield here


def _members(annotation: Any) -> tuple[Any, ...]:
    return typing.get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)


def _frozen(tables: dict[str, Any], path: tuple[str, ...]) -> bool:
    for part in path:
        if not isinstance(tables, dict) or part not in tables:
            return False
        tables = tables[part]
    return True
