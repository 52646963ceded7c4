"""What readings say of all rows: error rates, and the automatic checks against the readers, weighted by the design."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from hubkit.artifacts.review import DIMENSIONS, ERROR_TYPES, VERDICTS, Review
from hubkit.artifacts.review_results import CheckFigures, Rate, StratumRead
from hubkit.review.intervals import CONFIDENCE, Sample, part_interval, share_interval
from hubkit.review.readings import CRITICAL, ERROR, MAJOR, Judgement, Preference

GRADES_COUNTED = {"an error": ERROR, "major or critical": MAJOR, "critical": CRITICAL}

FLAGGED, ANY_FLAG = "flagged rows", "any check"
"""Names of what stands for all checks together: those that flag a row, and those that only warn as well."""

Has = Callable[[Judgement], bool]

Shares = Mapping[str, float]
"""By item, the share of its readers who say so."""


def first_readings(judgements: Iterable[Judgement]) -> list[Judgement]:
    """Without second readings: they tell how steady a reader is, and would count an item twice."""
    return [judgement for judgement in judgements if not judgement.repeat]


def shares_of(judgements: Iterable[Judgement], has: Has) -> dict[str, float]:
    """Of each item that was read, the share of its readers for whom `has` holds."""
    answers: dict[str, list[bool]] = defaultdict(list)
    for judgement in judgements:
        answers[judgement.item].append(has(judgement))
    return {item: sum(those) / len(those) for item, those in answers.items()}


def strata_read(review: Review, judgements: Iterable[Judgement]) -> list[StratumRead]:
    """How many rows of each stratum were read."""
    read = {judgement.item for judgement in judgements}
    return [
        StratumRead(
            name=stratum.name,
            size=stratum.size,
            sampled=stratum.sampled,
            read=sum(item.id in read for item in review.items if item.stratum == stratum.name),
        )
        for stratum in review.strata
    ]


def samples(review: Review, shares: Shares) -> list[Sample]:
    """What was read of each stratum. Items without an answer count as if they had been left out by chance."""
    by_stratum: dict[str, list[float]] = {stratum.name: [] for stratum in review.strata}
    for item in review.items:
        if item.id in shares:
            by_stratum[item.stratum].append(shares[item.id])
    return [
        Sample(stratum.size, len(those), sum(those) / len(those) if those else 0.0)
        for stratum in review.strata
        for those in [by_stratum[stratum.name]]
    ]


def rates(
    review: Review, judgements: Sequence[Judgement], preferences: Sequence[Preference], confidence: float = CONFIDENCE
) -> list[Rate]:
    """Error rates by severity and type; for reports by condition, with how many would be signed and are preferred."""
    first = first_readings(judgements)
    if not first:
        return []
    if review.kind == "translation":
        wanted: dict[str, Has] = {verdict: _verdict(verdict) for verdict in VERDICTS}
        by_verdict = [_rate(review, name, None, shares_of(first, has), confidence) for name, has in wanted.items()]
        by_stratum = _by_stratum(review, first, confidence)
        return [*_error_rates(review, first, ERROR_TYPES, None, confidence), *by_verdict, *by_stratum]
    found: list[Rate] = []
    for condition in sorted({row.condition for row in first if row.condition}):
        own = [row for row in first if row.condition == condition]
        found += _error_rates(review, own, DIMENSIONS, condition, confidence)
        signed = shares_of([row for row in own if row.signed is not None], lambda row: bool(row.signed))
        if signed:
            found.append(_rate(review, "would sign", condition, signed, confidence))
    return [*found, *_preferences(review, preferences, confidence)]


def _error_rates(
    review: Review, judgements: Sequence[Judgement], kinds: Sequence[str], group: str | None, confidence: float
) -> list[Rate]:
    wanted = {name: _at_least(grade) for name, grade in GRADES_COUNTED.items()} | {kind: _has(kind) for kind in kinds}
    return [_rate(review, name, group, shares_of(judgements, has), confidence) for name, has in wanted.items()]


def _at_least(grade: int) -> Has:
    return lambda row: row.grade >= grade


def _has(kind: str) -> Has:
    return lambda row: kind in row.kinds


def _verdict(verdict: str) -> Has:
    return lambda row: row.verdict == verdict


def _rate(review: Review, what: str, group: str | None, shares: Shares, confidence: float) -> Rate:
    interval = share_interval(samples(review, shares), confidence)
    return Rate(what=what, group=group, read=len(shares), found=sum(shares.values()), share=interval)


def _by_stratum(review: Review, judgements: Sequence[Judgement], confidence: float) -> Iterator[Rate]:
    """The error rate in each stratum: of what the checks passed, readers want to know it by itself."""
    if len(review.strata) < 2:
        return
    stratum_of = {item.id: item.stratum for item in review.items}
    shares = shares_of(judgements, lambda row: row.grade >= ERROR)
    for stratum, sample in zip(review.strata, samples(review, shares), strict=True):
        if sample.read:
            own = [share for item, share in shares.items() if stratum_of[item] == stratum.name]
            interval = share_interval([sample], confidence)
            yield Rate(what="an error", group=stratum.name, read=len(own), found=sum(own), share=interval)


def _preferences(review: Review, preferences: Sequence[Preference], confidence: float) -> Iterator[Rate]:
    """For each pair of conditions, how often either is preferred, and neither."""
    first = [row for row in preferences if not row.repeat]
    for pair in sorted({row.pair for row in first}):
        for better in (*pair, None):
            answers: dict[str, list[bool]] = defaultdict(list)
            for row in first:
                if row.pair == pair:
                    answers[row.item].append(row.better == better)
            shares = {item: sum(those) / len(those) for item, those in answers.items()}
            what = "the same" if better is None else f"{better} is better"
            yield _rate(review, what, " and ".join(pair), shares, confidence)


def check_figures(
    review: Review, judgements: Sequence[Judgement], confidence: float = CONFIDENCE
) -> list[CheckFigures]:
    """Precision and recall of the automatic checks, alone and together, for rows that readers find an error in.

    The recall of a single check is its share of all errors, also of those that it does not look for.
    """
    shares = shares_of(first_readings(judgements), lambda row: row.grade >= ERROR)
    flagged = {item.id: {*item.flags, *([ANY_FLAG] if item.flags else [])} for item in review.items}
    for item in review.items:
        if item.stratum == "flagged":
            flagged[item.id].add(FLAGGED)
    names = sorted({name for item in shares for name in flagged[item]} - {FLAGGED, ANY_FLAG})
    present = [name for name in (FLAGGED, ANY_FLAG) if any(name in flagged[item] for item in shares)]
    return [_check(review, name, shares, flagged, confidence) for name in (*present, *names)]


def _check(
    review: Review, name: str, shares: Shares, flagged: Mapping[str, set[str]], confidence: float
) -> CheckFigures:
    own = {item: share for item, share in shares.items() if name in flagged[item]}
    # Of each stratum, as many rows are flagged as the share of the read ones says.
    parts = zip(samples(review, shares), samples(review, own), strict=True)
    flagged_rows = [
        Sample(whole.size * part.read / whole.read, part.read, part.share) for whole, part in parts if part.read
    ]
    right = samples(review, {item: share * (name in flagged[item]) for item, share in shares.items()})
    missed = samples(review, {item: share * (name not in flagged[item]) for item, share in shares.items()})
    return CheckFigures(
        check=name,
        read=len(own),
        precision=share_interval(flagged_rows, confidence),
        recall=part_interval(right, missed, confidence),
    )
