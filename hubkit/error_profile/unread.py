"""Finds the words of a sentence that may be the name of a finding that was not understood."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hubkit.clinical.cues import is_normal
from hubkit.clinical.sentences import Sentence
from hubkit.clinical.statements import JOINTS, Statement
from hubkit.error_profile.names import STRUCTURES, STUDY, UNCHANGED, VAGUE, WITH_STUDY


def unread_words(sentence: Sentence, stated: Sequence[Statement], named: Sequence[tuple[int, int]]) -> Iterator[str]:
    """Yield the words that were not understood, or are vague, outside the statements that name a finding or device.

    Words about something normal, a structure of the body or something denied do not name a finding.
    """
    candidates = VAGUE.union(sentence.unread)
    for at, word in enumerate(sentence.words):
        start = sentence.span_of(at, at + 1)[0]
        if word not in candidates or any(first <= start < last for first, last in named):
            continue
        own = [one for one in stated if one.span[0] <= start < one.span[1]]
        if any(_is_well(one) for one in own):
            continue
        if word in VAGUE:
            # "Demais estruturas, sem alterações": a part that says nothing belongs to the others.
            if any(_is_well(one) or _is_unchanged(one) or _is_of_study(one) for one in own or stated):
                continue
            if _is_of_anatomy(sentence, at) or _is_denied(sentence, at):
                continue
        yield word


def _is_well(statement: Statement) -> bool:
    """Whether a statement says that something is normal or intact."""
    return statement.values.get("limits") == "normal" or any(
        one.assertion == "present" and is_normal(one.meaning) and "same" not in one.meaning.names
        for one in statement.named
    )


def _is_unchanged(statement: Statement) -> bool:
    return statement.values.get("trend") == "same" and statement.values.keys() <= UNCHANGED


def _is_of_study(statement: Statement) -> bool:
    dimensions = statement.values.keys()
    return not dimensions.isdisjoint(STUDY) and dimensions <= WITH_STUDY


def _is_of_anatomy(sentence: Sentence, at: int) -> bool:
    """Whether a vague word is part of an anatomical name ("imagem cardíaca"), or a structure of an organ.

    A focus or image of a place may be a finding there: "foco basal".
    """
    beyond = int(sentence.words[at] in STRUCTURES)
    return any(
        term.meaning.kinds == {"anatomy"} and term.first - beyond <= at < term.last + beyond for term in sentence.terms
    )


def _is_denied(sentence: Sentence, at: int) -> bool:
    """Whether the last phrase before a vague word denies it: "sem outras imagens"."""
    before = [term for term in sentence.terms if term.last <= at]
    if not before or ("negation", "forward") not in {(one.kind, one.name) for one in before[-1].meaning.concepts}:
        return False
    return JOINTS.isdisjoint(sentence.words[before[-1].last : at])
