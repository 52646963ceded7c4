"""Two tables of translations, read and put row against row."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hubkit.errors import HubkitError, UsageError
from hubkit.tables import TRANSLATIONS
from hubkit.workspace import MACHINE_TRANSLATIONS

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = ("study_id", "section", "source", "translation", "model", "revision", "status", "flags")
"""The columns of translations.parquet that are compared."""

KEYS = ("study_id", "section", "source")
"""What a row translates; none of them may be missing."""


class Side(NamedTuple):
    """One of the two.

    Attributes:
        path: the workspace or file, as it was given.
        file: its file of translations.
        table: its rows with `COLUMNS`, sorted by study and section.
    """

    path: Path
    file: Path
    table: pa.Table


def read_sides(first: Path, second: Path) -> tuple[Side, Side]:
    """Read two translations of the same sections, each a workspace or a Parquet file.

    Of a workspace that is what `translate` wrote, before corrections.

    Raises:
        UsageError: both are the same, or they translate other studies, sections or texts.
        HubkitError: one is missing, has no translation, or cannot be read.
    """
    files = [_file(path) for path in (first, second)]
    if os.path.samefile(*files):
        raise UsageError("is given twice", where=second, hint="name the workspace of another translation as B")
    sides = [Side(path, file, _read(file)) for path, file in zip((first, second), files, strict=True)]
    _check_alike(*sides)
    return sides[0], sides[1]


def _file(path: Path) -> Path:
    """The file of translations that `path` is or holds."""
    if not path.exists():
        raise UsageError("does not exist", where=path, hint="give a workspace, or a Parquet file of translations")
    if not path.is_dir():
        return path
    file = path / MACHINE_TRANSLATIONS
    if not file.exists():
        raise HubkitError("nothing is translated there", where=path, hint=f"hubkit translate --workspace {path}")
    return file


def _read(file: Path) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    schema = pa.schema([TRANSLATIONS.field(name) for name in COLUMNS])
    hint = "give a workspace, or translations.parquet of one"
    try:
        with pq.ParquetFile(file) as parquet:
            missing = [name for name in COLUMNS if name not in parquet.schema_arrow.names]
            if missing:
                raise UsageError(f"has no column {', '.join(missing)}", where=file, hint=hint)
            table = parquet.read(columns=list(COLUMNS)).select(COLUMNS).cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise HubkitError("is not a Parquet file of translations", where=file, hint=hint) from None
    except OSError as error:
        raise HubkitError(
            f"cannot be read: {error.strerror or 'it is damaged'}",
            where=file,
            hint="check the file and its permissions",
        ) from None
    if not table.num_rows or any(table[name].null_count for name in KEYS):
        what = "has rows without study, section or source" if table.num_rows else "has no rows"
        raise UsageError(what, where=file, hint=hint)
    table = table.sort_by([("study_id", "ascending"), ("section", "ascending")]).combine_chunks()
    this, following = table.slice(1), table.slice(0, table.num_rows - 1)
    if pc.any(pc.and_(*(pc.equal(this[name], following[name]) for name in KEYS[:2]))).as_py():
        raise UsageError("has two rows for the same section of a study", where=file, hint=hint)
    return table


def _check_alike(a: Side, b: Side) -> None:
    """Refuse translations whose rows do not answer one another; the error has counts and no text.

    Raises:
        UsageError: they do not.
    """
    studies = [set(side.table["study_id"].to_pylist()) for side in (a, b)]
    if studies[0] != studies[1]:
        alone = [len(studies[0] - studies[1]), len(studies[1] - studies[0])]
        raise UsageError(
            f"does not translate the same studies as {a.path}: {alone[0]} are in A alone, {alone[1]} in B alone",
            where=b.path,
            hint="translate the same studies.parquet with both",
        )
    keys = [side.table.select(KEYS[:2]) for side in (a, b)]
    if not keys[0].equals(keys[1]):
        raise UsageError(
            f"does not translate the same sections as {a.path}",
            where=b.path,
            hint="translate both with the same [translation] units",
        )
    sources = [side.table["source"] for side in (a, b)]
    if not sources[0].equals(sources[1]):
        raise UsageError(
            f"has other English texts than {a.path} for the same sections",
            where=b.path,
            hint="translate the same studies.parquet with both",
        )
