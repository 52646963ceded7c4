"""`hubkit review collect`, from the result files of simulated readers; and every file that it has to refuse."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from review_workspace import PASSPHRASE, build_review_workspace, write_settings

from hubkit.artifacts.model import to_json
from hubkit.artifacts.review import Reading, read_review
from hubkit.artifacts.review_results import read_results
from hubkit.cli import cli
from hubkit.errors import HubkitError
from hubkit.packaging.reviews import card_reviews
from hubkit.review.encryption import Key, close_envelope, open_envelope
from hubkit.review.result_files import read_result
from hubkit.review.simulate import READERS, draw_truth, simulate_reading, write_result
from hubkit.translation.correction_files import read_rows
from hubkit.workspace import Workspace

NAME = "rehearsal"


def hubkit(root: Path, *arguments: str, passphrase: str = PASSPHRASE, corrections: Path | None = None) -> Result:
    settings = write_settings(root)
    if corrections:
        settings.write_text(settings.read_text() + f"\n[translation]\ncorrections = {json.dumps(str(corrections))}\n")
    command = ["review", *arguments, "--config", str(settings), "--workspace", str(root / "work")]
    return CliRunner().invoke(cli, command, env={"HUBKIT_REVIEW_PASSPHRASE": passphrase})


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace after `make --demo`, in clear: a key takes a quarter of a second."""
    root = tmp_path_factory.mktemp("rehearsed")
    workspace = build_review_workspace(root / "work")
    workspace.machine_translations.parent.mkdir()
    shutil.copyfile(workspace.translations, workspace.machine_translations)
    done = hubkit(root, "make", "--demo", "--items", "60", "--overlap", "0.5", "--repeats", "0.1", "--clear")
    assert done.exit_code == 0, done.output
    return root


@pytest.fixture
def root(rehearsed: Path, tmp_path: Path) -> Path:
    shutil.copytree(rehearsed / "work", tmp_path / "work")
    return tmp_path


def folder(root: Path) -> Path:
    return root / "work" / "review" / NAME


def files(root: Path) -> list[str]:
    return [str(folder(root) / f"{reader}.review.json") for reader in READERS]


def changed(root: Path, reader: str, change: Callable[[dict[str, Any]], Any]) -> str:
    """The file of a reader with another content, in clear."""
    path = folder(root) / f"{reader}.review.json"
    envelope = json.loads(path.read_text(encoding="utf-8"))
    change(envelope)
    target = root / f"changed-{reader}.review.json"
    target.write_text(json.dumps(envelope), encoding="utf-8")
    return str(target)


def test_a_rehearsal_from_make_to_results(root: Path) -> None:
    done = hubkit(root, "collect", *files(root))
    assert done.exit_code == 0, (done.output, done.exception)
    results = read_results(folder(root))
    assert results.simulated
    assert (results.read, results.population) == (60, 80)
    assert [reader.id for reader in results.readers] == list(READERS)
    assert all(reader.items + reader.repeats == reader.asked for reader in results.readers)
    assert results.rate("an error") is not None
    assert {(row.question, row.between) for row in results.agreement} >= {
        ("an error", "readers"),
        ("severity", "readers"),
        ("verdict", "readers"),
    }
    assert results.checks[0].check == "flagged rows"
    assert [row.reader for row in results.learning] == list(READERS)
    assert all(row.seconds_first > row.seconds_last for row in results.learning)
    lines = done.output.splitlines()
    assert lines[0] == "60 of 80 sections read by 3 simulated readers"
    assert max(map(len, lines[:-1])) <= 80, max(lines, key=len)
    for name in ("results.json", "disagreements.csv", "corrections.csv"):
        assert (folder(root) / name).stat().st_mode & 0o077 == 0


def test_no_text_is_in_the_results_or_on_the_screen(root: Path) -> None:
    done = hubkit(root, "collect", *files(root))
    written = (folder(root) / "results.json").read_text(encoding="utf-8")
    for text in ("derrame", "Derrame", "effusion", "corrigido"):
        assert text not in written
        assert text not in done.output


def test_the_estimate_is_near_the_rate_that_went_in(root: Path) -> None:
    assert hubkit(root, "collect", *files(root)).exit_code == 0
    rate = read_results(folder(root)).rate("an error")
    assert rate is not None
    assert rate.share.low < 0.1 < rate.share.high


def test_encrypted_answers_need_the_passphrase(root: Path) -> None:
    review = read_review(folder(root))
    plain = Path(files(root)[0])
    sealed = write_result(
        root, review, read_result(review, plain, lambda: PASSPHRASE, in_clear=True).reading, Key(PASSPHRASE)
    )
    wrong = hubkit(root, "collect", str(sealed), passphrase="outras palavras, de todo erradas")
    assert wrong.exit_code == 1
    assert "the passphrase does not open it, or it was changed" in str(wrong.exception)
    assert not (folder(root) / "results.json").exists()
    assert "PBKDF2" in sealed.read_text()
    assert hubkit(root, "collect", str(sealed)).exit_code == 0
    # What was taken is kept as it came, encrypted.
    assert (folder(root) / "collected" / sealed.name).read_bytes() == sealed.read_bytes()


def another_review(envelope: dict[str, Any]) -> None:
    envelope["review"] = "0" * 64


def another_reader(envelope: dict[str, Any]) -> None:
    envelope["reader"] = "eva"


def content_of_another(envelope: dict[str, Any]) -> None:
    envelope["data"]["reader"] = "simulated-2"


def another_format(envelope: dict[str, Any]) -> None:
    envelope["hubkit_review"] = 2


def another_language(envelope: dict[str, Any]) -> None:
    envelope["data"]["language"] = "fr"


def another_kind(envelope: dict[str, Any]) -> None:
    envelope["data"]["kind"] = "generation"
    for answer in envelope["data"]["answers"]:
        answer |= {"better": "a", "would_sign": {"a": True, "b": True}, "errors": {}}


def an_item_too_many(envelope: dict[str, Any]) -> None:
    envelope["data"]["answers"][0]["item"] = "999"


def an_item_twice(envelope: dict[str, Any]) -> None:
    envelope["data"]["answers"].append(envelope["data"]["answers"][0])


def another_verdict(envelope: dict[str, Any]) -> None:
    envelope["data"]["answers"][0]["verdict"] = "splendid"


def no_time(envelope: dict[str, Any]) -> None:
    envelope["data"]["answers"][0]["seconds"] = -1


def no_answers(envelope: dict[str, Any]) -> None:
    envelope["data"]["answers"] = []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (another_review, "belongs to another review"),
        (another_reader, "eva is not a reader of this review"),
        (content_of_another, "was edited: its content is of another review or reader"),
        (another_format, "is of another format"),
        (another_language, "its language is none of pt, en"),
        (another_kind, "was edited: its content is of another review or reader"),
        (an_item_too_many, "was edited: simulated-1 was not given item 999"),
        (an_item_twice, "is answered twice"),
        (another_verdict, "verdict is not as the page writes it"),
        (no_time, "was edited: an answer took less than no time"),
        (no_answers, "holds no answers"),
    ],
)
def test_files_that_are_refused(root: Path, change: Callable[[dict[str, Any]], None], message: str) -> None:
    bad = changed(root, "simulated-1", change)
    # The others are right, and are not taken either: the next try has all.
    done = hubkit(root, "collect", bad, *files(root)[1:], "--name", NAME)
    assert done.exit_code == 1
    lines = [line for line in str(done.exception).splitlines() if bad in line]
    assert len(lines) == 1
    assert message in lines[0]
    assert not (folder(root) / "results.json").exists()
    assert not (folder(root) / "collected").exists()


def test_a_file_that_was_cut(root: Path) -> None:
    cut = root / "cut.review.json"
    cut.write_bytes(Path(files(root)[0]).read_bytes()[:-200])
    done = hubkit(root, "collect", str(cut))
    assert (done.exit_code, f"{cut}: is not whole" in str(done.exception)) == (1, True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "is not a result file of a review"),
        ("{}", "is not a result file of a review"),
        ('"x"', "is not a result file of a review"),
        ("hello", "is not whole"),
        ("", "is not whole"),
        ("[" * 100_000, "is not whole"),
        ('{"hubkit_review": 1, "review": [1]}', "was edited: review is not as the page writes it"),
        ('{"hubkit_review": 1, "review": {}}', "was edited: review is not as the page writes it"),
        ("<!DOCTYPE html>\n<html>", "is the page, and not what it exports"),
    ],
)
@pytest.mark.parametrize("reviews", [1, 2])
def test_a_file_of_something_else(root: Path, reviews: int, content: str, message: str) -> None:
    """With several reviews, a file that names none of them is told apart by what is wrong with it."""
    if reviews == 2:
        made = hubkit(root, "make", "other", "--reader", "ana", "--items", "5", "--clear")
        assert made.exit_code == 0, made.exception
    path = root / "notes.json"
    path.write_text(content)
    done = hubkit(root, "collect", str(path))
    assert isinstance(done.exception, HubkitError), done.exception
    assert f"{path}: {message}" in str(done.exception)


def test_a_missing_file(root: Path) -> None:
    done = hubkit(root, "collect", str(root / "none.review.json"))
    assert (done.exit_code, "none.review.json: cannot be read" in str(done.exception)) == (1, True)


def test_twice_the_same_reader(root: Path) -> None:
    first = files(root)[0]
    other = changed(root, "simulated-1", lambda envelope: envelope["data"]["answers"].pop())
    done = hubkit(root, "collect", first, other)
    assert done.exit_code == 1
    assert f"answers of simulated-1, as in {first}: give one of them" in str(done.exception)
    # The same file under two names is one.
    same = root / "copy.review.json"
    shutil.copyfile(first, same)
    assert hubkit(root, "collect", first, str(same)).exit_code == 0


def test_readers_may_come_one_by_one_and_none_is_overwritten(root: Path) -> None:
    for count, file in enumerate(files(root), 1):
        done = hubkit(root, "collect", file)
        assert done.exit_code == 0, done.output
        assert len(read_results(folder(root)).readers) == count
    before = (folder(root) / "results.json").read_bytes()
    other = changed(root, "simulated-2", lambda envelope: envelope["data"]["answers"].pop())
    done = hubkit(root, "collect", other)
    assert done.exit_code == 1
    assert "other answers of simulated-2 were collected before; to take these, delete" in str(done.exception)
    assert (folder(root) / "results.json").read_bytes() == before


def all_alike(envelope: dict[str, Any]) -> None:
    for answer in envelope["data"]["answers"]:
        answer |= {"verdict": "correct", "errors": [], "correction": None}


def test_a_reader_who_answers_everything_alike_is_reported(root: Path) -> None:
    done = hubkit(root, "collect", changed(root, "simulated-3", all_alike), *files(root)[:2])
    assert done.exit_code == 0
    [line] = [line for line in done.output.splitlines() if "the same answer" in line]
    assert line.startswith("  note: simulated-3 gave all ")


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("  Dr. José d'Ávila-Souza (CRM 1)\n", "Dr. José d'Ávila-Souza (CRM 1)"),
        ("[x](http://192.0.2.1) | <b>Eva</b>", "x(http192.0.2.1)  bEvab"),
        ("Ana\n\n# Heading", "Ana  Heading"),
        (" | ", None),
        (None, None),
    ],
)
def test_a_name_cannot_change_a_card(root: Path, typed: str | None, name: str | None) -> None:
    def named(envelope: dict[str, Any]) -> None:
        envelope["data"]["may_be_named"] = typed

    assert hubkit(root, "collect", changed(root, "simulated-1", named)).exit_code == 0
    assert read_results(folder(root)).readers[0].name == name


def test_what_is_open_and_who_is_missing_is_told(root: Path) -> None:
    def fewer(envelope: dict[str, Any]) -> None:
        del envelope["data"]["answers"][5:]
        envelope["data"]["language"] = "en"

    done = hubkit(root, "collect", changed(root, "simulated-1", fewer))
    assert done.exit_code == 0
    notes = [line for line in done.output.splitlines() if line.startswith("  note: ")]
    assert "  note: simulated-1 read the page in en, which was made for pt" in notes
    assert "  note: no answers yet of simulated-2, simulated-3" in notes
    assert any(line.startswith("  note: simulated-1 left ") for line in notes)


def test_corrections_go_into_the_file_of_the_project(root: Path) -> None:
    def corrected(text: str, name: str | None = None) -> Callable[[dict[str, Any]], None]:
        def change(envelope: dict[str, Any]) -> None:
            all_alike(envelope)
            envelope["data"]["may_be_named"] = name
            by_item = {answer["item"]: answer for answer in envelope["data"]["answers"]}
            by_item[shared]["correction"] = text
            by_item[alone[envelope["reader"]]]["correction"] = "Sem derrame."

        return change

    review = read_review(folder(root))
    readers = list(READERS)
    given = {reader: {item for item in review.order[reader] if "#" not in item} for reader in readers}
    shared = min(set.intersection(*given.values()))
    alone = {
        reader: min(given[reader] - set.union(*(given[other] for other in readers if other != reader)))
        for reader in readers
    }
    project = root / "corrections.csv"
    changes = [corrected("Um texto."), corrected("Outro texto.", "Ana Invented"), all_alike]
    done = hubkit(
        root,
        "collect",
        *[changed(root, reader, change) for reader, change in zip(readers, changes, strict=True)],
        corrections=project,
    )
    assert done.exit_code == 0, (done.output, done.exception)
    items = {item.id: item for item in review.items}
    rows = {int(cells["study_id"]): cells for _, cells in read_rows(project)}
    expected = {
        items[alone["simulated-1"]].study_id: ("simulated-1", "Sem derrame."),
        items[alone["simulated-2"]].study_id: ("Ana Invented", "Sem derrame."),
    }
    assert {study: (cells["by"], cells["translation"]) for study, cells in rows.items()} == expected
    assert {cells["decision"] for cells in rows.values()} == {"replace"}
    dates = {cells["date"] for cells in rows.values()}
    assert dates == {reading_of(root, reader).saved.date().isoformat() for reader in readers[:2]}
    results = read_results(folder(root))
    assert (results.corrections, results.contradicting) == (2, 1)
    assert [reader.name for reader in results.readers] == [None, "Ana Invented", None]
    # A decision that stands there stays: somebody may have made it by hand.
    project.write_text(project.read_text(encoding="utf-8-sig").replace("Sem derrame.", "À mão."), encoding="utf-8")
    done = hubkit(root, "collect", changed(root, "simulated-1", changes[0]), corrections=project)
    assert "2 sections had another decision in" in done.output
    assert "Sem derrame." not in project.read_text(encoding="utf-8")


def corrects(text: str, item: str) -> Callable[[dict[str, Any]], None]:
    """All correct, and one item corrected."""

    def change(envelope: dict[str, Any]) -> None:
        all_alike(envelope)
        [answer] = [answer for answer in envelope["data"]["answers"] if answer["item"] == item]
        answer["correction"] = text

    return change


def test_a_correction_that_was_applied_stays_one(root: Path) -> None:
    """The first reader's correction is in the release when the file of the second one arrives."""
    review, project = read_review(folder(root)), root / "corrections.csv"
    item = min(set.intersection(*map(set, review.order.values())))
    first = changed(root, "simulated-1", corrects("Sem derrame.", item))
    assert hubkit(root, "collect", first, corrections=project).exit_code == 0
    [read] = [each for each in review.items if each.id == item]
    rewrite(
        root,
        lambda row: (
            row | {"translation": "Sem derrame."}
            if (row["study_id"], row["section"]) == (read.study_id, read.section)
            else row
        ),
    )
    same = changed(root, "simulated-2", corrects("Sem derrame.", item))
    done = hubkit(root, "collect", same, corrections=project)
    assert done.exit_code == 0, done.exception
    results = read_results(folder(root))
    assert (results.corrections, results.contradicting) == (1, 0)
    assert "were not taken" not in done.output
    assert [cells["translation"] for _, cells in read_rows(project)] == ["Sem derrame."]


def test_a_later_reader_who_contradicts_a_correction_that_was_taken(root: Path) -> None:
    review, project = read_review(folder(root)), root / "corrections.csv"
    item = min(set.intersection(*map(set, review.order.values())))
    first = changed(root, "simulated-1", corrects("Sem derrame.", item))
    assert hubkit(root, "collect", first, corrections=project).exit_code == 0
    assert (folder(root) / "corrections.csv").exists()
    done = hubkit(root, "collect", changed(root, "simulated-2", corrects("Derrame.", item)), corrections=project)
    assert done.exit_code == 0, done.exception
    told = " ".join(done.output.split())
    assert "1 section was corrected in different ways: decide by hand" in told
    assert "[translation] corrections has a decision on 1 of them already" in told
    # What nobody agrees on is not left there to be imported.
    assert not (folder(root) / "corrections.csv").exists()


def test_by_is_a_name_that_a_card_could_have(root: Path) -> None:
    item = read_review(folder(root)).order["simulated-1"][0]

    def named(envelope: dict[str, Any]) -> None:
        corrects("Sem derrame.", item)(envelope)
        envelope["data"]["may_be_named"] = "Ana\n<b>Invented</b>" + "x" * 200

    assert hubkit(root, "collect", changed(root, "simulated-1", named)).exit_code == 0
    [(_, cells)] = read_rows(folder(root) / "corrections.csv")
    assert cells["by"] == ("Ana bInventedb" + "x" * 200)[:80]


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("Sem\0 der\x1brame\u202e.\u200b", "Sem derrame."),
        (" \ufeff\u200e ", None),
        ("Sem derrame.\n\nCoração normal.", "Sem derrame.\n\nCoração normal."),
        ("🫁 ≥ 2 × 3 mm", "🫁 ≥ 2 × 3 mm"),
    ],
)
def test_a_correction_has_no_character_that_nobody_sees(root: Path, typed: str, written: str | None) -> None:
    """They come along where a text is copied, and would be published."""
    item = read_review(folder(root)).order["simulated-1"][0]
    assert hubkit(root, "collect", changed(root, "simulated-1", corrects(typed, item))).exit_code == 0
    file = folder(root) / "corrections.csv"
    assert [cells["translation"] for _, cells in read_rows(file)] == [written] if written else not file.exists()


def test_a_long_id_fits_the_terminal(root: Path) -> None:
    long = "abcdefghijklmnopqrstuvwxyz012345"
    made = hubkit(root, "make", "long", "--reader", long, "--items", "12", "--repeats", "0", "--clear")
    assert made.exit_code == 0, made.exception
    reports = root / "work" / "review" / "long"
    write_all_correct(reports, long)
    done = hubkit(root, "collect", str(reports / f"{long}.review.json"))
    assert done.exit_code == 0, done.exception
    [line] = [line for line in done.output.splitlines() if line.startswith("abc")]
    assert line.startswith("abcdefghijklmnopqrstuv… ")
    assert len(line) <= 80


def write_all_correct(reports: Path, reader: str, verdict: str = "correct") -> None:
    """The file of a reader who gives every item the same verdict, in clear."""
    review = read_review(reports)
    answers = [
        {"item": item, "seconds": 1.0, "verdict": verdict, "errors": [], "correction": None}
        for item in review.order[reader]
    ]
    day = "2026-01-02T10:00:00Z"
    known = {"review": review.digest, "reader": reader, "kind": "translation", "language": "pt"}
    values = known | {"started": day, "saved": day, "answers": answers}
    write_result(reports, review, Reading.model_validate(values), None)


def rewrite(root: Path, change: Callable[[dict[str, Any]], dict[str, Any]], path: Path | None = None) -> None:
    """Change the rows of a table: the translations that are released, unless another one is named."""
    import pyarrow as pa

    from hubkit.workspace import read_table, write_table

    path = path or Workspace(root / "work").translations
    table = read_table(path)
    write_table(path, pa.Table.from_pylist([change(row) for row in table.to_pylist()], table.schema))


@pytest.mark.parametrize("when", ["before collect", "after collect"])
@pytest.mark.parametrize("kind", ["translation", "generation"])
def test_texts_that_changed_since_they_were_read_are_told(root: Path, kind: str, when: str) -> None:
    """By collect, and on the card: rates of texts that nobody publishes any more say so."""
    workspace = Workspace(root / "work")
    done = hubkit(root, "make", "again", "--demo", "--kind", kind, "--clear", "--items", "8", "--overlap", "1")
    assert done.exit_code == 0, done.exception
    review = read_review(workspace.review("again"))
    study = review.items[0].study_id
    column, path = ("translation", None) if kind == "translation" else ("generated", workspace.generations("lora"))
    texts = sum(item.study_id == study for item in review.items)

    def change(row: dict[str, Any]) -> dict[str, Any]:
        return row | ({column: "Outro texto."} if row["study_id"] == study else {})

    answers = map(str, sorted(workspace.review("again").glob("*.review.json")))
    if when == "before collect":
        rewrite(root, change, path)
    done = hubkit(root, "collect", *answers)
    assert done.exit_code == 0, done.exception
    if when == "after collect":
        rewrite(root, change, path)
    told = f"texts that changed since the review was made: {texts} of 8" in " ".join(done.output.split())
    assert told == (when == "before collect")
    [card] = card_reviews(workspace)
    again = "corrected, or translated again" if kind == "translation" else "a report was generated again"
    what = "sections" if kind == "translation" else "studies"
    have = "has" if texts == 1 else "have"
    assert f"{texts} of the {what} drawn {have} a different text now: {again}." in card.sentences


def test_a_reader_may_have_the_name_of_a_column(root: Path) -> None:
    names = ("item", "question")
    made = hubkit(root, "make", "names", "--reader", names[0], "--reader", names[1], "--items", "6", "--clear",
                  "--overlap", "1", "--repeats", "0")  # fmt: skip
    assert made.exit_code == 0, made.exception
    reports = root / "work" / "review" / "names"
    review = read_review(reports)
    for reader, verdict in zip(names, ("correct", "unreadable"), strict=True):
        write_all_correct(reports, reader, verdict)
    done = hubkit(root, "collect", *map(str, sorted(reports.glob("*.review.json"))))
    assert done.exit_code == 0, done.exception
    header, first, *_ = (reports / "disagreements.csv").read_text(encoding="utf-8-sig").splitlines()
    assert header.split(";") == ["item", "study_id", "section", "question", "answer of item", "answer of question"]
    assert first.split(";")[0] in review.texts


def reading_of(root: Path, reader: str) -> Reading:
    review = read_review(folder(root))
    return read_result(review, folder(root) / f"{reader}.review.json", lambda: PASSPHRASE, in_clear=True).reading


def test_corrections_of_a_text_that_changed_are_not_taken(root: Path) -> None:
    rewrite(root, lambda row: row | {"translation": f"{row['translation']} Outro."})
    done = hubkit(root, "collect", *files(root))
    assert done.exit_code == 0
    assert "corrections are of translations that have changed since" in " ".join(done.output.split())
    assert not (folder(root) / "corrections.csv").exists()


def test_generated_reports(root: Path) -> None:
    done = hubkit(
        root, "make", "reports", "--demo", "--kind", "generation", "--clear", "--items", "10", "--overlap", "1"
    )
    assert done.exit_code == 0, (done.output, done.exception)
    reports = root / "work" / "review" / "reports"
    done = hubkit(root, "collect", *map(str, sorted(reports.glob("*.review.json"))))
    assert done.exit_code == 0, (done.output, done.exception)
    assert done.output.splitlines()[0] == "10 of 10 studies read by 3 simulated readers"
    results = read_results(reports)
    assert {row.group for row in results.rates if row.what == "would sign"} == {"lora", "zero_shot"}
    assert "run hubkit score, then collect again" in " ".join(done.output.split())


def test_a_rehearsal_is_for_a_synthetic_corpus(root: Path) -> None:
    settings = write_settings(root, "openi")
    command = ["review", "make", "--demo", "--config", str(settings), "--workspace", str(root / "work")]
    done = CliRunner().invoke(cli, command)
    assert (done.exit_code, "a rehearsal needs a synthetic corpus" in str(done.exception)) == (1, True)


def test_a_plan_writes_nothing(root: Path) -> None:
    before = sorted((root / "work").rglob("*"))
    done = hubkit(root, "make", "--plan", "--items", "40", "--reader", "ana", "--reader", "rui")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0] == "80 rows: 8 flagged, 72 passed"
    assert [line.split()[0] for line in lines if line.endswith("<")] == ["40"]
    assert sorted((root / "work").rglob("*")) == before


def test_a_plan_of_nothing(root: Path) -> None:
    """Every study of the workspace is of train or test."""
    done = hubkit(root, "make", "--plan", "--split", "validate")
    assert "there are no rows to draw from" in str(done.exception)


@pytest.mark.parametrize(
    ("readers", "wrong"),
    [
        (("../x",), "'../x' is not the id of a reader"),
        (("ana", "ana"), "every reader needs an id of their own"),
    ],
)
def test_a_plan_has_readers_as_the_review_will(root: Path, readers: tuple[str, ...], wrong: str) -> None:
    done = hubkit(root, "make", "--plan", *(part for reader in readers for part in ("--reader", reader)))
    assert wrong in str(done.exception)


def test_a_rehearsal_has_its_own_readers(root: Path) -> None:
    done = hubkit(root, "make", "mine", "--demo", "--reader", "ana")
    assert "--demo: its readers are simulated (leave out --reader)" in str(done.exception)


def test_the_next_command_of_a_rehearsal_runs_as_it_stands(root: Path) -> None:
    made = hubkit(root, "make", "next", "--demo", "--items", "12", "--clear")
    [line] = [line for line in made.output.splitlines() if line.startswith("next: ")]
    words = shlex.split(line.removeprefix("next: hubkit "))
    pattern = Path(words.pop())
    done = CliRunner().invoke(cli, [*words, *map(str, sorted(pattern.parent.glob(pattern.name)))])
    assert done.exit_code == 0, done.exception


def test_a_review_needs_a_name_and_readers(root: Path) -> None:
    for arguments in ([], ["pilot"], ["--reader", "ana"]):
        done = hubkit(root, "make", *arguments)
        assert "a review needs a name, and readers" in str(done.exception)


def test_a_file_of_a_review_of_the_same_texts(root: Path) -> None:
    """Its reports stand on other sides: taken, it would count preferences for the wrong condition."""
    for name, readers in (("first", ("ana", "rui")), ("second", ("rui", "ana"))):
        given = [part for reader in readers for part in ("--reader", reader)]
        done = hubkit(root, "make", name, "--kind", "generation", "--items", "10", "--overlap", "1", "--clear", *given)
        assert done.exit_code == 0, done.exception
    first, second = (read_review(root / "work" / "review" / name) for name in ("first", "second"))
    assert (first.items, first.texts) == (second.items, second.texts)
    assert first.blinding["rui"] != second.blinding["rui"]
    truth = draw_truth(first, 0.1, 1)
    file = write_result(root, first, simulate_reading(first, "rui", truth, READERS["simulated-1"], 1), None)
    done = hubkit(root, "collect", str(file), "--name", "second")
    assert f"{file}: belongs to another review" in str(done.exception)
    assert hubkit(root, "collect", str(file)).exit_code == 0
    assert (root / "work" / "review" / "first" / "results.json").exists()


def test_the_name_of_another_review(root: Path) -> None:
    done = hubkit(root, "collect", files(root)[0], "--name", "other")
    assert f"there is no review 'other' (there are: {NAME})" in str(done.exception)


def test_a_file_in_clear_of_a_corpus_that_is_encrypted(root: Path) -> None:
    settings = write_settings(root, "openi")
    command = ["review", "collect", files(root)[0], "--config", str(settings), "--workspace", str(root / "work")]
    done = CliRunner().invoke(cli, command, env={"HUBKIT_REVIEW_PASSPHRASE": PASSPHRASE})
    assert done.exit_code == 1
    assert "is in clear, and the pages of this review encrypt" in str(done.exception)


def test_an_edited_ciphertext(root: Path) -> None:
    review = read_review(folder(root))
    reading = reading_of(root, "simulated-1")
    envelope = close_envelope(to_json(reading), review.digest, reading.reader, Key(PASSPHRASE))
    assert open_envelope(envelope, PASSPHRASE)["reader"] == "simulated-1"
    data = str(envelope.data)
    edited = envelope.model_copy(update={"data": ("B" if data[40] == "A" else "A").join([data[:40], data[41:]])})
    path = root / "edited.review.json"
    path.write_text(edited.model_dump_json())
    done = hubkit(root, "collect", str(path))
    assert f"{path}: the passphrase does not open it, or it was changed" in str(done.exception)
