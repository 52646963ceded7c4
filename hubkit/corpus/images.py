"""Prepare images once: square RGB JPEGs in the workspace, in parallel."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
from collections.abc import Iterable, Iterator, Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from hubkit.digests import Entry, append_index, entry_of, index_of, read_index
from hubkit.disk import full_disk_error, is_full
from hubkit.errors import HubkitError
from hubkit.progress import track
from hubkit.workspace import sync, sync_all

if TYPE_CHECKING:
    from PIL import Image

BATCH = 1024
"""Images that are brought onto the disk at once: a sync of each took half of the time of writing small ones. A killed
read makes as many again at most."""

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

    The index of `target` (`hubkit.digests`) gets a line for each image once it is on the disk.

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
    states: dict[str, State] = {}
    fresh: dict[str, Entry] = {}
    # Threads suffice: Pillow releases the interpreter while it decodes, resizes and encodes.
    with _writing(target), ThreadPoolExecutor(workers) as pool:
        kept = _kept(target)

        def prepare(source: ImageFile) -> tuple[State, Entry | None]:
            made = target / f"{source.dicom_id}.jpg"
            return ("prepared", None) if made.name in kept else _prepare(root / source.path, made, size, fit, quality)

        try:
            prepared = track(pool.map(prepare, listed), "read: images", len(listed))
            for source, (state, entry) in zip(listed, prepared, strict=True):
                states[source.dicom_id] = state
                if entry is not None:
                    fresh[f"{source.dicom_id}.jpg"] = entry
                if len(fresh) >= BATCH:
                    _settle(target, fresh)
        finally:
            # An interrupt ends the images at work, and not all that were handed to the pool.
            pool.shutdown(cancel_futures=True)
            _settle(target, fresh)
    return states


def publish_images(prepared: Path, target: Path) -> None:
    """Move the folder `prepared` to `target`, in place of what was there, and its index with it.

    Raises:
        HubkitError: it cannot be written.
    """
    with _writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        # An index never lies beside images that are not its own: without one they are read again.
        index_of(target).unlink(missing_ok=True)
        if target.exists():
            shutil.rmtree(target)
        prepared.replace(target)
        if index_of(prepared).exists():
            index_of(prepared).replace(index_of(target))
        sync(target.parent)


def fit_square(image: Image.Image, size: int, fit: Literal["stretch", "pad"]) -> Image.Image:
    """Return `image` as `size` x `size` RGB: stretched as in the original study, or scaled and padded with black."""
    from PIL import Image, ImageOps

    rgb = image.convert("RGB")
    if fit == "stretch":
        return rgb.resize((size, size), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return ImageOps.pad(rgb, (size, size), Image.Resampling.LANCZOS)


def _prepare(
    path: Path, made: Path, size: int, fit: Literal["stretch", "pad"], quality: int
) -> tuple[State, Entry | None]:
    from PIL import Image

    try:
        with Image.open(path) as image:
            square = fit_square(image, size, fit)
    except FileNotFoundError:
        return "missing", None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return "broken", None
    encoded = io.BytesIO()
    square.save(encoded, "JPEG", quality=quality)
    content = encoded.getvalue()
    # Under its own name at once: an image counts when the index has it, and the index does when it is on the disk.
    with open(made, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(content)
    status = made.stat()
    return "prepared", Entry(hashlib.sha256(content).hexdigest(), status.st_size, status.st_mtime_ns)


def _kept(target: Path) -> Set[str]:
    """The images that an earlier run left whole; one that the index lacks may be torn by a power cut.

    An older hubkit wrote no index, and synced every image before it had its name: those get their lines here.
    """
    there = {path.name for path in target.glob("[!.]*")}
    if not index_of(target).exists():
        append_index(target, {name: entry_of(target / name) for name in there})
    return there & read_index(target).keys()


def _settle(target: Path, fresh: dict[str, Entry]) -> None:
    """Bring images onto the disk, then their lines in the index."""
    if fresh:
        sync_all(target)
        append_index(target, fresh)
        fresh.clear()


@contextlib.contextmanager
def _writing(target: Path) -> Iterator[None]:
    """Turn an error of the disk into one that says where."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise full_disk_error(target) from None
        raise HubkitError(
            f"cannot be written: {error.strerror}", where=target, hint="fix the permissions, run again"
        ) from None
