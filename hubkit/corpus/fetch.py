"""Get a corpus from PhysioNet: its reports and tables, the images of the selection, and proof of access."""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path

from hubkit.config import Corpus, ReleaseConfig
from hubkit.corpus.credentials import find_credentials
from hubkit.corpus.physionet import PhysioNet, Project, RemoteFile
from hubkit.corpus.read import chosen_studies
from hubkit.corpus.readers import open_corpus
from hubkit.errors import HubkitError, UsageError
from hubkit.progress import Progress
from hubkit.terms.kinds import terms_of
from hubkit.workspace import Workspace, write_json

TEXTS, JPG = "mimic-cxr", "mimic-cxr-jpg"
"""The PhysioNet projects with the reports, and with labels, splits and images."""

REPORT_FILES = ("mimic-cxr-reports.zip", "cxr-record-list.csv.gz", "cxr-study-list.csv.gz")
TABLE_FILES = ("mimic-cxr-*-split.csv.gz", "mimic-cxr-*-chexpert.csv.gz", "mimic-cxr-*-metadata.csv.gz")

PROOF = "cxr-study-list.csv.gz"
"""A small file that is for credentialed users alone."""

CONNECTIONS = 4


def fetch(config: ReleaseConfig) -> None:
    """Get reports, tables and the images that the selection takes; what is there already is kept.

    Raises:
        UsageError: the configured corpus is not one of PhysioNet's.
        HubkitError: no account, no access, a broken transfer, a changed file, a full disk.
    """
    corpus = config.corpus
    remote = connect(corpus)
    texts = corpus.root.parent if corpus.root.suffix == ".zip" else corpus.root
    tables = corpus.images or texts
    _fetch_matching(remote, Project(TEXTS, corpus.version), REPORT_FILES, texts)
    _fetch_matching(remote, Project(JPG, corpus.version), TABLE_FILES, tables)
    if corpus.max_images:
        catalogue = open_corpus(corpus).catalogue()
        taken = chosen_studies(catalogue, config)["images"].combine_chunks().flatten()
        _fetch_images(remote, Project(JPG, corpus.version), set(taken.field("path").to_pylist()), tables)


def check_access(config: ReleaseConfig, workspace: Workspace) -> dict[str, str]:
    """Get one small credentialed file, and record in the workspace when, as whom and of which project.

    Returns:
        The record: date (UTC), user, project, url.

    Raises:
        UsageError, HubkitError: as `fetch`; a former record is withdrawn.
    """
    corpus = config.corpus
    workspace.access_check.unlink(missing_ok=True)
    remote, project = connect(corpus), Project(TEXTS, corpus.version)
    with tempfile.TemporaryDirectory() as folder:
        for file in _matching(remote, project, (PROOF,)):
            remote.download(project, file, Path(folder), lambda count: None)
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    record = {"date": today, "user": remote.user, "project": str(project), "url": remote.url}
    write_json(workspace.access_check, record)
    return record


def connect(corpus: Corpus) -> PhysioNet:
    """PhysioNet as the account of this machine sees it.

    Raises:
        UsageError: the corpus is not one of PhysioNet's.
        HubkitError: there is no account.
    """
    kind = terms_of(corpus.kind)
    if not kind.credentialed:
        raise UsageError(f"{kind.name} is not on PhysioNet", where="[corpus] kind", hint=f"download it from {kind.url}")
    return PhysioNet(corpus.physionet, find_credentials(corpus.physionet))


def _fetch_matching(remote: PhysioNet, project: Project, patterns: Sequence[str], folder: Path) -> None:
    for file in _matching(remote, project, patterns):
        with Progress(f"fetch: {file.path}, bytes", remote.size(project, file)) as progress:
            remote.download(project, file, folder, progress.advance)


def _fetch_images(remote: PhysioNet, project: Project, paths: set[str], folder: Path) -> None:
    files = [file for file in remote.manifest(project) if file.path in paths]
    if len(files) < len(paths):
        missing = len(paths) - len(files)
        raise HubkitError(
            f"{project} does not list {missing} of the {len(paths)} images of the selection",
            where=remote.url,
            hint="fetch its tables again, or set [corpus] version",
        )
    with Progress("fetch: images", len(files)) as progress, ThreadPoolExecutor(CONNECTIONS) as pool:

        def get(file: RemoteFile) -> None:
            remote.download(project, file, folder, lambda count: None)

        try:
            for _ in pool.map(get, files):
                progress.advance()
        except HubkitError:
            pool.shutdown(cancel_futures=True)
            raise


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
