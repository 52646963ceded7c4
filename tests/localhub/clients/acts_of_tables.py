"""What people read tables from the Hub with; prints a JSON object: "" or the fault by act."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import dask.dataframe
import duckdb
import pandas as pd
import pyarrow.dataset
import pyarrow.parquet
from huggingface_hub import HfApi, HfFileSystem

HOME = "hf://datasets/maintainer/tables"
TABLE = pd.DataFrame({"study_id": range(1000), "report": [f"texto {number}" for number in range(1000)]})
FOUND: dict[str, str] = {}


def act(function: Callable[[], None]) -> None:
    try:
        function()
        FOUND[function.__name__] = ""
    except Exception as error:  # noqa: BLE001
        FOUND[function.__name__] = f"{type(error).__name__}: {error}"


HfApi().create_repo("maintainer/tables", repo_type="dataset")


@act
def pandas_writes() -> None:
    for number in range(2):
        TABLE.iloc[500 * number : 500 * (number + 1)].to_parquet(
            f"{HOME}/data/part-{number}.parquet", row_group_size=100
        )
    TABLE.to_csv(f"{HOME}/table.csv", index=False)


@act
def pandas_reads() -> None:
    assert pd.read_parquet(f"{HOME}/data/part-0.parquet", columns=["study_id"])["study_id"].sum() == sum(range(500))
    assert pd.read_csv(f"{HOME}/table.csv").equals(TABLE)


@act
def dask_reads() -> None:
    found = dask.dataframe.read_parquet(f"{HOME}/data/*.parquet")
    assert int(found["study_id"].sum().compute(scheduler="sync")) == sum(range(1000))


@act
def dask_writes() -> None:
    table = dask.dataframe.from_pandas(TABLE, npartitions=2)
    table.to_parquet(f"{HOME}/dask", compute_kwargs={"scheduler": "sync"})
    assert len(pd.read_parquet(f"{HOME}/dask/part.1.parquet")) == 500


@act
def pyarrow_reads() -> None:
    files = HfFileSystem()
    place = "datasets/maintainer/tables/data"
    dataset = pyarrow.dataset.dataset(place, filesystem=files, format="parquet")
    assert dataset.to_table(filter=pyarrow.dataset.field("study_id") > 990).num_rows == 9
    with pyarrow.parquet.ParquetFile(files.open(f"{place}/part-1.parquet")) as file:
        assert file.read_row_group(4)["report"][99].as_py() == "texto 999"


@act
def duckdb_reads() -> None:
    connection = duckdb.connect()
    connection.register_filesystem(HfFileSystem())
    query = f"SELECT sum(study_id), max(report) FROM read_parquet('{HOME}/data/*.parquet') WHERE study_id >= 998"
    assert connection.sql(query).fetchall() == [(1997, "texto 999")]
    assert connection.sql(f"SELECT count(*) FROM read_csv('{HOME}/table.csv')").fetchall() == [(1000,)]


@act
def a_revision_is_read() -> None:
    HfApi().create_tag("maintainer/tables", tag="v1", repo_type="dataset")
    place = f"{HOME.replace('/tables', '/tables@v1')}/data/part-0.parquet"
    assert len(pd.read_parquet(place)) == 500


os.environ.pop("HF_TOKEN")
HfApi(token=os.environ["OWNER"]).update_repo_settings("maintainer/tables", gated="manual", repo_type="dataset")


@act
def a_gate_keeps_strangers_out() -> None:
    try:
        pd.read_parquet(f"{HOME}/data/part-0.parquet", storage_options={"token": False, "skip_instance_cache": True})
    except (OSError, FileNotFoundError):
        return
    raise AssertionError("a stranger read the table")


print(json.dumps(FOUND))
