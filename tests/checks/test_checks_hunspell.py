"""Dictionaries are read as hunspell means them, in what Portuguese ones use."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from hubkit.checks.hunspell import FOLDERS, NAME, VARIABLE, WordList, word_list, word_list_digest, word_list_line
from hubkit.errors import HubkitError

SMALL = Path(__file__).with_name("words") / "small.dic"

INSTALLED = next((path for folder in FOLDERS if (path := Path(folder, f"{NAME}.dic")).exists()), None)


@pytest.fixture(scope="module")
def small() -> WordList:
    return WordList(SMALL)


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("derrame", True),
        ("Derrame", True),
        ("DERRAME", True),
        ("derrames", True),
        ("derramem", False),
        ("pulmões", True),
        ("pulmãos", False),  # the condition asks for a vowel before s, and takes no ã
        ("localizado", True),
        ("localizados", False),  # a rule upon a rule is not read
        ("relocalizar", True),
        ("relocalizado", False),  # neither rule crosses with B
        ("deslocalizar", True),
        ("revisões", True),  # both rules cross
        ("rerevisão", False),
        ("Brasil", True),
        ("BRASIL", True),
        ("brasil", True),  # a name that was not capitalised is a word still
        ("errado", False),  # forbidden
        ("raiz", False),  # only with an affix
        ("palavras", True),
        ("", False),
        ("s", False),
    ],
)
def test_a_word_is_in_the_list_with_its_inflections(small, word, known):
    assert (word in small) is known


def test_a_list_is_known_by_its_digest_and_size(small):
    whole = SMALL.with_suffix(".aff").read_bytes() + SMALL.read_bytes()
    assert small.digest == hashlib.sha256(whole).hexdigest()
    assert len(small) == 8


def write(folder: Path, affixes: bytes, words: bytes) -> Path:
    folder.joinpath("x.aff").write_bytes(affixes)
    folder.joinpath("x.dic").write_bytes(words)
    return folder / "x.dic"


def test_encodings_and_long_flags(tmp_path):
    latin = write(tmp_path, b"SET ISO8859-1\n", "1\nlesão\n".encode("latin-1"))
    assert "lesão" in WordList(latin)
    marked = write(tmp_path, b"\xef\xbb\xbfSET UTF-8\n", b"\xef\xbb\xbf1\nles\xc3\xa3o\n")
    assert "lesão" in WordList(marked)
    long = write(
        tmp_path, b"FLAG long\nSFX Aa Y 1\nSFX Aa 0 s .\nSFX Ab Y 1\nSFX Ab 0 x .\n", b"1\ncisto/AcAa\tpo:noun\n"
    )
    assert "cistos" in WordList(long)
    assert "cistox" not in WordList(long)


@pytest.mark.parametrize(
    ("affixes", "words", "what"),
    [
        (b"SET UTF-8\n", b"1\nles\xe3o\n", "is not in its encoding"),
        (b"SET KLINGON\n", b"1\n", "is not in its encoding"),
        (b"AF 1\nAF ab\n", b"1\n", "has a kind of flags that is not read"),
        (b"FLAG num\n", b"1\n", "has a kind of flags that is not read"),
    ],
)
def test_what_cannot_be_read_is_an_error(tmp_path, affixes, words, what):
    with pytest.raises(HubkitError, match=what) as raised:
        WordList(write(tmp_path, affixes, words))
    assert VARIABLE in raised.value.hint


def test_a_condition_that_cannot_be_read_is_an_error(tmp_path):
    broken = WordList(write(tmp_path, b"SFX A Y 1\nSFX A 0 s (\n", b"1\ncisto/A\n"))
    assert "cisto" in broken
    with pytest.raises(HubkitError, match="condition cannot be read"):
        assert "cistos" in broken


@pytest.mark.parametrize("present", [(), (".dic",), (".aff",)])
def test_both_files_are_needed(tmp_path, monkeypatch, present):
    for ending in present:
        tmp_path.joinpath(f"x{ending}").write_text("SET UTF-8\n")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "x.dic"))
    word_list.cache_clear()
    with pytest.raises(HubkitError, match="cannot be read"):
        word_list()
    word_list.cache_clear()


def test_which_list_is_used_is_told(small_words):
    assert word_list_line().startswith(f"unknown_word reads {SMALL} (8 words, sha256 {WordList(SMALL).digest[:12]}")
    assert word_list_digest() == WordList(SMALL).digest


def test_without_a_list_the_check_says_that_it_is_off(no_words):
    assert word_list() is None
    assert word_list_line().startswith("unknown_word is off")
    assert word_list_digest() == "none"


@pytest.mark.skipif(INSTALLED is None, reason="no Portuguese dictionary is installed")
def test_the_installed_dictionary():
    words = WordList(INSTALLED)
    right = "pulmões derrames identificadas pneumotórax atelectasias superiormente hiperinsuflação costofrênicos Brasil"
    assert [word for word in right.split() if word not in words] == []
    wrong = "cardiogalia opacidadess streaky midlung costofênico aspacidades vaculatura"
    assert [word for word in wrong.split() if word in words] == []
