"""Where ids, paths and secrets begin and end: what stands next to each kind, and its shortest and longest form."""

from __future__ import annotations

import base64
import re

import pytest

from hubkit.config import parse_config
from hubkit.leakguard import credentials
from hubkit.leakguard.columns import FIRST_WORDS, columns
from hubkit.leakguard.credentials import (
    PASSWORD_KIND,
    TOKEN_KIND,
    Secret,
    machine_secrets,
    secret_places,
)
from hubkit.leakguard.decode import DEPTH, packed, readable
from hubkit.leakguard.identifiers import any_of, image_ids, paths, study_ids

STUDY = 50000123
IDS = frozenset({STUDY, 100001, 1234567890, 50_000_000})


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("a 50000123", [2]),
        # A whole number, also as a float; no fraction and no part of a digest.
        ("50000123.0", [0]),
        ("50000123.00", [0]),
        ("50000123.01", []),
        ("1.50000123", []),
        ("500001234", []),
        ("x50000123", [1]),
        ("study50000123", [5]),
        ("_50000123_abc", [1]),
        ("ab50000123cd", []),
        ("50000123abc", []),
        ("deadbeef 50000123", [9]),
        # The fewest and the most figures.
        ("100001", [0]),
        ("1234567890", [0]),
        # In groups of three, all by one mark.
        *[(f"50{mark}000{mark}123", [0]) for mark in ("_", ",", ".", "'", " ", "\u00a0", "\u202f")],
        ("50,000.123", []),
        ("50000,123", []),
        ("1,50,000,123", [2]),
        ("50,000,123,000", []),
        # In hexadecimal and as a float.
        ("0x2faf0fb", [0]),
        ("0x2FAF0FB", [0]),
        ("z0x2faf0fb", []),
        ("0x2faf0fbz", []),
        ("5.0000123e7", [0]),
        ("5.0000123E+07", [0]),
        ("5,0000123e+7", [0]),
        ("5.00001234e7", []),
        ("5.000e7", [0]),
        ("5.0e7", []),
        ("15.0000123e7", []),
        # In other figures: the line is known.
        ("\u2075\u2070\u2070\u2070\u2070\u00b9\u00b2\u00b3", [0]),
        ("a\nb \u2075\u2070\u2070\u2070\u2070\u00b9\u00b2\u00b3", [2]),
        # What is called like an id of MIMIC, whether or not it is one.
        ("s51234567 p11234567 s41234567 xs51234567 s512345678", [0, 10]),
    ],
)
def test_ids_of_studies(text: str, places: list[int]) -> None:
    # What reads in two ways may be found in both.
    assert sorted(set(study_ids(text, IDS, frozenset()))) == places


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("num_bytes: 50000123", []),
        ("download_size=50000123", []),
        ("dataset_size 50000123", []),
        ('"contentSize": "50000123 B"', []),
        ("numbytes: 50000123, 50000123", [20]),
        ("bytes: 50000123", [7]),
        ("num_bytes: 100001", [11]),
    ],
)
def test_a_stated_size_is_no_id_in_a_field_for_sizes(text: str, places: list[int]) -> None:
    assert list(study_ids(text, IDS, frozenset({STUDY}))) == places


PARTS = ("0a1b2c3d", "00000000", "11111111", "22222222", "33333333")
IMAGES = frozenset({"".join(PARTS)})


@pytest.mark.parametrize(
    ("text", "images", "places"),
    [
        *[(f"a {mark.join(PARTS)} b", frozenset[str](), [2]) for mark in "-_."],
        *[(f"a {mark.join(PARTS)} b", frozenset[str](), []) for mark in ("", " ", "--")],
        *[(f"a {mark.join(PARTS).upper()}", IMAGES, [2]) for mark in ("", " ", "--")],
        (f"a {''.join(PARTS)[:-1]}4", IMAGES, []),
        (f"a {'---'.join(PARTS)}", IMAGES, []),
        (f"a {'-'.join(PARTS)}0", IMAGES, []),
    ],
)
def test_ids_of_images(text: str, images: frozenset[str], places: list[int]) -> None:
    # With its marks an id is found twice where it is known; once is enough.
    assert sorted(set(image_ids(text, images))) == places


@pytest.mark.parametrize(
    ("name", "text", "packed", "places"),
    [
        ("a.md", "see /home/me/x", False, [4]),
        ("a.md", "(/foo/bar) '/foo/bar'", False, [1, 12]),
        ("a.md", "x /foo", False, []),
        ("a.md", "x/foo/bar", False, []),
        ("a.md", "https://host/foo/bar", False, []),
        ("a.md", "/api/v1/x /usr/bin/env /docs/index.md /plots/a.png", False, []),
        ("a.md", r"C:\Users\me", False, [0]),
        ("a.md", "D:/models/x", False, [0]),
        ("a.md", "in /lustre", False, [3]),
        # A path of this machine, as a word of its own.
        ("a.md", "kept in MINE, not MINEs", False, [8]),
        # Any text stands in pictures and vocabularies by chance.
        ("a.png", "x /foo/bar", False, []),
        ("a.md", "x /foo/bar", True, []),
        ("tokenizer.json", "/foo/bar", False, []),
        ("tokenizer.json", "/home/me", False, [0]),
        ("a.png", "/home/me", False, [0]),
        ("a.png", "file:///C:/a", False, []),
        ("a.png", "file:///C:/models/name", False, [0]),
        ("a.png", "file:///C:/a", True, [0]),
        ("a.md", "file:///C:/a", False, [0]),
    ],
)
def test_paths_of_a_machine(name: str, text: str, packed: bool, places: list[int]) -> None:
    assert sorted(set(paths(name, text, any_of(["MINE"]), packed))) == places
    assert "MINE" in text or sorted(set(paths(name, text, None, packed))) == places


def test_words_are_found_as_they_are_written_and_as_they_read() -> None:
    assert any_of([]) is None
    assert any_of(["", ""]) is None
    known = any_of(["a&amp;b", "x.y"])
    assert known is not None
    found = "a&amp;b a&b x.y xzy x.yz _x.y"
    assert [match[0] for match in known.finditer(found)] == ["a&amp;b", "a&b", "x.y"]


def kinds(text: str, *secrets: Secret, name: str = "README.md") -> list[tuple[int, str]]:
    return sorted(secret_places(name, text, secrets))


USER, PASSWORD, TOKEN = "PHYSIONET_USERNAME", "PHYSIONET_PASSWORD", "HF_TOKEN"


@pytest.mark.parametrize(
    ("name", "value", "anywhere"),
    [
        (TOKEN, "abcdefgh", True),
        (TOKEN, "abcdefg", False),
        (PASSWORD, "abcdefgh", False),
        (PASSWORD, "abcdefgH", False),  # two kinds of letters
        (PASSWORD, "abcdef1H", True),  # three
        (PASSWORD, "abcde1H", False),  # too short
        (PASSWORD, "abcd-efgh", False),
        (PASSWORD, "correct horse", True),  # two kinds, and longer than twelve
        (PASSWORD, "correct hors", False),
        (PASSWORD, "Correcthorsebattery", False),  # letters alone
        (USER, "correct-horse-9", True),
    ],
)
def test_which_secrets_stand_out_in_prose(name: str, value: str, anywhere: bool) -> None:
    secret = Secret(name, value)
    assert secret.kind == f"a secret of this machine, the value of {name}"
    assert kinds(f"The word {value} here.", secret) == ([(9, secret.kind)] if anywhere else [])
    # Next to what says that it is one, each is found; as a part of a longer word, none is.
    assert kinds(f"password: {value}", secret) == [(10, secret.kind)]
    assert kinds(f"The word x{value}x here.", secret) == []
    assert kinds(f"password: {value}", secret, name="vocab.json") == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("user: maria", True),
        ('"password": "maria"', True),
        ("senha = maria", True),
        ("login(maria", True),
        ("The password maria", False),
        ("machine physionet.org login maria", True),
        ("  password maria", True),
        ("prose, a password maria", False),
        ("curl --user maria", True),
        ("curl -u me:maria", True),
        ("curl -v maria", False),
        ("https://maria:x@host", True),
        ("https://me:maria@host", True),
        ("https://host/maria", False),
        ("https://maria", False),
        ("maria", False),
        # What says so stands within so many characters before it.
        (f"machine {'h' * 100} login {'l' * 100} password maria", True),
        (f"machine {'h' * 101} login {'l' * 100} password maria", False),
    ],
)
def test_what_says_that_a_word_is_a_login(text: str, found: bool) -> None:
    secret = Secret(PASSWORD, "maria")
    assert ((text.index("maria"), secret.kind) in kinds(text, secret)) is found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://me:secret@host", [(5, PASSWORD_KIND)]),
        ("https://${USER}:secret@host https://me:<password>@host", []),
        ("https://me@host", []),
        ("api_key = abcdefghijklmnopqrs1", [(8, TOKEN_KIND)]),
        ("api_key = abcdefghijklmnopqr1", []),
        ("api_key = abcdefghijklmnopqrst", []),
        ("api_key = 12345678901234567890", []),
        ("digest = abcdefghijklmnopqrs1", []),
        (f"api_key{' ' * 4}= abcdefghijklmnopqrs1", [(11, TOKEN_KIND)]),
        (f"api_key{' ' * 5}= abcdefghijklmnopqrs1", []),
    ],
)
def test_keys_and_passwords_without_a_mark_of_their_own(text: str, expected: list[tuple[int, str]]) -> None:
    assert kinds(text) == expected
    assert kinds(text, name="model/tokenizer.json") == []


def test_secrets_of_this_machine_are_known_by_the_variable_that_holds_them(monkeypatch: pytest.MonkeyPatch) -> None:
    names = (*credentials.TOKENS, *credentials.ACCOUNT)
    for number, name in enumerate(names):
        monkeypatch.setenv(name, f"value-{number}")
    config = parse_config({"hub": {"namespace": "value-5"}, "packaging": {"authors": ["value-1"]}})
    found = machine_secrets(config)
    # The stored token is that of the environment; what is public anyhow is no secret.
    assert [(secret.name, secret.value) for secret in found] == [
        (name, f"value-{number}") for number, name in enumerate(names) if number not in (1, 5)
    ]
    for name in names:
        monkeypatch.delenv(name)
    monkeypatch.setattr("huggingface_hub.get_token", lambda: "stored")
    assert machine_secrets(config) == [Secret("`hf auth login`", "stored")]
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    assert machine_secrets(config) == []


def test_as_many_columns_as_a_space_parts_are_read() -> None:
    words = [f"w{number}" for number in range(FIRST_WORDS + 2)]
    (found,) = columns("\n".join([" ".join(words)] * 2))
    assert found == [(line, word) for word in words[:6] for line in (0, 1)]


def test_the_lines_of_columns_are_counted_from_zero() -> None:
    text = "a|b\nc|d\n\n|e"
    assert next(iter(columns(text))) == [(0, "a"), (1, "c"), (0, "b"), (1, "d"), (3, "e")]
    assert re.split("\n", text)[3] == "|e"


@pytest.mark.parametrize("layers", [1, 2, 3, 4, 6])
def test_text_is_unpacked_to_a_depth_and_no_further(layers: int) -> None:
    text = "Derrame pleural."
    for _ in range(layers):
        text = base64.b64encode(text.encode()).decode()
    assert len(list(packed(text))) == min(layers, DEPTH)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("derrame".encode("utf-16"), "derrame"),
        ("derrame".encode("utf-16-le"), "derrame"),
        # Half a character at the end, as where bytes are cut off.
        ("derrame".encode("utf-16-le") + b"x", "derrame"),
        ("\ufeffderrame".encode(), "derrame"),
        ("côr".encode("latin-1"), None),
        (b"derrame\0", None),
        ("derrame\0".encode("utf-16"), None),
    ],
)
def test_bytes_that_are_text_are_read_to_their_end(raw: bytes, text: str | None) -> None:
    assert readable(raw) == text
