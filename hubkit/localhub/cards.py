"""The metadata that stands between `---` lines at the head of a repo's README.md."""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

_HEAD = re.compile(r"\A\s*---[ \t]*\r?\n(.*?)(?:\r?\n)?---[ \t]*(?:\r?\n|\Z)", re.DOTALL)

MOST_CHARACTERS, MOST_NODES = 65_536, 20_000
"""Of a card's metadata: reading more would stop the Hub, which does one thing at a time. Cards have hundreds."""

# fmt: off
LICENCES = (
    "apache-2.0", "mit", "openrail", "bigscience-openrail-m", "creativeml-openrail-m", "bigscience-bloom-rail-1.0",
    "bigcode-openrail-m", "afl-3.0", "artistic-2.0", "bsl-1.0", "bsd", "bsd-2-clause", "bsd-3-clause",
    "bsd-3-clause-clear", "c-uda", "cc", "cc0-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0",
    "cc-by-sa-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-3.0",
    "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cdla-sharing-1.0",
    "cdla-permissive-1.0", "cdla-permissive-2.0", "wtfpl", "ecl-2.0", "epl-1.0", "epl-2.0", "etalab-2.0", "eupl-1.1",
    "eupl-1.2", "agpl-3.0", "gfdl", "gpl", "gpl-2.0", "gpl-3.0", "lgpl", "lgpl-2.1", "lgpl-3.0", "isc", "h-research",
    "intel-research", "lppl-1.3c", "ms-pl", "apple-ascl", "apple-amlr", "mpl-2.0", "odc-by", "odbl", "openmdw-1.0",
    "openrail++", "osl-3.0", "postgresql", "ofl-1.1", "ncsa", "unlicense", "zlib", "pddl", "lgpl-lr",
    "deepfloyd-if-license", "fair-noncommercial-research-license", "llama2", "llama3", "llama3.1", "llama3.2",
    "llama3.3", "llama4", "grok2-community", "gemma", "unknown", "other",
)
# fmt: on
"""What a card may name as its licence; all else is `other`, with `license_name`."""


_OF_ALL = {"license": "license:"}
_TAGGED: dict[str, dict[str, str]] = {
    # A model's languages have no prefix: huggingface_hub, HfApi.list_models and list_datasets, `language`.
    "models": {"language": "", **_OF_ALL, "datasets": "dataset:", "base_model": "base_model:"},
    "datasets": {
        key: f"{key}:"
        for key in (
            *("task_categories", "task_ids", "language", "license", "size_categories", "annotations_creators"),
            *("language_creators", "multilinguality", "source_datasets"),
        )
    },
    "spaces": _OF_ALL,
}
"""Fields of a card that are tags as well, and what stands before their values, by kind of repo."""


def metadata(readme: str) -> dict[str, Any]:
    """The metadata of a card; empty where it has none or none that is valid."""
    values, found = _read(readme)
    return {} if found else values


def problems(readme: str) -> list[str]:
    """Why the metadata of a card would be refused; an empty list where it would not."""
    return _read(readme)[1]


def _read(readme: str) -> tuple[Any, list[str]]:
    """The metadata of a card, and what is wrong with it."""
    try:
        values = _load(readme)
    # ValueError: what looks like a date and is none. RecursionError: brackets in brackets.
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return {}, [f"invalid YAML: {str(error).splitlines()[0]}"]
    if not isinstance(values, dict):
        return {}, ["metadata must be a mapping"]
    return values, _faults(values)


def _faults(values: dict[Any, Any]) -> list[str]:
    found = []
    for key in ("license", "pipeline_tag", "library_name"):
        if key in values and not isinstance(values[key], str | list):
            found.append(f'"{key}" must be a string')
    licences = values.get("license", [])
    for licence in licences if isinstance(licences, list) else [licences]:
        if licence not in LICENCES:
            found.append(f'"license" must be one of [{", ".join(LICENCES)}]')
    for key in ("tags", "model-index"):
        if key in values and not isinstance(values[key], list):
            found.append(f'"{key}" must be an array')
    fields = values.get("extra_gated_fields", {})
    if not isinstance(fields, dict):
        found.append('"extra_gated_fields" must be an object')
    return found


def tags(card: dict[str, Any], kind: str) -> list[str]:
    """What a repo of this kind is found by, each once: the card's tags, and its fields as tags."""
    found = [str(tag) for tag in _listed(card.get("tags"))]
    if kind == "models":
        found += [str(card[key]) for key in ("pipeline_tag", "library_name") if isinstance(card.get(key), str)]
    for key, prefix in _TAGGED[kind].items():
        found += [f"{prefix}{value}" for value in _listed(card.get(key)) if isinstance(value, str | int | float)]
    return list(dict.fromkeys(found))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def body(readme: str) -> str:
    """A card without its metadata."""
    return _HEAD.sub("", readme, count=1)


def _load(readme: str) -> Any:
    head = _HEAD.match(readme)
    if not head:
        return {}
    if len(head[1]) > MOST_CHARACTERS:
        raise ValueError(f"metadata of more than {MOST_CHARACTERS} characters")
    loader = yaml.SafeLoader(head[1])
    try:
        node = loader.get_single_node()
        if node is None:
            return {}
        if _size(node, {}) > MOST_NODES:
            raise ValueError("aliases that stand for too much")
        return loader.construct_document(node) or {}
    finally:
        loader.dispose()


def _size(node: yaml.Node, known: dict[int, float]) -> float:
    """How many values a node stands for once each alias is what it names; no end where one names itself."""
    if id(node) not in known:
        known[id(node)] = math.inf
        children = [each for pair in node.value for each in pair] if isinstance(node, yaml.MappingNode) else node.value
        below = [] if isinstance(node, yaml.ScalarNode) else children
        known[id(node)] = 1 + sum(_size(child, known) for child in below)
    return known[id(node)]
