"""What `hubkit read` prints of selection.json: sizes, the label table and everything that was odd."""

from __future__ import annotations

from collections.abc import Iterator

from hubkit.artifacts.selection import read_selection
from hubkit.tables import CHEXPERT_LABELS, SPLITS
from hubkit.workspace import Workspace


def selection_lines(workspace: Workspace) -> Iterator[str]:
    """Yield the lines: studies a split, studies a label (positive / uncertain), reasons, images."""
    selection = read_selection(workspace)
    yield f"{'studies':<28}" + "".join(f"{split:>16}" for split in SPLITS)
    yield f"{'':<28}" + "".join(f"{selection.sizes[split]:>16}" for split in SPLITS)
    for label in CHEXPERT_LABELS:
        cells = (selection.counts(split, label) for split in SPLITS)
        yield f"{label:<28}" + "".join(f"{cell.positive:>9} / {cell.uncertain:>4}" for cell in cells)
    yield "(positive / uncertain)"
    for reason, count in selection.reports.items():
        yield f"reports, {reason.replace('_', ' ')}: {count}"
    if selection.headers:
        yield f"sections: {selection.how_headers_were_found()}"
    images = selection.images
    if images.text_only:
        yield "images: none (text only)"
    else:
        yield f"images: {images.prepared} prepared, {len(images.missing)} missing, {len(images.broken)} broken"
    for name, count in selection.catalogue.oddities().items():
        yield f"{name.replace('_', ' ')}: {count} (listed in {workspace.selection})"
