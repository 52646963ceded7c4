"""Prepare images once: square RGB JPEGs in the workspace, in parallel."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from hubkit.disk import full_disk_error, is_full
from hubkit.errors import HubkitError
from hubkit.progress import track
from hubkit.workspace import atomic

if TYPE_CHECKING:
    from PIL import Image

State = Literal["prepared", "missing", "broken"]


class ImageFile(NamedTuple):
    """An image of the corpus: its id and its path below the image root."""

    dicom_id: str
    path: str


def prepare_images(
    sources: Iterable[ImageFile],
    root: Path,
    target: Path,
    size: int,
    fit: Literal["stretch", "pad"],
    quality: int,
    workers: int,
) -> dict[str, State]:
    """Write target/<dicom_id>.jpg, `size` x `size` RGB, for each source; one that is there is not made again.

    Returns:
        What became of each dicom_id; files that are missing or broken are named, not raised.

    Raises:
        HubkitError: an image cannot be written.
    """
    listed = list(sources)
    target.mkdir(parents=True, exist_ok=True)
    if not any((root / top).exists() for top in {source.path.partition("/")[0] for source in listed}):
        # A corpus of text alone: no need to look for each image.
        return dict.fromkeys((source.dicom_id for source in listed), "missing")

    def prepare(source: ImageFile) -> State:
        made = target / f"{source.dicom_id}.jpg"
        return "prepared" if made.exists() else _prepare(root / source.path, made, size, fit, quality)

    # Threads suffice: Pillow releases the interpreter while it decodes, resizes and encodes.
    with ThreadPoolExecutor(workers) as pool:
        try:
            states = list(track(pool.map(prepare, listed), "read: images", len(listed)))
        finally:
            # An interrupt ends the images at work, and not all that were handed to the pool.
            pool.shutdown(cancel_futures=True)
    return dict(zip((source.dicom_id for source in listed), states, strict=True))


def publish_images(prepared: Path, target: Path) -> None:
    """Move the folder `prepared` to `target`, in place of what was there.

    Raises:
        HubkitError: it cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            shutil.rmtree(target)
        prepared.replace(target)
    except OSError as error:
        if is_full(error):
            raise full_disk_error(target) from None
        raise HubkitError(
            f"cannot be written: {error.strerror}", where=target, hint="fix the permissions, run again"
        ) from None


def fit_square(image: Image.Image, size: int, fit: Literal["stretch", "pad"]) -> Image.Image:
    """Return `image` as `size` x `size` RGB: stretched as in the original study, or scaled and padded with black."""
    from PIL import Image, ImageOps

    rgb = image.convert("RGB")
    if fit == "stretch":
        return rgb.resize((size, size), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return ImageOps.pad(rgb, (size, size), Image.Resampling.LANCZOS)


def _prepare(path: Path, made: Path, size: int, fit: Literal["stretch", "pad"], quality: int) -> State:
    from PIL import Image

    try:
        with Image.open(path) as image:
            square = fit_square(image, size, fit)
    except FileNotFoundError:
        return "missing"
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return "broken"
    with atomic(made) as temporary:
        square.save(temporary, "JPEG", quality=quality)
    return "prepared"
