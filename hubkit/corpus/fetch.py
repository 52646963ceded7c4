"""Get a corpus from PhysioNet: its reports and tables, the images of the selection, and proof of access."""

from __future__ import annotations

import contextlib
import datetime
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from fnmatch import fnmatchcase
from pathlib import Path

from hubkit.artifacts.access_record import AccessRecord, write_access_record
from hubkit.config import Corpus, ReleaseConfig
from hubkit.corpus.credentials import find_credentials
from hubkit.corpus.physionet import FileTroubleError, NoAnswerError, PhysioNet, Project, RemoteFile
from hubkit.corpus.read import chosen_studies
from hubkit.corpus.readers import open_corpus
from hubkit.errors import HubkitError, UsageError
from hubkit.locks import only_one
from hubkit.progress import Progress
from hubkit.terms.kinds import terms_of
from hubkit.workspace import Workspace

TEXTS, JPG = "mimic-cxr", "mimic-cxr-jpg"
"""The PhysioNet projects with the reports, and with labels, splits and images."""

REPORT_FILES = ("mimic-cxr-reports.zip", "cxr-record-list.csv.gz", "cxr-study-list.csv.gz")
TABLE_FILES = ("mimic-cxr-*-split.csv.gz", "mimic-cxr-*-chexpert.csv.gz", "mimic-cxr-*-metadata.csv.gz")

PROOF = "cxr-study-list.csv.gz"
"""A small file that is for credentialed users alone."""

CONNECTIONS = 4
"""Files that are fetched at once: enough to hide the time between files, and few for a server that others use."""

SILENCE = CONNECTIONS
"""Files in a row that PhysioNet does not answer for, after which it is down. Fewer may be the fault of those files."""

LISTED = 20
"""Files that a message names; the others are counted."""


def fetch(config: ReleaseConfig) -> None:
    """Get reports, tables and the images that the selection takes; existing files are kept.

    A file that cannot be fetched keeps no other one from being fetched.

    Raises:
        UsageError: the configured corpus is not one of PhysioNet's.
        HubkitError: no account, no access, a full disk, another fetch into the same folder; or, when all others are
            there, the files that could not be fetched.
    """
    corpus = config.corpus
    remote = connect(corpus)
    texts = corpus.root.parent if corpus.root.suffix == ".zip" else corpus.root
    tables = corpus.images or texts
    with _alone_in(texts, tables):
        troubles = _fetch_matching(remote, Project(TEXTS, corpus.version), REPORT_FILES, texts)
        troubles += _fetch_matching(remote, Project(JPG, corpus.version), TABLE_FILES, tables)
        # Which images are needed stands in the tables.
        if corpus.max_images and not troubles:
            catalogue = open_corpus(corpus).catalogue()
            taken = chosen_studies(catalogue, config)["images"].combine_chunks().flatten()
            paths = set(taken.field("path").to_pylist())
            troubles = _fetch_images(remote, Project(JPG, corpus.version), paths, tables)
    if troubles:
        raise _all_of(troubles, remote.url)


def check_access(config: ReleaseConfig, workspace: Workspace) -> AccessRecord:
    """Get one small credentialed file, and record in the workspace when, as whom and of which project.

    Returns:
        The record.

    Raises:
        UsageError, HubkitError: as `fetch`; a former record is withdrawn.
    """
    corpus = config.corpus
    workspace.access_check.unlink(missing_ok=True)
    remote, project = connect(corpus), Project(TEXTS, corpus.version)
    with tempfile.TemporaryDirectory() as folder:
        for file in _matching(remote, project, (PROOF,)):
            remote.download(project, file, Path(folder), lambda count: None)
    today = datetime.datetime.now(datetime.UTC).date()
    record = AccessRecord(date=today, user=remote.user, project=str(project), url=remote.url)
    write_access_record(workspace, record)
    return record


def connect(corpus: Corpus) -> PhysioNet:
    """PhysioNet as the account of this machine sees it.

    Raises:
        UsageError: the corpus is not one of PhysioNet's.
        HubkitError: there is no account.
    """
    kind = terms_of(corpus)
    if not kind.credentialed:
        raise UsageError(f"{kind.name} is not on PhysioNet", where="[corpus] kind", hint=f"download it from {kind.url}")
    return PhysioNet(corpus.physionet, find_credentials(corpus.physionet))


@contextlib.contextmanager
def _alone_in(*folders: Path) -> Iterator[None]:
    """Hold the folders that are fetched into: two fetches would append to the same parts of files."""
    with contextlib.ExitStack() as stack:
        for folder in sorted({folder.absolute() for folder in folders}):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                what = f"cannot be made: {error.strerror}"
                raise HubkitError(what, where=folder, hint="set [corpus] root to a folder of yours") from None
            other = "a second corpus needs a folder of its own: [corpus] root"
            stack.enter_context(only_one(folder / ".hubkit-fetch.lock", "fetches into this folder", other))
        yield


def _all_of(troubles: list[FileTroubleError], url: str) -> HubkitError:
    """One error for all files that could not be fetched."""
    if len(troubles) == 1:
        return troubles[0]
    lines = [f"  {trouble.where}: {trouble.what}" for trouble in troubles[:LISTED]]
    lines += [f"  and {len(troubles) - LISTED} more"] if len(troubles) > LISTED else []
    return HubkitError(
        "\n".join([f"{len(troubles)} files could not be fetched, and all others are there:", *lines, ""]),
        where=url,
        hint="the same command fetches these alone; if they stay so, the project changed: see its page",
    )


def _fetch_matching(
    remote: PhysioNet, project: Project, patterns: Sequence[str], folder: Path
) -> list[FileTroubleError]:
    troubles = []
    for file in _matching(remote, project, patterns):
        with Progress(f"fetch: {file.path}, bytes", remote.size(project, file)) as progress:
            try:
                remote.download(project, file, folder, progress.advance)
            except NoAnswerError:
                # A handful of files, the first of them large: to go on would be to wait for each of them.
                raise
            except FileTroubleError as trouble:
                troubles.append(trouble)
    return troubles


def _fetch_images(remote: PhysioNet, project: Project, paths: set[str], folder: Path) -> list[FileTroubleError]:
    files = [file for file in remote.manifest(project) if file.path in paths]
    if len(files) < len(paths):
        missing = len(paths) - len(files)
        raise HubkitError(
            f"{project} does not list {missing} of the {len(paths)} images of the selection",
            where=remote.url,
            hint="fetch its tables again, or set [corpus] version",
        )
    troubles: list[FileTroubleError] = []
    unanswered = 0
    with Progress("fetch: images", len(files)) as progress, ThreadPoolExecutor(CONNECTIONS) as pool:
        asked = [pool.submit(remote.download, project, file, folder, lambda count: None) for file in files]
        try:
            for done in as_completed(asked):
                try:
                    done.result()
                    unanswered = 0
                except FileTroubleError as trouble:
                    troubles.append(trouble)
                    unanswered = unanswered + 1 if isinstance(trouble, NoAnswerError) else 0
                    if unanswered == SILENCE:
                        raise
                progress.advance()
        finally:
            # Whatever ends it, an interrupt too: what was not begun is left for the next time.
            pool.shutdown(cancel_futures=True)
    return troubles


def _fits(path: str, glob: str) -> bool:
    # fnmatch has no folders: there "*" stands for slashes as well.
    return path.count("/") == glob.count("/") and fnmatchcase(path, glob)


def _matching(remote: PhysioNet, project: Project, patterns: Sequence[str]) -> list[RemoteFile]:
    """The first file of the project that fits each of `patterns`.

    Raises:
        HubkitError: no file fits a pattern.
    """
    found: dict[str, RemoteFile] = {}
    for file in remote.manifest(project):
        found |= {glob: file for glob in patterns if glob not in found and _fits(file.path, glob)}
        if len(found) == len(patterns):
            return list(found.values())
    missing = next(glob for glob in patterns if glob not in found)
    raise HubkitError(f"{project} lists no file {missing}", where=remote.url, hint="set [corpus] version")
