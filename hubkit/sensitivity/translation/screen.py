"""What `hubkit sensitivity --translation` prints: tables of at most 80 columns, and what follows from them."""

from __future__ import annotations

from collections.abc import Sequence

from hubkit.artifacts.translation_sensitivity import TranslationSensitivity, TriedWay
from hubkit.error_profile.profile import DIMENSIONS
from hubkit.screen import counted
from hubkit.sensitivity.translation.results import ERRORS, FLAGGED

NAME = 26
"""Columns of the first column: the longest way, and the longest name of a check."""

MOST_CHECKS = 12
"""Checks on the screen: with them the tables fit on two screens, and rarer ones say little of a prompt."""


def translation_lines(found: TranslationSensitivity) -> list[str]:
    """All that is printed, line by line; none has more than 80 columns."""
    lines = [
        f"{counted(found.studies, 'validation study')}, one of each patient, of {counted(found.patients, 'patient')}",
        f"{len(found.ways)} ways to ask, each text once, without retries",
        "",
        f"{'':<{NAME}}{'texts':>7}{'flagged':>9}{'failed':>8}   reports flagged",
    ]
    for number, way in enumerate(found.ways, start=1):
        share = way.reports_flagged
        interval = f"{share.value:.1%} [{share.low:.1%}, {share.high:.1%}]"
        lines.append(f"{_label(found, number, way)}{way.texts:>7}{way.units_flagged:>9.1%}{way.failed:>8}   {interval}")
    lines += ["* set in [translation]", "", *_checks(found.ways), "", *_choice(found, FLAGGED, percent=True)]
    if found.second_model:
        lines += ["", *_back(found)]
    return [*lines, "", *_closing(found)]


def _label(found: TranslationSensitivity, number: int, way: TriedWay) -> str:
    return f"{'*' if way.name == found.set_way else ' '}{number} {way.name}".ljust(NAME)


def _header(title: str, ways: Sequence[TriedWay]) -> str:
    return f"{title:<{NAME}}" + "".join(f"{number:>8}" for number in range(1, len(ways) + 1))


def _checks(ways: Sequence[TriedWay]) -> list[str]:
    """The share of reports by check, the most frequent first."""
    names = sorted({name for way in ways for name in way.checks})
    if not names:
        return ["no check found an error"]
    names.sort(key=lambda name: -sum(way.checks.get(name, 0.0) for way in ways))
    shown = names[:MOST_CHECKS]
    rows = [f"{name:<{NAME}}" + "".join(f"{way.checks.get(name, 0.0):>8.1%}" for way in ways) for name in shown]
    more = len(names) - len(shown)
    return [_header("reports, by check", ways), *rows, *([f"and {more} rarer: translation.json"] if more else [])]


def _back(found: TranslationSensitivity) -> list[str]:
    second = found.second_model
    assert second is not None
    lines = [f"after back-translation by {second.model}"[:80]]
    if second.left_out:
        lines.append(f"left out, without a whole back-translation: {counted(second.left_out, 'study')}")
    lines.append(f"{'':<{NAME}}{'errors per report':>24}")
    for number, way in enumerate(found.ways, start=1):
        if way.back_translation:
            one = way.back_translation.per_report
            lines.append(f"{_label(found, number, way)}{f'{one.value:.2f} [{one.low:.2f}, {one.high:.2f}]':>24}")
    profiles = [way.back_translation.by_dimension for way in found.ways if way.back_translation]
    lines += ["", _header("errors per report, of", found.ways)]
    lines += [f"{name:<{NAME}}" + "".join(f"{one[name]:>8.2f}" for one in profiles) for name in DIMENSIONS]
    return [*lines, "", *_choice(found, ERRORS, percent=False)]


def _choice(found: TranslationSensitivity, measure: str, *, percent: bool) -> list[str]:
    choice = found.choices[measure]
    if choice.way == found.set_way:
        return [f"{measure}: the set way would have been chosen"]
    form = "+.1%" if percent else "+.2f"
    lead, others = choice.lead, choice.lead_on_others
    return [
        f"{measure}: {choice.way} would have been chosen",
        f"  {lead.value:{form}} [{lead.low:{form}}, {lead.high:{form}}] against the set way; "
        f"chosen on other patients: {others:{form}}",
    ]


def _closing(found: TranslationSensitivity) -> list[str]:
    return [
        *(f"{caution}." for caution in found.cautions),
        "The test split has no part in this: none of its reports was translated.",
        "To take another way, set rules, context and units in [translation].",
    ]
