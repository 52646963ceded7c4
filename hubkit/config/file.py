"""hubkit.toml: read and checked, and written with every setting at its default."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import ValidationError

from hubkit.config.corpus import Corpus
from hubkit.config.evaluation import Scoring
from hubkit.config.sensitivity import Sensitivity
from hubkit.config.tables import ReleaseConfig
from hubkit.config.translation import Translation
from hubkit.config.values import Table
from hubkit.errors import UsageError


def load_config(path: Path) -> ReleaseConfig:
    """Read hubkit.toml; paths in it are relative to its folder.

    Raises:
        UsageError: the file is missing, is not TOML, or holds an unknown key or a value that does not fit.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError("no such file", where=path, hint="write one with: hubkit init") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(
            f"not valid TOML: {error}", where=path, hint="the settings as they are written: hubkit settings"
        ) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UsageError(f"line {line} is not UTF-8", where=path, hint="save the file as UTF-8") from None
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror}", where=path, hint="check the path and who may read the file"
        ) from None
    config = parse_config(values, where=path)
    folder = path.absolute().parent
    return config.model_copy(
        update={
            "corpus": _anchored(config.corpus, folder),
            "translation": _with_corrections(config.translation, folder),
            "scoring": _with_patients(config.scoring, folder),
            "sensitivity": _with_prompts(config.sensitivity, folder),
        }
    )


def parse_config(values: dict[str, Any], where: Path | str = "hubkit.toml") -> ReleaseConfig:
    """Check `values`, the tables of a hubkit.toml.

    Raises:
        UsageError: names the first setting that is wrong, and for an unknown key the keys that there are.
    """
    try:
        return ReleaseConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        key, known, accepted = _setting_at(first["loc"])
        if first["type"] == "extra_forbidden":
            raise UsageError(f"unknown key {key}", where=where, hint=f"known here: {', '.join(known)}") from None
        what = first["msg"].removeprefix("Value error, ")
        if first["type"] == "model_type":
            what = f"takes {accepted}"
        table = first["loc"][0] if first["loc"] else ""
        raise UsageError(f"{key}: {what}", where=where, hint=f"see: hubkit settings {table}".rstrip()) from None


def _setting_at(location: tuple[int | str, ...]) -> tuple[str, list[str], str]:
    """Read where pydantic found a mistake.

    Where a setting may be of several types, the location holds the type that was tried, which nobody wrote: it is
    skipped.

    Returns:
        The setting as hubkit.toml names it, the keys of the table that it stands in, and what a setting that is a
        table takes.
    """
    key: list[str] = []
    known: list[str] = []
    accepted = ""
    table: type[Table] | None = ReleaseConfig
    kinds: tuple[Any, ...] = ()
    for part in location:
        tried = part not in (table.model_fields if table else {}) and any(_type_name(kind) == part for kind in kinds)
        if len(kinds) > 1 and tried:
            continue
        key.append(str(part))
        fields = {field.alias or name: field for name, field in table.model_fields.items()} if table else {}
        known = sorted(fields) or known
        annotation = fields[str(part)].annotation if part in fields else None
        kinds = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
        table = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Table)), None)
        words = [f'"{word}"' for kind in kinds if get_origin(kind) is Literal for word in get_args(kind)]
        names = [field.alias or name for name, field in table.model_fields.items()] if table else []
        accepted = " or ".join([f"a table with {', '.join(names)}", *words])
    return ".".join(key), known, accepted


def _type_name(kind: Any) -> str:
    """A type as pydantic writes it into the location of a mistake."""
    return kind.__name__ if isinstance(kind, type) and get_origin(kind) is None else str(kind)


def _anchored(corpus: Corpus, folder: Path) -> Corpus:
    images = None if corpus.images is None else folder / corpus.images.expanduser()
    return corpus.model_copy(update={"root": folder / corpus.root.expanduser(), "images": images})


def _with_corrections(translation: Translation, folder: Path) -> Translation:
    if translation.corrections is None:
        return translation
    return translation.model_copy(update={"corrections": str(folder / Path(translation.corrections).expanduser())})


def _with_patients(scoring: Scoring, folder: Path) -> Scoring:
    if scoring.patients is None:
        return scoring
    return scoring.model_copy(update={"patients": folder / scoring.patients.expanduser()})


def _with_prompts(sensitivity: Sensitivity, folder: Path) -> Sensitivity:
    if sensitivity.prompts is None:
        return sensitivity
    return sensitivity.model_copy(update={"prompts": folder / sensitivity.prompts.expanduser()})


def template(values: dict[str, Any], only: str | None = None) -> str:
    """A hubkit.toml with every setting as a comment, and `values` ("hub.namespace") set.

    A setting stands with its meaning, its choices, and its default; where that is none, with an example.

    Args:
        only: the one table to write; all where it is None.
    """
    lines = ["# Every setting with its default, or an example where it has none; remove the # to set it."]
    for name, field in ReleaseConfig.model_fields.items():
        if only not in (None, name):
            continue
        table = field.default
        lines += ["", f"[{name}]"]
        for key, setting in type(table).model_fields.items():
            lines.append(f"# {setting.description}{_choices(setting.annotation)}")
            chosen = values.get(f"{name}.{key}")
            if chosen is not None:
                lines.append(f"{key} = {_toml(chosen)}")
            else:
                value = table.model_dump(mode="json")[key]
                example = setting.examples[0] if value is None and setting.examples else value
                lines.append(f"# {key} = {_toml(example)}")
    return "\n".join(lines) + "\n"


def _choices(annotation: Any) -> str:
    """What a setting may be, where it is one of a few words."""
    parts = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    words = [str(word) for part in parts if get_origin(part) is Literal for word in get_args(part)]
    return f" One of: {', '.join(words)}." if len(words) > 1 else ""


def write_config(config: ReleaseConfig) -> str:
    """The TOML of `config`, which `load_config` reads back as it is."""
    lines = []
    for name, table in config:
        lines += [f"[{name}]", *_settings(table), ""]
    return "\n".join(lines)


def _settings(table: Table) -> list[str]:
    return [f"{key} = {_toml(value)}" for key, value in table.model_dump(mode="json").items() if value is not None]


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items() if item is not None) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)
