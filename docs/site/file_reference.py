"""The page of all files and their columns, made from the schemas and models of the code.

What the code does not say of a column or a key stands in `columns.toml`; a test holds its names to the code.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

import pyarrow as pa
from pydantic import BaseModel

from hubkit.artifacts.eval_results import BENCHMARK, RESULTS, Benchmark, Result
from hubkit.artifacts.extremes import Extremes
from hubkit.artifacts.memorisation import Memorisation
from hubkit.artifacts.receipt import Receipt
from hubkit.artifacts.recipe import RECIPE, Recipe
from hubkit.artifacts.release_record import RECORD, ReleaseRecord
from hubkit.artifacts.revision import Revision
from hubkit.artifacts.selection import Selection
from hubkit.artifacts.thoughts import Thoughts
from hubkit.artifacts.training import TRAINING, Training, TrainingSettings
from hubkit.artifacts.training_log import LOG, LogEntry
from hubkit.artifacts.translator import Translator
from hubkit.artifacts.verification import Verification
from hubkit.custody.roster import SCHEMA as ROSTER
from hubkit.packaging.dataset import default_schema
from hubkit.tables import CHECKS, CHEXPERT_LABELS, GENERATIONS, OTHER_STUDIES, SCORES, SPANS, STUDIES, TRANSLATIONS

HERE = Path(__file__).parent

SCHEMAS: dict[str, tuple[str, pa.Schema]] = {
    "default": ("data/default/*.parquet", default_schema(include_source=True)),
    "spans": ("data/spans/*.parquet", SPANS),
    "generations": ("data/generations/*.parquet", GENERATIONS),
    "scores": ("data/scores/*.parquet", SCORES),
    "groups": ("custody/groups.parquet", ROSTER),
    "other_studies": ("loader/other_studies.parquet", OTHER_STUDIES),
    "studies": ("studies/studies.parquet", STUDIES),
    "translations": ("translations/translations.parquet", TRANSLATIONS),
    "checks": ("translations/checks.parquet", CHECKS),
}
"""By its name in columns.toml: where a table lies, and its columns. The first six are published."""

PUBLISHED_TABLES = 6


class Document(NamedTuple):
    """A JSON or YAML file.

    Attributes:
        path: in its repository or in the workspace; as a pattern.
        model: its keys.
        numbered: whether it begins with the number of its format.
        salted: whether `package` puts a salt into it.
        inside: the field whose keys are those of the file itself.
    """

    path: str
    model: type[BaseModel]
    numbered: bool = True
    salted: bool = False
    inside: str = ""


DOCUMENTS: dict[str, Document] = {
    "record": Document(RECORD, ReleaseRecord),
    "recipe": Document(RECIPE, Recipe, salted=True),
    "training": Document(TRAINING, Training),
    "log": Document(LOG, LogEntry, numbered=False),
    "benchmark": Document(BENCHMARK, Benchmark, numbered=False),
    "results": Document(f"{RESULTS}*.yaml", Result, numbered=False),
    "receipt": Document("receipt.json", Receipt),
    "verification": Document("verification.json", Verification),
    "revision": Document("revised/revision.json", Revision),
    "translator": Document("translations/translator.json", Translator),
    "selection": Document("studies/selection.json", Selection, numbered=False),
    "thoughts": Document("translations/thoughts.json", Thoughts, numbered=False),
    "extremes": Document("scores/extremes.json", Extremes, numbered=False, inside="setups"),
    "memorisation": Document("audit/memorisation.json", Memorisation),
}
"""By its name in columns.toml: the JSON and YAML files of hubkit's own form. The first six are published."""

PUBLISHED_DOCUMENTS = 6

FOREIGN = {
    "croissant.json": "The dataset for search engines and machine learning tools, in Croissant 1.1: files, columns, "
    "licence, and how it was made.",
    "adapter_config.json": "The form of the adapter: PEFT reads it.",
    "tokenizer.json": "The tokenizer of the base model: transformers reads it.",
    "tokenizer_config.json": "Its options.",
    "special_tokens_map.json": "Its special tokens; newer versions of transformers write none.",
    "added_tokens.json": "Tokens that were added to it; newer versions of transformers write none.",
    "processor_config.json": "How text and images are put together: transformers reads it.",
    "preprocessor_config.json": "How images are scaled: transformers reads it.",
}
"""Published JSON files of a form that others define, by name."""

UNOPENED = (TrainingSettings,)
"""Models whose keys are settings, which have a page of their own."""


def meanings() -> dict[str, dict[str, str]]:
    """What each column or key means, by table or document."""
    return tomllib.loads((HERE / "columns.toml").read_text(encoding="utf-8"))


def keys(document: Document) -> dict[str, str]:
    """The type of each key of a document; `a.b` is inside of a, `a.*.b` in each value of a, `a[].b` in each item."""
    first, last = {"format": "integer"} if document.numbered else {}, {"salt": "text"} if document.salted else {}
    found = dict(_keys(document.model, ""))
    found.pop(document.inside, None)
    return first | {key.removeprefix(f"{document.inside}."): kind for key, kind in found.items()} | last


def _keys(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str]]:
    for name, field in model.model_fields.items():
        yield prefix + name, _type(field.annotation)
        for path, inner in _models(field.annotation):
            yield from _keys(inner, f"{prefix}{name}{path}.")


def _models(annotation: Any) -> Iterator[tuple[str, type[BaseModel]]]:
    """The models inside a type, each with the path to it."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if annotation not in UNOPENED:
            yield "", annotation
    elif origin in (Union, UnionType, Annotated):
        for part in parts:
            yield from _models(part)
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        yield from ((f".*{path}", inner) for path, inner in _models(parts[1]))
    elif isinstance(origin, type) and issubclass(origin, Sequence):
        yield from ((f"[]{path}", inner) for path, inner in _models(parts[0]))


def _type(annotation: Any) -> str:
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        shown = dict.fromkeys(_type(part) for part in parts if part is not type(None))
        return " or ".join([*shown, "null"] if type(None) in parts else shown)
    if origin is Annotated:
        return _type(parts[0])
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "object"
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return f"list of {_type(parts[0])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel | dict):
        return "object"
    words = {str: "text", int: "integer", float: "number", bool: "true or false"}
    return words.get(annotation, "any")


def page(table: Callable[[Iterable[str], Iterable[Iterable[str]]], str]) -> str:
    """The columns of every table, and the keys of every file of hubkit's own form, in Markdown.

    Args:
        table: writes a table of these heads and rows.
    """
    said = meanings()

    def columns(names: Sequence[str]) -> Iterator[str]:
        for name in names:
            path, schema = SCHEMAS[name]
            rows = [(f"`{field.name}`", _arrow(field.type), said[name][field.name]) for field in schema]
            yield from (f"### `{path}`", said[name]["rows"], table(("column", "type", "meaning"), rows))

    def documents(names: Sequence[str]) -> Iterator[str]:
        for name in names:
            rows = [(f"`{key}`", kind, said[name][key]) for key, kind in keys(DOCUMENTS[name]).items()]
            yield from (f"### `{DOCUMENTS[name].path}`", said[name]["rows"], table(("key", "type", "meaning"), rows))

    parts = [
        "# Files and columns",
        "What a release has on the Hub comes first, then what stays in the workspace.",
        "## Published tables",
        "All are in the dataset's repository. In a sealed release every column but `subject_id` and `study_id` is a "
        "sealed cell ([custody](../custody.md)).",
        *columns(list(SCHEMAS)[:PUBLISHED_TABLES]),
        "The labels are " + ", ".join(f"`{label}`" for label in CHEXPERT_LABELS) + ".",
        "## Published JSON and YAML files",
        "`a.b` is the key b in the object a, `a.*.b` the key b in each value of a, and `a[].b` in each item of the "
        "list a. A program should ignore keys that it does not know: a later version may add some. `format` rises when "
        "a key changes its meaning. A key that may be null may also be missing.",
        *documents(list(DOCUMENTS)[:PUBLISHED_DOCUMENTS]),
        "### Files that others define",
        table(("file", "what it is"), [(f"`{name}`", meaning) for name, meaning in FOREIGN.items()]),
        "## Tables of the workspace",
        "These stay on your machine: they hold English text of the corpus.",
        *columns(list(SCHEMAS)[PUBLISHED_TABLES:]),
        "## JSON files of the workspace",
        *documents(list(DOCUMENTS)[PUBLISHED_DOCUMENTS:]),
    ]
    return "\n\n".join(parts) + "\n"


def _arrow(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"list of {_arrow(kind.value_type)}"
    if pa.types.is_struct(kind):
        names = [field.name for field in kind]
        inner = f"{', '.join(names)}" if len(names) < 5 else f"{len(names)} fields"
        return f"struct: {inner}"
    return str(kind)
