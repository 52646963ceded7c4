"""Tables of every kind come back as they were, and what a table lacks, holds twice or is not is named exactly."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset
from sealed_folder import RELEASE, STUDIES, keyring, plain_tables, write_corpus, write_sealed, zip_corpus

from hubkit.custody import ROSTER
from hubkit.custody import sealed as feature
from hubkit.custody.cells import pad, seal
from hubkit.custody.roster import check_corpus, read_roster
from hubkit.custody.sealed import (
    NONCE_BYTES,
    SPANS,
    CellPlace,
    Keyring,
    Part,
    Sealed,
    cache_path,
    find_corpus,
    open_cell,
    open_sealed,
    open_table,
    place_rows,
)
from hubkit.custody.tables import seal_table
from hubkit.custody.unseal import unseal_release
from hubkit.errors import HubkitError
from hubkit.tables import CHEXPERT_LABELS
from hubkit.tables import STUDIES as STUDIES_SCHEMA

SHORT_SPAN = {"section": "report", "start": 0, "stop": 1}
P10 = [study for subject, study in STUDIES if str(subject).startswith("10")]


@pytest.fixture(autouse=True)
def no_keys_kept() -> None:
    """What another test opened helps none."""
    feature._keyring.cache_clear()
    feature._corpus.cache_clear()


@pytest.mark.parametrize(
    ("length", "padded"),
    [(0, 128), (1, 128), (127, 128), (128, 128), (129, 256), (256, 256), (257, 512), (512, 512), (513, 768)],
)
def test_lengths_of_padded_texts(length: int, padded: int) -> None:
    assert pad(b"x" * length) == b"x" * length + b" " * (padded - length)


@pytest.mark.parametrize(
    ("kind", "values", "size"),
    [
        ("chexpert", [None, dict.fromkeys(CHEXPERT_LABELS), dict.fromkeys(CHEXPERT_LABELS, -1)], 72),
        ("spans", [[SHORT_SPAN], [{**SHORT_SPAN, "section": name, "start": 9998, "stop": 9999} for name in SPANS]], 80),
        ("float", [None, 0.0, -1.2345678901234567e-300], 32),
        ("double", [None, 1.0], 32),
        ("int8", [None, 1], 128),
        ("string", [None, "", "a" * 126], 128),
    ],
)
def test_values_of_a_kind_have_one_size(keys: Keyring, kind: str, values: list[Any], size: int) -> None:
    place = CellPlace(*RELEASE, "default", "test", 2, "column", kind, 10_000_100, 50_000_000, 0)
    key, overhead = keys.key("p10"), NONCE_BYTES + 16
    cells = [seal(value, place.header(), key) for value in values]
    assert {len(cell) - len(place.header()) - overhead for cell in cells} == {size}
    assert [open_cell(cell, keys) for cell in cells] == values


def test_a_value_beyond_the_size_of_its_kind_has_steps(keys: Keyring) -> None:
    spans = [{"section": name, "start": 999_998, "stop": 999_999} for name in SPANS]
    place = CellPlace(*RELEASE, "spans", "test", 2, "spans", "spans", 10_000_100, 50_000_000, 0)
    cell = seal(spans, place.header(), keys.key("p10"))
    assert len(cell) - len(place.header()) - NONCE_BYTES - 16 == 128
    assert open_cell(cell, keys) == spans


KINDS: list[tuple[pa.DataType, list[Any]]] = [
    (pa.string(), ["Coração normal.", "", None]),
    (pa.bool_(), [True, False, None]),
    (pa.int8(), [-1, 127, None]),
    (pa.int32(), [2**31 - 1, 0, None]),
    (pa.int64(), [-(2**63), 0, None]),
    (pa.float32(), [0.5, -0.0, None]),
    (pa.float64(), [0.1, 1e300, None]),
    (pa.list_(pa.string()), [["a", "ç"], [], None]),
    (
        STUDIES_SCHEMA.field("labels").type,
        [{label: at % 3 - 1 for at, label in enumerate(CHEXPERT_LABELS)}, dict.fromkeys(CHEXPERT_LABELS), None],
    ),
]


def with_ids(**columns: pa.Array) -> pa.Table:
    rows = len(next(iter(columns.values())))
    subjects, studies = zip(*STUDIES[:rows], strict=True)
    return pa.table({"subject_id": subjects, "study_id": studies, **columns})


@pytest.mark.parametrize(("kind", "values"), KINDS, ids=[str(kind)[:12] for kind, _ in KINDS])
def test_a_column_of_any_kind_comes_back_as_it_was(keys: Keyring, kind: pa.DataType, values: list[Any]) -> None:
    table = with_ids(column=pa.array(values, kind))
    opened = open_table(seal_table(table, "default", "test", keys), keys)
    assert opened.equals(table)
    assert opened.schema == table.schema


@pytest.mark.parametrize("kind", [pa.timestamp("s"), pa.binary(), pa.list_(pa.int64()), pa.int16()], ids=str)
def test_a_column_of_another_kind_is_not_sealed(keys: Keyring, kind: pa.DataType) -> None:
    with pytest.raises(HubkitError, match=rf"column: a column of type {re.escape(str(kind))} cannot be sealed"):
        seal_table(with_ids(column=pa.nulls(3, kind)), "default", "test", keys)


@pytest.fixture(scope="module")
def sealed(keys: Keyring) -> pa.Table:
    """Four rows of default/train, of studies 50000000, 50000007, 50000014 and 50000021."""
    return seal_table(plain_tables()["default", "train"].slice(0, 4), "default", "train", keys)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([0, 1, 2], "1 of 4 rows are missing, the first of them after study 50000014 ("),
        ([1, 2, 3], "1 of 4 rows are missing, the first of them before study 50000007 ("),
        ([0, 3], "2 of 4 rows are missing, the first of them after study 50000000 and before study 50000021 ("),
        ([3, 0], "2 of 4 rows are missing, the first of them after study 50000000 and before study 50000021 ("),
        ([0, 1, 2, 3, 3, 1], "2 rows are there twice, one of them of study 50000007"),
        ([0, 0, 0, 1, 2, 3], "1 rows are there twice, one of them of study 50000000"),
    ],
)
def test_rows_that_are_missing_or_doubled_are_counted_and_named(
    sealed: pa.Table, keys: Keyring, rows: list[int], message: str
) -> None:
    part = sealed.take(rows)
    with pytest.raises(HubkitError) as error:
        open_table(part, keys)
    assert str(error.value).startswith(f"default/train: {message}")
    expected = [STUDIES[row][1] for row in rows]
    assert open_table(part, keys, complete=False)["study_id"].to_pylist() == expected


def test_rows_in_another_order_open_unless_order_is_asked_for(sealed: pa.Table, keys: Keyring) -> None:
    turned = sealed.take([3, 1, 2, 0])
    assert open_table(turned, keys)["study_id"].to_pylist() == [STUDIES[row][1] for row in (3, 1, 2, 0)]
    with pytest.raises(HubkitError, match="default/train: the rows are not in their order"):
        open_table(turned, keys, ordered=True)
    assert open_table(sealed, keys, ordered=True).num_rows == 4


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (Part(), None),
        (Part(RELEASE, "default", "train"), None),
        (Part(config="generations"), "what stands as generations is sealed as default/train"),
        (Part(split="test"), "what stands as test is sealed as default/train"),
        (Part(release=(RELEASE[0], "2.0.0")), f"the cells are of {RELEASE[0]} 1.0.0, and not of {RELEASE[0]} 2.0.0"),
        (Part(release=("bal/x", "1.0.0")), f"the cells are of {RELEASE[0]} 1.0.0, and not of bal/x 1.0.0"),
    ],
)
def test_a_table_is_held_to_what_it_is_thought_to_be(
    sealed: pa.Table, keys: Keyring, part: Part, message: str | None
) -> None:
    if message is None:
        assert open_table(sealed, keys, part).num_rows == 4
    else:
        with pytest.raises(HubkitError) as error:
            open_table(sealed, keys, part)
        assert str(error.value) == message


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["study_id", "report"], "the column subject_id is missing"),
        (["subject_id", "report"], "the column study_id is missing"),
        (["subject_id", "study_id"], "there is no sealed column"),
    ],
)
def test_a_table_without_ids_or_cells_is_said(
    sealed: pa.Table, keys: Keyring, columns: list[str], message: str
) -> None:
    with pytest.raises(HubkitError, match=message):
        open_table(sealed.select(columns), keys)
    empty = sealed.select(columns).slice(0, 0)
    assert open_table(empty, keys) is empty


@pytest.mark.parametrize("column", ["indication", "report"])
@pytest.mark.parametrize("other", ["another config", "another split", "more rows", "another row"])
def test_the_whole_place_of_a_row_is_compared(keys: Keyring, column: str, other: str) -> None:
    """The column after the ids proves the rows' places, the others are held to it."""
    table = plain_tables()["default", "train"].slice(0, 4)
    foreign = {
        "another config": lambda: seal_table(table, "spans", "train", keys),
        "another split": lambda: seal_table(table, "default", "test", keys),
        "more rows": lambda: seal_table(pa.concat_tables([table, table.slice(0, 1)]), "default", "train", keys),
        "another row": lambda: seal_table(table.take([1, 0, 2, 3]), "default", "train", keys).take([1, 0, 2, 3]),
    }[other]()
    sealed = seal_table(table, "default", "train", keys)
    cells = sealed[column].to_pylist()
    cells[1] = foreign[column][1].as_py()
    changed = sealed.set_column(sealed.column_names.index(column), column, pa.array(cells, pa.large_binary()))
    if (column, other) == ("indication", "another row"):
        # The first sealed column is what numbers the rows.
        with pytest.raises(HubkitError, match=r"is not its own|1 rows are there twice"):
            open_table(changed, keys)
    else:
        with pytest.raises(HubkitError, match=f"the cell at {column} of study {STUDIES[1][1]} .* is not its own"):
            open_table(changed, keys)


def test_a_cell_of_another_release_is_named(keys: Keyring, corpus: Path) -> None:
    place = CellPlace("bal/x", "1.0.0", "default", "train", 1, "report", "string", *STUDIES[0], 0)
    cell = seal("Outro.", place.header(), keyring(corpus, ("bal/x", "1.0.0")).key("p10"))
    with pytest.raises(HubkitError) as error:
        open_cell(cell, keys)
    assert str(error.value) == "a cell of bal/x 1.0.0 stands among those of lab/mimic-cxr-ptbr 1.0.0"


@pytest.mark.parametrize("count", [5, 6])
def test_up_to_five_ids_are_named(release: Path, tmp_path: Path, count: int) -> None:
    gone = sorted(P10)[:count]
    changes = {ids: None for ids in STUDIES if ids[1] in gone}
    added = {(10_999_999, 59_000_000 + at): "More." for at in range(count)}
    other = find_corpus(write_corpus(tmp_path, {**changes, **added}), cache=False)
    with pytest.raises(HubkitError) as error:
        check_corpus(read_roster(release), other)
    more = ", ..." if count > 5 else ""
    missing = ", ".join(map(str, gone[:5]))
    too_many = ", ".join(str(59_000_000 + at) for at in range(5))
    assert f"p10: {count} reports missing ({missing}{more}) and {count} reports too many ({too_many}{more})" in str(
        error.value
    )
    assert "p11" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda roster: roster.slice(0, 0), "is not a roster of a sealed release"),
        (lambda roster: roster.drop_columns(["check"]), "is not a roster of a sealed release"),
        (
            lambda roster: roster.set_column(1, "version", pa.array(["1.0.0", "0.9.0"])),
            "p11: all ids fit, and the text of one report or more differs",
        ),
    ],
    ids=["empty", "a column less", "a folder of another version"],
)
def test_a_roster_that_was_changed_opens_nothing(
    release: Path, corpus: Path, tmp_path: Path, change: Any, message: str
) -> None:
    folder = shutil.copytree(release, tmp_path / "changed")
    pq.write_table(change(pq.read_table(folder / ROSTER)), folder / ROSTER)
    with pytest.raises(HubkitError, match=message):
        unseal_release(folder, tmp_path / "opened", corpus)


def test_an_opened_release_is_the_plain_one_with_a_card_that_says_so(
    release: Path, corpus: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(release, tmp_path / "sealed")
    (folder / "notes.txt").write_text("Not of the release.\n")
    opened = unseal_release(folder, tmp_path / "a" / "b" / "opened", corpus, RELEASE[1])
    plain = plain_tables()
    assert opened.rows == {f"{config}/{split}": table.num_rows for (config, split), table in plain.items()}
    for (config, split), table in plain.items():
        assert pq.read_table(opened.folder / "data" / config / f"{split}-00000-of-00001.parquet").equals(table)
    others = {path.relative_to(opened.folder).as_posix() for path in opened.folder.rglob("*") if path.is_file()}
    assert {name for name in others if not name.startswith("data/")} == {
        *("README.md", "LICENSE", "loader/mimic_cxr_ptbr.py", "loader/other_studies.parquet"),
    }
    for name in ("LICENSE", "loader/mimic_cxr_ptbr.py"):
        assert (opened.folder / name).read_bytes() == (folder / name).read_bytes()
    assert (opened.folder / "README.md").read_text() == OPENED_CARD
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["opened"]


OPENED_CARD = """---
viewer: false
configs:
- config_name: default
  default: true
  data_files:
  - split: train
    path: data/default/train-00000-of-00001.parquet
  - split: test
    path: data/default/test-00000-of-00001.parquet
- config_name: generations
  data_files:
  - split: test
    path: data/generations/test-00000-of-00001.parquet
- config_name: scores
  data_files:
  - split: test
    path: data/scores/test-00000-of-00001.parquet
---

# lab/mimic-cxr-ptbr 1.0.0, opened

Opened with `hubkit unseal`. This folder holds the text in clear: what the data use agreement says of the corpus holds
for it. What the columns mean stands on the card of the release on the Hub.
"""


def test_the_loader_of_an_opened_release_knows_the_other_studies_of_the_corpus(
    keys: Keyring, corpus: Path, tmp_path: Path
) -> None:
    """They are sealed as well until then."""
    tables = {name: table.slice(0, 3) for name, table in plain_tables().items()}
    folder = write_sealed(tmp_path / "sealed", keys, tables)
    opened = unseal_release(folder, tmp_path / "opened", corpus).folder
    released = {study for table in tables.values() for study in table["study_id"].to_pylist()}
    others = pq.read_table(opened / "loader" / "other_studies.parquet")["study_id"].to_pylist()
    assert others == sorted({study for _, study in STUDIES} - released)


def digests(root: Path, cache: bool) -> list[bytes]:
    found = find_corpus(root, cache)
    return [found.digest(group) for group in ("p10", "p11")]


def test_each_folder_of_a_zip_has_a_digest_of_its_own_in_the_cache(corpus: Path, tmp_path: Path) -> None:
    path = zip_corpus(corpus, tmp_path / "reports.zip")
    for _ in range(2):
        assert digests(path, cache=True) == digests(corpus, cache=False)
    assert len(json.loads(cache_path().read_text())) == 2
    assert stat.S_IMODE(cache_path().parent.stat().st_mode) == 0o700


def changed_in_place(root: Path, text: str, keep_time: bool) -> None:
    path = root / "files" / "p10" / f"p{STUDIES[0][0]}" / f"s{STUDIES[0][1]}.txt"
    before = path.stat()
    path.write_text(text)
    times = (before.st_atime_ns, before.st_mtime_ns + (0 if keep_time else 1_000_000))
    os.utime(path, ns=times)


@pytest.mark.parametrize(("longer", "keep_time"), [(False, False), (True, True)], ids=["time alone", "size alone"])
def test_a_report_that_changed_by_time_or_size_is_read_again(tmp_path: Path, longer: bool, keep_time: bool) -> None:
    root = write_corpus(tmp_path / "corpus")
    before = digests(root, cache=True)
    length = len(f" FINAL REPORT\n Invented report no. {STUDIES[0][1]}.\n")
    changed_in_place(root, "x" * (length + longer), keep_time)
    after = digests(root, cache=True)
    assert after == digests(root, cache=False)
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, True]


def test_another_corpus_of_equal_sizes_and_times_has_digests_of_its_own(tmp_path: Path) -> None:
    root = write_corpus(tmp_path / "one")
    other = shutil.copytree(root, tmp_path / "other")
    changed_in_place(other, "x" * len(f" FINAL REPORT\n Invented report no. {STUDIES[0][1]}.\n"), keep_time=True)
    assert digests(root, cache=True)[0] != digests(other, cache=True)[0]
    assert digests(other, cache=True) == digests(other, cache=False)


@pytest.mark.parametrize("mode", [0o640, 0o620, 0o610, 0o604, 0o602, 0o601])
def test_a_cache_that_anyone_else_may_touch_is_not_believed(corpus: Path, mode: int) -> None:
    true = digests(corpus, cache=True)
    entries = json.loads(cache_path().read_text())
    for entry in entries.values():
        entry["digest"] = "00" * 32
    cache_path().write_text(json.dumps(entries))
    assert digests(corpus, cache=True) == [bytes(32)] * 2  # by its owner alone, it would be
    cache_path().chmod(mode)
    assert digests(corpus, cache=True) == true


def test_without_a_cache_nothing_is_written(corpus: Path) -> None:
    digests(corpus, cache=False)
    assert not cache_path().exists()


def test_a_corpus_that_is_given_goes_before_that_of_the_environment(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = write_corpus(tmp_path / "elsewhere", {STUDIES[0]: "Another."})
    monkeypatch.setenv("MIMIC_CXR_ROOT", str(elsewhere))
    assert digests(corpus, cache=False) != digests(elsewhere, cache=False)
    assert find_corpus(cache=False).digest("p10") == find_corpus(elsewhere, cache=False).digest("p10")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_corpus("~/elsewhere", cache=False).digest("p10") == digests(elsewhere, cache=False)[0]
    assert find_corpus(corpus, cache=False).groups() == ["p10", "p11"]
    assert find_corpus(corpus, cache=False).studies("p10") == sorted(P10)


@pytest.mark.parametrize(("version", "opens"), [("3.1.9", False), ("3.2.0", True), ("10.0.0", True)])
def test_versions_of_datasets_that_would_show_cells_are_refused(
    monkeypatch: pytest.MonkeyPatch, corpus: Path, version: str, opens: bool
) -> None:
    monkeypatch.setattr(feature.datasets, "__version__", version)
    if opens:
        Sealed(corpus)
    else:
        with pytest.raises(HubkitError, match="opens no columns but its own"):
            Sealed(corpus)


def test_a_stream_that_mixes_releases_is_refused(corpus: Path) -> None:
    """The second release comes in a batch of its own, so that nothing beside it tells."""
    older, newer = (
        seal_table(plain_tables()["default", "train"], "default", "train", keyring(corpus, (RELEASE[0], version)))
        for version in ("1.0.0", "1.1.0")
    )
    opening = feature._Batches(str(corpus), Part(), None)
    for _ in range(2):
        assert opening(older.to_pydict()) == plain_tables()["default", "train"].to_pydict()
    with pytest.raises(HubkitError, match=r"the cells are of lab/mimic-cxr-ptbr 1\.1\.0, and not of .* 1\.0\.0"):
        opening(newer.to_pydict())


def test_a_dataset_of_ids_alone_or_without_rows_is_left_as_it_is(sealed: pa.Table) -> None:
    for table in (sealed.select(["subject_id", "study_id"]), sealed.slice(0, 0)):
        dataset = Dataset(table)
        assert open_sealed(dataset) is dataset


def test_rows_are_placed_by_the_cells_of_one_column(sealed: pa.Table, keys: Keyring) -> None:
    rows = place_rows({name: sealed[name].to_pylist() for name in ("subject_id", "study_id", "report")}, keys)
    assert rows.numbers == [0, 1, 2, 3]
    assert rows.first == CellPlace(*RELEASE, "default", "train", 4, "report", "string", *STUDIES[0], 0)
    assert rows.tails == [f"{subject}/{study}/{at}".encode() for at, (subject, study) in enumerate(STUDIES[:4])]
    assert [key.check for key in rows.keys] == [keys.key(f"p{str(subject)[:2]}").check for subject, _ in STUDIES[:4]]


def test_a_release_that_is_sealed_twice_has_the_same_bytes(keys: Keyring, tmp_path: Path) -> None:
    one, other = (write_sealed(tmp_path / name, keys) for name in ("one", "other"))
    for path in one.rglob("*.parquet"):
        assert path.read_bytes() == (other / path.relative_to(one)).read_bytes()
