"""The check of text that was damaged on its way, or that holds what a model emits around a text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubkit.checks.flags import Flag

MOJIBAKE = re.compile(
    "[ÃÂ][\u0080-\u00bf]|[ÃÂ](?:[‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ§©ª«¬°±²³µ¶·¹º»¼½¾¿¡¢£¤¥¦]|\\s(?=[a-z]))"
    "|â€|\ufffd|[\ud800-\udfff]|(?<=[A-Za-z])(?:\\?(?=[a-zà-ú])|[√¬∂∆¢£¤¥§¶±](?=[a-zà-ú]))"
    "|[\x00-\x08\x0e-\x1f\x7f-\x9f]"
)
"""UTF-8 that was read as Latin-1, Windows-1252 or Mac Roman, the mark for what could not be read,
half of a surrogate pair, a question mark within a word, and control characters."""

DAMAGE = re.compile("[ÃÂâ?\ufffd\ud800-\udfff√¬∂∆¢£¤¥§¶±\x00-\x08\x0e-\x1f\x7f-\x9f]")
"""One of these stands in whatever MOJIBAKE finds."""

ENTITY = re.compile(
    r"&(?:#\d+|#x[0-9a-fA-F]+|[a-zA-Z]{2,8});|(?<!\\)\\u[0-9a-fA-F]{4}|\\n|\\t|%[CE][0-9A-F]%[0-9A-F]{2}"
)

RESIDUE = re.compile(
    r"</?[a-zA-Z_|][^<>\n]{0,40}>|<\|[^<>\n]{0,40}\|>|\[/?(?:INST|PAD|UNK|CLS|SEP|MASK|EOS|BOS|SYS)\]|<</?SYS>>"
    r"|\[(?:fim|início|inicio|final|tradução|traducao|end|start|continua|translation|texto|omitido|"
    r"nota)\b[^\]\n]{0,60}\]|\{\{?[^{}\n]{0,40}\}?\}|⟨[^⟩\n]{0,40}⟩|▁|Ġ|Ċ|##(?=[a-zà-ú])|@@(?=\s|$)",
    re.IGNORECASE,
)
"""Tags, tokens of a tokenizer or of a prompt, and marks in brackets such as "[Fim da tradução]"."""

MARK = re.compile(r"[&\\%<\[{⟨▁ĠġĊċ#@]")
"""One of these stands in whatever ENTITY and RESIDUE find; nearly all texts have none."""


def check_damage(source: str, translation: str) -> Iterator[Flag]:
    """Yield a flag for characters that were damaged, and for tags and tokens left in a text.

    What the source holds itself may stand in the translation.
    """
    damage = DAMAGE.search(translation) and _foreign(MOJIBAKE, source, translation)
    if damage:
        yield Flag("damaged", "error", None, damage.span())
    if MARK.search(translation) is None:
        return
    left = _foreign(ENTITY, source, translation) or _foreign(RESIDUE, source, translation)
    if left:
        yield Flag("residue", "error", None, left.span())


def _foreign(pattern: re.Pattern[str], source: str, translation: str) -> re.Match[str] | None:
    return next((match for match in pattern.finditer(translation) if match[0] not in source), None)
