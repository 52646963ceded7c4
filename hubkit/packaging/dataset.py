"""The rows of the published dataset: what its three configs say of each study."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.artifacts.selection import read_selection
from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.packaging.parquet import Split, write_split
from hubkit.reports import Reference, assemble_report, sections_of
from hubkit.revision import revised_references
from hubkit.tables import CHEXPERT_LABELS, CONDITIONS, GENERATIONS, SCORES, SECTIONS, SPLITS
from hubkit.workspace import Workspace, read_table

if TYPE_CHECKING:
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
    written = []
    for name, split, table in _tables(config, workspace):
        if keys is not None:
            from hubkit.custody.tables import row_by_study, seal_table

            table = seal_table(row_by_study(table) if name == "spans" else table, name, split, keys)
        written.append(write_split(root, name, split, table, config.packaging.rows_per_file))
    return written


def _tables(config: ReleaseConfig, workspace: Workspace) -> Iterator[tuple[str, str, pa.Table]]:
    """Every table of the dataset with its config and its split on the Hub."""
    for split, table in _default(config, workspace):
        yield "default", HUB_SPLITS[split], table
    for split, table in spans(workspace):
        yield "spans", HUB_SPLITS[split], table
    yield "generations", "test", generations(workspace, config.generation.reference)
    yield "scores", "test", scores(workspace)


def default_schema(include_source: bool) -> pa.Schema:
    """Columns of the config `default`; with `include_source` the English text stands beside the Portuguese."""
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
    import pyarrow.compute as pc

    ids = [("subject_id", pa.int64()), ("study_id", pa.int64())]
    schema = pa.schema([*ids, ("section", pa.string()), ("start", pa.int32()), ("stop", pa.int32())])
    studies = _by_study(read_table(workspace.studies))
    names = () if read_selection(workspace).headers == "sectioned" else (*SECTIONS, "report")
    for split in SPLITS:
        rows = [
            {**{name: study[name] for name, _ in ids}, "section": section, "start": found[0], "stop": found[1]}
            for study in studies.filter(pc.equal(studies["split"], split)).to_pylist()
            for section in names
            if (found := _span(study["report"], study[section]))
        ]
        yield split, pa.Table.from_pylist(rows, schema=schema)


def _span(report: str, section: str | None) -> tuple[int, int] | None:
    # One space around every word: then a section is found by its text, and the spaces before it count words.
    whole, part = (f" {' '.join((text or '').split())} " for text in (report, section))
    at = whole.find(part) if part.strip() else -1
    return None if at < 0 else (whole.count(" ", 0, at), whole.count(" ", 0, at) + part.count(" ") - 1)


def generations(workspace: Workspace, kind: Reference) -> pa.Table:
    """The generated reports of all conditions, sorted by study, then by condition as in CONDITIONS.

    References are the revised ones; a study without one is left out, as it is from the scores.
    """
    import pyarrow as pa

    tables = [read_table(workspace.generations(condition)).cast(GENERATIONS) for condition in CONDITIONS]
    table = _by_study(pa.concat_tables(tables))
    revised = revised_references(workspace, kind)
    if not revised:
        return table
    rows = [{**row, "reference": revised.get(row["study_id"], row["reference"])} for row in table.to_pylist()]
    return pa.Table.from_pylist([row for row in rows if row["reference"]], schema=table.schema)


def scores(workspace: Workspace) -> pa.Table:
    """The scores of all conditions and setups, sorted by study."""
    return _by_study(read_table(workspace.scores / "scores.parquet").cast(SCORES))


def _default(config: ReleaseConfig, workspace: Workspace) -> Iterator[tuple[str, pa.Table]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    schema = default_schema(config.packaging.include_source)
    studies = _by_study(read_table(workspace.studies))
    columns = ["study_id", "section", "translation", "status", "flags"]
    translations = read_table(workspace.translations, columns).to_pylist()
    whole = sections_of(translations)
    translated: dict[int, list[dict[str, Any]]] = {study: [] for study in studies["study_id"].to_pylist()}
    for row in translations:
        if row["study_id"] not in translated:
            raise HubkitError(
                "holds a study that the corpus does not", where=workspace.translations, hint="run: hubkit translate"
            )
        translated[row["study_id"]].append(row)
    for split in SPLITS:
        published = [
            _row(study, translated[study["study_id"]], whole.get(study["study_id"], {}), schema.names)
            for study in studies.filter(pc.equal(studies["split"], split)).to_pylist()
        ]
        yield split, pa.Table.from_pylist(published, schema=schema)


def _row(
    study: dict[str, Any], translated: list[dict[str, Any]], whole: dict[str, str], columns: list[str]
) -> dict[str, Any]:
    """A row of `default`; it has no report where a section's translation failed, since half of one misleads."""
    portuguese = {row["section"]: row["translation"] for row in translated}
    row = {
        **{section: portuguese.get(section) for section in PUBLISHED_SECTIONS},
        **{f"{section}{SOURCE_SUFFIX}": study[section] for section in [*PUBLISHED_SECTIONS, "report"]},
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


def _by_study(table: pa.Table) -> pa.Table:
    """Sorted by study_id; rows of one study keep their order."""
    import numpy as np

    return table.take(np.argsort(table["study_id"].to_numpy(), kind="stable"))
