"""Runs of words that public texts share with a corpus, and in how many subjects' reports each is seen.

The public texts are small and the corpus is large: the runs of the public texts are kept, and the corpus streams past
them. Words are compared without case, accents and punctuation, so that a report does not slip through by its layout.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

WORD = re.compile(r"[^\W_]+")
RUN = 6
"""Words in a run: fewer are said of many patients in the same words."""

COMMON = 20
"""Subjects from which on a run is common usage, and tells of nobody."""

WORDS_AT_ONCE = 1 << 20


class PublicRuns:
    """The runs of RUN words in public texts.

    Args:
        texts: for each text its words in order, as `words` gives them.
    """

    def __init__(self, texts: Sequence[Sequence[str]]):
        import numpy as np

        self._numbers = _Numbers(word for text in texts for word in text)
        # A fixed seed: the constants need only be odd and without pattern.
        rng = np.random.default_rng(20)
        self._factors = rng.integers(1, 1 << 63, RUN, dtype="uint64") * np.uint64(2) + np.uint64(1)
        self._codes = rng.integers(1, 1 << 63, self._numbers.known + 1, dtype="uint64")
        self._starts = [self._keys(np.array([self._numbers[word] for word in text], dtype="int64")) for text in texts]
        self.keys = np.unique(np.concatenate([keys for _, keys in self._starts] or [np.zeros(0, "uint64")]))
        self._subjects: dict[int, set[int]] = {}

    def count(self, reports: Iterable[tuple[int, str]]) -> None:
        """Note which runs are seen in these reports, given as (subject_id, text)."""
        for subjects, numbers in self._chunks(reports):
            starts, keys = self._keys(numbers)
            places = self.keys.searchsorted(keys)
            places[places == len(self.keys)] = 0
            seen = self.keys[places] == keys if len(self.keys) else places < 0
            for place, subject in set(zip(places[seen].tolist(), subjects[starts[seen]].tolist(), strict=True)):
                of_run = self._subjects.setdefault(place, set())
                if len(of_run) < COMMON:
                    of_run.add(subject)

    def rare(self) -> Iterator[tuple[int, int]]:
        """Yield (text, word): where in the public texts a run begins that is seen in 1 to COMMON - 1 subjects."""
        import numpy as np

        rare = [place for place, subjects in self._subjects.items() if len(subjects) < COMMON]
        keys = self.keys[rare]
        for text, (starts, of_text) in enumerate(self._starts):
            for start in starts[np.isin(of_text, keys)].tolist():
                yield text, start

    def _chunks(self, reports: Iterable[tuple[int, str]]) -> Iterator[tuple[Array, Array]]:
        """The reports' words as numbers, many reports at a time, with a 0 between them; and whose each word is."""
        import numpy as np

        numbers: list[int] = []
        owners: list[int] = []
        lengths: list[int] = []
        number = self._numbers
        for subject, text in reports:
            found = [number[word] for word in WORD.findall(text.casefold())]
            found.append(0)
            numbers += found
            owners.append(subject)
            lengths.append(len(found))
            if len(numbers) >= WORDS_AT_ONCE:
                yield np.repeat(owners, lengths), np.array(numbers, dtype="int64")
                numbers, owners, lengths = [], [], []
        if numbers:
            yield np.repeat(owners, lengths), np.array(numbers, dtype="int64")

    def _keys(self, numbers: Array) -> tuple[Array, Array]:
        """Where a run of known words begins, and a 64-bit key of each."""
        import numpy as np

        windows = len(numbers) - RUN + 1
        if windows < 1:
            return np.zeros(0, "int64"), np.zeros(0, "uint64")
        known = numbers != 0
        whole = known[:windows].copy()
        for offset in range(1, RUN):
            whole &= known[offset : offset + windows]
        starts = np.flatnonzero(whole)
        keys = np.zeros(len(starts), "uint64")
        for offset, factor in enumerate(self._factors):
            keys += self._codes[numbers[starts + offset]] * factor
        return starts, keys


def words(text: str) -> list[str]:
    """The words of a text as they are compared."""
    return [_plain(word) for word in WORD.findall(text.casefold())]


class _Numbers(dict[str, int]):
    """Numbers of the public words from 1 on; 0 for any other. A word is looked up as it is spelled, and remembered."""

    def __init__(self, public: Iterable[str]):
        super().__init__()
        self._public: dict[str, int] = {}
        for word in public:
            self._public.setdefault(word, len(self._public) + 1)
        self.update(self._public)
        self.known = len(self._public)

    def __missing__(self, word: str) -> int:
        number = self[word] = self._public.get(_plain(word), 0)
        return number


def _plain(word: str) -> str:
    if word.isascii():
        return word
    parts = unicodedata.normalize("NFKD", word)
    return "".join(letter for letter in parts if not unicodedata.combining(letter))
