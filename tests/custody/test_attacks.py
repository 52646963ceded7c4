"""What somebody who may write to the repo, or who has another corpus, can try: each is noticed and named."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from sealed_folder import RELEASE, STUDIES, keyring, plain_tables, write_corpus, write_sealed

from hubkit.custody import ROSTER
from hubkit.custody.roster import check_corpus, read_roster
from hubkit.custody.sealed import Keyring, find_corpus, open_table, read_place
from hubkit.custody.tables import seal_table
from hubkit.custody.unseal import unseal_release
from hubkit.errors import HubkitError

TRAIN = "data/default/train-00000-of-00003.parquet"
SECOND = "data/default/train-00001-of-00003.parquet"
TEST = "data/default/test-00000-of-00002.parquet"
LOADER = "loader/mimic_cxr_ptbr.py"


def rewrite(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    pq.write_table(change(pq.read_table(path)), path)


def with_cells(table: pa.Table, column: str, change: Callable[[list[bytes]], list[bytes]]) -> pa.Table:
    at = table.column_names.index(column)
    return table.set_column(at, column, pa.array(change(table[column].to_pylist()), table[column].type))


def swap_rows(folder: Path) -> None:
    rewrite(folder / TRAIN, lambda table: with_cells(table, "report", lambda cells: [cells[1], cells[0], *cells[2:]]))


def swap_columns(folder: Path) -> None:
    def change(table: pa.Table) -> pa.Table:
        findings = table["findings"].to_pylist()
        return with_cells(
            with_cells(table, "findings", lambda _: table["report"].to_pylist()), "report", lambda _: findings
        )

    rewrite(folder / TRAIN, change)


def rename_columns(folder: Path) -> None:
    names = {"findings": "impression", "impression": "findings"}
    for path in (folder / "data" / "default").glob("*.parquet"):
        rewrite(path, lambda table: table.rename_columns([names.get(name, name) for name in table.column_names]))


def swap_ids(folder: Path) -> None:
    def change(table: pa.Table) -> pa.Table:
        order = pa.array([1, 0, *range(2, table.num_rows)])
        return table.set_column(1, "study_id", table["study_id"].take(order))

    rewrite(folder / TRAIN, change)


def another_subject_of_the_folder(folder: Path) -> None:
    """Rows of one patient are given to another: splits by patient would no longer be."""
    rewrite(
        folder / TRAIN,
        lambda table: table.set_column(
            0, "subject_id", pa.array([subject + 1 for subject in table["subject_id"].to_pylist()])
        ),
    )


def swap_whole_rows_with_ids_kept(folder: Path) -> None:
    def change(table: pa.Table) -> pa.Table:
        moved = table.take(pa.array([1, 0, *range(2, table.num_rows)]))
        return moved.set_column(0, "subject_id", table["subject_id"]).set_column(1, "study_id", table["study_id"])

    rewrite(folder / TRAIN, change)


def swap_splits(folder: Path) -> None:
    data = folder / "data" / "default"
    for path in sorted(data.glob("*.parquet")):
        path.rename(path.with_name(f"x{path.name}"))
    for path in sorted(data.glob("x*.parquet")):
        path.rename(
            path.with_name(path.name[1:].replace("train", "TEST").replace("test", "train").replace("TEST", "test"))
        )


def swap_files_of_a_split(folder: Path) -> None:
    one, other = folder / TRAIN, folder / SECOND
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)


def cells_of_another_split(folder: Path) -> None:
    other = pq.read_table(folder / TEST)["report"].to_pylist()
    rewrite(folder / TRAIN, lambda table: with_cells(table, "report", lambda cells: [other[0], *cells[1:]]))


def replay_an_older_version(folder: Path) -> None:
    older = write_sealed(folder.parent / "older", keyring(folder.parent / "corpus", (RELEASE[0], "0.9.0")))
    shutil.copyfile(older / TRAIN, folder / TRAIN)


def of_another_owner(folder: Path) -> None:
    """The same name and version, and so the same places, in a release that somebody else made."""
    other = write_sealed(folder.parent / "other", keyring(folder.parent / "corpus", ("bal/mimic-cxr-ptbr", RELEASE[1])))
    shutil.copyfile(other / TRAIN, folder / TRAIN)


def replay_all_but_the_roster(folder: Path) -> None:
    older = write_sealed(folder.parent / "older", keyring(folder.parent / "corpus", (RELEASE[0], "0.9.0")))
    shutil.rmtree(folder / "data")
    shutil.copytree(older / "data", folder / "data")


def plain_text_instead(folder: Path) -> None:
    def change(table: pa.Table) -> pa.Table:
        at = table.column_names.index("report")
        return table.set_column(at, "report", pa.array(["Derrame volumoso."] * table.num_rows))

    for path in (folder / "data" / "default").glob("*.parquet"):
        rewrite(path, change)


def a_column_of_plain_text_more(folder: Path) -> None:
    for path in (folder / "data" / "default").glob("*.parquet"):
        rewrite(path, lambda table: table.append_column("note", pa.array(["Lido."] * table.num_rows)))


def rows_deleted(folder: Path) -> None:
    rewrite(folder / TRAIN, lambda table: table.slice(2))


def a_folder_deleted(folder: Path) -> None:
    for path in (folder / "data" / "default").glob("*.parquet"):
        rewrite(
            path, lambda table: table.filter([str(subject)[:2] == "10" for subject in table["subject_id"].to_pylist()])
        )


def a_row_twice(folder: Path) -> None:
    rewrite(folder / TRAIN, lambda table: pa.concat_tables([table, table.slice(0, 1)]))


def a_row_of_nobody(folder: Path) -> None:
    def change(table: pa.Table) -> pa.Table:
        added = table.slice(0, 1).set_column(1, "study_id", pa.array([59_999_999]))
        return pa.concat_tables([table, added])

    rewrite(folder / TRAIN, change)


def a_file_missing(folder: Path) -> None:
    (folder / SECOND).unlink()


def the_last_file_missing(folder: Path) -> None:
    (folder / "data/default/train-00002-of-00003.parquet").unlink()


def a_split_missing(folder: Path) -> None:
    for path in (folder / "data" / "default").glob("test-*.parquet"):
        path.unlink()


def a_file_truncated(folder: Path) -> None:
    path = folder / TRAIN
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def files_in_each_others_place(folder: Path) -> None:
    generations, scores = (folder / "data" / name / "test-00000-of-00003.parquet" for name in ("generations", "scores"))
    kept = generations.read_bytes()
    generations.write_bytes(scores.read_bytes())
    scores.write_bytes(kept)


def no_ids(folder: Path) -> None:
    rewrite(folder / TRAIN, lambda table: table.set_column(1, "study_id", pa.nulls(table.num_rows, pa.int64())))


def roster_of_another_version(folder: Path) -> None:
    rewrite(folder / ROSTER, lambda table: table.set_column(1, "version", pa.array(["0.9.0"] * table.num_rows)))


def roster_with_a_study_less(folder: Path) -> None:
    def change(table: pa.Table) -> pa.Table:
        studies = table["studies"].to_pylist()
        return table.set_column(3, "studies", pa.array([studies[0] - 1, *studies[1:]]))

    rewrite(folder / ROSTER, change)


def roster_with_ids_swapped(folder: Path) -> None:
    rewrite(folder / ROSTER, lambda table: with_cells(table, "ids", lambda cells: cells[::-1]))


def roster_of_format_1(folder: Path) -> None:
    """Format 1 had all ids in clear."""

    def change(table: pa.Table) -> pa.Table:
        ids = pa.array([[50_000_000]] * table.num_rows)
        return table.drop_columns(["contents", "ids"]).set_column(3, "studies", ids).append_column("rows", table["ids"])

    rewrite(folder / ROSTER, change)


def a_line_more_in_the_loader(folder: Path) -> None:
    """It would run where the corpus is."""
    path = folder / LOADER
    path.write_text(f"{path.read_text()}import os; os.environ\n")


def another_loader_more(folder: Path) -> None:
    (folder / "loader" / "datasets.py").write_text("raise SystemExit\n")


def the_loader_missing(folder: Path) -> None:
    (folder / LOADER).unlink()


def another_licence(folder: Path) -> None:
    (folder / "LICENSE").write_text("Share as you like.\n")


def a_citation_more(folder: Path) -> None:
    (folder / "CITATION.cff").write_text("title: Another\n")


def a_config_more(folder: Path) -> None:
    shutil.copytree(folder / "data" / "default", folder / "data" / "better")


def a_split_of_plain_text_without_rows_more(folder: Path) -> None:
    pq.write_table(
        pa.table({"report": pa.array([], pa.string())}), folder / "data/default/extra-00000-of-00001.parquet"
    )


def a_column_less(folder: Path) -> None:
    for path in (folder / "data" / "default").glob("*.parquet"):
        rewrite(path, lambda table: table.drop_columns(["findings"]))


def roster_without_a_folder(folder: Path) -> None:
    rewrite(folder / ROSTER, lambda table: table.slice(0, 1))


def a_folder_gone_from_roster_and_tables(folder: Path) -> None:
    """A split whose rows are all of one folder goes, and the folder with it."""
    roster_without_a_folder(folder)
    for path in (folder / "data").rglob("*.parquet"):
        rewrite(
            path, lambda table: table.filter([str(subject)[:2] == "10" for subject in table["subject_id"].to_pylist()])
        )


def roster_truncated(folder: Path) -> None:
    path = folder / ROSTER
    path.write_bytes(path.read_bytes()[:-20])


def roster_with_lists_swapped(folder: Path) -> None:
    rewrite(folder / ROSTER, lambda table: with_cells(table, "contents", lambda cells: cells[::-1]))


def roster_missing(folder: Path) -> None:
    (folder / ROSTER).unlink()


ATTACKS: list[tuple[Callable[[Path], None], str]] = [
    (
        swap_rows,
        f"the cell at report of study {STUDIES[0][1]} of subject .* is not its own: it belongs to report of study",
    ),
    (swap_columns, "is not its own: it belongs to report of study"),
    (rename_columns, "default/train: has impression where the release has findings"),
    (swap_ids, "is not its own"),
    (another_subject_of_the_folder, "is not its own: it belongs to .* of subject 10000100"),
    (swap_whole_rows_with_ids_kept, "is not its own"),
    (swap_splits, "default/test: rows were left out or added|default/train: rows were left out or added"),
    (swap_files_of_a_split, "default/train: the rows are not in their order"),
    (cells_of_another_split, "in default/test of lab/mimic-cxr-ptbr 1.0.0"),
    (of_another_owner, "of bal/mimic-cxr-ptbr 1.0.0"),
    (replay_an_older_version, "mimic-cxr-ptbr 0.9.0"),
    (replay_all_but_the_roster, "the cells are of lab/mimic-cxr-ptbr 0.9.0, and not of lab/mimic-cxr-ptbr 1.0.0"),
    (plain_text_instead, "the column report is not sealed"),
    (a_column_of_plain_text_more, "default/train: has note where the release has nothing"),
    (a_column_less, "default/train: has impression where the release has findings"),
    (
        rows_deleted,
        rf"default/train: .* added: p10: 2 rows of studies missing \({STUDIES[0][1]}, {STUDIES[1][1]}\)",
    ),
    (a_folder_deleted, "p11: 4 rows of studies missing"),
    (a_row_twice, f"1 rows are there twice, one of them of study {STUDIES[0][1]}"),
    (a_row_of_nobody, r"1 rows of studies too many \(59999999\)"),
    (a_file_missing, "train-00001-of-00003.parquet: is missing"),
    (the_last_file_missing, "rows were left out or added"),
    (a_split_missing, "the files of default/test are missing"),
    (a_file_truncated, "is not a whole Parquet file"),
    (files_in_each_others_place, "test-0000.-of-00003.parquet: does not have the columns of its table"),
    (no_ids, "does not have the columns of its table"),
    (roster_of_another_version, "does not fit lab/mimic-cxr-ptbr 0.9.0"),
    (roster_with_a_study_less, "p10: the number of studies was changed"),
    (roster_with_ids_swapped, "the list of the studies of p10 was changed"),
    (roster_of_format_1, r"sealed in format 1, .* this reads formats 2 and 3 \(ask its maintainers"),
    (a_line_more_in_the_loader, f"{LOADER}: is not the file that was released"),
    (another_loader_more, "loader/datasets.py: is not part of the release"),
    (the_loader_missing, f"{LOADER}: is missing"),
    (another_licence, "LICENSE: is not the file that was released"),
    (a_citation_more, "CITATION.cff: is not part of the release"),
    (a_config_more, "better/test, better/train is not part of the release"),
    (a_split_of_plain_text_without_rows_more, "default/extra is not part of the release"),
    (roster_without_a_folder, "the list of the rows of p10 was changed, or that of another folder left out"),
    (a_folder_gone_from_roster_and_tables, "that of another folder left out"),
    (roster_truncated, "groups.parquet: is not a whole Parquet file"),
    (roster_with_lists_swapped, "the list of the rows of p10 was changed"),
    (roster_missing, "it is not a sealed release, or not all of it"),
]


@pytest.mark.parametrize(("attack", "said"), ATTACKS, ids=[attack.__name__ for attack, _ in ATTACKS])
def test_an_attack_is_named_and_nothing_is_written(
    release: Path, corpus: Path, tmp_path: Path, attack: Callable[[Path], None], said: str
) -> None:
    folder = shutil.copytree(release, tmp_path / "attacked")
    shutil.copytree(corpus, tmp_path / "corpus")
    attack(folder)
    with pytest.raises(HubkitError, match=said):
        unseal_release(folder, tmp_path / "opened", corpus)
    assert sorted(path.name for path in tmp_path.iterdir() if "opened" in path.name) == []


def test_configs_of_the_card_are_not_taken_over(release: Path, corpus: Path, tmp_path: Path) -> None:
    """The card is edited on the Hub, so it cannot be held to a digest: whoever may write could name other tables."""
    folder = shutil.copytree(release, tmp_path / "attacked")
    elsewhere = tmp_path / "elsewhere.parquet"
    pq.write_table(pa.table({"report": ["Derrame volumoso."]}), elsewhere)
    card = (folder / "README.md").read_text()
    assert "data/default/train-*.parquet" in card
    (folder / "README.md").write_text(
        card.replace("data/default/train-*.parquet", str(elsewhere)) + "pip install evil\n"
    )
    opened = unseal_release(folder, tmp_path / "mimic-cxr-ptbr", corpus).folder
    loaded = load_dataset(str(opened), cache_dir=str(tmp_path / "cache"))
    assert {split: part.to_list() for split, part in loaded.items()} == {
        split: plain_tables()["default", split].to_pylist() for split in ("train", "test")
    }
    written = (opened / "README.md").read_text()
    assert "elsewhere" not in written
    assert "evil" not in written


def test_the_roster_shows_no_id_to_whoever_lacks_the_corpus(release: Path) -> None:
    """Neither in clear nor as a digest that could be guessed: a number of eight digits has few values."""
    table = pq.read_table(release / ROSTER)
    assert {name: str(table[name].type) for name in table.column_names[3:]} == {
        "studies": "int64",
        **dict.fromkeys(("check", "contents", "ids"), "binary"),
    }
    for cell in [*table["contents"].to_pylist(), *table["ids"].to_pylist()]:
        for _, study in STUDIES:
            assert str(study).encode() not in cell
            assert study.to_bytes(4, "little") not in cell
    assert {len(cell) - cell[1] - 30 for cell in table["ids"].to_pylist()} == {128}


def test_one_whole_folder_is_enough_to_name_what_the_others_lack(release: Path, tmp_path: Path) -> None:
    """Whoever holds p11 to the byte is told of p10 by ids, and gets no key of p10 by it."""
    changes = {ids: None for ids in STUDIES[:12] if ids[0] < 11_000_000 and ids != STUDIES[1]}
    other = find_corpus(write_corpus(tmp_path / "other", changes), cache=False)
    with pytest.raises(HubkitError, match=rf"p10: 7 reports missing \({STUDIES[0][1]}, ") as error:
        check_corpus(read_roster(release), other)
    assert "p11" not in str(error.value)
    table = pq.read_table(release / TRAIN).slice(0, 1)
    with pytest.raises(HubkitError, match="the folder p10 of your corpus"):
        open_table(table, Keyring(other, *RELEASE), complete=False)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({STUDIES[0]: "Changed."}, "p10: all ids fit, and the text of one report or more differs"),
        ({STUDIES[2]: None}, rf"p11: 1 reports missing \({STUDIES[2][1]}\)"),
        ({(10_999_999, 59_000_001): "More."}, r"p10: 1 reports too many \(59000001\)"),
        ({STUDIES[0]: None, (10_999_999, 59_000_001): "More."}, r"p10: 1 reports missing .* and 1 reports too many"),
        (
            dict.fromkeys(STUDIES, "Of another version."),
            "p10: has 12 reports, as it should, .*; p11: has 6 .*; since no folder fits, ids cannot be named",
        ),
        (
            {STUDIES[0]: None, STUDIES[1]: None, (11_999_999, 59_000_001): "More."},
            r"1.0.0: p10: 2 reports missing; p11: 1 reports too many; since no folder fits",
        ),
        ({ids: None for ids in STUDIES if ids[0] > 11_000_000}, "the folder p11 is missing"),
    ],
    ids=["changed", "missing", "added", "both", "another version", "no folder fits", "no folder"],
)
def test_a_corpus_that_does_not_fit_is_named_by_folder_and_ids(
    release: Path, tmp_path: Path, changes: dict[tuple[int, int], str], said: str
) -> None:
    other = write_corpus(tmp_path / "other", changes)
    with pytest.raises(HubkitError, match=said) as error:
        unseal_release(release, tmp_path / "opened", other)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "opened").exists()


def test_no_byte_of_a_file_can_be_changed_unseen(release: Path, corpus: Path, tmp_path: Path) -> None:
    """Bits flipped all over a file and the roster: opened as they were, or refused."""
    expected = pq.read_table(unseal_release(release, tmp_path / "fine", corpus).folder / "data/default")
    rng = random.Random(3)
    for number in range(24):
        folder = shutil.copytree(release, tmp_path / f"flipped-{number}")
        path = folder / (TRAIN if number % 2 else ROSTER)
        raw = bytearray(path.read_bytes())
        raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
        path.write_bytes(raw)
        try:
            opened = unseal_release(folder, tmp_path / f"opened-{number}", corpus).folder
        except HubkitError:
            continue
        assert pq.read_table(opened / "data/default").equals(expected)


def test_two_texts_under_one_version_do_no_harm(keys: Keyring) -> None:
    """A rebuild has the same bytes; a changed row changes its own cells, and shares no nonce with the older one."""
    plain = plain_tables()["default", "train"]
    once, again = (seal_table(plain, "default", "train", keys) for _ in range(2))
    assert once.equals(again)
    reports = ["Outro texto.", *plain["report"].to_pylist()[1:]]
    changed = seal_table(plain.set_column(5, "report", pa.array(reports)), "default", "train", keys)
    differ = [
        (row, name)
        for name in once.column_names
        for row, (one, other) in enumerate(zip(once[name].to_pylist(), changed[name].to_pylist(), strict=True))
        if one != other
    ]
    assert differ == [(0, "report")]
    cells = [cell for table in (once, changed) for name in table.column_names[2:] for cell in table[name].to_pylist()]
    nonces = {cell[2 + cell[1] : 14 + cell[1]] for cell in cells}
    assert len(nonces) == len(set(cells))


def test_public_information_tells_templates_and_labels_apart_no_better_than_chance(corpus: Path, keys: Keyring) -> None:
    """Cells of a normal impression, of a short finding and of none have one length, and no ciphertext comes twice."""
    plain = plain_tables()["default", "train"]
    for column, values in {
        "impression": [None, "Sem alterações.", "Sem processo cardiopulmonar agudo.", "Pequeno derrame à direita."],
        "labels": plain["labels"].to_pylist()[:4],
    }.items():
        at = plain.column_names.index(column)
        repeated = pa.array([values[row % 4] for row in range(plain.num_rows)], plain.schema.field(column).type)
        cells = seal_table(plain.set_column(at, column, repeated), "default", "train", keys)[column].to_pylist()
        place = [2 + cell[1] for cell in cells]
        assert len({len(cell) - start for cell, start in zip(cells, place, strict=True)}) == 1
        assert len({cell[start:] for cell, start in zip(cells, place, strict=True)}) == len(cells)


def test_a_guess_at_the_reports_from_what_is_public_opens_nothing(release: Path, tmp_path: Path) -> None:
    """The ids, the number of reports and all texts but one are known, and the one is a template: no folder opens."""
    guess = write_corpus(tmp_path / "guess", {STUDIES[0]: "No acute cardiopulmonary process."})
    table = pq.read_table(release / TRAIN).slice(0, 1)
    with pytest.raises(HubkitError, match="the folder p10 of your corpus"):
        open_table(table, keyring(guess), complete=False)


def test_a_column_left_out_is_seen_and_the_others_open(release: Path, keys: Keyring) -> None:
    table = pq.read_table(release / TRAIN).drop_columns(["findings"])
    assert "findings" not in open_table(table, keys, complete=False).column_names


def test_a_cell_says_nothing_but_its_place(release: Path) -> None:
    cell = pq.read_table(release / TRAIN)["report"][0].as_py()
    assert read_place(cell) == (*RELEASE, "default", "train", 12, "report", "string", *STUDIES[0], 0)
    for text in ("ACHADOS", "Coração", "exame"):
        assert not any(text.encode() in path.read_bytes() for path in release.rglob("*.parquet"))
