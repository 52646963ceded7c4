"""Which word translates which: IBM model 1, over the links of all words of a sentence with all of its translation.

Brown et al., 1993, The Mathematics of Statistical Machine Translation; without an empty word.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

KNOWN = 5
"""Sentences below which a word is too rare to learn from."""

CHUNK = 4096
"""Sentences whose links are numbered at a time."""


def numbered(sentences: list[tuple[str, ...]], weights: np.ndarray) -> tuple[list[np.ndarray], list[str]]:
    """Each sentence as the numbers of its known words, and the words by number."""
    import numpy as np

    counts = Counter[str]()
    for words, weight in zip(sentences, weights.tolist(), strict=True):
        for word in words:
            counts[word] += weight
    # By name: the sums of the model round by their order.
    known = sorted(word for word, count in counts.items() if count >= KNOWN)
    numbers = {word: number for number, word in enumerate(known)}
    return [np.array([numbers[word] for word in words if word in numbers], np.int64) for words in sentences], known


def in_sentences(sentences: list[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """In how many sentences each word stands."""
    import numpy as np

    return np.bincount(np.concatenate(sentences), np.repeat(weights, [len(words) for words in sentences]))


class Links:
    """Every word of each sentence with every word of its translation.

    Attributes:
        keys: the different links, as source times width plus target, in order.
        chunks: for some sentences, of each link its place in `keys`, and that of its target word among theirs; of each
            target word how often its sentence came.
    """

    def __init__(self, sources: list[np.ndarray], targets: list[np.ndarray], weights: np.ndarray, width: int):
        import numpy as np

        made = []
        for start in range(0, len(sources), CHUNK):
            some = slice(start, start + CHUNK)
            keys, places = _of_chunk(sources[some], targets[some], width)
            repeated = np.repeat(weights[some], [len(words) for words in targets[some]])
            made.append((*np.unique(keys, return_inverse=True), places, repeated))
        self.keys = np.unique(np.concatenate([keys for keys, _, _, _ in made]))
        self.chunks = [
            (np.searchsorted(self.keys, keys).astype(np.int32)[inverse], places, repeated)
            for keys, inverse, places, repeated in made
        ]

    def expected(self, shares: np.ndarray) -> np.ndarray:
        """How often each link is expected to be a translation, by the probabilities of target given source."""
        import numpy as np

        counts = np.zeros(len(self.keys))
        for at, places, weights in self.chunks:
            part = shares[at]
            # A word that stands with no known word has no link.
            whole = np.maximum(np.bincount(places, part, len(weights)), np.finfo(float).tiny)
            counts += np.bincount(at, part * (weights / whole)[places], len(counts))
        return counts

    def together(self) -> np.ndarray:
        """In how many sentences both words of each link stand."""
        import numpy as np

        counts = np.zeros(len(self.keys))
        for at, places, weights in self.chunks:
            counts += np.bincount(at, weights[places], len(counts))
        return counts


def _of_chunk(sources: list[np.ndarray], targets: list[np.ndarray], width: int) -> tuple[np.ndarray, np.ndarray]:
    """Of each link of some sentences its key, and the place of its target word among theirs."""
    import numpy as np

    keys, places, place = [], [], 0
    for source, target in zip(sources, targets, strict=True):
        keys.append(np.add.outer(source * width, target).ravel())
        places.append(np.tile(np.arange(place, place + len(target), dtype=np.int32), len(source)))
        place += len(target)
    return np.concatenate(keys), np.concatenate(places)
