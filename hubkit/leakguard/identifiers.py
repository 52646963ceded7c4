"""What a line may not tell: ids of studies, subjects and images, and paths of this machine."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

from hubkit.config import ReleaseConfig
from hubkit.leakguard.decode import unescaped
from hubkit.workspace import Workspace

SUBJECT_OR_STUDY, IMAGE = "a subject or study id", "an image id"
MACHINE_PATH = "a path of this machine"

NUMBER = re.compile(r"(?<!\d)(?<!\d\.)\d{6,10}(?!\d|\.0*[1-9])")
"""A whole number; one with nothing but zeros behind the point is whole, as pandas writes a column that lacks values."""
HEX = re.compile(r"[0-9a-fA-F]*")
HEXADECIMAL = re.compile(r"(?<![0-9A-Za-z])0x([0-9a-fA-F]{6,8})(?![0-9A-Za-z])")
SCIENTIFIC = re.compile(r"(?<![\w.])(\d)[.,](\d{3,9})[eE]\+?0?([6-9])(?!\d)")
"""A float of three decimals or more: 5e7 is a round number before it is anybody's id."""
GROUPED = re.compile(
    r"(?<![\d.])\d{1,3}(?:(?P<mark>[_,.' \u00a0\u202f])\d{3})(?:(?P=mark)\d{3}){1,2}(?!\d)(?!(?P=mark)\d{3}(?!\d))"
)
MIMIC_NAME = re.compile(r"(?<![A-Za-z0-9])(?:s5|p1)\d{7}(?![A-Za-z0-9])")
SIZE = re.compile(r"\b(?:num_?bytes|download_?size|dataset_?size|contentSize)\b\W{0,8}(\d{1,15})(?!\d)")
DICOM = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{8}(?:[-_.][0-9a-fA-F]{8}){4}(?![0-9a-fA-F])")
UNMARKED_DICOM = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{8}(?:[^0-9A-Za-z\n]{0,2}[0-9a-fA-F]{8}){4}(?![0-9a-fA-F])")
"""An image id without its marks looks like the revision of a model: only those of the corpus are meant."""
LOCAL_PATH = re.compile(
    r"(?<![\w.:/~}-])/(?:home|root|Users|tmp|mnt|media|data|scratch|work|opt|srv|var|private|content"
    r"|workspace|cluster|nfs|export|storage|projects?|Volumes|kaggle|dbfs)/[\w.-]+"
    r"|(?<![\w.:/~}-])/(?:beegfs|gpfs|lustre)\b|\b[A-Za-z]:[\\/]+Users\b|\bfile://"
)
"""What is a path of some machine wherever it stands."""

ABSOLUTE_PATH = re.compile(
    r"://[^\s\"'`<>()]*"  # an address, of which no part is a path of this machine
    # A picture in base64, whose lines may begin as a path does; all of them are long but the last.
    r"|;base64,\s*(?:[A-Za-z0-9+/]{60,}\s+)*[A-Za-z0-9+/]*={0,2}"
    r"|(?<![^\s\"'`=(\[{,;:|>])(?P<path>(?:[A-Za-z]:)?/"
    r"(?!(?:api|v\d+|docs?|spaces|resolve|blob|static|assets"  # routes of web servers
    r"|usr/(?:bin|lib|share|include)|bin|etc|dev/(?:null|std\w+|fd)|proc|sys"  # the same on every machine
    r"|path|your|loader|plots)(?![\w.+-]))"  # examples, and folders of the release
    r"[A-Za-z_][\w.+-]*/[\w.@+-]+)"
)
"""A path of two parts or more from the root, at the beginning of a word or a value."""

VOCABULARIES = ("tokenizer.json", "tokenizer.model", "vocab.json", "merges.txt", "added_tokens.json")
"""Ends of the names of files that hold every word, and so every password that is one."""

PICTURES = (".png", ".jpg", ".jpeg")

LOOKS_LIKE_A_PATH = (*PICTURES, *VOCABULARIES)
"""Ends of the names of files in which any text stands by chance: bytes of pictures, vocabularies."""


SHORT_ADDRESS = re.compile(r"file:/+(?![\w.$:/-]{12})", re.ASCII)
"""What a path of Windows of fewer than 12 characters is read as. In the bytes of a picture two backslashes, two
letters, another backslash and a letter stand together once in some thousand pictures; 12 such characters do not."""


def study_ids(text: str, ids: frozenset[int], sizes: frozenset[int]) -> Iterator[int]:
    """Yield where a text tells an id of the corpus, or what is called like one.

    Args:
        sizes: sizes that the release states of itself. One of them in a field for sizes is that size, whosever id
            it is as well.
    """
    # Superscripts and mathematical figures too; a line stays a line.
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    stated = {size.start(1) for size in SIZE.finditer(plain) if int(size[1]) in sizes}
    for version in dict.fromkeys((plain, text)):
        starts = _line_starts(text) if version is not text else None
        for place, number in _numbers(version):
            if number in ids and place not in stated:
                yield place if starts is None else _same_line(version, place, starts)
    yield from (found.start() for found in MIMIC_NAME.finditer(text))


def image_ids(text: str, images: frozenset[str]) -> Iterator[int]:
    """Yield where a text tells an image id."""
    yield from (found.start() for found in DICOM.finditer(text))
    if images:
        for found in UNMARKED_DICOM.finditer(text):
            if re.sub(r"[^0-9a-f]", "", found[0].lower()) in images:
                yield found.start()


def paths(name: str, text: str, machine: re.Pattern[str] | None, packed: bool = False) -> Iterator[int]:
    """Yield where the text of the file `name` tells a path of a machine.

    Args:
        machine: finds the paths of this machine, as `any_of` gives it.
        packed: whether the text was packed in the file: it may be a picture, whose bytes look like any path by chance.
    """
    by_chance = not packed and name.endswith(PICTURES)
    for pattern in (LOCAL_PATH, machine):
        if pattern is not None:
            places = (found.start() for found in pattern.finditer(text))
            yield from (at for at in places if not (by_chance and SHORT_ADDRESS.match(text, at)))
    if not packed and not name.endswith(LOOKS_LIKE_A_PATH):
        yield from (found.start() for found in ABSOLUTE_PATH.finditer(text) if found["path"])


def machine_paths(config: ReleaseConfig, workspace: Workspace) -> list[str]:
    """Folders of this machine that may stand in no file."""
    given = [path for path in (workspace.root, Path.home(), config.corpus.root, config.corpus.images) if path]
    # As they were given and where their links lead. A folder at the root is called by too common a word.
    ways = {way for path in given for way in (path.absolute(), path.resolve())}
    return sorted(str(path) for path in ways if len(path.parts) > 2)


def any_of(words: Iterable[str]) -> re.Pattern[str] | None:
    """Finds any of `words` where it is not part of a longer word, as it is written and as it reads."""
    known = [re.escape(way) for word in words if word for way in {word, unescaped(word)}]
    return re.compile(rf"(?<!\w)(?:{'|'.join(known)})(?!\w)") if known else None


def _numbers(text: str) -> Iterator[tuple[int, int]]:
    """Places of numbers and the numbers, also in words, as floats and in groups; no digests or fractions."""
    for found in NUMBER.finditer(text):
        before, after = text[max(0, found.start() - 64) : found.start()], text[found.end() : found.end() + 64]
        beside = re.split(r"[\W_]", before)[-1] + re.split(r"[\W_]", after)[0]
        if not beside or not HEX.fullmatch(beside):
            yield found.start(), int(found[0])
    for found in GROUPED.finditer(text):
        yield found.start(), int("".join(letter for letter in found[0] if letter.isdigit()))
    for found in HEXADECIMAL.finditer(text):
        yield found.start(), int(found[1], 16)
    for found in SCIENTIFIC.finditer(text):
        digits, places = found[1] + found[2], int(found[3]) + 1
        if not digits[places:].strip("0"):
            yield found.start(), int(digits[:places].ljust(places, "0"))


def _line_starts(text: str) -> list[int]:
    return [0, *(found.end() for found in re.finditer("\n", text))]


def _same_line(version: str, place: int, starts: list[int]) -> int:
    """The beginning of the line of the text which in this version of it holds `place`."""
    return starts[min(version.count("\n", 0, place), len(starts) - 1)]
