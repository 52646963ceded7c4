"""Runs of words that a generated text shares with the reports, and whose reports these are.

The words of all reports lie in one array. Runs of SHORTEST words are looked up by their hash, and
each place where one stands is followed word by word, so that the longest run is found exactly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from hubkit.artifacts.memorisation import RunShares

SHORTEST = 8
"""Words of the runs that are looked up."""

LENGTHS = (8, 16, 32)
"""Words of the runs that are counted. Fifty tokens, some 32 words, are what the literature on extraction counts."""

OWN = 0.5
"""The share of a report's runs of SHORTEST words that no other patient's report may have, before its whole text counts
as remembered. A short report of sentences that many have is what a model without any memory writes of a black image:
on the demo one of 25 words comes back so, and not one of its runs is its own."""

WORD = re.compile(r"\w+")

UNKNOWN = -1
"""The number of a word that no report has, and of what stands between two reports."""

FACTOR = np.uint64(0x9E3779B97F4A7C15)
"""An odd factor of 64 bits; sums of words times its powers are their hashes. Each place found is compared in full."""


class Report(NamedTuple):
    """A report of the corpus as it is compared.

    Attributes:
        patient: whose it is.
        trained: whether the adapter was trained on it.
    """

    text: str
    patient: int
    trained: bool


class Repeats(NamedTuple):
    """What a text repeats.

    Attributes:
        longest: words of its longest run that stands in training reports of one patient and in no other report.
        whole: words of the longest such run that is all of a report of that patient's own words; 0 where there is none.
        trained: of each of LENGTHS, how many of its runs stand in training reports and in no other.
        untrained: the same the other way round: in reports that were not trained on, and in no training report.
        runs: of each of LENGTHS, how many runs the text has.
    """

    longest: int
    whole: int
    trained: tuple[int, ...]
    untrained: tuple[int, ...]
    runs: tuple[int, ...]


class Runs:
    """The runs of words of a corpus."""

    def __init__(self, reports: Sequence[Report]):
        self._numbers: dict[str, int] = {}
        parts, owners = [], []
        for number, report in enumerate(reports):
            words = [self._numbers.setdefault(word, len(self._numbers)) for word in words_of(report.text)]
            parts.append(np.array([*words, UNKNOWN], dtype=np.int64))
            owners.append(np.full(len(words) + 1, number, dtype=np.int64))
        self._words = np.concatenate([np.zeros(0, np.int64), *parts, np.full(SHORTEST, UNKNOWN)])
        self._owners = np.concatenate([np.zeros(0, np.int64), *owners])
        self._patients = np.array([report.patient for report in reports], dtype=np.int64)
        self._trained = np.array([report.trained for report in reports], dtype=bool)
        hashes = _hashes(self._words)[: len(self._owners)]
        self._order = np.argsort(hashes, kind="stable")
        self._hashes = hashes[self._order]

    def repeats(self, text: str) -> Repeats:
        """What `text` repeats of the reports."""
        words = np.array([self._numbers.get(word, UNKNOWN) for word in words_of(text)], dtype=np.int64)
        longest, whole, trained, untrained = 0, 0, [0] * len(LENGTHS), [0] * len(LENGTHS)
        for at in range(len(words) - SHORTEST + 1):
            places, length = self._places(words[at : at + SHORTEST]), SHORTEST
            while len(places):
                owners = self._owners[places]
                if length in LENGTHS:
                    which = self._trained[owners]
                    trained[LENGTHS.index(length)] += bool(which.all())
                    untrained[LENGTHS.index(length)] += not which.any()
                if length > longest and self._of_one_patient(owners):
                    longest = length
                if length > whole and self._of_one_patient(owners) and self._is_report(places, length):
                    whole = length
                if at + length == len(words) or words[at + length] == UNKNOWN:
                    break
                places = places[self._words[places + length] == words[at + length]]
                length += 1
        runs = tuple(max(0, len(words) - length + 1) for length in LENGTHS)
        return Repeats(longest, whole, tuple(trained), tuple(untrained), runs)

    def _places(self, run: np.ndarray) -> np.ndarray:
        if (run == UNKNOWN).any():
            return np.zeros(0, np.int64)
        value = _hashes(run)[0]
        first, last = (np.searchsorted(self._hashes, value, side=side) for side in ("left", "right"))
        places = self._order[first:last]
        same = self._words[places[:, None] + np.arange(SHORTEST)] == run
        found: np.ndarray = places[same.all(axis=1)]
        return found

    def _is_report(self, places: np.ndarray, length: int) -> bool:
        """Whether so many words from one of the places on are all of a report, and OWN of its runs are its patient's
        alone."""
        whole = (self._words[places - 1] == UNKNOWN) & (self._words[places + length] == UNKNOWN)
        if not whole.any():
            return False
        words = self._words[places[0] : places[0] + length]
        runs = [words[at : at + SHORTEST] for at in range(length - SHORTEST + 1)]
        return sum(self._of_one_patient(self._owners[self._places(run)]) for run in runs) >= OWN * len(runs)

    def _of_one_patient(self, owners: np.ndarray) -> bool:
        patients = self._patients[owners]
        return bool(self._trained[owners].all() and (patients == patients[0]).all())


def counted(texts: Iterable[str], runs: Runs) -> RunShares:
    """The repeats of all texts together."""
    found = [runs.repeats(text) for text in texts]
    return RunShares(
        texts=len(found),
        longest=max((one.longest for one in found), default=0),
        whole=max((one.whole for one in found), default=0),
        trained=_shares([(one.trained, one.runs) for one in found]),
        untrained=_shares([(one.untrained, one.runs) for one in found]),
    )


def _shares(counts: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]) -> dict[str, float | None]:
    """By length, so many of all runs; None where no text is that long."""
    found: dict[str, float | None] = {}
    for at, length in enumerate(LENGTHS):
        every = sum(runs[at] for _, runs in counts)
        found[str(length)] = sum(some[at] for some, _ in counts) / every if every else None
    return found


def words_of(text: str) -> list[str]:
    """The words of a text as they are compared: in lower case, without marks."""
    return WORD.findall(text.lower())


def _hashes(words: np.ndarray) -> np.ndarray:
    """The hash of the run of SHORTEST words from each place, as far as they reach."""
    values = (words + 2).astype(np.uint64)
    hashes = np.zeros(max(0, len(words) - SHORTEST + 1), dtype=np.uint64)
    power = np.uint64(1)
    with np.errstate(over="ignore"):
        for at in range(SHORTEST):
            hashes += values[at : len(values) - SHORTEST + 1 + at] * power
            power = power * FACTOR
    return hashes
