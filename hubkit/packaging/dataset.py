"""The rows of the published dataset: what its three configs say of each study."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.artifacts.selection import read_selection
from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.packaging.parquet import Rows, Split, of_table, write_split
from hubkit.reports import Reference, assemble_report, sections_of
from hubkit.revision import revised_references
from hubkit.study_batches import ROWS_AT_ONCE, UpToStudy, study_batches, study_ids
from hubkit.tables import CHEXPERT_LABELS, CONDITIONS, GENERATIONS, SCORES, SECTIONS, SPANS, SPLITS, TRANSLATIONS
from hubkit.workspace import Workspace, read_table

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from hubkit.custody.sealed import Keyring

HUB_SPLITS = {"train": "train", "validate": "validation", "test": "test"}
PUBLISHED_SECTIONS = ("indication", "findings", "impression")
SOURCE_SUFFIX = "_en"


def release_keys(config: ReleaseConfig) -> Keyring | None:
    """The keys that the release is sealed with; None where `[custody] mode` leaves it in clear.

    Raises:
        HubkitError: there is no corpus to make them from.
    """
    if config.custody.mode != "sealed":
        return None
    from hubkit.custody.sealed import Keyring, find_corpus

    corpus = find_corpus(config.corpus.root, kind=config.corpus.kind)
    return Keyring(corpus, config.hub.repo("dataset"), config.release.version)


def write_dataset(config: ReleaseConfig, workspace: Workspace, root: Path, keys: Keyring | None = None) -> list[Split]:
    """Write the Parquet files of all configs below `root`, sealed where there are `keys`.

    Raises:
        HubkitError: a table is missing, or two of them do not belong together.
    """
    import pyarrow as pa

    splits = [
        write_split(
            root,
            name,
            split,
            rows if keys is None else _sealed(rows, name, split, keys),
            config.packaging.rows_per_file,
        )
        for name, split, rows in _tables(config, workspace)
    ]
    # The leak guard comes next, which needs as much.
    pa.default_memory_pool().release_unused()
    return splits


def _sealed(rows: Rows, config: str, split: str, keys: Keyring) -> Rows:
    """The rows as a sealed release has them; a few are sealed at a time, when they are written."""
    import pyarrow as pa

    from hubkit.custody.tables import row_by_study, seal_table

    # Spans are small, and a study's are one row.
    clear = of_table(row_by_study(pa.concat_tables(rows.tables))) if config == "spans" else rows

    def tables() -> Iterator[pa.Table]:
        first = 0
        for table in clear.tables:
            for start in range(0, table.num_rows, ROWS_AT_ONCE):
                few = table.slice(start, ROWS_AT_ONCE)
                yield seal_table(few, config, split, keys, clear.total, first)
                first += few.num_rows

    return Rows(clear.total, seal_table(clear.schema.empty_table(), config, split, keys).schema, tables())


def _tables(config: ReleaseConfig, workspace: Workspace) -> Iterator[tuple[str, str, Rows]]:
    """Every table of the dataset with its config and its split on the Hub."""
    for split, rows in _default(config, workspace):
        yield "default", HUB_SPLITS[split], rows
    for split, table in spans(workspace):
        yield "spans", HUB_SPLITS[split], of_table(table)
    yield "generations", "test", of_table(generations(workspace, config.generation.reference))
    yield "scores", "test", of_table(scores(workspace))


def default_schema(include_source: bool) -> pa.Schema:
    """Columns of the config `default`; with `include_source` the English text stands next to the Portuguese."""
    import pyarrow as pa

    texts = [*PUBLISHED_SECTIONS, "report"]
    if include_source:
        texts += [f"{name}{SOURCE_SUFFIX}" for name in texts]
    return pa.schema(
        [
            ("subject_id", pa.int64()),
            ("study_id", pa.int64()),
            *[(name, pa.string()) for name in texts],
            ("images", pa.list_(pa.string())),
            ("labels", pa.struct([(label, pa.int8()) for label in CHEXPERT_LABELS])),
            ("translation_flags", pa.list_(pa.string())),
        ]
    )


def spans(workspace: Workspace) -> Iterator[tuple[str, pa.Table]]:
    """Where each section lies in the English report, by split: `start` and `stop` count its words.

    With them, a reader's own report gives the English sections without the rules that found them. A section whose
    words do not stand together in the report has no span. The whole `report` is a span too: by its number of words
    another version of the corpus is noticed. Where the corpus gave sections alone, no report is known, and the tables
    are empty.
    """
    import pyarrow as pa

    columns = ["subject_id", "study_id", "split", *SECTIONS, "report"]
    found: dict[str, list[pa.Table]] = {split: [SPANS.empty_table()] for split in SPLITS}
    sectioned = read_selection(workspace).headers == "sectioned"
    for batch in () if sectioned else study_batches(workspace.studies, columns):
        rows: dict[str, list[dict[str, Any]]] = {split: [] for split in SPLITS}
        for study in batch.to_pylist():
            rows.get(study["split"], []).extend(_spans(study))
        for split in SPLITS:
            found[split].append(pa.Table.from_pylist(rows[split], schema=SPANS))
    for split, tables in found.items():
        yield split, pa.concat_tables(tables).combine_chunks()


def _spans(study: dict[str, Any]) -> Iterator[dict[str, Any]]:
    # One space around every word: then a section is found by its text, and the spaces before it count words.
    whole, *parts = (f" {' '.join((study[name] or '').split())} " for name in ("report", *SECTIONS))
    for section, part in zip((*SECTIONS, "report"), (*parts, whole), strict=True):
        at = whole.find(part) if part.strip() else -1
        if at >= 0:
            start = whole.count(" ", 0, at)
            ids = {"subject_id": study["subject_id"], "study_id": study["study_id"]}
            yield {**ids, "section": section, "start": start, "stop": start + part.count(" ") - 1}


def generations(workspace: Workspace, kind: Reference) -> pa.Table:
    """The generated reports of all conditions, sorted by study, then by condition as in CONDITIONS.

    References are the revised ones; a study without one is left out, as it is from the scores.
    """
    import pyarrow as pa

    tables = [read_table(workspace.generations(condition)).cast(GENERATIONS) for condition in CONDITIONS]
    table = pa.concat_tables(tables)
    table = table.take(_order(table))
    revised = revised_references(workspace, kind)
    if not revised:
        return table
    rows = [{**row, "reference": revised.get(row["study_id"], row["reference"])} for row in table.to_pylist()]
    return pa.Table.from_pylist([row for row in rows if row["reference"]], schema=table.schema)


def scores(workspace: Workspace) -> pa.Table:
    """The scores of all conditions and setups, sorted by study."""
    table = read_table(workspace.scores / "scores.parquet").cast(SCORES)
    return table.take(_order(table))


def _default(config: ReleaseConfig, workspace: Workspace) -> Iterator[tuple[str, Rows]]:
    import numpy as np
    import pyarrow.compute as pc

    schema = default_schema(config.packaging.include_source)
    split_of = read_table(workspace.studies, ["study_id", "split"])
    if not np.isin(study_ids(workspace.translations), split_of["study_id"].to_numpy()).all():
        raise HubkitError(
            "holds a study that the corpus does not", where=workspace.translations, hint="run: hubkit translate"
        )
    for split in SPLITS:
        inside = split_of.filter(pc.equal(split_of["split"], split))["study_id"].to_numpy()
        yield split, Rows(len(inside), schema, _published(workspace, inside, schema))


def _published(workspace: Workspace, inside: np.ndarray, schema: pa.Schema) -> Iterator[pa.Table]:
    """The rows of the split that has the studies `inside`, some studies at a time."""
    import pyarrow as pa

    texts = [name.removesuffix(SOURCE_SUFFIX) for name in schema.names if name.endswith(SOURCE_SUFFIX)]
    studies = study_batches(workspace.studies, ["subject_id", "study_id", "split", "images", "labels", *texts], inside)
    columns = ["study_id", "section", "translation", "status", "flags"]
    empty = pa.schema([TRANSLATIONS.field(name) for name in columns]).empty_table()
    translations = UpToStudy(study_batches(workspace.translations, columns, inside), empty)
    for batch in studies:
        translated: dict[int, list[dict[str, Any]]] = {study: [] for study in batch["study_id"].to_pylist()}
        for row in translations.take(batch["study_id"][-1].as_py()).to_pylist():
            translated[row["study_id"]].append(row)
        whole = sections_of(row for rows in translated.values() for row in rows)
        published = [
            _row(study, translated[study["study_id"]], whole.get(study["study_id"], {}), schema.names)
            for study in batch.to_pylist()
        ]
        yield pa.Table.from_pylist(published, schema=schema)


def _row(
    study: dict[str, Any], translated: list[dict[str, Any]], whole: dict[str, str], columns: list[str]
) -> dict[str, Any]:
    """A row of `default`; it has no report where a section's translation failed, since half of one misleads."""
    portuguese = {row["section"]: row["translation"] for row in translated}
    row = {
        **{section: portuguese.get(section) for section in PUBLISHED_SECTIONS},
        **{f"{section}{SOURCE_SUFFIX}": study.get(section) for section in [*PUBLISHED_SECTIONS, "report"]},
        "subject_id": study["subject_id"],
        "study_id": study["study_id"],
        "report": whole.get("report") or assemble_report(whole) or None,
        "images": [image["path"] for image in study["images"] or []],
        "labels": study["labels"],
        "translation_flags": [flag for found in translated for flag in _flags(found)],
    }
    return {name: row[name] for name in columns}


def _flags(row: dict[str, Any]) -> list[str]:
    """`section:flag` for each flag of a section's translation; `section:failed` where there is none."""
    names = ["failed"] if row["status"] == "failed" else row["flags"] or []
    return [f"{row['section']}:{name}" for name in names]


def _order(table: pa.Table) -> np.ndarray:
    """The rows by study_id; those of one study keep their order."""
    import numpy as np

    return np.argsort(table["study_id"].to_numpy(), kind="stable")
