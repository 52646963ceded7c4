"""custody/groups.parquet of a sealed release: which studies made the key of each folder, and which rows it has.

The ids of a folder's studies are public and stand in clear: with them an opening that fails can say what is missing or
too many. The list of rows is sealed: it shows rows that were left out or added.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hubkit.custody.cells import CellPlace, seal, unseal
from hubkit.custody.digests import OwnCorpus, group_of
from hubkit.custody.keys import Keyring
from hubkit.errors import HubkitError
from hubkit.workspace import write_table

if TYPE_CHECKING:
    import pyarrow as pa

ROSTER = Path("custody", "groups.parquet")
NAMED = 5

Lists = dict[str, list[int]]
"""Study ids of the rows, in order, by `config/split`."""


class Group(NamedTuple):
    """A folder of the corpus, as the release knows it.

    Attributes:
        release: the release's repo, `namespace/name`.
        version: its version.
        group: name of the folder.
        studies: ids of its studies, ascending.
        check: a public value that the right key gives.
        rows: the sealed lists of rows.
    """

    release: str
    version: str
    group: str
    studies: list[int]
    check: bytes
    rows: bytes


def write_roster(root: Path, tables: Mapping[tuple[str, str], pa.Table], keys: Keyring) -> None:
    """Write the roster of a release below `root`.

    Args:
        tables: the dataset's tables by (config, split).
        keys: of the release.
    """
    import pyarrow as pa

    lists: dict[str, Lists] = {}
    for (config, split), table in tables.items():
        for subject, study in zip(table["subject_id"].to_pylist(), table["study_id"].to_pylist(), strict=True):
            lists.setdefault(group_of(subject), {}).setdefault(f"{config}/{split}", []).append(study)
    groups: list[Group] = []
    for name in sorted(lists):
        key = keys.key(name)
        # JSON of a list of pairs: a dict among the values of cells means labels.
        rows = seal(
            [[part, ids] for part, ids in lists[name].items()], _header(keys, name, len(groups), len(lists)), key
        )
        groups.append(Group(keys.release, keys.version, name, keys.corpus.studies(name), key.check, rows))
    write_table(root / ROSTER, pa.Table.from_pylist([group._asdict() for group in groups], schema=_schema()))


def read_roster(root: Path) -> list[Group]:
    """The roster of the release in the folder `root`.

    Raises:
        HubkitError: it is missing or damaged.
    """
    if not (root / ROSTER).is_file():
        raise HubkitError(f"holds no {ROSTER}: it is no sealed release, or not all of it", where=root)
    table = read_sealed(root / ROSTER)
    if not table.num_rows or table.schema != _schema():
        raise HubkitError("is not a roster of a sealed release", where=ROSTER, hint="download it again")
    try:
        return [Group(**row) for row in table.to_pylist()]
    except UnicodeDecodeError:
        raise HubkitError("is damaged", where=ROSTER, hint="download it again") from None


def read_sealed(path: Path) -> pa.Table:
    """A Parquet file of a sealed release.

    Raises:
        HubkitError: it is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path)
    except (pa.ArrowException, OSError, ValueError):
        raise HubkitError("is not a whole Parquet file", where=path.name, hint="download it again") from None


def check_corpus(roster: list[Group], corpus: OwnCorpus) -> Keyring:
    """The keys of the release, once the researcher's corpus is shown to be the one that it was sealed under.

    Raises:
        HubkitError: it is not; each folder that does not fit is named, with ids that are missing or too many.
    """
    keys = Keyring(corpus, roster[0].release, roster[0].version)
    found = [problem for group in roster if (problem := _misfit(group, keys))]
    if found:
        raise HubkitError(
            f"does not fit {keys.release} {keys.version}: {'; '.join(found)}",
            where=corpus.source.path,
            hint="get the version of the corpus that the release's card names",
        )
    return keys


def row_lists(roster: list[Group], keys: Keyring) -> dict[str, set[tuple[str, int]]]:
    """(folder, study id) of the rows of each `config/split`, as the sealed lists have them.

    Raises:
        HubkitError: a list was changed, or one was left out.
    """
    expected: dict[str, set[tuple[str, int]]] = {}
    for number, group in enumerate(roster):
        try:
            lists = unseal(group.rows, _header(keys, group.group, number, len(roster)), keys.key(group.group))
        except HubkitError:
            # The key is right: check_corpus has shown that.
            raise HubkitError(
                f"the list of the rows of {group.group} was changed, or that of another folder left out",
                where=ROSTER,
                hint="download it again",
            ) from None
        for part, ids in lists:
            expected.setdefault(part, set()).update((group.group, study) for study in ids)
    return expected


def check_rows(part: str, table: pa.Table, expected: set[tuple[str, int]]) -> None:
    """Hold the ids of a table to the sealed lists.

    Raises:
        HubkitError: names folders and ids of rows that are missing or too many.
    """
    ids = zip(table["subject_id"].to_pylist(), table["study_id"].to_pylist(), strict=True)
    found = {(group_of(subject), study) for subject, study in ids}
    groups = sorted({group for group, _ in found ^ expected})
    if groups:
        told = "; ".join(
            _difference(group, _of(expected, group), _of(found, group), "rows of studies") for group in groups
        )
        raise HubkitError(f"rows were left out or added: {told}", where=part, hint="download it again")


def _of(ids: set[tuple[str, int]], group: str) -> set[int]:
    return {study for name, study in ids if name == group}


def _misfit(group: Group, keys: Keyring) -> str | None:
    own = keys.corpus.studies(group.group)
    if not own:
        return f"the folder {group.group} is missing"
    if (group.release, group.version) == (keys.release, keys.version) and keys.key(group.group).check == group.check:
        return None if own == group.studies else f"{group.group}: the release's list of studies was changed"
    if own == group.studies:
        return f"{group.group}: all ids fit, and the text of one report or more differs"
    return _difference(group.group, set(group.studies), set(own), "reports")


def _difference(group: str, expected: set[int], found: set[int], what: str) -> str:
    told = [
        f"{len(ids)} {what} {verdict} ({', '.join(map(str, sorted(ids)[:NAMED]))}{', ...' if len(ids) > NAMED else ''})"
        for ids, verdict in ((expected - found, "missing"), (found - expected, "too many"))
        if ids
    ]
    return f"{group}: {' and '.join(told)}"


def _schema() -> pa.Schema:
    import pyarrow as pa

    return pa.schema(
        [
            *((name, pa.string()) for name in ("release", "version", "group")),
            ("studies", pa.list_(pa.int64())),
            *((name, pa.binary()) for name in ("check", "rows")),
        ]
    )


def _header(keys: Keyring, group: str, number: int, groups: int) -> bytes:
    """The place of a folder's list: row `number` of `groups`, so that no folder can be left out unseen."""
    subject = int(group.removeprefix("p"))
    return CellPlace(
        keys.release, keys.version, "custody", "groups", groups, "rows", "lists", subject, 0, number
    ).header()
