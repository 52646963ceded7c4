"""Finds the phrases of the lexicon in a text: from left to right, the longest where several begin."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hubkit.clinical.lexicon import GAP, Language, Meaning, Term, phrase_tree

GRADE = frozenset({"grade"})

LONGEST_GAP = 3
"""Words that may stand in a gap."""

DENYING = "un"

DENIED = re.compile(r"(?:un(?!de|i|t)|non)[a-z]{5,}|(?!regard|never|none|doubt)[a-z]{3,}less")
"""An English word that denies its own rest: unsuccessful, nonfunctioning, leadless; not until, union or regardless."""

DENIED_BEGIN = ("un", "non")

LINKS = frozenset(
    {"and", "or", "nor", "but", "with", "to", "ou", "nem", "mas", "com", "para", "free", "livre", "livres"}
)

PASSING, PASSING_TRENDS = frozenset({"grade", "hedge", "exam", "ignore"}), frozenset({"new", "again"})


def find_terms(words: Sequence[str], language: Language, in_capitals: Callable[[int], bool]) -> list[Term]:
    """Return the phrases of the lexicon among folded words, from left to right, the longest where several begin.

    Args:
        words: what TOKEN finds.
        language: "en" or "pt".
        in_capitals: whether the word at an index is written in capitals.
    """
    tree = phrase_tree(language)
    denying = tree.get(DENYING)
    count = len(words)

    def longest(node: dict[str, Any], at: int) -> tuple[Meaning | None, int]:
        """The longest phrase that goes on from `node` with the word at `at`, and where it ends."""
        meaning, end = None, at
        while True:
            here = node.get("")
            if here is not None and at >= end and (not here.capitals or in_capitals(at - 1)):
                meaning, end = here, at
            gap = node.get(GAP)
            if gap is not None:
                for step in range(at + 1, min(at + LONGEST_GAP + 1, count)):
                    if not _stands_between(words[step - 1], tree.get(words[step - 1], {}).get("")):
                        break
                    if words[step] in gap:
                        other, after = longest(gap[words[step]], step + 1)
                        if other is not None and after > end:
                            meaning, end = other, after
            following = node.get(words[at]) if at < count else None
            if following is None:
                return meaning, end
            node = following
            at += 1

    found = []
    after = 0
    begins = [
        at
        for at, word in enumerate(words)
        if word in tree or (denying is not None and (word.startswith(DENIED_BEGIN) or word.endswith("less")))
    ]
    for at in begins:
        if at < after:
            continue
        node = tree.get(words[at])
        if node is None:
            # Any English word with un-, non- or -less that the lexicon does not know denies its own rest.
            if denying is None or not DENIED.fullmatch(words[at]):
                continue
            node = denying
        meaning, end = longest(node, at + 1)
        if meaning is not None:
            found.append(Term(meaning, at, end))
            found += _graded(meaning, words, at, end, tree)
            after = end
    return found


def _graded(meaning: Meaning, words: Sequence[str], first: int, last: int, tree: dict[str, Any]) -> Iterator[Term]:
    """The grades in the gap of a finding, which say how much of it there is: "doença leve do espaço aéreo"."""
    if "finding" in meaning.kinds and last - first > 2:
        for at in range(first + 1, last - 1):
            alone = tree.get(words[at], {}).get("")
            if alone is not None and alone.kinds == GRADE:
                yield Term(alone, at, at + 1)


def _stands_between(word: str, alone: Meaning | None) -> bool:
    """Whether a word may fill the gap of a phrase: one that says nothing by itself but how much or how it changed."""
    if not (word[0].isalnum() or word == "%") or word in LINKS:
        return False
    return alone is None or alone.capitals or alone.kinds <= PASSING or alone.names <= PASSING_TRENDS
