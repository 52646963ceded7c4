"""Read a sealed release with `datasets`: whole with `open_sealed`, a column with `cast_column("report", Sealed())`."""

from __future__ import annotations

import functools
import os
import secrets
import warnings
from dataclasses import InitVar, dataclass, field
from typing import Any, ClassVar

import datasets
import pyarrow as pa
from datasets import Dataset
from datasets.features.features import register_feature
from packaging.version import Version

from hubkit.custody.cells import CellPlace, open_cell, read_place
from hubkit.custody.digests import CORPUS_VARIABLE, OwnCorpus, find_corpus
from hubkit.custody.keys import Keyring
from hubkit.custody.tables import IDS, Part, open_column, open_table, place_rows
from hubkit.errors import HubkitError

FIRST_VERSION = "3.2.0"
"""Before it, datasets decoded its own features alone, and would have handed out sealed bytes without a word."""

Root = str | os.PathLike[str] | None


@dataclass
class Sealed:
    """A column whose cells are opened as they are read: `dataset.cast_column("report", Sealed())`.

    A cell proves its own place, and that it was not changed. What stands beside it is not seen here: that two whole
    cells of a column changed places is noticed by `open_sealed` and by `hubkit unseal`.

    Args:
        corpus: the folder of the reports, or their zip; MIMIC_CXR_ROOT where it is None. It is kept out of everything
            that datasets writes.

    Raises:
        HubkitError: this version of datasets would show the cells as they are.
    """

    corpus: InitVar[Root] = None
    id: str | None = field(default=None, repr=False)
    dtype: ClassVar[str] = "string"
    pa_type: ClassVar[pa.DataType] = pa.large_binary()
    _type: str = field(default="Sealed", init=False, repr=False)

    def __post_init__(self, corpus: Root) -> None:
        if Version(datasets.__version__) < Version(FIRST_VERSION):
            raise HubkitError(
                f"datasets {datasets.__version__} opens no columns but its own",
                hint=f"use open_sealed(dataset), or: pip install 'datasets>={FIRST_VERSION}'",
            )
        self._corpus = None if corpus is None else os.fspath(corpus)

    def __call__(self) -> pa.DataType:
        return self.pa_type

    def encode_example(self, value: bytes) -> bytes:
        """A cell as it is stored: as it is."""
        return value

    def decode_example(self, value: Any, token_per_repo_id: Any = None) -> Any:
        """The value of a cell.

        Raises:
            HubkitError: it was changed, the corpus is not given, or it does not fit.
        """
        if not isinstance(value, bytes):
            raise HubkitError("the column is not sealed", hint="cast only columns of bytes to Sealed()")
        place = read_place(value)
        return open_cell(value, _keyring(self._corpus or _environment(), place.release, place.version))

    def cast_storage(self, storage: pa.Array) -> pa.Array:
        """The stored cells, as they are in the files."""
        return storage.cast(self.pa_type)


with warnings.catch_warnings():
    # datasets calls the registering of features experimental; whoever imports this can do nothing about it.
    warnings.simplefilter("ignore", UserWarning)
    register_feature(Sealed, "Sealed")


def open_sealed(dataset: Any, corpus: Root = None, complete: bool = True, version: str | None = None) -> Any:
    """Open all columns of a dataset that `load_dataset` loaded from a sealed release.

    A Dataset is opened in memory, and nothing of it is written to a cache; one that is streamed is opened as it is
    read, and its rows are not counted.

    Args:
        dataset: a Dataset or IterableDataset, or a dict of them by split, with their ids.
        corpus: the folder of the reports, or their zip; MIMIC_CXR_ROOT where it is None.
        complete: whether rows that are left out or doubled are an error; False for a part that was loaded on purpose.
        version: the version that it must be of; where it is None, all of it must be of one.

    Raises:
        HubkitError: a cell was changed or moved, rows are missing, or the corpus is missing or another one.
    """
    root = corpus if corpus is None else os.fspath(corpus)
    if not isinstance(dataset, dict):
        return _open(dataset, root, complete, None, version)
    opened = {}
    for split, part in dataset.items():
        version = version or _version(part)
        opened[split] = _open(part, root, complete, split, version)
    return type(dataset)(opened)


def _open(dataset: Any, root: str | None, complete: bool, split: str | None, version: str | None) -> Any:
    if split is None and dataset.split is not None and str(dataset.split).isidentifier():
        split = str(dataset.split)
    # Parquet files that are loaded by their paths get a config called by a hash, and splits of the reader's choice.
    config = dataset.info.config_name
    part = Part(config=config, split=split) if config and "-" not in config else Part()
    if not isinstance(dataset, Dataset):
        return dataset.map(_Batches(root, part, version), batched=True)
    cell = _first_cell(dataset)
    if cell is None:
        return dataset
    table = dataset.with_format("arrow")[:]
    opened = open_table(table, _keys(root, cell, version), part, complete)
    # A fingerprint of its own: that of datasets would read all of the table, and the text shall decide no file's name.
    return Dataset(opened.replace_schema_metadata(None), split=dataset.split, fingerprint=secrets.token_hex(8))


def _version(dataset: Any) -> str | None:
    """The version that a dataset claims to be of; None for a stream, which is not read to find out."""
    cell = _first_cell(dataset) if isinstance(dataset, Dataset) else None
    return None if cell is None else _place(cell).version


def _first_cell(dataset: Dataset) -> Any:
    """The first cell of a dataset, None where it has no rows or no columns but the ids."""
    sealed = [name for name in dataset.column_names if name not in IDS]
    if not sealed or not len(dataset):
        return None
    return dataset.with_format("arrow")[:1][sealed[0]][0].as_py()


class _Batches:
    """Opens batches of a stream. It can be pickled, and then holds no key: each process derives its own."""

    def __init__(self, root: str | None, part: Part, version: str | None):
        self.root, self.part, self.version = root, part, version

    def __call__(self, batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        sealed = [name for name in batch if name not in IDS]
        if not sealed or not batch[sealed[0]]:
            return batch
        keys = _keys(self.root, batch[sealed[0]][0], self.version)
        # What the first batch is of, all that follow must be of.
        self.part = self.part._replace(release=self.part.release or (keys.release, keys.version))
        rows = place_rows(batch, keys, self.part)
        return {name: open_column(name, batch[name], rows)[1] if name in sealed else batch[name] for name in batch}


def _keys(root: str | None, cell: Any, version: str | None) -> Keyring:
    """The keys of the release that a cell claims to be of, which must be of `version` where that is known."""
    place = _place(cell)
    if version not in (None, place.version):
        raise HubkitError(f"the cells are of {place.release} {place.version}, and not of version {version}")
    return _keyring(root or _environment(), place.release, place.version)


def _place(cell: Any) -> CellPlace:
    if not isinstance(cell, bytes):
        raise HubkitError("the dataset is not sealed, or was opened already")
    return read_place(cell)


def _environment() -> str | None:
    return os.environ.get(CORPUS_VARIABLE)


@functools.lru_cache(maxsize=8)
def _keyring(root: str | None, release: str, version: str) -> Keyring:
    return Keyring(_corpus(root), release, version)


@functools.lru_cache(maxsize=2)
def _corpus(root: str | None) -> OwnCorpus:
    return find_corpus(root)
