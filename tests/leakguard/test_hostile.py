"""Whatever a file holds, the leak guard answers in time that grows with its length, and raises HubkitErrors alone."""

from __future__ import annotations

import contextlib
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubkit.errors import HubkitError
from hubkit.leakguard.credentials import Secret
from hubkit.leakguard.guard import Leak, Machine, leaks
from hubkit.leakguard.known_corpus import KnownCorpus

CORPUS = KnownCorpus(frozenset({50_000_701}), [(1, "Uma sonda azul atravessa o terço inferior")])
MACHINE = Machine(("/odd/place",), (Secret("PHYSIONET_PASSWORD", "right"),))
PIECES = (
    *("<!--", "-->", "\\", "\\'", "\\x", "\\xc3", "\\N{A", "\\U99999999", "\\ud800", "=C3", "111,", "1", "0x", "ab "),
    *("hf_-", "eyJ", "eyJaaaaaaaaaa-", "://", "://a:", "api_key=", "password=", "--user ", "&#1", "&#99999999;", "%25"),
    *("\x1b[", "\u0315\u0301", "\u200b", "\U000e0041", "](a ", '"', "a-\n", "a\\\n", "<a ", "</td>", "|", "a:'", "\t"),
    *("D:\\a", "\\\\a", "/a", "s5000000", "0a1b2c3d", "QUJD", "eJw", "\ufdfa", "\\c{", "\x85", "\n", " ", "\ud7ff"),
)


def found(content: bytes, name: str = "README.md") -> list[Leak]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(content)
        return leaks(Path(folder), CORPUS, MACHINE)


@pytest.mark.parametrize("piece", ["<!--", "\\"])
def test_a_long_file_takes_as_long_as_its_parts(piece: str) -> None:
    """A search that goes back takes 16 times as long for 4 times the length; a megabyte took a second here."""
    lengths = (1 << 16, 1 << 18)
    fastest = dict.fromkeys(lengths, float("inf"))
    for _ in range(3):
        # In turn, and the fastest of three: a busy machine slows some.
        for length in lengths:
            content = piece.encode() * (length // len(piece))
            started = time.process_time()
            assert found(content) == []
            fastest[length] = min(fastest[length], time.process_time() - started)
    assert fastest[lengths[1]] < 8 * fastest[lengths[0]]


@pytest.mark.parametrize("content", ["111," * 2000, "&#" + "1" * 5000, "\\ud83d", "\\U99999999", "1" * 5000 + "e7"])
def test_numbers_that_python_refuses_are_no_ids(content: str) -> None:
    assert found(content.encode()) == []


@settings(max_examples=25)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join))
def test_time_grows_with_the_length_of_hostile_text(unit: str) -> None:
    """64,000 bytes take well under the seconds that a quadratic search takes: 0.3 s where this was written."""
    content = (unit * (64_000 // len(unit.encode())))[:64_000].encode()
    started = time.process_time()
    found(content)
    if time.process_time() - started > 1.5:
        started = time.process_time()
        found(content)
        assert time.process_time() - started < 3


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=8)), max_size=40).map("".join))
def test_hostile_text_raises_hubkit_errors_alone(content: str) -> None:
    with contextlib.suppress(HubkitError):
        found(content.encode("utf-8", "replace"))


KINDS = ["a.png", "a.jpg", "a.safetensors", "a.parquet", "a.npz", "a.zip", "a.gz", "a.txt", "tokenizer.model"]
BEGINNINGS = (
    *(b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"PAR1", b"PK\x03\x04", b"\x1f\x8b\x08", b"\xff\xfe", b"%PDF-"),
    *(b"\x02" + b"\0" * 7 + b"{}", b"\x02" + b"\0" * 7 + b"[]", b"\xff" * 8, b"\x04" + b"\0" * 7 + b"null"),
)


@given(st.sampled_from(KINDS), st.sampled_from(BEGINNINGS), st.binary(max_size=64))
def test_damaged_files_raise_hubkit_errors_alone(name: str, beginning: bytes, rest: bytes) -> None:
    with contextlib.suppress(HubkitError):
        found(beginning + rest, name)
