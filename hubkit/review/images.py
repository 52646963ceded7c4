"""Images for a reader's page: grey JPEG of the original, with its true proportions."""

from __future__ import annotations

import io
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

from hubkit.config import ReleaseConfig
from hubkit.workspace import Workspace, read_table

QUALITY = 85
"""Of the JPEG: with 1,024 pixels about 130 kB an image, so that 100 studies with two images stay under 60 MB."""


def study_images(
    config: ReleaseConfig, workspace: Workspace, studies: Collection[int], side: int
) -> dict[int, list[bytes]]:
    """The images of studies; one that is missing or broken is left out.

    The originals come first: the prepared ones may be stretched to a square, which changes the size of a heart.

    Args:
        side: pixels of the longer side.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    table = read_table(workspace.studies, ["study_id", "images"])
    rows = table.filter(pc.is_in(table["study_id"], pa.array(sorted(studies), pa.int64()))).to_pylist()
    root = config.corpus.images or config.corpus.root
    found = {}
    for row in rows:
        files = [
            scaled(root / image["path"], side) or scaled(workspace.images / f"{image['dicom_id']}.jpg", side)
            for image in row["images"] or ()
        ]
        found[row["study_id"]] = [file for file in files if file]
    return found


def scaled(path: Path | BinaryIO, side: int) -> bytes | None:
    """An image as grey JPEG whose longer side has at most `side` pixels; None where it is missing or broken."""
    from PIL import Image

    held = io.BytesIO()
    try:
        with Image.open(path) as image:
            grey = image.convert("L")
            grey.thumbnail((side, side), Image.Resampling.LANCZOS)
            grey.save(held, "JPEG", quality=QUALITY, optimize=True)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
    return held.getvalue()
