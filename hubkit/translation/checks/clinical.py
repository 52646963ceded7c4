"""The checks of what is said: findings, negation, sides, grades, trends and uncertainty, sentence by sentence."""

from __future__ import annotations

from collections.abc import Iterator

from hubkit.clinical.lexicon import Term
from hubkit.translation.checks.sides import Place, Side, Span
from hubkit.translation.flags import Flag


def check_sentences(source: Side, translation: Side) -> Iterator[Flag]:
    """Yield what is wrong between sentences that answer one another."""
    if not translation.sentences:
        yield Flag("sentence_lost", "error", source.span, None)
        return
    if not source.sentences:
        yield Flag("sentence_added", "error", None, translation.span)
        return
    yield from _named(source, translation)
    yield from _negation(source, translation)
    yield from _laterality(source, translation)
    yield from _direction(source, translation, "grade", "severity")
    yield from _direction(source, translation, "trend", "comparison")
    yield from _uncertainty(source, translation)


def _named(source: Side, translation: Side) -> Iterator[Flag]:
    """Findings and devices that only one side names; anatomy likewise, which reports leave out and add more freely."""
    for kinds, name, severity in (
        (("finding", "device"), "finding", "error"),
        (("anatomy",), "anatomy", "warning"),
    ):
        for place in source.of_kind(*kinds):
            if not translation.says(place.term):
                yield Flag(f"{name}_lost", severity, place.span, None)  # type: ignore[arg-type]
        for place in translation.of_kind(*kinds):
            if not source.says(place.term):
                yield Flag(f"{name}_added", severity, None, place.span)  # type: ignore[arg-type]


LOOSE = frozenset({"loose", "normal", "clear", "intact", "same", "resolved", "removed"})
"""What can stand for a negation of the other language, and needs none there."""


def _negation(source: Side, translation: Side) -> Iterator[Flag]:
    said, told = _negations(source), _negations(translation)
    spare = len(_loose(source)) - len(_loose(translation))
    if said and not told and spare >= 0:
        yield Flag("negation_dropped", "error", said[0].span, translation.span)
        return
    if told and not said and spare <= 0:
        yield Flag("negation_added", "error", source.span, told[0].span)
        return
    lone = [place for place in told if _word(place) == "nao"]
    if lone and len(told) > len(said) + max(0, spare):
        yield Flag("negation_added", "error", source.span, lone[-1].span)
        return
    for name, polarities in source.polarities.items():
        others = translation.polarities.get(name)
        if polarities == {0} and others == {1} and len(told) < len(said):
            yield Flag("negation_dropped", "error", source.named(name)[0].span, translation.named(name)[0].span)
            return
        if polarities == {1} and others == {0} and len(told) > len(said):
            yield Flag("negation_added", "error", source.named(name)[0].span, translation.named(name)[0].span)
            return


def _negations(side: Side) -> list[Place]:
    return [place for place in side.places if "negation" in place.term.kinds and not _is_loose(place.term)]


def _loose(side: Side) -> list[Place]:
    return [place for place in side.places if _is_loose(place.term)]


def _is_loose(term: Term) -> bool:
    names = {concept.name for concept in term.concepts}
    return bool(names & LOOSE) and "inner" not in names


def _word(place: Place) -> str:
    return " ".join(token.word for token in place.sentence.tokens[place.term.first : place.term.last])


IMPLIED = {"right": {"lobo medio", "middle lobe"}, "left": {"lingula", "lingular"}}


def _laterality(source: Side, translation: Side) -> Iterator[Flag]:
    said, told = _directions(source), _directions(translation)
    one, other = [side for side, _ in said], [side for side, _ in told]
    if one == other:
        return
    explicit = {*one} - {"both"}, {*other} - {"both"}
    if len(explicit[0]) == len(explicit[1]) == 1 and explicit[0] != explicit[1]:
        at = next(span for side, span in said if side != "both"), next(span for side, span in told if side != "both")
        yield Flag("laterality", "error", *at)
        return
    for first, second, name in ((said, told, "lost"), (told, said, "added")):
        sides = {side for side, _ in second}
        wide = "both" in sides or sides >= {"left", "right"}
        for side, span in first:
            if side in sides or wide or (side == "both" and not sides):
                continue
            if side != "both" and _implied(source, translation, side):
                continue
            spans = (span, translation.span) if name == "lost" else (source.span, span)
            yield Flag("laterality", "error", *spans)
            return
    if len(one) == len(other) and "both" not in (*one, *other):
        at = next(at for at, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1])
        yield Flag("laterality", "error", said[at][1], told[at][1])


def _directions(side: Side) -> list[tuple[str, Span]]:
    return [
        (concept.name, place.span) for place in side.places for concept in place.term.concepts if concept.kind == "side"
    ]


def _implied(source: Side, translation: Side, side: str) -> bool:
    words = " ".join(token.word for part in (source, translation) for s in part.sentences for token in s.tokens)
    return any(phrase in words for phrase in IMPLIED[side])


def _direction(source: Side, translation: Side, kind: str, name: str) -> Iterator[Flag]:
    """Grades and trends: one in place of another is an error, one lost or added a warning."""
    said, told = source.of_kind(kind), translation.of_kind(kind)
    lost = [place for place in said if not translation.says(place.term)]
    added = [place for place in told if not source.says(place.term)]
    if lost and (added or len(told) >= len(said)):
        yield Flag(f"{name}_changed", "error", lost[0].span, (added or told)[0].span)
    elif lost:
        yield Flag(f"{name}_lost", "warning", lost[0].span, None)
    elif added:
        changed = len(said) >= len(told) and kind == "trend"
        yield Flag(
            f"{name}_{'changed' if changed else 'added'}", "error" if changed else "warning", None, added[0].span
        )


def _uncertainty(source: Side, translation: Side) -> Iterator[Flag]:
    said = [place for place in source.of_kind("hedge") if _possible(place.term)]
    told = [place for place in translation.of_kind("hedge") if _possible(place.term)]
    if said and not any(_possible(place.term) for place in translation.places):
        yield Flag("uncertainty_dropped", "error", said[0].span, translation.span)
    elif told and not any("hedge" in place.term.kinds for place in source.places):
        yield Flag("uncertainty_added", "error", source.span, told[0].span)
    elif len(told) < len(said):
        for name, polarities in source.polarities.items():
            if polarities == {-1} and translation.polarities.get(name) == {1}:
                yield Flag("uncertainty_dropped", "error", source.named(name)[0].span, translation.named(name)[0].span)
                return


def _possible(term: Term) -> bool:
    return any((concept.kind, concept.name) == ("hedge", "possible") for concept in term.concepts)
