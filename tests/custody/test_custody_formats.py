"""Releases of format 2 and of format 3 open to the same tables, and format 3 has a cell for all spans of a study."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, load_dataset
from sealed_folder import STUDIES, plain_spans, plain_tables, write_sealed

from hubkit.custody import sealed as reader
from hubkit.custody.roster import read_roster
from hubkit.custody.sealed import FORMAT, Keyring, Part, SealedError, _Batches, open_cell, open_sealed, open_table
from hubkit.custody.tables import row_by_study, seal_table
from hubkit.custody.unseal import unseal_release
from hubkit.errors import HubkitError

FORMAT_2 = Path(__file__).with_name("format_2.zip")
"""What hubkit wrote in format 2, of the corpus and the tables of `sealed_folder`."""

CARD = """---
configs:
- config_name: default
  data_files: [{split: train, path: data/default/train-*.parquet}]
- config_name: spans
  data_files: [{split: train, path: data/spans/train-*.parquet}]
---
"""

TABLES = {**plain_tables(), ("spans", "train"): plain_spans()}


@pytest.fixture(params=[2, 3])
def of_format(request: pytest.FixtureRequest, keys: Keyring, tmp_path: Path) -> Path:
    """A release of each format."""
    if request.param == 2:
        zipfile.ZipFile(FORMAT_2).extractall(tmp_path / "release")
    else:
        write_sealed(tmp_path / "release", keys, {**TABLES, ("spans", "train"): row_by_study(plain_spans())}, 100)
    cells = pq.read_table(tmp_path / "release" / "data" / "default" / "test-00000-of-00001.parquet")["report"]
    assert {cell.as_py()[0] for cell in cells} == {request.param}
    return tmp_path / "release"


def test_a_release_of_each_format_is_unsealed_whole(of_format: Path, corpus: Path, tmp_path: Path) -> None:
    unseal_release(of_format, tmp_path / "opened", corpus)
    for (config, split), plain in TABLES.items():
        path = tmp_path / "opened" / "data" / config / f"{split}-00000-of-00001.parquet"
        assert pq.read_table(path).equals(plain)


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("config", ["default", "spans"])
def test_stock_datasets_reads_each_format(
    of_format: Path, corpus: Path, tmp_path: Path, config: str, streaming: bool
) -> None:
    (of_format / "README.md").write_text(CARD)
    loaded = load_dataset(str(of_format), config, streaming=streaming, cache_dir=str(tmp_path / "cache"))
    opened = open_sealed(loaded, str(corpus))["train"]
    assert list(opened) == TABLES[config, "train"].to_pylist()


def test_a_stream_of_a_release_has_rows_for_each_section(keys: Keyring, corpus: Path) -> None:
    sealed = seal_table(row_by_study(plain_spans()), "spans", "train", keys)
    rows = _Batches(str(corpus), Part(config="spans"), None)(sealed.slice(2, 3).to_pydict())
    expected = [row for row in plain_spans().to_pylist() if row["study_id"] in sealed["study_id"].to_pylist()[2:5]]
    assert pa.table(rows).to_pylist() == expected


def test_spans_are_one_cell_a_study_and_show_no_number_of_sections(keys: Keyring) -> None:
    sealed = seal_table(row_by_study(plain_spans()), "spans", "train", keys)
    assert sealed.column_names == ["subject_id", "study_id", "spans"]
    assert list(zip(*(sealed[name].to_pylist() for name in ("subject_id", "study_id")), strict=True)) == STUDIES[:12]
    cells = sealed["spans"].to_pylist()
    assert len({len(cell) - cell[1] for cell in cells}) == 1
    assert open_table(sealed, keys).equals(plain_spans())
    first = [{name: row[name] for name in ("section", "start", "stop")} for row in plain_spans().to_pylist()[:2]]
    assert open_cell(cells[0], keys) == first


@pytest.mark.parametrize("rows", [0, 1, 2, 5])
def test_spans_of_any_number_of_rows_come_back(keys: Keyring, rows: int) -> None:
    table = plain_spans().slice(0, rows)
    nested = row_by_study(table)
    assert nested.num_rows == len(set(table["study_id"].to_pylist()))
    sealed = seal_table(nested, "spans", "train", keys)
    if rows:
        assert open_table(sealed, keys).equals(table)


def test_a_row_of_spans_that_is_missing_is_named(keys: Keyring) -> None:
    sealed = seal_table(row_by_study(plain_spans()), "spans", "train", keys)
    with pytest.raises(SealedError, match="1 of 12 rows are missing, the first of them after study 50000000"):
        open_table(sealed.take([0, *range(2, 12)]), keys)


def test_cells_of_two_formats_are_not_one_table(keys: Keyring, tmp_path: Path) -> None:
    zipfile.ZipFile(FORMAT_2).extractall(tmp_path)
    old = pq.read_table(tmp_path / "data" / "default" / "train-00000-of-00001.parquet")
    new = seal_table(plain_tables()["default", "train"], "default", "train", keys)
    mixed = old.set_column(old.column_names.index("report"), "report", new["report"])
    with pytest.raises(HubkitError, match="format"):
        open_table(mixed, keys)
    with pytest.raises(HubkitError, match="format"):
        open_table(pa.concat_tables([old.slice(0, 6), new.slice(6)]), keys)


def test_a_format_to_come_is_refused_by_its_number(release: Path, keys: Keyring, tmp_path: Path) -> None:
    cell = (
        bytes([FORMAT + 1])
        + seal_table(plain_tables()["default", "test"], "default", "test", keys)["report"][0].as_py()[1:]
    )
    with pytest.raises(SealedError, match="sealed in format 4; this reads formats 2 and 3"):
        open_cell(cell, keys)
    roster = pq.read_table(release / "custody" / "groups.parquet")
    cells = [bytes([FORMAT + 1]) + cell[1:] for cell in roster["contents"].to_pylist()]
    (tmp_path / "custody").mkdir()
    pq.write_table(roster.set_column(5, "contents", pa.array(cells)), tmp_path / "custody" / "groups.parquet")
    with pytest.raises(SealedError, match="sealed in format 4; this reads formats 2 and 3"):
        read_roster(tmp_path)


def test_a_column_of_spans_reads_as_a_list(keys: Keyring, corpus: Path) -> None:
    reader._keyring.cache_clear()
    reader._corpus.cache_clear()
    sealed = seal_table(row_by_study(plain_spans()), "spans", "train", keys)
    column = Dataset(sealed).cast_column("spans", reader.Sealed(str(corpus)))
    assert column[1]["spans"][0]["section"] == "findings"
