"""Whoever has the reports has the keys, from a tree as from a zip; anything less or other gives other keys."""

from __future__ import annotations

import json
import logging
import os
import stat
import traceback
from pathlib import Path

import pytest
from sealed_folder import RELEASE, STUDIES, keyring, write_corpus, zip_corpus

from hubkit.custody.cells import seal
from hubkit.custody.sealed import CellPlace, GroupKey, Keyring, cache_path, find_corpus, open_cell
from hubkit.errors import HubkitError

FIRST = STUDIES[0]
PLACE = CellPlace(*RELEASE, "default", "train", 12, "report", "string", *FIRST, 0)


def checks(root: Path, release: tuple[str, str] = RELEASE) -> list[bytes]:
    keys = keyring(root, release)
    return [keys.key(group).check for group in ("p10", "p11")]


@pytest.mark.parametrize("place", ["tree", "zip", "folder of the zip", "tree in a folder"])
def test_the_same_reports_give_the_same_keys_however_they_lie(keys: Keyring, tmp_path: Path, place: str) -> None:
    root = write_corpus(tmp_path / "corpus")
    path = {
        "tree": lambda: root,
        "zip": lambda: zip_corpus(root, tmp_path / "reports.zip"),
        "folder of the zip": lambda: zip_corpus(root, tmp_path / "mimic-cxr-reports.zip").parent,
        "tree in a folder": lambda: write_corpus(tmp_path / "home" / "mimic-cxr-reports").parent,
    }[place]()
    assert checks(path) == [keys.key("p10").check, keys.key("p11").check]


@pytest.mark.parametrize(
    ("changes", "release", "same"),
    [
        ({FIRST: "Another report."}, RELEASE, [False, True]),
        ({FIRST: None}, RELEASE, [False, True]),
        ({(11_999_999, 59_999_999): "One more."}, RELEASE, [True, False]),
        ({FIRST: f" FINAL REPORT\n Invented report no. {FIRST[1]}."}, RELEASE, [False, True]),
        ({}, ("lab/mimic-cxr-ptbr", "1.0.1"), [False, False]),
        ({}, ("lab/mimic-cxr-ptbr-2", "1.0.0"), [False, False]),
        ({}, ("bal/mimic-cxr-ptbr", "1.0.0"), [False, False]),
    ],
    ids=["changed", "missing", "added", "one byte less", "version", "name", "owner"],
)
def test_another_corpus_or_release_has_other_keys(
    keys: Keyring, tmp_path: Path, changes: dict[tuple[int, int], str], release: tuple[str, str], same: list[bool]
) -> None:
    ours = [keys.key("p10").check, keys.key("p11").check]
    assert [
        one == other for one, other in zip(checks(write_corpus(tmp_path, changes), release), ours, strict=True)
    ] == same


def test_two_reports_that_swap_their_text_give_another_key(tmp_path: Path) -> None:
    other = write_corpus(tmp_path, {STUDIES[0]: "b", STUDIES[1]: "a"})
    third = write_corpus(tmp_path / "third", {STUDIES[0]: "a", STUDIES[1]: "b"})
    assert checks(other)[0] != checks(third)[0]


def test_no_corpus_is_one_line() -> None:
    with pytest.raises(HubkitError, match="needs your own copy") as error:
        find_corpus()
    assert error.value.exit_code == 2
    assert "MIMIC_CXR_ROOT" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_folder_that_is_missing_is_named(corpus: Path) -> None:
    with pytest.raises(HubkitError, match="has no reports of the folder p17"):
        keyring(corpus).key("p17")


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("", "1.0.0"),
        ("mimic-cxr-ptbr", "1.0.0"),
        ("a/b/c", "1.0.0"),
        ("lab/", "1.0.0"),
        ("lab/a", ""),
        ("lab/a", "1/0"),
    ],
)
def test_a_name_that_would_blur_places_is_refused(corpus: Path, name: str, version: str) -> None:
    with pytest.raises(HubkitError, match="is not namespace/name and a version"):
        keyring(corpus, (name, version))


def test_the_cache_is_for_its_owner_alone_and_is_used(corpus: Path, tmp_path: Path) -> None:
    path = zip_corpus(corpus, tmp_path / "reports.zip")
    first = find_corpus(path).digest("p10")
    assert stat.S_IMODE(cache_path().stat().st_mode) == 0o600
    again = find_corpus(path)
    assert again.digest("p10") == first
    assert "_names" not in vars(again)  # the zip's list was not even read


@pytest.mark.parametrize("harm", ["changed corpus", "others can read it", "broken", "another entry"])
def test_a_cache_that_does_not_hold_is_made_anew(tmp_path: Path, harm: str) -> None:
    root = write_corpus(tmp_path / "corpus")
    find_corpus(root).digest("p10")
    entries = json.loads(cache_path().read_text())
    (entry,) = entries.values()
    entry["digest"] = "00" * 32
    if harm == "changed corpus":
        cache_path().write_text(json.dumps(entries))
        write_corpus(root, {FIRST: "A report that is longer than it was before, by some words."})
    elif harm == "others can read it":
        cache_path().write_text(json.dumps(entries))
        cache_path().chmod(0o644)
    elif harm == "broken":
        cache_path().write_text("{")
    else:
        cache_path().write_text(json.dumps({"elsewhere#p10": entry}))
    assert find_corpus(root).digest("p10") == find_corpus(root, cache=False).digest("p10")


def test_a_cache_that_cannot_be_written_is_said(corpus: Path, own_cache: Path) -> None:
    own_cache.write_text("a file, where a folder should be")
    with pytest.warns(UserWarning, match="cannot be written"):
        assert find_corpus(corpus).digest("p10") == find_corpus(corpus, cache=False).digest("p10")


def test_nothing_shows_a_key(corpus: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not even a traceback with the values of all variables, as some loggers print it."""
    caplog.set_level(logging.DEBUG)
    keys = keyring(corpus)
    cell = seal("Pulmões limpos.", PLACE.header(), keys.key("p10"))
    shown = [repr(keys), repr(keys.key("p10")), str(vars(keys)), repr(keys.corpus)]
    for harm in (lambda: open_cell(cell[:-1], keys), lambda: keys.key("p17")):
        try:
            harm()
        except HubkitError as error:
            shown += traceback.TracebackException.from_exception(error, capture_locals=True).format()
    shown.append(caplog.text)
    digest = keys.corpus.digest("p10")
    for secret in (digest.hex(), repr(digest), "Pulmões"):
        assert not any(secret in text for text in shown)
    assert any("GroupKey object" in text for text in shown)


def test_uses_have_keys_of_their_own() -> None:
    key = GroupKey(b"\0" * 32, *RELEASE, "p10")
    assert key.check != GroupKey(b"\0" * 32, *RELEASE, "p11").check
    assert key.nonce(b"ab", b"c") != key.nonce(b"a", b"bc")
    assert key.nonce(b"ab", b"c") == GroupKey(b"\0" * 32, *RELEASE, "p10").nonce(b"ab", b"c")


def test_the_cache_keeps_every_folder_and_every_corpus_apart(tmp_path: Path) -> None:
    """A digest that was kept for p10 opens nothing of p11, nor of another copy."""
    ours, theirs = write_corpus(tmp_path / "a"), write_corpus(tmp_path / "b", {FIRST: "Another report."})
    fresh = {
        (root, group): find_corpus(root, cache=False).digest(group)
        for root in (ours, theirs)
        for group in ("p10", "p11")
    }
    assert len(set(fresh.values())) == 3, "p11 of both is the same"
    for _ in ("first read", "kept"):
        for (root, group), digest in fresh.items():
            assert find_corpus(root).digest(group) == digest
        zipped = zip_corpus(ours, tmp_path / "reports.zip")
        for group in ("p11", "p10"):
            assert find_corpus(zipped).digest(group) == fresh[ours, group]


@pytest.mark.parametrize("form", ["tree", "zip"])
def test_a_report_that_changes_and_keeps_its_length_is_read_again(tmp_path: Path, form: str) -> None:
    def write(text: str, time: int) -> Path:
        root = write_corpus(tmp_path / "corpus", {FIRST: text})
        path = root if form == "tree" else zip_corpus(root, tmp_path / "reports.zip")
        for file in (*root.rglob("*.txt"), tmp_path / "reports.zip"):
            if file.exists():
                os.utime(file, ns=(time, time))
        return path

    before = find_corpus(write("Effusion, left.", 10**18)).digest("p10")
    after = find_corpus(write("Effusion, right", 10**18 + 1)).digest("p10")
    assert after != before
    assert after == find_corpus(tmp_path / "corpus", cache=False).digest("p10")


def test_studies_that_exchange_their_names_are_another_corpus(tmp_path: Path) -> None:
    """The kept digest is not used where names alone have changed."""
    root = write_corpus(tmp_path / "corpus")
    before = find_corpus(root).digest("p10")
    first, second = (next(root.rglob(f"s{study}.txt")) for _, study in STUDIES[:2])
    spare = first.with_name("spare")
    first.rename(spare)
    second.rename(first)
    spare.rename(second)
    for path in (first, second):
        os.utime(path, ns=(10**18, 10**18))
    assert find_corpus(root).digest("p10") != before


def test_without_a_cache_none_is_read_or_written(tmp_path: Path) -> None:
    root = write_corpus(tmp_path / "corpus")
    digest = find_corpus(root, cache=False).digest("p10")
    assert not cache_path().exists()
    assert find_corpus(root).digest("p10") == digest
    entries = json.loads(cache_path().read_text())
    (entry,) = entries.values()
    entry["digest"] = "00" * 32
    cache_path().write_text(json.dumps(entries))
    assert find_corpus(root).digest("p10") == bytes(32), "the file is read"
    assert find_corpus(root, cache=False).digest("p10") == digest
    assert json.loads(cache_path().read_text()) == entries
