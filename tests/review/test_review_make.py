"""`hubkit review make` and what goes with it: what a page holds and does not hold, and who may get one."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from review_workspace import HOSTILE, PASSPHRASE, build_review_workspace, page_head, write_settings

from hubkit.artifacts.review import (
    DIMENSIONS,
    ERROR_TYPES,
    SEVERITIES,
    VERDICTS,
    Cipher,
    KeyDerivation,
    read_review,
    review_digest,
)
from hubkit.cli import cli
from hubkit.errors import HubkitError
from hubkit.review.encryption import Key, label
from hubkit.review.page import SCRIPTS, SOURCES
from hubkit.review.passphrase import read_passphrase
from hubkit.tables import SECTIONS
from hubkit.workspace import Workspace


def hubkit(root: Path, *arguments: str, kind: str = "demo", passphrase: str | None = PASSPHRASE) -> Result:
    """Run a command below `hubkit review` on the workspace in `root`."""
    settings = [] if arguments[0] == "confirm" else ["--config", str(write_settings(root, kind))]
    environment = {"HUBKIT_REVIEW_PASSPHRASE": passphrase}
    command = ["review", *arguments, *settings, "--workspace", str(root / "work")]
    return CliRunner().invoke(cli, command, env=environment)


def opened(page: str, passphrase: str = PASSPHRASE) -> dict[str, Any]:
    """What a page decrypts."""
    head: Any = page_head(page)
    data = page.partition('id="data">')[2].partition("</script>")[0]
    if head["cipher"] is None:
        return json.loads(data)
    key = Key(passphrase, KeyDerivation.model_validate(head["kdf"]))
    cipher = Cipher.model_validate(head["cipher"])
    return json.loads(key.decrypt(cipher, base64.b64decode(data), label(head["review"], head["reader"], "page")))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    build_review_workspace(tmp_path / "work", hostile=True)
    return tmp_path


def made(root: Path, *arguments: str, name: str = "pilot", **options: Any) -> Path:
    done = hubkit(root, "make", name, "--reader", "ana", *arguments, **options)
    assert done.exit_code == 0, (done.output, done.exception)
    return root / "work" / "review" / name


def test_a_translation_review(root: Path) -> None:
    folder = made(root, "--reader", "ben", "--items", "30", "--seed", "3")
    review = read_review(folder)
    assert review.digest == review_digest("translation", review.items, review.texts, review.order, {})
    assert [reader.id for reader in review.readers] == ["ana", "ben"]
    assert len(review.items) == 30
    assert {item.stratum for item in review.items} == {"flagged", "passed"}
    for reader in ("ana", "ben"):
        page = (folder / f"{reader}.html").read_text(encoding="utf-8")
        assert page_head(page).keys() == {"review", "reader", "kind", "language", "kdf", "cipher"}
        content = opened(page)
        assert content["order"] == list(review.order[reader])
        assert content["items"].keys() == set(review.order[reader])
        assert all(item.keys() == {"section", "source", "target"} for item in content["items"].values())
    assert (folder / "ana.html").stat().st_mode & 0o077 == 0


def test_flags_strata_and_ids_are_in_no_page(root: Path) -> None:
    """Also not in what is encrypted: a reader who opens it with a program of their own learns nothing."""
    review = read_review(folder := made(root, "--items", "40"))
    page = (folder / "ana.html").read_text(encoding="utf-8")
    content = json.dumps(opened(page))
    assert any(item.flags for item in review.items)
    for secret in (
        "laterality",
        "flagged",
        "passed",
        "stratum",
        "probability",
        *(str(i.study_id) for i in review.items),
    ):
        assert secret not in content
        assert secret not in page.partition("<script>")[0]


def test_the_blinding_is_in_no_page(root: Path) -> None:
    review = read_review(folder := made(root, "--kind", "generation", "--items", "8", "--repeats", "0.2"))
    page = (folder / "ana.html").read_text(encoding="utf-8")
    content = opened(page)
    sides = review.blinding["ana"]
    assert sides.keys() == set(review.order["ana"]) == content["items"].keys()
    # Both conditions stand at both places.
    assert {each["a"] for each in sides.values()} == {each["b"] for each in sides.values()} == {"lora", "zero_shot"}
    for name, item in content["items"].items():
        assert item.keys() == {"reference", "a", "b", "images"}
        assert [item[side].partition(" ")[0] for side in "ab"] == [sides[name]["a"], sides[name]["b"]]
        assert len(item["images"]) == 2
    for name in ("blinding", "condition", "lora", "zero_shot"):
        assert name not in re.sub(r"(?:lora|zero_shot) diz", "", json.dumps(content))
        assert name not in page


def test_no_text_of_the_corpus_is_in_clear(root: Path) -> None:
    folder = made(root, "--items", "80")
    for path in folder.iterdir():
        text = path.read_text(encoding="utf-8")
        for phrase in ("effusion", "derrame", "alert(1)", "Small left", "192.0.2.1"):
            assert phrase not in text, (path, phrase)


def test_what_a_corpus_allows_may_be_in_clear(root: Path) -> None:
    page = (made(root, "--items", "80", "--clear", passphrase=None) / "ana.html").read_text(encoding="utf-8")
    assert HOSTILE in {item["source"].partition("normal. ")[2] for item in opened(page)["items"].values()}
    # No text can end its block: four blocks, as in the template, and the policy below counts on it.
    assert page.count("</script>") == (SOURCES / "review.html").read_text().count("</script>")


def test_the_policy_allows_the_script_and_the_style_of_the_page_alone(root: Path) -> None:
    page = (made(root) / "ana.html").read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    rules = dict(rule.strip().partition(" ")[::2] for rule in policy[1].split(";"))
    assert rules == {
        "default-src": "'none'",
        "script-src": _hash(page.rpartition("<script>")[2].partition("</script>")[0]),
        "style-src": _hash(page.partition("<style>")[2].partition("</style>")[0]),
        "img-src": "blob: data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    # A policy counts from where it stands: nothing that runs or loads comes before it.
    assert page.index("Content-Security-Policy") < min(page.index("<style>"), page.index("<script"))


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_the_script_reads_no_text_as_html() -> None:
    script = "".join((SOURCES / name).read_text(encoding="utf-8") for name in SCRIPTS)
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "srcdoc"):
        assert way not in script
    for way in ("fetch(", "XMLHttpRequest", "WebSocket", "sendBeacon", "EventSource", "http:", "https:", "import("):
        assert way not in script
    assert "</script" not in script


def test_the_interface_has_every_word_in_both_languages() -> None:
    words = json.loads((SOURCES / "words.json").read_text(encoding="utf-8"))
    assert words["pt"].keys() == words["en"].keys()
    for name, text in words["pt"].items():
        assert re.findall(r"\{\w+\}", text) == re.findall(r"\{\w+\}", words["en"][name]), name
    script = (SOURCES / "review.js").read_text(encoding="utf-8")
    used = set(re.findall(r'say\("([\w./]+)"', script))
    assert used <= words["pt"].keys()
    lists = {"verdict": VERDICTS, "severity": SEVERITIES, "type": ERROR_TYPES, "dimension": DIMENSIONS}
    for group, names in {**lists, "section": SECTIONS}.items():
        assert {f"{group}.{name}" for name in names} <= words["pt"].keys()
    # The page and the models have the same names in the same order, by which keys are digits.
    for constant, names in {
        "VERDICTS": VERDICTS,
        "SEVERITIES": SEVERITIES,
        "TYPES": ERROR_TYPES,
        "DIMENSIONS": DIMENSIONS,
    }.items():
        listed = re.search(rf"const {constant} = \[(.*?)\]", script, re.DOTALL)
        assert listed is not None
        assert tuple(re.findall(r'"([^"]+)"', listed[1])) == names


CONFIRM = ("confirm", "ana", "--physionet-user", "ana.p")


@pytest.mark.parametrize(
    ("before", "arguments", "options", "wrong"),
    [
        ((), ("Pilot", "--reader", "ana"), {}, "'Pilot' cannot be the name of a review"),
        ((), ("../x", "--reader", "ana"), {}, "'../x' cannot be the name of a review"),
        ((), ("pilot", "--reader", "../ana"), {}, "'../ana' is not the id of a reader"),
        ((), ("pilot", "--reader", "ana", "--reader", "ana"), {}, "every reader needs an id of their own"),
        ((), ("pilot", "--reader", "ana", "--overlap", "2"), {}, "the share of overlap is 2"),
        (
            (),
            ("pilot", "--reader", "ana", "--kind", "generation", "--compare", "lora", "lora"),
            {},
            "a condition cannot be compared with itself",
        ),
        (
            (),
            ("pilot", "--reader", "ana", "--kind", "generation", "--split", "train"),
            {},
            "--split: generated reports are of test studies",
        ),
        ((), ("pilot", "--reader", "ana", "--split", "validate"), {}, "there are no rows to draw from"),
        (
            (),
            ("pilot", "--reader", "ana", "--reader", "ben", "--reader", "eva", "--items", "2", "--overlap", "0"),
            {},
            "2 items leave eva nothing to read (give more --items, or a larger --overlap)",
        ),
        ((), ("pilot", "--reader", "simulated-1"), {}, "'simulated-1' would count as simulated"),
        ((), ("pilot", "--reader", "ana"), {"passphrase": f"short{' ' * 20}"}, "the passphrase has 5 characters"),
        ((), ("pilot", "--reader", "ana"), {"passphrase": "short"}, "HUBKIT_REVIEW_PASSPHRASE: the passphrase has 5"),
        ((), ("pilot", "--reader", "ana"), {"passphrase": None}, "there is no passphrase"),
        ((), ("pilot", "--reader", "ana", "--clear"), {"kind": "openi"}, "the terms of openi ask that its text is enc"),
        ((), ("pilot", "--reader", "ana"), {"kind": "mimic-cxr"}, "there is no PhysioNet access check on record"),
        (("access",), ("pilot", "--reader", "ana"), {"kind": "mimic-cxr"}, "no access of ana is on record (see their"),
        (("access", "old"), ("pilot", "--reader", "ana"), {"kind": "mimic-cxr"}, "at most 90 days are allowed"),
        (
            ("access", "now"),
            ("pilot", "--reader", "ana", "--reader", "ben"),
            {"kind": "mimic-cxr"},
            "no access of ben is on record (see their signed agreement at PhysioNet, then: hubkit review confirm ben)",
        ),
        (
            ("access", "now", "the same"),
            ("pilot", "--reader", "ana", "--reader", "ben"),
            {"kind": "mimic-cxr"},
            "ana and ben have one account at PhysioNet: ana.p",
        ),
        (("access", "now"), ("pilot", "--reader", "ana", "--clear"), {"kind": "mimic-cxr"}, "ask that its text is enc"),
        (("access", "now"), ("pilot", "--reader", "ana"), {"kind": "mimic-cxr"}, None),
    ],
)
def test_who_and_what_is_refused(
    root: Path, before: tuple[str, ...], arguments: tuple[str, ...], options: dict[str, Any], wrong: str | None
) -> None:
    if "access" in before:
        allow(root / "work")
    if "old" in before:
        day = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=91)).date()
        record = {"format": 1, "readers": {"ana": {"who": "ana.p", "when": str(day)}}}
        (root / "work" / "review").mkdir()
        (root / "work" / "review" / "readers.json").write_text(json.dumps(record))
    if "now" in before:
        assert hubkit(root, *CONFIRM).exit_code == 0
    if "the same" in before:
        assert hubkit(root, "confirm", "ben", "--physionet-user", "Ana.P").exit_code == 0
    done = hubkit(root, "make", *arguments, **options)
    pages = list((root / "work").rglob("*.html"))
    if wrong is None:
        assert done.exit_code == 0
        confirmation = read_review(root / "work" / "review" / "pilot").readers[0].confirmation
        assert confirmation is not None
        assert confirmation.who == "ana.p"
        assert "ana.p" not in pages[0].read_text(encoding="utf-8")
    else:
        assert isinstance(done.exception, HubkitError)
        assert wrong in str(done.exception)
        assert pages == []


def allow(work: Path) -> None:
    """Put the maintainer's own access check on record."""
    day = str(datetime.datetime.now(datetime.UTC).date())
    record = {"user": "maria", "project": "mimic-cxr", "url": "https://physionet.org", "date": day}
    Workspace(work).access_check.write_text(json.dumps(record))


@pytest.mark.parametrize(("items", "told"), [("80", False), ("81", True)])
def test_more_items_than_rows(root: Path, items: str, told: bool) -> None:
    done = hubkit(root, "make", "pilot", "--reader", "ana", "--items", items)
    assert done.exit_code == 0
    assert ("the workspace has 80 rows, and all of them are read" in done.output) == told


def test_a_review_is_never_overwritten(root: Path) -> None:
    folder = made(root)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    done = hubkit(root, "make", "pilot", "--reader", "ben")
    assert "is there already, and its readers may have begun (choose another name)" in str(done.exception)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_passphrase_may_be_in_a_file(root: Path) -> None:
    (root / "secret").write_text(f"{PASSPHRASE}\n")
    page = made(root, "--passphrase-file", str(root / "secret"), passphrase=None) / "ana.html"
    assert opened(page.read_text(encoding="utf-8"))["kind"] == "translation"
    # What an editor on Windows puts before it, and a blank behind it, nobody types.
    (root / "secret").write_bytes(b"\xef\xbb\xbf" + f" {PASSPHRASE} \r\n".encode())
    page = made(root, "--passphrase-file", str(root / "secret"), name="windows", passphrase=None) / "ana.html"
    assert opened(page.read_text(encoding="utf-8"))["kind"] == "translation"
    (root / "secret").write_bytes(b"\xff\xfe")
    done = hubkit(root, "make", "second", "--reader", "ana", "--passphrase-file", str(root / "secret"))
    assert str(done.exception).startswith(f"{root / 'secret'}: cannot be read as text (")


@pytest.mark.parametrize(
    ("typed", "asked", "wrong"),
    [
        ([PASSPHRASE, PASSPHRASE], 2, None),
        (["other words than those", PASSPHRASE, PASSPHRASE, PASSPHRASE], 4, None),
        (["short", "short"], 2, "the passphrase has 5 characters, 15 are needed"),
    ],
)
def test_the_passphrase_is_asked_for_twice(
    monkeypatch: pytest.MonkeyPatch, typed: list[str], asked: int, wrong: str | None
) -> None:
    """At a terminal, without showing it; two that differ are asked for again."""
    monkeypatch.delenv("HUBKIT_REVIEW_PASSPHRASE", raising=False)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    answers = iter(typed)
    hidden: list[str] = []
    monkeypatch.setattr("click.termui.hidden_prompt_func", lambda prompt: hidden.append(prompt) or next(answers))
    if wrong is None:
        assert read_passphrase(None, twice=True) == PASSPHRASE
    else:
        with pytest.raises(HubkitError, match=wrong):
            read_passphrase(None, twice=True)
    assert len(hidden) == asked


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (("ana", "--physionet-user", "ana.p"), None),
        (("ana", "--physionet-user", " "), "'' is not a user name of PhysioNet"),
        (("ana", "--physionet-user", "ana\np"), r"'ana\np' is not a user name of PhysioNet"),
        (("ana", "--physionet-user", "Ana Invented"), "'Ana Invented' is not a user name of PhysioNet"),
        (("ana", "--physionet-user", "a" * 101), "is not a user name of PhysioNet"),
        (("Ana", "--physionet-user", "ana.p"), "'Ana' is not the id of a reader"),
        (("ana", "--physionet-user", "ana.p", "--date", "2020-01-01"), "2020-01-01 is not within the last 90 days"),
        (("ana", "--physionet-user", "ana.p", "--date", "2999-01-01"), "2999-01-01 is not within the last 90 days"),
    ],
)
def test_a_confirmation_is_recorded(tmp_path: Path, arguments: tuple[str, ...], wrong: str | None) -> None:
    done = hubkit(tmp_path, "confirm", *arguments)
    record = tmp_path / "work" / "review" / "readers.json"
    if wrong is not None:
        assert wrong in str(done.exception)
        assert not record.exists()
        return
    hubkit(tmp_path, "confirm", "ben", "--physionet-user", "ben.q")
    assert {name: each["who"] for name, each in json.loads(record.read_text())["readers"].items()} == {
        "ana": "ana.p",
        "ben": "ben.q",
    }
