"""What a line may not tell: ids of studies, subjects and images, tokens, and paths or secrets of this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from hubkit.config import ReleaseConfig
from hubkit.workspace import Workspace

SUBJECT_OR_STUDY = "a subject or study id"

NUMBER = re.compile(r"(?<!\d)(?<!\d\.)\d{6,10}(?!\d|\.0*[1-9])")
"""A whole number; one with nothing but zeros behind the point is whole, as pandas writes a column that lacks values."""
HEX = re.compile(r"[0-9a-fA-F]*")
GROUPED = re.compile(r"(?<![\d.])\d{1,3}(?:(?P<mark>[_,.' \u00a0\u202f])\d{3})(?:(?P=mark)\d{3})+(?!\d)")
MIMIC_NAME = re.compile(r"(?<![A-Za-z0-9])(?:s5|p1)\d{7}(?![A-Za-z0-9])")
SIZE = re.compile(r"\b(?:num_bytes|download_size|dataset_size|contentSize)\b\W*\d+")
DICOM = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{8}(?:[-_.][0-9a-fA-F]{8}){4}(?![0-9a-fA-F])")
TOKEN = re.compile(
    r"\bhf_(?:[A-Za-z]{30,}\b|(?=[\w-]*\d)(?=[\w-]*[A-Z])[\w-]{16,})|\bapi_org_[A-Za-z]{30,}|\bgh[pousr]_[A-Za-z0-9]{20,}"
    r"|\bgithub_pat_\w{22,}|\bsk-[A-Za-z0-9_-]{20,}|\bAKIA[0-9A-Z]{16}\b|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
LOCAL_PATH = re.compile(
    r"(?<![\w.:/~}-])/(?:home|root|Users|tmp|mnt|media|data|scratch|work|opt|srv|var|private|content"
    r"|workspace|cluster|nfs|export|storage|projects?|Volumes|kaggle|dbfs)/[\w.-]+"
    r"|(?<![\w.:/~}-])/(?:beegfs|gpfs|lustre)\b|\b[A-Za-z]:[\\/]+Users\b|\bfile://"
)
"""What is a path of some machine wherever it stands."""

ABSOLUTE_PATH = re.compile(
    r"://[^\s\"'`<>()]*"  # an address, of which no part is a path of this machine
    r"|(?<![^\s\"'`=(\[{,;:|>])(?P<path>(?:[A-Za-z]:)?/"
    r"(?!(?:api|v\d+|docs?|spaces|resolve|blob|static|assets"  # routes of web servers
    r"|usr/(?:bin|lib|share|include)|bin|etc|dev/(?:null|std\w+|fd)|proc|sys"  # the same on every machine
    r"|path|your|loader|plots)(?![\w.+-]))"  # examples, and folders of the release
    r"[A-Za-z_][\w.+-]*/[\w.@+-]+)"
)
"""A path of two parts or more from the root, at the beginning of a word or a value."""

LOOKS_LIKE_A_PATH = (".png", ".jpg", ".jpeg", "tokenizer.json", "tokenizer.model", "vocab.json")
"""Ends of the names of files in which any text stands by chance: bytes of pictures, vocabularies."""

SECRETS = (
    *("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUBKIT_GRANTED_TOKEN", "HUBKIT_UNGRANTED_TOKEN"),
    *("PHYSIONET_PASSWORD", "PHYSIONET_USERNAME"),
)


def traces(name: str, text: str, ids: frozenset[int], machine: re.Pattern[str] | None) -> Iterator[tuple[int, str]]:
    """Yield (place in the text, kind) of what a file's text tells.

    Args:
        name: the file's name.
        ids: subject and study ids.
        machine: finds what tells of this machine, as `machine_pattern` gives it.
    """
    yield from ((at, SUBJECT_OR_STUDY) for at, number in _numbers(text) if number in ids)
    yield from ((found.start(), SUBJECT_OR_STUDY) for found in MIMIC_NAME.finditer(text))
    yield from ((found.start(), "an image id") for found in DICOM.finditer(text))
    yield from ((found.start(), "a token") for found in TOKEN.finditer(text))
    yield from ((at, "a path or secret of this machine") for at in _places(name, text, machine))


def _places(name: str, text: str, machine: re.Pattern[str] | None) -> Iterator[int]:
    """Where a file's text tells of a machine."""
    for pattern in (LOCAL_PATH, machine):
        if pattern is not None:
            yield from (found.start() for found in pattern.finditer(text))
    if not name.endswith(LOOKS_LIKE_A_PATH):
        yield from (found.start() for found in ABSOLUTE_PATH.finditer(text) if found["path"])


def _numbers(text: str) -> Iterator[tuple[int, int]]:
    """Places of numbers and the numbers, also in words and with marks between thousands; no digests or fractions."""
    text = SIZE.sub(lambda found: " " * len(found[0]), text)
    for found in NUMBER.finditer(text):
        before, after = text[max(0, found.start() - 64) : found.start()], text[found.end() : found.end() + 64]
        beside = re.split(r"[\W_]", before)[-1] + re.split(r"[\W_]", after)[0]
        if not beside or not HEX.fullmatch(beside):
            yield found.start(), int(found[0])
    for found in GROUPED.finditer(text):
        yield found.start(), int("".join(letter for letter in found[0] if letter.isdigit()))


def machine_words(config: ReleaseConfig, workspace: Workspace) -> list[str]:
    """Paths and secrets of this machine that may stand in no file."""
    from huggingface_hub import get_token

    given = [path for path in (workspace.root, Path.home(), config.corpus.root, config.corpus.images) if path]
    # As they were given and where their links lead.
    paths = {way for path in given for way in (path.absolute(), path.resolve())}
    absolute = sorted(str(path) for path in paths if len(path.parts) > 2)
    secrets = [get_token() or "", *(os.environ.get(name, "") for name in SECRETS)]
    # Somebody may be called the same at PhysioNet and on the Hub.
    public = {config.hub.namespace, config.release.contact, *config.packaging.authors}
    return [*absolute, *(secret for secret in secrets if secret not in public)]


def machine_pattern(words: Iterable[str]) -> re.Pattern[str] | None:
    """Finds any of `words` where it is not part of a longer word."""
    known = [re.escape(word) for word in words if word]
    return re.compile(rf"(?<!\w)(?:{'|'.join(known)})(?!\w)") if known else None
