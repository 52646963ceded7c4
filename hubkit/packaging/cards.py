"""Cards: Jinja templates with the Hub's YAML above them, in marked blocks that a later version may replace."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.errors import HubkitError
from hubkit.published import published

if TYPE_CHECKING:
    from huggingface_hub import CardData

    from hubkit.packaging.evaluation import Interval

BLOCK = re.compile(
    r"<!-- hubkit:begin (?P<name>[\w-]+) [^>]*-->\n(?P<text>.*?)<!-- hubkit:end (?P=name) -->\n?", re.DOTALL
)
_BEGIN = "<!-- hubkit:begin {} (written by hubkit; edit outside of the marks) -->\n"
_END = "<!-- hubkit:end {} -->\n"


def render(template: Path, facts: Mapping[str, Any]) -> str:
    """Render a template; in it, `{% call block("name") %}` sets a marked block.

    Raises:
        HubkitError: the template asks for a fact that there is not, or is no valid template.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([template.parent, published("dataset_card")]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown, not HTML
    )
    environment.globals["block"] = _block
    environment.filters["figure"] = _figure
    environment.filters["percent"] = _percent
    environment.filters["interval"] = _interval
    try:
        return environment.get_template(template.name).render(facts)
    except jinja2.TemplateError as error:
        raise HubkitError(f"cannot be rendered: {error}", where=template, mend="install hubkit again") from None


def card(data: CardData, body: str) -> str:
    """The text of a README.md: YAML of the Hub's card class, then the body."""
    return f"---\n{data.to_yaml()}\n---\n\n{body.strip()}\n"


def merge_card(existing: str, ours: str) -> str:
    """Put a new version of a card into the one that is on the Hub, keeping what a person wrote there.

    Our blocks take the place of the same blocks; a block that is new comes after the one that precedes it in `ours`; a
    block that is no longer written goes. Of the YAML our keys win, tags are joined, and keys that we do not write stay.

    Args:
        existing: the card on the Hub; one without any of our marks is kept whole, below ours.
        ours: the card as it is in dist/.
    """
    theirs_yaml, theirs_body = _split(existing)
    our_yaml, our_body = _split(ours)
    if BLOCK.search(theirs_body) is None:
        body = f"{our_body.strip()}\n\n{theirs_body.strip()}".strip() + "\n"
    else:
        body = _merge_blocks(theirs_body, our_body)
    return f"---\n{_merge_yaml(theirs_yaml, our_yaml)}---\n\n{body}"


def _merge_blocks(theirs: str, ours: str) -> str:
    blocks = {found["name"]: found.group(0) for found in BLOCK.finditer(ours)}
    present = {found["name"] for found in BLOCK.finditer(theirs)}
    merged = BLOCK.sub(lambda found: blocks.get(found["name"], ""), theirs)
    before: str | None = None
    for name, text in blocks.items():
        if name not in present:
            anchor = "" if before is None else _END.format(before)
            place = merged.index(anchor) + len(anchor)
            merged = f"{merged[:place]}{chr(10) if before else ''}{text}{chr(10)}{merged[place:]}"
        before = name
    return merged


def _merge_yaml(theirs: dict[str, Any], ours: dict[str, Any]) -> str:
    import yaml

    kept = {key: value for key, value in theirs.items() if key not in ours}
    tags = list(dict.fromkeys([*ours.get("tags", []), *theirs.get("tags", [])]))
    merged = {**ours, **({"tags": tags} if tags else {}), **kept}
    return yaml.safe_dump(merged, sort_keys=False, allow_unicode=True, width=10_000)


def _split(text: str) -> tuple[dict[str, Any], str]:
    """YAML and body of a card; a card without YAML has an empty one.

    Raises:
        HubkitError: the YAML between the marks is none.
    """
    import yaml

    found = re.match(r"\ufeff?---[ \t]*\r?\n(.*?)\r?\n?---[ \t]*(?:\r?\n|$)", text, re.DOTALL)
    if found is None:
        return {}, text.lstrip()
    try:
        data = yaml.safe_load(found[1]) or {}
    except yaml.YAMLError:
        data = None
    if not isinstance(data, dict):
        raise HubkitError("the card on the Hub has no valid YAML", where="README.md", mend="mend it on the Hub")
    return data, text[found.end() :].lstrip().replace("\r\n", "\n")


def _block(name: str, caller: Callable[[], str]) -> str:
    return f"{_BEGIN.format(name)}{caller().strip()}\n{_END.format(name)}"


def _figure(value: float | None, digits: int = 3) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}".removesuffix(".0") + " %"


def _interval(found: Interval, digits: int = 3) -> str:
    return f"{_figure(found.mean, digits)} [{_figure(found.low, digits)}, {_figure(found.high, digits)}]"
