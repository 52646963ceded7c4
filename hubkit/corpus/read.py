"""The stage read: a corpus on disk -> studies.parquet, selection.json and prepared images."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING, NamedTuple

from hubkit.artifacts.selection import SelectedImages, Selection, write_selection
from hubkit.config import Corpus, ReleaseConfig
from hubkit.corpus.catalogue import Catalogue, Reader
from hubkit.corpus.images import ImageFile, prepare_images, publish_images
from hubkit.corpus.readers import open_corpus
from hubkit.corpus.sections import Report
from hubkit.corpus.selection import label_table, select
from hubkit.errors import HubkitError
from hubkit.floors import require, require_reports, require_splits, require_texts
from hubkit.progress import Progress
from hubkit.tables import SECTIONS, SPLITS, STUDIES
from hubkit.terms.kinds import terms_of
from hubkit.workspace import Workspace, atomic

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK = 2048
"""Studies that one process reads at a time."""

TEXTS = (*SECTIONS, "report")

LISTED = 20
"""Reports that a message names; the others are counted."""


class _Texts(NamedTuple):
    columns: pa.RecordBatch
    reasons: Counter[str]


def read(config: ReleaseConfig, workspace: Workspace) -> None:
    """Read the configured studies of the corpus into the workspace.

    Raises:
        HubkitError: the corpus is missing or damaged, its tables contradict one another, or too little of it has
            text or images (`hubkit.floors`).
        UsageError: the subset asks for more studies than there are.
    """
    corpus = config.corpus
    reader = open_corpus(corpus)
    catalogue = reader.catalogue()
    studies = chosen_studies(catalogue, config)
    studies, images = _with_images(studies, catalogue, corpus, workspace)
    reasons, with_text = _write_studies(studies, reader, workspace, worker_count(corpus))
    # Whether sections are needed is for translate to say: it may take whole reports.
    require_texts(with_text, len(studies), True, corpus.root)
    write_selection(workspace, _selection(config, studies, catalogue, reasons, images))


def fingerprint(config: ReleaseConfig) -> str:
    """A cheap digest of the corpus, as the stage's runner asks for it.

    Raises:
        HubkitError: the corpus is missing.
    """
    return open_corpus(config.corpus).fingerprint()


def chosen_studies(catalogue: Catalogue, config: ReleaseConfig) -> pa.Table:
    """The studies of the catalogue that the configuration takes, each with the images it takes.

    Which images there are on disk plays no part, so that `fetch` can get those that are needed.

    Raises:
        HubkitError: there are no reports, or a split that is needed is empty.
        UsageError: the subset asks for more studies than there are.
    """
    corpus = config.corpus
    studies = catalogue.studies
    notes = catalogue.notes
    require_reports(
        len(studies),
        corpus.root,
        listed=len(notes.studies_without_report),
        unlisted=len(notes.reports_without_study),
        strange=len(notes.strange_files),
    )
    if corpus.subset != "all":
        studies = select(studies, corpus.subset.sizes(), config.release.seed)
    sizes = Counter(studies["split"].to_pylist())
    hint = "is the split table complete? hubkit fetch" if terms_of(corpus).credentialed else "it needs more studies"
    require_splits({split: sizes[split] for split in SPLITS}, corpus.root, hint)
    return _take_images(studies, corpus.max_images)


def worker_count(corpus: Corpus) -> int:
    """How many processes or threads work: as set, else one a core that this process may use."""
    return corpus.workers or len(os.sched_getaffinity(0))


def _take_images(studies: pa.Table, most: int) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    column = studies.column_names.index("images")
    kind = STUDIES.field("images").type
    images = pc.list_slice(studies["images"], 0, most) if most else pa.array([[]] * len(studies), kind)
    return studies.set_column(column, "images", pc.cast(images, kind))


def _with_images(
    studies: pa.Table, catalogue: Catalogue, corpus: Corpus, workspace: Workspace
) -> tuple[pa.Table, SelectedImages]:
    """Prepare the images of `studies` and leave out those that are missing or broken."""
    import pyarrow as pa

    listed = studies["images"].to_pylist()
    wanted = [ImageFile(image["dicom_id"], image["path"]) for images in listed for image in images]
    target = workspace.partial / "images"
    states, root = {}, catalogue.image_root
    if wanted and root is not None:
        states = prepare_images(
            wanted, root, target, corpus.image_size, corpus.fit, corpus.jpeg_quality, worker_count(corpus)
        )
    absent = [source.path for source in wanted if states.get(source.dicom_id, "missing") == "missing"]
    broken = [source.path for source in wanted if states.get(source.dicom_id) == "broken"]
    text_only = len(absent) == len(wanted)
    if wanted and text_only and corpus.images is not None:
        raise HubkitError(
            "holds none of the images of the selection",
            where=corpus.images,
            hint="get them with: hubkit fetch; or set [corpus] max_images = 0",
        )
    if not text_only:
        made, hint = sum(state == "prepared" for state in states.values()), "get the others with: hubkit fetch"
        require(made, len(states), "images of the selection can be read", root, hint)
    target.mkdir(exist_ok=True)
    publish_images(target, workspace.images)
    kept = [[image for image in images if states.get(image["dicom_id"]) == "prepared"] for images in listed]
    column = pa.array(kept, STUDIES.field("images").type)
    studies = studies.set_column(studies.column_names.index("images"), "images", column)
    missing = () if text_only else tuple(absent)
    prepared = sum(map(len, kept))
    return studies, SelectedImages(text_only=text_only, prepared=prepared, broken=tuple(broken), missing=missing)


def _write_studies(studies: pa.Table, reader: Reader, workspace: Workspace, workers: int) -> tuple[Counter[str], int]:
    """Write studies.parquet chunk by chunk, so that no more than a few chunks of text are in memory.

    Returns:
        What was odd and how often; and how many reports have text.
    """
    import pyarrow.parquet as pq

    with_text = 0
    reasons: Counter[str] = Counter()
    with (
        atomic(workspace.studies) as temporary,
        pq.ParquetWriter(temporary, STUDIES, compression="zstd") as writer,
        Progress("read: studies", len(studies)) as progress,
    ):
        for start, texts in _texts(studies, reader, workers):
            rows = studies.slice(start, texts.columns.num_rows)
            for name in TEXTS:
                rows = rows.append_column(name, texts.columns.column(name))
            writer.write_table(rows.select(STUDIES.names).cast(STUDIES))
            reasons += texts.reasons
            with_text += sum(bool(text.strip()) for text in texts.columns.column("report").to_pylist())
            progress.advance(len(rows))
    return reasons, with_text


def _texts(studies: pa.Table, reader: Reader, workers: int) -> Iterator[tuple[int, _Texts]]:
    ids, sources = studies["study_id"].to_pylist(), studies["source"].to_pylist()
    starts = range(0, len(ids), CHUNK)
    parts = [(reader, ids[start : start + CHUNK], sources[start : start + CHUNK]) for start in starts]
    if workers == 1 or len(parts) <= 1:
        yield from zip(starts, map(_read_texts, parts), strict=True)
        return
    context = get_context("spawn")
    # An interrupt reaches every process of the terminal; the first one answers for all.
    ignoring = (signal.SIGINT, signal.SIG_IGN)
    with ProcessPoolExecutor(
        min(workers, len(parts)), mp_context=context, initializer=signal.signal, initargs=ignoring
    ) as pool:
        try:
            yield from zip(starts, pool.map(_read_texts, parts), strict=True)
        finally:
            pool.shutdown(cancel_futures=True)


def _reports(reader: Reader, ids: Sequence[int], sources: Sequence[str]) -> list[Report]:
    """All reports of a part.

    Raises:
        HubkitError: names every report that cannot be read. None is left out: the leak guard could not compare with
            it, and would stop the release at its end.
    """
    try:
        return list(reader.reports(ids, sources))
    except HubkitError:
        troubles = []
        for study_id, source in zip(ids, sources, strict=True):
            try:
                list(reader.reports([study_id], [source]))
            except HubkitError as error:
                troubles.append(error)
        if len(troubles) <= 1:
            raise
        lines = [f"  {trouble.where}: {trouble.what}" for trouble in troubles[:LISTED]]
        lines += [f"  and {len(troubles) - LISTED} more"] if len(troubles) > LISTED else []
        what = "\n".join([f"{len(troubles)} reports cannot be read:", *lines, ""])
        raise HubkitError(what, hint=troubles[0].hint or "fix the permissions, or fetch them again") from None


def _read_texts(part: tuple[Reader, list[int], list[str]]) -> _Texts:
    import pyarrow as pa

    reader, ids, sources = part
    reports = _reports(reader, ids, sources)
    columns = [pa.array([getattr(report, name) for report in reports], pa.string()) for name in TEXTS]
    reasons = Counter(reason for report in reports for reason in report.reasons)
    return _Texts(pa.RecordBatch.from_arrays(columns, names=list(TEXTS)), reasons)


def _selection(
    config: ReleaseConfig, studies: pa.Table, catalogue: Catalogue, reasons: Counter[str], images: SelectedImages
) -> Selection:
    splits = Counter(studies["split"].to_pylist())
    return Selection(
        corpus=config.corpus.kind,
        seed=config.release.seed,
        subset=config.corpus.model_dump(mode="json")["subset"],
        sizes={split: splits[split] for split in SPLITS},
        labels=label_table(studies),
        reports=dict(sorted(reasons.items())),
        headers=catalogue.headers.rule if catalogue.headers else None,
        images=images,
        catalogue=catalogue.notes.model_copy(
            update={
                "studies": len(catalogue.studies),
                "other_studies": tuple(_other_studies(studies, catalogue)),
            }
        ),
    )


def _other_studies(studies: pa.Table, catalogue: Catalogue) -> list[int]:
    """Ids of the studies that were not taken of subjects that were: the loader has to know them as the corpus's own."""
    import pyarrow.compute as pc

    listed = catalogue.studies.select(["subject_id", "study_id"])
    same = listed.filter(pc.is_in(listed["subject_id"], value_set=studies["subject_id"]))
    ids: list[int] = same.filter(pc.invert(pc.is_in(same["study_id"], value_set=studies["study_id"])))[
        "study_id"
    ].to_pylist()
    return ids
