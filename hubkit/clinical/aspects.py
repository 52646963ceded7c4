"""What a cue speaks of where it is not the finding itself: how that changed, its age, its cause, what tells of it."""

from __future__ import annotations

import re

from hubkit.clinical.cues import ADVERBS, CONTRAST, cue
from hubkit.clinical.sentences import Sentence

ASPECTS = frozenset(
    (
        *("age", "acuity", "chronicity", "cause", "etiology", "aetiology", "origin", "nature", "significance"),
        *("idade", "data", "cronicidade", "causa", "etiologia", "origem", "natureza", "significado"),
    )
)
"""What may be unknown of a finding that is there: "fracture of indeterminate age"."""

UNKNOWN = frozenset(
    (
        *("indeterminate", "uncertain", "unclear", "undetermined"),
        *("indeterminada", "indeterminado", "incerta", "incerto"),
    )
)


def doubts_aspect(sentence: Sentence, at: int) -> bool:
    """Whether a doubt is of the age, the cause or the nature of a finding, and not whether it is there."""
    term, words = sentence.terms[at], sentence.words
    around = {*words[max(0, term.first - 1) : term.first], *words[term.last : term.last + 1]}
    unknown = words[term.first] in UNKNOWN or words[term.last - 1] == "esclarecer"
    return cue(term.meaning) == -1 and unknown and not ASPECTS.isdisjoint(around)


def doubts_trend(sentence: Sentence, at: int) -> bool:
    """Whether a doubt is of how something changed, and not whether it is there: "line likely unchanged"."""
    following = sentence.terms[at + 1 : at + 2]
    return (
        cue(sentence.terms[at].meaning) == -1
        and bool(following)
        and following[0].first == sentence.terms[at].last
        and "same" in following[0].meaning.names
    )


ARTICLES = frozenset({"a", "an", "the", "of", "o", "um", "uma", "de", "do", "da"})


def has_unread_object(sentence: Sentence, at: int) -> bool:
    """Whether a doubt is of something that was not understood: "podendo representar virose"."""
    words, term = sentence.words, sentence.terms[at]
    if cue(term.meaning) != -1:
        return False
    following = next((word for word in words[term.last : term.last + 3] if word not in ARTICLES), "")
    return len(following) > 3 and following in sentence.unread


JUDGED = frozenset({"state", "trend", "grade"})


def is_judged(sentence: Sentence, at: int) -> bool:
    """Whether not the finding is considered: "is considered stable", "CT should be considered for the nodule"."""
    last, following = sentence.terms[at].last, sentence.terms[at + 1 : at + 2]
    judged = any(other.first == last and other.meaning.kinds & JUDGED for other in following)
    return judged or any("modality" in one.values for one in sentence.attributes.found)


ADVISES, STUDY_WITHIN = ("suger", "suggest"), 3
"""How a doubt begins that may be advice, and the words in which the study stands: "sugere-se uma TC do nódulo"."""


def advises_study(sentence: Sentence, at: int) -> bool:
    """Whether a doubt advises a study, and none of what the study is of: "sugere-se TC do nódulo"."""
    term = sentence.terms[at]
    near = range(term.last, term.last + STUDY_WITHIN)
    return sentence.words[term.first].startswith(ADVISES) and any(
        "modality" in one.values and one.first in near for one in sentence.attributes.found
    )


EXPLAINS = frozenset(
    (
        *("explain", "account", "contribute", "cause", "justify", "responsible"),
        *("explicar", "justificar", "contribuir", "causar", "responsavel", "explicam", "explica"),
    )
)
"""What makes of a doubt one of the cause before it: "an effusion may explain the enlarged heart"."""

EXPLAINS_WITHIN = 3
"""Words after the doubt: "poderia ser o responsável"."""


def doubts_cause(sentence: Sentence, at: int) -> bool:
    """Whether a doubt is of what stands before it, as the cause of what follows and is there."""
    last = sentence.terms[at].last
    following = sentence.words[max(0, last - 1) : last + EXPLAINS_WITHIN]
    return cue(sentence.terms[at].meaning) == -1 and not EXPLAINS.isdisjoint(following)


TELLS = re.compile(
    r"(?:\w+ )?(?:(?:sugestiv|indicativ|compative|suspeit)\w*|suggestive|consistent|compatible|concerning|suspicious"
    r"|(?:que|to|that) (?:suger|sugir|indi[cq]|represent|correspond|caracteriz|possa|suggest|indicat)\w*)\b"
)
"""What makes of "nothing abnormal" nothing of a kind, in folded words: "sem alterações sugestivas de pneumonia"."""

AGREEING = re.compile(r"(?:\w+ )?(?:sugestiv|indicativ|compative|suspeit)")

NOTHING = frozenset({"sem", "no", "without", "nada", "nothing"})

OF = frozenset({"de", "of"})


def denied_evidence(sentence: Sentence, at: int) -> int | None:
    """The place of the term from which a finding is denied whose evidence is: "sem achados significativos de edema".

    "Sem alteração do derrame" denies a change, and not the effusion.
    """
    term, words = sentence.terms[at], sentence.words
    if words[term.first] not in NOTHING or not term.meaning.kinds & {"state", "trend", "negation"}:
        return None
    if words[term.last : term.last + 1] and words[term.last] in OF:
        return at if term.meaning.names & {"normal", "clear"} and "trend" not in term.meaning.kinds else None
    tells = TELLS.match(" ".join(words[term.last : term.last + 4]))
    if tells is None:
        return None
    if AGREEING.match(tells[0]) and tells[0].endswith("s") != words[term.last - 1].endswith("s"):
        return None  # it tells of another thing: "opacidade sem alterações, compatível com pneumonia"
    last = term.last + len(tells[0].split())
    return max((place for place, other in enumerate(sentence.terms) if at <= place and other.first < last), default=at)


def of_other_side(sentence: Sentence, at: int) -> bool:
    """Whether a negation only sets one side against another: "effusion on the right, not on the left"."""
    term, following = sentence.terms[at], sentence.terms[at + 1 : at + 2]
    contrasted = sentence.words[term.first - 1 : term.first] if term.first else []
    return (
        term.meaning.first in ADVERBS
        and not CONTRAST.isdisjoint(contrasted)
        and bool(following)
        and following[0].meaning.kinds == {"side"}
    )
