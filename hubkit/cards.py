"""Cards in marked blocks: a later version replaces what hubkit wrote, and keeps what a person wrote around it."""

from __future__ import annotations

import re
from typing import Any

from hubkit.errors import HubkitError

BLOCK = re.compile(
    r"<!-- hubkit:begin (?P<name>[\w-]+) [^>]*-->\n(?P<text>.*?)<!-- hubkit:end (?P=name) -->\n?", re.DOTALL
)
_BEGIN = "<!-- hubkit:begin {} (written by hubkit; edit outside of the marks) -->\n"
_END = "<!-- hubkit:end {} -->\n"


def block(name: str, text: str) -> str:
    """`text` between the marks of the block `name`."""
    return f"{_BEGIN.format(name)}{text.strip()}\n{_END.format(name)}"


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
