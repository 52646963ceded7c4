"""What is scored: the generated reports of every system, with their references and what else they are compared with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.floors import require
from hubkit.reports import Reference, reference, sections_of
from hubkit.revision import revised_references
from hubkit.scoring.baselines import yardsticks
from hubkit.study_batches import study_batches
from hubkit.tables import CONDITIONS, SECTIONS
from hubkit.workspace import Workspace, read_table

if TYPE_CHECKING:
    import numpy as np

HEADERS = {section: section.upper() for section in SECTIONS if section != "last_paragraph"}


class Evaluation(NamedTuple):
    """The test split as it is scored; all columns are in the order of `studies`.

    Attributes:
        subjects, studies: MIMIC's ids, (n,) int64.
        references: Portuguese text.
        originals: the same sections in English.
        labels: CheXpert's labels of each study; 1 positive, 0 negative, -1 uncertain, None unmentioned.
        generated: the reports by system: the three conditions, then the yardsticks.
        tested: how many test studies the corpus has.
        left_out: how many of them have generated reports, and no reference since theirs was flagged or left out.
        whole: whether these are among the studies all the same.
    """

    subjects: np.ndarray
    studies: np.ndarray
    references: list[str]
    originals: list[str]
    labels: list[dict[str, int | None]]
    generated: dict[str, list[str]]
    tested: int = 0
    left_out: int = 0
    whole: bool = False


def read_evaluation(config: ReleaseConfig, workspace: Workspace, flagged: bool = False) -> Evaluation:
    """Read what the earlier stages wrote.

    Args:
        flagged: whether studies whose reference was left out are scored too, against what the machine wrote.

    Raises:
        HubkitError: a table is missing or empty, holds a row without text, or the conditions differ in their studies.
    """
    import numpy as np
    import pyarrow.compute as pc

    rows = {condition: _generations(workspace, condition) for condition in CONDITIONS}
    first = rows[CONDITIONS[0]]
    for condition in CONDITIONS[1:]:
        if [(row["study_id"], row["reference"]) for row in rows[condition]] != [
            (row["study_id"], row["reference"]) for row in first
        ]:
            raise HubkitError(
                f"its studies or references are not those of {CONDITIONS[0]}",
                where=workspace.generations(condition),
                hint="run: hubkit generate",
            )
    columns = ["study_id", "split", *SECTIONS, "labels"]
    generated_ids = np.array([row["study_id"] for row in first], np.int64)
    batches = study_batches(workspace.studies, columns, generated_ids)
    studies = {row["study_id"]: row for batch in batches for row in batch.to_pylist()}
    unknown = [row["study_id"] for row in first if row["study_id"] not in studies]
    if unknown:
        raise HubkitError(
            f"{len(unknown)} generated studies are not in it", where=workspace.studies, hint="run: hubkit read"
        )
    split_of = read_table(workspace.studies, ["study_id", "split"])
    tested = pc.sum(pc.equal(split_of["split"], "test")).as_py()
    _require_enough(rows, tested, workspace)
    kind = config.generation.reference
    revised = revised_references(workspace, kind)
    without = {row["study_id"] for row in first if not revised.get(row["study_id"], row["reference"])}
    if not flagged:
        rows = {name: [row for row in those if row["study_id"] not in without] for name, those in rows.items()}
        first = rows[CONDITIONS[0]]
        hint = "their translations are flagged: hubkit corrections export; or [translation] flagged"
        require(len(first), tested, "test studies have a reference", workspace.translations, hint)
    references = [revised.get(row["study_id"]) or row["reference"] for row in first]
    train = split_of.filter(pc.equal(split_of["split"], "train"))["study_id"].to_numpy()
    generated = {condition: [row["generated"] for row in rows[condition]] for condition in CONDITIONS}
    return Evaluation(
        subjects=np.array([row["subject_id"] for row in first], dtype=np.int64),
        studies=np.array([row["study_id"] for row in first], dtype=np.int64),
        references=references,
        originals=[original(studies[row["study_id"]], kind) for row in first],
        labels=[studies[row["study_id"]]["labels"] or {} for row in first],
        generated={**generated, **yardsticks(TrainReferences(workspace, train, kind), references)},
        tested=tested,
        left_out=len(without),
        whole=flagged,
    )


def _require_enough(rows: Mapping[str, list[dict[str, Any]]], tested: int, workspace: Workspace) -> None:
    where = workspace.generations("lora")
    require(len(rows["lora"]), tested, "test studies have generated reports", where, "run: hubkit generate")
    answered = sum(bool(row["generated"].strip()) for row in rows["lora"])
    hint = "did the training go well? Look at the curves in adapter/, and at [generation] max_new_tokens"
    require(answered, len(rows["lora"]), "answers with the adapter have text", where, hint)


def original(study: Mapping[str, Any], kind: Reference) -> str:
    """The English counterpart of a study's Portuguese reference: the same sections, under English headers.

    Args:
        study: the sections by name, None where the report lacks one.
        kind: as in `hubkit.reports.reference`.
    """
    wanted = ("findings", "impression") if kind == "findings_impression" else tuple(HEADERS)
    paragraphs = [f"{HEADERS[section]}: {study[section]}" for section in wanted if study[section]]
    if study["last_paragraph"] and not (study["findings"] or study["impression"]):
        paragraphs.append(study["last_paragraph"])
    return "\n\n".join(paragraphs)


def _generations(workspace: Workspace, condition: str) -> list[dict[str, Any]]:
    path = workspace.generations(condition)
    rows: list[dict[str, Any]] = read_table(path).sort_by("study_id").to_pylist()
    bare = sum(row["generated"] is None or row["reference"] is None for row in rows)
    if bare or not rows:
        what = f"{bare} of {len(rows)} rows have no text" if rows else "there is nothing to score"
        raise HubkitError(what, where=path, hint="run: hubkit generate")
    return rows


@dataclass(frozen=True)
class TrainReferences:
    """The references of studies, read again each time that they are gone through."""

    workspace: Workspace
    studies: np.ndarray
    kind: Reference

    def __iter__(self) -> Iterator[str]:
        columns = ["study_id", "section", "translation", "status"]
        for batch in study_batches(self.workspace.translations, columns, self.studies):
            for sections in sections_of(batch.to_pylist()).values():
                yield reference(sections, self.kind)
