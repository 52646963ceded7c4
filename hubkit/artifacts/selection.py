"""studies/selection.json: which studies were taken, and everything that was odd about the corpus."""

from __future__ import annotations

from pydantic import ConfigDict

from hubkit.artifacts.model import Model, read_model, to_json
from hubkit.workspace import Workspace, write_json

FOUND = {
    "flush_left": "found by headers without the blank before them, which these reports lost: not MIMIC-CXR's own rule",
    "any": "found by headers in any case, addenda included: not MIMIC-CXR's own rule",
    "sectioned": "as a CSV of sections had them",
}
"""How people read a rule by which headers were found."""


class LabelCounts(Model):
    """In how many studies of a split a label is positive, negative and uncertain."""

    positive: int = 0
    negative: int = 0
    uncertain: int = 0


class SelectedImages(Model):
    """What became of the images of the selection; `broken` and `missing` are paths below the image root."""

    text_only: bool = True
    prepared: int = 0
    broken: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class Listed(Model):
    """What the corpus lists: counts, and lists of ids and file names that do not fit together, by what is odd.

    Attributes:
        studies: how many have a report.
        reports_without_study: ids of reports that no table has.
        studies_without_report: ids of studies that the tables have, and that have no report.
        strange_files: names of text files that are not named as a report.
        other_studies: ids of the studies that were not taken, of subjects that were; a file of 0.1.0 has none.
    """

    model_config = ConfigDict(extra="allow")

    studies: int | None = None
    reports_without_study: tuple[int, ...] = ()
    other_studies: tuple[int, ...] | None = None
    studies_without_report: tuple[int, ...] = ()
    strange_files: tuple[str, ...] = ()

    def oddities(self) -> dict[str, int]:
        """How many ids and file names each list has; a list without any is left out."""
        lists = {name: found for name, found in to_json(self).items() if isinstance(found, list)}
        return {name: len(found) for name, found in lists.items() if found}


class Selection(Model):
    """The studies that were taken.

    Attributes:
        corpus, seed, subset: the settings that chose them.
        sizes: studies of each split.
        labels: by split and label.
        reports: how many reports are odd, by what is odd.
        headers: how the headers of reports were found, where not by the corpus's own rule: flush_left, any (see
            `hubkit.corpus.sections.Rule`), or sectioned where only sections were given.
        images, catalogue: see there.
    """

    corpus: str | None = None
    seed: int | None = None
    subset: dict[str, int] | str | None = None
    sizes: dict[str, int]
    labels: dict[str, dict[str, LabelCounts]] = {}  # noqa: RUF012 - the model is frozen
    reports: dict[str, int] = {}  # noqa: RUF012
    headers: str | None = None
    images: SelectedImages = SelectedImages()
    catalogue: Listed = Listed()

    def counts(self, split: str, label: str) -> LabelCounts:
        """The counts of a label in a split."""
        return self.labels.get(split, {}).get(label, LabelCounts())

    def how_headers_were_found(self) -> str | None:
        """How, in a few words; None by the corpus's own rule."""
        return None if self.headers is None else FOUND.get(self.headers, self.headers)


def read_selection(workspace: Workspace) -> Selection:
    """What the stage read wrote.

    Raises:
        HubkitError: it is missing, not whole, incomplete, or of another format.
    """
    return read_model(Selection, "selection", workspace.selection, "hubkit release --from read")


def write_selection(workspace: Workspace, selection: Selection) -> None:
    """Write what `read_selection` reads. The file has no number, which stands for format 1, as in every version."""
    write_json(workspace.selection, to_json(selection))
