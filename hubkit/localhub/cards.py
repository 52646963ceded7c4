"""The metadata that stands between `---` lines at the head of a repo's README.md."""

from __future__ import annotations

import re
from typing import Any

import yaml

_HEAD = re.compile(r"\A\s*---[ \t]*\r?\n(.*?)(?:\r?\n)?---[ \t]*(?:\r?\n|\Z)", re.DOTALL)


def metadata(readme: str) -> dict[str, Any]:
    """The metadata of a card; empty where it has none or none that is valid."""
    return {} if problems(readme) else _load(readme)


def problems(readme: str) -> list[str]:
    """Why the metadata of a card would be refused; an empty list where it would not."""
    try:
        values = _load(readme)
    except yaml.YAMLError as error:
        return [f"invalid YAML: {str(error).splitlines()[0]}"]
    if not isinstance(values, dict):
        return ["metadata must be a mapping"]
    found = []
    for key in ("license", "pipeline_tag", "library_name"):
        if key in values and not isinstance(values[key], str | list):
            found.append(f'"{key}" must be a string')
    if isinstance(values.get("license"), str) and not re.fullmatch(r"[a-z0-9.+-]+", values["license"]):
        found.append('"license" must be one of the known licenses')
    if "tags" in values and not isinstance(values["tags"], list):
        found.append('"tags" must be an array')
    fields = values.get("extra_gated_fields", {})
    if not isinstance(fields, dict):
        found.append('"extra_gated_fields" must be an object')
    return found


def body(readme: str) -> str:
    """A card without its metadata."""
    return _HEAD.sub("", readme, count=1)


def _load(readme: str) -> Any:
    head = _HEAD.match(readme)
    return (yaml.safe_load(head[1]) or {}) if head else {}
