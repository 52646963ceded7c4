"""Rare renderings of frequent words, over a whole run: "lungs" as anything but "pulmões" ten times in four thousand.

A statistic for readers. It flags no row: what is rare may be right. Which words translate which is learnt from the run
itself by IBM model 1 (Brown et al., 1993, The Mathematics of Statistical Machine Translation), in a few rounds.
"""

from __future__ import annotations

import math
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from hubkit.report.word_links import Links, in_sentences, numbered
from hubkit.workspace import Workspace, read_table

ROUNDS = 4
"""Of expectation and maximisation: which word is the usual rendering is settled by then."""

FREQUENT = 100
"""Sentences that a word stands in before anything of it is called rare."""

USUAL = 0.05
"""The probability from which a rendering is a usual one: a plural or a synonym has it, a slip has not."""

TELLING = 2.0
"""How many times as often a usual rendering stands with its word as without it: "os" stands everywhere."""

STEADY = 0.97
"""The share of its sentences in which a word needs one of its usual renderings: others are translated freely."""

MOST_SENTENCES = 200_000
"""Different pairs of sentences that are looked at: it bounds memory and time."""

LONGEST = 40
"""Words of a sentence: a longer one is likely to be several, and its links grow with the square."""

MOST_LINKS = 8_000_000
"""Links of two words from which the model learns, of some 50,000 sentences: 64 MB, and seconds of processor time."""

WORD = re.compile(r"[^\W\d_]+")
END = re.compile(r"(?<=[.!?;])\s+|\n+")


Renderings = dict[str, dict[str, float]]
"""By English word, its renderings and their probabilities."""


class Rendering(NamedTuple):
    """A word that stands where the usual rendering of a frequent one is missing.

    Attributes:
        term: the English word.
        sentences: in how many sentences it stands.
        usual: its most probable rendering.
        rare: the word that stands there in its place.
        times: in how many of the sentences.
        study_id: a study with one of them.
    """

    term: str
    sentences: int
    usual: str
    rare: str
    times: int
    study_id: int


class _Pair(NamedTuple):
    """Different words of a sentence and of its translation, in their order; how often they came, and where first."""

    source: tuple[str, ...]
    target: tuple[str, ...]
    times: int
    study_id: int


def workspace_renderings(workspace: Workspace) -> list[Rendering]:
    """Those of the translations of a workspace; none where nothing is translated.

    Raises:
        HubkitError: the table of translations is damaged.
    """
    if not workspace.translations.exists():
        return []
    table = read_table(workspace.translations, ["study_id", "source", "translation"])
    # By batches: as Python objects, a table is several times its size.
    batches = (batch.to_pydict().values() for batch in table.to_batches(max_chunksize=4096))
    rows = (row for columns in batches for row in zip(*columns, strict=True))
    return rare_renderings((study_id, source or "", translation or "") for study_id, source, translation in rows)


def rare_renderings(rows: Iterable[tuple[int, str, str]], most: int = 20) -> list[Rendering]:
    """The rarest renderings of the most frequent words, those that are furthest from what is usual first.

    Args:
        rows: study, source and translation of each text.
        most: how many are returned.
    """
    pairs = _pairs(rows)
    likely, usual = _learnt(pairs)
    frequent = Counter[str]()
    held: dict[str, list[_Pair]] = defaultdict(list)
    missing = Counter[str]()
    for pair in pairs:
        targets = {*pair.target}
        for word in pair.source:
            frequent[word] += pair.times
            if word in usual and usual[word].keys().isdisjoint(targets):
                missing[word] += pair.times
                held[word].append(pair)
    found = [
        rendering
        for word, sentences in frequent.items()
        if sentences >= FREQUENT and 0 < missing[word] <= (1 - STEADY) * sentences
        for rendering in _instead(word, sentences, held[word], usual[word], likely)
    ]
    return sorted(found, key=lambda one: (-one.times * math.log(one.sentences / one.times), one.term, one.rare))[:most]


def _instead(
    word: str, sentences: int, pairs: list[_Pair], usual: dict[str, float], likely: Renderings
) -> Iterator[Rendering]:
    """What stands in these sentences for `word`: of what renders no other word of theirs, the most frequent."""
    left = []
    for pair in pairs:
        explained = set[str]().union(*(likely.get(other, {}) for other in pair.source if other != word))
        left.append([target for target in pair.target if target not in explained])
    counts = Counter[str]()
    for pair, targets in zip(pairs, left, strict=True):
        counts.update(dict.fromkeys(targets, pair.times))
    taken: dict[str, list[_Pair]] = defaultdict(list)
    for pair, targets in zip(pairs, left, strict=True):
        if targets:
            taken[max(targets, key=lambda target: (counts[target], target))].append(pair)
    best = max(usual, key=lambda target: (usual[target], target))
    for target, own in taken.items():
        yield Rendering(word, sentences, best, target, sum(pair.times for pair in own), own[0].study_id)


def _pairs(rows: Iterable[tuple[int, str, str]]) -> list[_Pair]:
    """The different pairs of sentences; a text whose translation has another number of sentences is left out."""
    counts = Counter[tuple[tuple[str, ...], tuple[str, ...]]]()
    first: dict[tuple[tuple[str, ...], tuple[str, ...]], int] = {}
    for study_id, source, translation in rows:
        ours, theirs = (list(filter(None, END.split(text.strip()))) for text in (source, translation))
        if len(ours) != len(theirs):
            continue
        for sentence, other in zip(ours, theirs, strict=True):
            key = _words(sentence), _words(other)
            if key in first or (len(first) < MOST_SENTENCES and all(0 < len(words) <= LONGEST for words in key)):
                counts[key] += 1
                first.setdefault(key, study_id)
    return [_Pair(*key, count, first[key]) for key, count in counts.items()]


def _words(sentence: str) -> tuple[str, ...]:
    # Interned: a run has millions of words, and few different ones.
    return tuple(dict.fromkeys(map(sys.intern, WORD.findall(sentence.casefold()))))


def _learnt(pairs: list[_Pair]) -> tuple[Renderings, Renderings]:
    """The renderings that are likely, and of these the usual ones: such as hardly stand without their word."""
    import numpy as np

    ends = np.cumsum([len(pair.source) * len(pair.target) for pair in pairs])
    pairs = pairs[: int(np.searchsorted(ends, MOST_LINKS, "right"))]
    weights = np.array([pair.times for pair in pairs], float)
    sources, source_words = numbered([pair.source for pair in pairs], weights)
    targets, target_words = numbered([pair.target for pair in pairs], weights)
    if not source_words or not target_words:
        return {}, {}
    links = Links(sources, targets, weights, len(target_words))
    owners, owned = np.divmod(links.keys, len(target_words))
    shares = np.ones(len(links.keys))
    for _ in range(ROUNDS):
        counts = links.expected(shares)
        shares = counts / np.bincount(owners, counts, len(source_words))[owners]
    of_source, of_target = in_sentences(sources, weights), in_sentences(targets, weights)
    together = links.together()
    alone = (of_target[owned] - together) / np.maximum(weights.sum() - of_source[owners], 1)
    telling = together / of_source[owners] >= TELLING * alone
    likely, usual = defaultdict[str, dict[str, float]](dict), defaultdict[str, dict[str, float]](dict)
    for at in np.flatnonzero(shares >= USUAL):
        for kept in (likely, usual) if telling[at] else (likely,):
            kept[source_words[owners[at]]][target_words[owned[at]]] = float(shares[at])
    return dict(likely), dict(usual)
