"""custody/groups.parquet of a sealed release: what made the key of each folder, and what belongs to the release.

A row is a folder of the corpus. In clear it has the folder's name, how many studies it has and a check value. Sealed
under the folder's key it has the release's tables and files, and a second key, which all folders share; sealed under
that key, the ids of the folder's studies. So whoever holds one whole folder can learn which studies the others lack,
and nobody else sees an id. docs/custody.md has what was weighed.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from hubkit.custody import ROSTER
from hubkit.custody.cells import seal
from hubkit.custody.sealed import (
    FORMAT,
    FORMATS,
    IDS,
    CellPlace,
    GroupKey,
    Keyring,
    OwnCorpus,
    derived,
    group_of,
    other_format,
    unseal,
)
from hubkit.digests import file_digest
from hubkit.errors import HubkitError
from hubkit.workspace import write_table

NAMED = 5
"""So many ids stand in a message; more would fill the screen."""

SHARED = "all"
"""Stands for all folders in the place of a folder's name."""

COPIED = ("LICENSE", "CITATION.cff", "loader/*")
"""Files that an opened release keeps. The roster has their digests; all else of a release, `unseal` writes itself."""

SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("release", "version", "group")),
        ("studies", pa.int64()),
        *((name, pa.binary()) for name in ("check", "contents", "ids")),
    ]
)


class Group(NamedTuple):
    """A folder of the corpus, as the release knows it.

    Attributes:
        release: the release's repo, `namespace/name`.
        version: its version.
        group: name of the folder.
        studies: how many reports it has.
        check: a public value that the right key gives.
        contents: the sealed key of the ids, files and tables.
        ids: the sealed ids of its studies.
    """

    release: str
    version: str
    group: str
    studies: int
    check: bytes
    contents: bytes
    ids: bytes


class Table(NamedTuple):
    """A split of a config, as the roster has it.

    Attributes:
        columns: names of its columns.
        rows: (folder, study id) of its rows.
    """

    columns: list[str]
    rows: set[tuple[str, int]]


class Contents(NamedTuple):
    """What belongs to a release.

    Attributes:
        tables: by `config/split`, in their order.
        files: SHA-256 of each file that is not a table, by path.
        studies: ids of all studies of its folders.
    """

    tables: dict[str, Table]
    files: dict[str, str]
    studies: set[int]


def write_roster(root: Path, parts: Mapping[str, Sequence[Path]], keys: Keyring) -> None:
    """Write the roster of the release below `root`, whose tables and other files are there already.

    Args:
        parts: the Parquet files of each `config/split`, in order, relative to `root`.
        keys: of the release.
    """
    tables = [(part, *_read_ids([root / path for path in paths])) for part, paths in parts.items()]
    files = [[path.relative_to(root).as_posix(), file_digest(path)] for path in kept_files(root)]
    names = sorted({group_of(subject) for _, _, ids in tables for subject, _ in ids})
    material = _material(keys, names)
    shared = _shared(keys, material)
    groups: list[Group] = []
    for number, name in enumerate(names):
        rows = [
            [part, columns, [study for subject, study in ids if group_of(subject) == name]]
            for part, columns, ids in tables
        ]
        place = _place(keys, name, number, len(names))
        own = keys.corpus.studies(name)
        # JSON of lists: a dict among the values of cells means labels.
        contents = seal([material.hex(), files, rows], place("contents"), keys.key(name))
        ids = seal(own, place("ids"), shared)
        groups.append(Group(keys.release, keys.version, name, len(own), keys.key(name).check, contents, ids))
    write_table(root / ROSTER, pa.Table.from_pylist([group._asdict() for group in groups], schema=SCHEMA))


def kept_files(root: Path) -> list[Path]:
    """The files below `root` that an opened release may keep, in order."""
    found = {path for pattern in COPIED for path in root.glob(pattern)}
    return sorted(path for path in found if path.is_file())


def read_roster(root: Path) -> list[Group]:
    """The roster of the release in the folder `root`.

    Raises:
        HubkitError: it is missing or damaged, or of another format.
    """
    if not (root / ROSTER).is_file():
        raise HubkitError(
            f"has no {ROSTER}: it is not a sealed release, or not all of it",
            where=root,
            hint="download the whole release: hubkit unseal REPO",
        )
    table = read_sealed(root / ROSTER)
    if {"studies", "rows"} <= set(table.column_names):
        raise other_format(1)
    if not table.num_rows or table.schema != SCHEMA:
        raise HubkitError("is not a roster of a sealed release", where=ROSTER, hint="download it again")
    try:
        roster = [Group(**row) for row in table.to_pylist()]
    except UnicodeDecodeError:
        raise HubkitError("is damaged", where=ROSTER, hint="download it again") from None
    for cell in (cell for group in roster for cell in (group.contents, group.ids)):
        if cell and FORMAT < cell[0] < 16:
            raise other_format(cell[0])
        if not cell or cell[0] not in FORMATS:
            raise HubkitError("is damaged", where=ROSTER, hint="download it again")
    return roster


def read_sealed(path: Path) -> pa.Table:
    """A Parquet file of a sealed release.

    Raises:
        HubkitError: it is damaged.
    """
    try:
        return pq.read_table(path)
    except (pa.ArrowException, OSError, ValueError):
        raise HubkitError("is not a whole Parquet file", where=path.name, hint="download it again") from None


def check_corpus(roster: list[Group], corpus: OwnCorpus) -> Keyring:
    """The keys of the release, once the researcher's corpus is shown to be the one that it was sealed under.

    Raises:
        HubkitError: it is not. Each folder that does not fit is named, with ids that are missing or too many where
            another folder fits, else with how many there are.
    """
    keys = Keyring(corpus, roster[0].release, roster[0].version)
    fit = [number for number, group in enumerate(roster) if _fits(group, keys)]
    if len(fit) < len(roster):
        known = _all_ids(roster, fit[0], keys) if fit else None
        found = [_misfit(group, keys, known) for number, group in enumerate(roster) if number not in fit]
        unnamed = "; since no folder fits, ids cannot be named" if known is None else ""
        raise HubkitError(
            f"does not fit {keys.release} {keys.version}: {'; '.join(found)}{unnamed}",
            where=corpus.source.path,
            hint="get the version of the corpus that the release's card names",
        )
    return keys


def read_contents(roster: list[Group], keys: Keyring) -> Contents:
    """What belongs to the release, as the sealed lists have it.

    Args:
        roster: of the release, whose folders all fit, as `check_corpus` shows.
        keys: of the release.

    Raises:
        HubkitError: a list was changed, or one was left out.
    """
    tables: dict[str, Table] = {}
    files: dict[str, str] = {}
    for number, group in enumerate(roster):
        _, files_, rows = _opened(roster, number, keys)
        files |= dict(files_)
        for part, columns, ids in rows:
            tables.setdefault(part, Table(columns, set())).rows.update((group.group, study) for study in ids)
    known = _all_ids(roster, 0, keys)
    for group in roster:
        if not len(known[group.group]) == group.studies == len(keys.corpus.studies(group.group)):
            raise HubkitError(f"{group.group}: the number of studies was changed", where=ROSTER, hint="download again")
    return Contents(tables, files, {study for ids in known.values() for study in ids})


def check_rows(part: str, table: pa.Table, expected: Table) -> None:
    """Hold a table to the sealed lists.

    Raises:
        HubkitError: names the columns, or the folders and ids of rows, that are missing or too many.
    """
    if table.column_names != expected.columns:
        pairs = itertools.zip_longest(expected.columns, table.column_names, fillvalue="nothing")
        wanted, instead = next((one, other) for one, other in pairs if one != other)
        raise HubkitError(f"has {instead} where the release has {wanted}", where=part, hint="download it again")
    ids = zip(table["subject_id"].to_pylist(), table["study_id"].to_pylist(), strict=True)
    found = {(group_of(subject), study) for subject, study in ids}
    groups = sorted({group for group, _ in found ^ expected.rows})
    if groups:
        differ = [
            _difference(group, _of(expected.rows, group), _of(found, group), "rows of studies") for group in groups
        ]
        raise HubkitError(f"rows were left out or added: {'; '.join(differ)}", where=part, hint="download it again")


def _read_ids(paths: Sequence[Path]) -> tuple[list[str], list[tuple[int, int]]]:
    """Names of the columns of a table, and (subject, study) of its rows."""
    table = pa.concat_tables([pq.read_table(path, columns=list(IDS)) for path in paths])
    return pq.read_schema(paths[0]).names, list(zip(*(table[name].to_pylist() for name in IDS), strict=True))


def _material(keys: Keyring, groups: list[str]) -> bytes:
    """What the key of the ids is made from: the digests of all folders, so that a rebuild has the same bytes."""
    digests = b"".join(keys.corpus.digest(group) for group in groups)
    return derived(digests, f"{keys.release}/{keys.version}/{SHARED}/ids", 32)


def _shared(keys: Keyring, material: bytes) -> GroupKey:
    return GroupKey(material, keys.release, keys.version, SHARED)


def _place(keys: Keyring, group: str, number: int, groups: int) -> Any:
    """Where a folder's lists belong: row `number` of `groups`, so that no folder can be left out unseen."""

    def header(column: str, form: int = FORMAT) -> bytes:
        subject = int(group.removeprefix("p"))
        place = CellPlace(keys.release, keys.version, "custody", "groups", groups, column, "lists", subject, 0, number)
        return place.header(form)

    return header


def _opened(roster: list[Group], number: int, keys: Keyring) -> list[Any]:
    """The contents of a folder whose key is right."""
    group = roster[number]
    place = _place(keys, group.group, number, len(roster))("contents", group.contents[0])
    try:
        opened: list[Any] = unseal(group.contents, place, keys.key(group.group))
    except HubkitError:
        raise _changed(f"the list of the rows of {group.group}") from None
    return opened


def _all_ids(roster: list[Group], number: int, keys: Keyring) -> dict[str, list[int]]:
    """The ids of the studies of each folder, by the key that folder `number` has of them."""
    shared = _shared(keys, bytes.fromhex(_opened(roster, number, keys)[0]))
    found = {}
    for at, group in enumerate(roster):
        try:
            place = _place(keys, group.group, at, len(roster))("ids", group.ids[0])
            found[group.group] = unseal(group.ids, place, shared)
        except HubkitError:
            raise _changed(f"the list of the studies of {group.group}") from None
    return found


def _changed(what: str) -> HubkitError:
    return HubkitError(
        f"{what} was changed, or that of another folder left out", where=ROSTER, hint="download it again"
    )


def _of(ids: set[tuple[str, int]], group: str) -> set[int]:
    return {study for name, study in ids if name == group}


def _fits(group: Group, keys: Keyring) -> bool:
    same = (group.release, group.version) == (keys.release, keys.version)
    return same and bool(keys.corpus.studies(group.group)) and keys.key(group.group).check == group.check


def _misfit(group: Group, keys: Keyring, known: dict[str, list[int]] | None) -> str:
    own = keys.corpus.studies(group.group)
    if not own:
        return f"the folder {group.group} is missing"
    if known is not None:
        if own == known[group.group]:
            return f"{group.group}: all ids fit, and the text of one report or more differs"
        return _difference(group.group, set(known[group.group]), set(own), "reports")
    apart = len(own) - group.studies
    if not apart:
        return f"{group.group}: has {len(own)} reports, as it should, and one or more of them differ"
    return f"{group.group}: {abs(apart)} reports {'too many' if apart > 0 else 'missing'}"


def _difference(group: str, expected: set[int], found: set[int], what: str) -> str:
    parts = [
        f"{len(ids)} {what} {verdict} ({', '.join(map(str, sorted(ids)[:NAMED]))}{', ...' if len(ids) > NAMED else ''})"
        for ids, verdict in ((expected - found, "missing"), (found - expected, "too many"))
        if ids
    ]
    return f"{group}: {' and '.join(parts)}"
