"""Cards in marked blocks: a later version replaces what hubkit wrote, and keeps what a person wrote around it."""

from __future__ import annotations

import re
from typing import Any

from hubkit.errors import HubkitError

BLOCK = re.compile(
    r"<!-- hubkit:begin (?P<name>[\w-]+) [^>]*-->\n(?P<text>(?:(?!<!-- hubkit:).)*)<!-- hubkit:end (?P=name) -->\n?",
    re.DOTALL,
)
MARK = re.compile(r"<!--\s*hubkit:(?P<side>begin|end)\s+(?P<name>[\w-]+)(?![\w.-])")
"""A mark of a block; the notice of a version that was withdrawn has its number in its name, and is none: it stays."""
_BEGIN = "<!-- hubkit:begin {} (written by hubkit; edit outside of the marks) -->\n"
_END = "<!-- hubkit:end {} -->\n"


def block(name: str, text: str) -> str:
    """`text` between the marks of the block `name`."""
    return f"{_BEGIN.format(name)}{text.strip()}\n{_END.format(name)}"


def merge_card(existing: str, ours: str, where: str = "README.md") -> str:
    """Put a new version of a card into the one that is on the Hub, keeping what a person wrote there.

    Our blocks take the place of the same blocks; a block that is new comes after the one that precedes it in `ours`; a
    block that is no longer written goes. Of the YAML our keys win, tags are joined, and keys that we do not write stay.

    Args:
        existing: the card on the Hub; one without any of our marks is kept whole, below ours.
        ours: the card as it is in dist/.
        where: the card on the Hub, for the error.

    Raises:
        HubkitError: the card on the Hub has no valid YAML, or a block of ours without one of its marks.
    """
    theirs_yaml, theirs_body = _split(existing, where)
    our_yaml, our_body = _split(ours, where)
    _check_marks(theirs_body, where)
    if BLOCK.search(theirs_body) is None:
        body = f"{our_body.strip()}\n\n{theirs_body.strip()}".strip() + "\n"
    else:
        body = _merge_blocks(theirs_body, our_body)
    return f"---\n{_merge_yaml(theirs_yaml, our_yaml)}---\n\n{body}"


def _check_marks(theirs: str, where: str) -> None:
    # Where a block lost its end, nobody can tell its old text from what a person wrote below it.
    lone = MARK.search(BLOCK.sub("", theirs))
    if lone is not None:
        name, end = lone["name"], lone["side"] == "end"
        what = f"the end of the block {name} has no begin before it" if end else f"the block {name} does not end"
        mark = f"<!-- hubkit:{'begin' if end else 'end'} {name} -->"
        hint = f"on the Hub, put {mark} back on a line of its own, or delete that block with its other mark"
        raise HubkitError(what, where=where, hint=hint)


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


def _split(text: str, where: str) -> tuple[dict[str, Any], str]:
    """YAML and body of a card; a card without YAML has an empty one.

    Raises:
        HubkitError: the YAML between the marks is none.
    """
    import yaml

    found = re.match(r"\ufeff?---[ \t]*\r?\n(.*?)\r?\n?---[ \t]*(?:\r?\n|$)", text, re.DOTALL)
    if found is None:
        return {}, text.lstrip().replace("\r\n", "\n")
    try:
        data = yaml.safe_load(found[1]) or {}
    except yaml.YAMLError:
        data = None
    if not isinstance(data, dict):
        raise HubkitError("the card on the Hub has no valid YAML", where=where, hint="correct it on the Hub")
    return data, text[found.end() :].lstrip().replace("\r\n", "\n")
