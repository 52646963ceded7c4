"""What a vision-language model is shown and what it should answer: images and reference report of each study."""

from __future__ import annotations

import random
from pathlib import Path
from typing import NamedTuple

from hubkit.by_study import ByStudy
from hubkit.errors import HubkitError
from hubkit.floors import require
from hubkit.reports import Reference, reference, sections_of
from hubkit.workspace import Workspace, read_table


class Sample(NamedTuple):
    """A study.

    Attributes:
        images: prepared images, in the order in which they are shown.
        reference: the report in Portuguese.
    """

    subject_id: int
    study_id: int
    images: tuple[Path, ...]
    reference: str


class Samples(NamedTuple):
    """Studies of one split, sorted by study_id.

    Attributes:
        left_out: study_ids without a reference: a section failed, or was flagged and left out.
    """

    kept: list[Sample]
    left_out: list[int]


def read_samples(workspace: Workspace, split: str, kind: Reference) -> Samples:
    """Join studies, prepared images and translations of one split; of test studies the machine's translations.

    Args:
        split: "train", "validate" or "test".
        kind: which part of the report is the reference.
    """
    import pyarrow.compute as pc

    table = read_table(workspace.studies, columns=["subject_id", "study_id", "split", "images"])
    studies = ByStudy(table.filter(pc.equal(table["split"], split)))
    columns = ["study_id", "section", "translation", "status"]
    translations = ByStudy(read_table(workspace.training_translations, columns=columns))
    samples = Samples([], [])
    for batch in studies.batches():
        sections = sections_of(translations.rows(batch["study_id"].to_numpy()).to_pylist())
        for study in batch.to_pylist():
            text = reference(sections.get(study["study_id"], {}), kind)
            if text:
                images = tuple(workspace.images / f"{image['dicom_id']}.jpg" for image in study["images"])
                samples.kept.append(Sample(study["subject_id"], study["study_id"], images, text))
            else:
                samples.left_out.append(study["study_id"])
    return samples


def require_samples(samples: Samples, split: str, workspace: Workspace) -> None:
    """Refuse to work with a split of which too few studies have a reference.

    Raises:
        HubkitError: fewer than half of its studies have one.
    """
    asked = len(samples.kept) + len(samples.left_out)
    hint = "the others were not translated, or were left out: look at [translation], then run: hubkit translate"
    require(
        len(samples.kept), asked, f"{split} studies have a translated reference", workspace.training_translations, hint
    )


def choose_examples(train: list[Sample], shots: int, seed: int) -> list[Sample]:
    """Draw the examples of the few-shot condition from the training split.

    Raises:
        HubkitError: the split has fewer studies than `shots`.
    """
    if len(train) < shots:
        raise HubkitError(
            f"{shots} few-shot examples were asked for, and the train split has {len(train)} studies",
            hint="lower [generation] shots",
        )
    return random.Random(seed).sample(train, shots)
