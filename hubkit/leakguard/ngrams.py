"""Runs of words that public texts share with a corpus, and in how many subjects' reports each is seen.

The public texts are small and the corpus is large: the runs of the public texts are kept, and the corpus streams past
them. Words are compared without case, accents, punctuation and characters that nobody sees, and letters of other
alphabets as those that they look like, so that a report does not slip through by its layout.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

SYMBOL = re.compile(r"[^\x00-\x7f\w]")
INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001d173-\U0001d17a\U000e0000-\U000e0fff\u0300-\u036f]"
)
"""Characters without a width of their own: those that Unicode lets a program leave out, and accents set on the letter
before them, which is what is left of these after NFC."""

LOOKALIKES = str.maketrans("авгеніјкӏмопрѕтухһԁԛԝαβεικνορτυχωıłøđ", "abrehijklmonpstyxhdqwabeikvoptuxwilod")
"""Small letters of Cyrillic, Greek and other alphabets, and the letters that they are taken for."""

SEPARATOR = "\0"
SPELLING = bytes(
    byte if byte == 0 or byte >= 0x80 else ord(chr(byte).lower()) if chr(byte).isalnum() else ord(" ")
    for byte in range(0x100)
)
"""UTF-8 bytes as they are compared: ASCII letters in lower case, ASCII signs as spaces, the rest as it is."""
RUN = 6
"""Words in a run: shorter runs occur in the reports of many patients."""

COMMON = 20
"""Subjects from which on a run is common usage, and tells of nobody."""

CHARACTERS_AT_ONCE = 1 << 20
"""Characters of reports whose words are hashed together: they take some 50 MB. Four times as many are not read faster,
and take 100 MB more."""


class PublicRuns:
    """The runs of RUN words in public texts.

    Args:
        texts: for each text its words in order, as `words` gives them.
    """

    def __init__(self, texts: Sequence[Sequence[str]]):
        import numpy as np

        self._numbers = _Numbers(word for text in texts for word in text)
        public = self._numbers.public
        # A fixed seed: the constants need only be odd and without pattern.
        rng = np.random.default_rng(20)
        self._factors = rng.integers(1, 1 << 63, RUN, dtype="uint64") * np.uint64(2) + np.uint64(1)
        self._codes = rng.integers(1, 1 << 63, len(public) + 1, dtype="uint64")
        self._starts = [self._keys(np.array([public[word] for word in text], dtype="int64")) for text in texts]
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
        """Whose each word is, and the words as numbers: many reports at a time, with a 0 before each."""
        import numpy as np

        for chunk in _batched(reports):
            owners = np.array([subject for subject, _ in chunk], dtype="int64")
            tokens = _tokens("".join(f"{SEPARATOR} {text} " for _, text in chunk))
            numbers = np.fromiter(map(self._numbers.__getitem__, tokens), dtype="int64", count=len(tokens))
            starts = numbers == self._numbers.separator
            numbers[starts] = 0
            yield owners[np.cumsum(starts) - 1], numbers

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
    return words_and_separators(text.replace(SEPARATOR, " "))


def words_and_separators(text: str) -> list[str]:
    """The words of a text as they are compared, and its separators, which have to stand between spaces."""
    plain: dict[bytes, str] = {}
    return [plain[token] if token in plain else plain.setdefault(token, _plain(token)) for token in _tokens(text)]


class _Numbers(dict[bytes, int]):
    """Numbers of the public words from 1 on; 0 for any other. A word is looked up as it is spelled, and remembered."""

    separator = -1

    def __init__(self, public: Iterable[str]):
        super().__init__({SEPARATOR.encode(): self.separator})
        self.public: dict[str, int] = {}
        for word in public:
            self.public.setdefault(word, len(self.public) + 1)

    def __missing__(self, token: bytes) -> int:
        number = self[token] = self.public.get(_plain(token), 0)
        return number


def _batched(reports: Iterable[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    batch: list[tuple[int, str]] = []
    size = 0
    for subject, text in reports:
        batch.append((subject, text.replace(SEPARATOR, " ")))
        size += len(text)
        if size >= CHARACTERS_AT_ONCE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _tokens(text: str) -> list[bytes]:
    if not text.isascii():
        text = SYMBOL.sub(" ", INVISIBLE.sub("", unicodedata.normalize("NFC", text)))
    return text.encode().translate(SPELLING).split()


def _plain(token: bytes) -> str:
    """A word without case and accents, in the letters that it is taken for."""
    word = token.decode()
    if token.isascii():
        return word
    parts = unicodedata.normalize("NFKD", word.casefold()).casefold().translate(LOOKALIKES)
    return "".join(letter for letter in parts if letter.isalnum())
