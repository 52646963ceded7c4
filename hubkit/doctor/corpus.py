"""Is the corpus there, whole, and ours to read; are its images there, and room for them?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.config import Corpus, ReleaseConfig
from hubkit.corpus.catalogue import Reader
from hubkit.corpus.credentials import find_credentials
from hubkit.corpus.read import chosen_studies
from hubkit.corpus.readers import open_corpus
from hubkit.doctor.findings import Finding, failed, ok, warning
from hubkit.doctor.machine import room
from hubkit.errors import HubkitError
from hubkit.floors import require_texts
from hubkit.room import image_bytes
from hubkit.tables import SECTIONS
from hubkit.terms.kinds import terms_of
from hubkit.terms.policy import check_access
from hubkit.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

SOME = 200
"""Reports that are read to see whether they can be: enough to tell a reformatted corpus from odd reports."""


def corpus(config: ReleaseConfig, workspace: Workspace) -> Iterator[Finding]:
    """The corpus is found, its tables agree, it has what the subset asks for, and there is room for its images."""
    kind = terms_of(config.corpus.kind)
    terms = [kind.licence, *(() if kind.derivatives else ("no derivatives",)), *((kind.url,) if kind.url else ())]
    yield ok("licence", ", ".join(terms))
    reader = open_corpus(config.corpus)
    catalogue = reader.catalogue()
    studies = chosen_studies(catalogue, config)
    yield ok("corpus", f"{kind.name}, {len(catalogue.studies)} studies with a report, {len(studies)} of them are taken")
    for name, found in catalogue.notes.items():
        if found:
            yield warning("corpus", f"{name.replace('_', ' ')}: {len(found)}", "compare with PhysioNet's: hubkit fetch")
    listed = studies["images"].combine_chunks().flatten().field("path").to_pylist()
    yield _images(listed, catalogue.image_root, config.corpus)
    yield room("disk, images", workspace.root, image_bytes(len(listed), config))
    _read_some(studies, reader, config)


def _read_some(studies: pa.Table, reader: Reader, config: ReleaseConfig) -> None:
    """Read some of the reports, spread over the selection, as `read` and `translate` will take all.

    Raises:
        HubkitError: too few of them have text that is translated.
    """
    some = studies.take(list(range(0, len(studies), -(-len(studies) // SOME))))
    reports = list(reader.reports(some["study_id"].to_pylist(), some["source"].to_pylist()))
    require_texts(sum(bool(report.report.strip()) for report in reports), len(some), True, config.corpus.root)
    if config.translation.units == "sections":
        have = sum(any(getattr(report, name) for name in SECTIONS) for report in reports)
        require_texts(have, len(some), False, config.corpus.root)


def _images(listed: list[str], root: Path | None, settings: Corpus) -> Finding:
    if not listed:
        return warning("images", "none are taken: models are shown text alone", "set [corpus] max_images")
    there = [path for path in listed if root is not None and (root / path).is_file()]
    what, hint = f"{len(there)} of {len(listed)} are there", "get them with: hubkit fetch"
    if len(there) == len(listed):
        return ok("images", what)
    if not there and settings.images is not None:
        return failed("images", what, hint)
    return warning("images", what if there else f"{what}: text only", hint)


def account(config: ReleaseConfig, workspace: Workspace) -> Iterator[Finding]:
    """There is a PhysioNet account, for a corpus that asks for one."""
    if not terms_of(config.corpus.kind).credentialed:
        return
    try:
        found = find_credentials(config.corpus.physionet)
    except HubkitError as error:
        yield warning("PhysioNet account", f"{error.what}; hubkit fetch needs one", error.hint)
        return
    yield ok("PhysioNet account", found.user)


def access(config: ReleaseConfig, workspace: Workspace) -> Iterator[Finding]:
    """Access to a credentialed corpus was checked lately, as translate and push will ask."""
    try:
        found = check_access(config, workspace)
    except HubkitError as error:
        yield failed("PhysioNet access", error.what, error.hint)
        return
    if found is not None:
        yield ok("PhysioNet access", f"{found.user} to {found.project}, checked {found.age} days ago")
