"""Reads an installed hunspell dictionary: whether a word, in any inflection, is in it.

Nothing is expanded: the Portuguese dictionary makes some 56 million forms of its 312,000 stems.
A word is taken apart instead: its endings and beginnings are looked up among the affix rules, and
what remains among the stems. One suffix and one prefix are tried, rules upon rules are not.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from hubkit.errors import HubkitError

VARIABLE = "HUBKIT_HUNSPELL"
"""The environment variable that names another dictionary, or none: empty switches the check off."""

FOLDERS = ("/usr/share/hunspell", "/usr/share/myspell/dicts", "/Library/Spelling")

NAME = "pt_BR"

HINT = f"name the .dic file of a Portuguese hunspell dictionary in {VARIABLE}, with its .aff next to it"

WORD_LIST, NONE = "word_list", "none"
"""The key under which tables of checks record the digest of the word list, and what stands there without one."""

FLAG_LENGTHS = {"UTF-8": 1, "long": 2}


class Rule(NamedTuple):
    """An affix: in place of `strip` a stem that fits `condition` and has the flag gets `add`."""

    flag: str
    crosses: bool
    strip: str
    add: str
    condition: str


class WordList:
    """The words of a dictionary.

    Args:
        dictionary: its .dic file; the .aff file of the same name says how words are inflected.

    Raises:
        HubkitError: a file is missing, cannot be read, or uses what this reader does not know.
    """

    def __init__(self, dictionary: Path):
        self.path = dictionary
        words, affixes = _read(dictionary), _read(dictionary.with_suffix(".aff"))
        self.digest = hashlib.sha256(affixes + words).hexdigest()
        encoding = re.search(rb"^(?:\xef\xbb\xbf)?SET\s+(\S+)", affixes, re.MULTILINE)
        name = encoding[1].decode("ascii", "replace") if encoding else "ISO8859-1"
        lines = _decoded(affixes, name, dictionary.with_suffix(".aff"))
        options = {line.split()[0]: line.split()[1:] for line in lines if line.split()}
        if "AF" in options or (options.get("FLAG") or ["UTF-8"])[0] not in FLAG_LENGTHS:
            raise HubkitError("has a kind of flags that is not read", where=dictionary.with_suffix(".aff"), hint=HINT)
        self._length = FLAG_LENGTHS[(options.get("FLAG") or ["UTF-8"])[0]]
        self._barred = {*options.get("FORBIDDENWORD", ()), *options.get("NEEDAFFIX", ())}
        self._suffixes = _rules("SFX", lines)
        self._prefixes = _rules("PFX", lines)
        self._longest = max(map(len, (*self._suffixes, *self._prefixes)), default=0)
        self._stems: dict[str, str] = {}
        for line in _decoded(words, name, dictionary)[1:]:
            stem, _, flags = line.split("\t")[0].partition("/")
            self._stems[stem] = self._stems.get(stem, "") + flags
        self._known = functools.lru_cache(maxsize=200_000)(self._find)

    def __contains__(self, word: str) -> bool:
        """Whether a word is in the list as it is written, or in lower case, or as a name."""
        return any(map(self._known, dict.fromkeys((word, word.lower(), word.capitalize()))))

    def __len__(self) -> int:
        return len(self._stems)

    def _find(self, word: str) -> bool:
        flags = self._stems.get(word)
        if flags is not None and self._barred.isdisjoint(self._parts(flags)):
            return True
        for prefix, rest in ((None, word), *self._beginnings(word)):
            if prefix is not None and self._has(rest, prefix.flag):
                return True
            for suffix, stem in self._endings(rest):
                if self._has(stem, suffix.flag) and (
                    prefix is None or (prefix.crosses and suffix.crosses and self._has(stem, prefix.flag))
                ):
                    return True
        return False

    def _beginnings(self, word: str) -> Iterator[tuple[Rule, str]]:
        """Yield the prefixes that a word may have, each with the word as it was without."""
        for size in range(min(self._longest, len(word) - 1) + 1):
            for rule in self._prefixes.get(word[:size], ()):
                stem = rule.strip + word[size:]
                if _matcher(f"(?:{rule.condition})").match(stem):
                    yield rule, stem

    def _endings(self, word: str) -> Iterator[tuple[Rule, str]]:
        """Yield the suffixes that a word may have, each with the stem that it had without."""
        for size in range(min(self._longest, len(word) - 1) + 1):
            for rule in self._suffixes.get(word[len(word) - size :], ()):
                stem = word[: len(word) - size] + rule.strip
                # Few candidates are stems, and a dictionary is asked faster than a pattern.
                if stem in self._stems and _matcher(f".*(?:{rule.condition})$").match(stem):
                    yield rule, stem

    def _has(self, stem: str, flag: str) -> bool:
        flags = self._stems.get(stem)
        return flags is not None and flag in self._parts(flags)

    def _parts(self, flags: str) -> list[str]:
        return [flags[at : at + self._length] for at in range(0, len(flags), self._length)]


@functools.cache
def word_list() -> WordList | None:
    """Return the dictionary that HUBKIT_HUNSPELL names, else an installed one, else None.

    Raises:
        HubkitError: the variable names a dictionary that cannot be read.
    """
    named = os.environ.get(VARIABLE)
    if named is not None:
        return WordList(Path(named)) if named else None
    found = next((path for folder in FOLDERS if (path := Path(folder, f"{NAME}.dic")).exists()), None)
    return WordList(found) if found else None


def word_list_digest() -> str:
    """Return the SHA-256 of the word list's files, or "none"."""
    words = word_list()
    return words.digest if words else NONE


def word_list_line() -> str:
    """Return one line that says which word list is used, or that none is."""
    words = word_list()
    if words is None:
        return (
            "unknown_word is off: no Portuguese hunspell dictionary is installed "
            f"(Debian: hunspell-pt-br), and {VARIABLE} names none"
        )
    return f"unknown_word reads {words.path} ({len(words):,} words, sha256 {words.digest[:12]})"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise HubkitError(f"cannot be read: {error.strerror}", where=path, hint=HINT) from None


def _decoded(content: bytes, encoding: str, path: Path) -> list[str]:
    try:
        return content.decode("utf-8-sig" if encoding.upper() == "UTF-8" else encoding).splitlines()
    except (LookupError, UnicodeDecodeError):
        raise HubkitError(f"is not in its encoding {encoding}", where=path, hint=HINT) from None


def _rules(kind: str, lines: list[str]) -> dict[str, list[Rule]]:
    """The affixes of a kind, by what they add."""
    found: dict[str, list[Rule]] = {}
    crosses: dict[str, bool] = {}
    for line in lines:
        fields = line.split()
        if len(fields) < 4 or fields[0] != kind:
            continue
        flag = fields[1]
        if flag not in crosses:
            crosses[flag] = fields[2] == "Y"  # the head of a table: SFX FLAG Y COUNT
            continue
        strip, add = ("" if field == "0" else field for field in (fields[2], fields[3].partition("/")[0]))
        condition = fields[4] if len(fields) > 4 else "."
        found.setdefault(add, []).append(Rule(flag, crosses[flag], strip, add, condition))
    return found


@functools.cache
def _matcher(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error:
        raise HubkitError("has an affix whose condition cannot be read", where="the .aff file", hint=HINT) from None
