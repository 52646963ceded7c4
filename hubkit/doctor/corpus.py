"""Is the corpus there, whole, and ours to read; are its images there, and room for them?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hubkit.config import Corpus, ReleaseConfig
from hubkit.corpus.catalogue import Reader
from hubkit.corpus.credentials import find_credentials
from hubkit.corpus.read import chosen_studies
from hubkit.corpus.readers import open_corpus
from hubkit.custody.own_copies import require_own_copies
from hubkit.doctor.findings import Finding, failed, ok, warning
from hubkit.doctor.machine import room
from hubkit.errors import HubkitError
from hubkit.floors import SHARE, require_texts
from hubkit.room import image_bytes, studies_of
from hubkit.scoring.groups import check_files
from hubkit.tables import SECTIONS
from hubkit.terms.kinds import terms_of
from hubkit.terms.policy import check_access
from hubkit.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

JPEGS = 377_110  # as its list has them
JPEG_BYTES = 1_500_000
"""The images of MIMIC-CXR-JPG 2.1.0, and the size of one: 570 GB in all."""

SOME = 200
"""Reports that are read to see whether they can be: enough to tell a reformatted corpus from odd reports."""


def corpus(config: ReleaseConfig, workspace: Workspace) -> Iterator[Finding]:
    """The corpus is found, its tables agree, it has what the subset asks for, and there is room for its images."""
    kind = terms_of(config.corpus)
    terms = [kind.licence, *(() if kind.derivatives else ("no derivatives",)), *((kind.url,) if kind.url else ())]
    yield ok("licence", ", ".join(terms))
    try:
        reader = open_corpus(config.corpus)
        catalogue = reader.catalogue()
    except HubkitError:
        # Nothing is fetched yet: what the images will take is known all the same.
        yield from _to_fetch(studies_of(config) * config.corpus.max_images, config)
        raise
    studies = chosen_studies(catalogue, config)
    yield ok("corpus", f"{kind.name}, {len(catalogue.studies)} studies with a report, {len(studies)} of them are taken")
    hint = "compare with PhysioNet's: hubkit fetch" if kind.credentialed else "look at these rows or files"
    for name, count in catalogue.notes.oddities().items():
        yield warning("corpus", f"{name.replace('_', ' ')}: {count}", hint)
    require_own_copies(config, catalogue.headers.rule if catalogue.headers else None)
    if catalogue.headers is not None:
        yield warning("corpus", catalogue.headers.reason, "docs/corpus.md has the rules, [corpus] headers sets one")
    listed = studies["images"].combine_chunks().flatten().field("path").to_pylist()
    there = sum(catalogue.image_root is not None and (catalogue.image_root / path).is_file() for path in listed)
    yield _images(len(listed), there, config.corpus)
    yield from _to_fetch(len(listed) - there, config)
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


def _images(listed: int, there: int, settings: Corpus) -> Finding:
    if not listed:
        return warning("images", "none are taken: models are shown text alone", "set [corpus] max_images")
    what, hint = f"{there} of {listed} are there", "get them with: hubkit fetch"
    if there == listed:
        return ok("images", what)
    if (not there and settings.images is not None) or 0 < there < SHARE * listed:
        return failed("images", what, hint)
    return warning("images", what if there else f"{what}: text only", hint)


def _to_fetch(count: int, config: ReleaseConfig) -> Iterator[Finding]:
    """Room for so many images of a corpus that `hubkit fetch` gets."""
    if count and terms_of(config.corpus).parents:
        home = config.corpus.images or config.corpus.root
        yield room("disk, images to fetch", home, min(count, JPEGS) * JPEG_BYTES)


def subgroups(config: ReleaseConfig, workspace: Workspace) -> Iterator[Finding]:
    """What the subgroups of the scores come from can be read, where any is asked for."""
    if config.scoring.subgroups:
        files = [path.name for path in check_files(config)]
        yield ok("subgroups", f"{', '.join(config.scoring.subgroups)}; from {', '.join(['the corpus', *files])}")


def account(config: ReleaseConfig, workspace: Workspace) -> Iterator[Finding]:
    """There is a PhysioNet account, for a corpus that asks for one."""
    if not terms_of(config.corpus).credentialed:
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
