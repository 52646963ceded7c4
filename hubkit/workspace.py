"""The run directory: where each artifact lies, manifests, atomic writes."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.disk import full_disk_error, is_full
from hubkit.errors import HubkitError
from hubkit.locks import is_held, only_one
from hubkit.privacy import GROUP_SETTING, close_tree, private_umask

if TYPE_CHECKING:
    import pyarrow as pa


MACHINE_TRANSLATIONS = Path("translations", "translations.parquet")
"""Where a workspace keeps what `translate` wrote, also where it is only read."""


class Workspace:
    """A folder that holds what the stages wrote, and nothing else.

    Args:
        root: the folder; it is made when it is missing.
        partial: where the running stage keeps its checkpoints; the folder's name changes with the stage's settings and
            inputs, so that what is found in it can always be continued. It goes away when the stage is done.
    """

    def __init__(self, root: Path, partial: Path | None = None):
        self.root = root.absolute()
        self._partial = partial
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise HubkitError(
                f"the workspace cannot be made: {error.strerror}", where=root, hint="choose another with --workspace"
            ) from None
        if not os.access(self.root, os.W_OK):
            raise HubkitError("no write access", where=root, hint="choose another workspace with --workspace")

    @property
    def studies(self) -> Path:
        return self.root / "studies" / "studies.parquet"

    @property
    def selection(self) -> Path:
        return self.root / "studies" / "selection.json"

    @property
    def images(self) -> Path:
        """Prepared images, `<dicom_id>.jpg`."""
        return self.root / "studies" / "images"

    @property
    def machine_translations(self) -> Path:
        """What `translate` wrote; later stages read `translations`."""
        return self.root / MACHINE_TRANSLATIONS

    @property
    def machine_checks(self) -> Path:
        return self.root / "translations" / "checks.parquet"

    @property
    def translations(self) -> Path:
        """The translations as they are published: corrected, and without text that was left out."""
        return self.root / "revised" / "translations.parquet"

    @property
    def training_translations(self) -> Path:
        """The same for train and validate; of test studies the machine's, so that a correction of theirs trains and
        generates nothing again."""
        return self.root / "revised" / "training" / "translations.parquet"

    @property
    def checks(self) -> Path:
        return self.root / "revised" / "checks.parquet"

    @property
    def revision(self) -> Path:
        """How many rows were corrected and left out."""
        return self.root / "revised" / "revision.json"

    @property
    def thoughts(self) -> Path:
        """How many translations came after a thought, and how long these were."""
        return self.machine_translations.with_name("thoughts.json")

    @property
    def translator(self) -> Path:
        """What translated: software, revision and precision; `hubkit.artifacts.translator` reads it."""
        return self.machine_translations.with_name("translator.json")

    @property
    def adapter(self) -> Path:
        return self.root / "adapter"

    @property
    def log_history(self) -> Path:
        return self.adapter / "log_history.jsonl"

    def generations(self, condition: str) -> Path:
        return self.root / "generations" / f"{condition}.parquet"

    @property
    def decoding(self) -> Path:
        """How the generations were made, as the recipe says it."""
        return self.root / "generations" / "decoding.json"

    @property
    def scores(self) -> Path:
        """The folder of scores.parquet, summary.json and the plots."""
        return self.root / "scores"

    @property
    def summary(self) -> Path:
        """The figures of every system; `hubkit.artifacts.scores` reads it."""
        return self.scores / "summary.json"

    @property
    def extremes(self) -> Path:
        """The studies with the lowest and the highest scores; `hubkit.artifacts.extremes` reads it."""
        return self.scores / "extremes.json"

    @property
    def subgroups(self) -> Path:
        """The figures of subgroups, where they were asked for; `hubkit.artifacts.subgroups` reads it."""
        return self.scores / "subgroups.json"

    @property
    def memorisation(self) -> Path:
        """What the adapter remembers of its training, and the plots of it."""
        return self.root / "audit" / "memorisation.json"

    @property
    def sensitivity(self) -> Path:
        """The folder of what prompts and examples do to the scores; its answers are text of the corpus."""
        return self.root / "sensitivity"

    @property
    def dist(self) -> Path:
        """dataset/, adapter/ and metric/: exactly what will be on the Hub."""
        return self.root / "dist"

    @property
    def physionet(self) -> Path:
        """The folder of the submission to PhysioNet."""
        return self.root / "physionet"

    @property
    def receipt(self) -> Path:
        return self.root / "receipt.json"

    @property
    def salt(self) -> Path:
        """What makes the digests of small gated files impossible to guess; it stays here."""
        return self.root / "salt.txt"

    @property
    def report(self) -> Path:
        """The maintainer's page, which holds text of the corpus; it stays here."""
        return self.root / "report.html"

    def review(self, name: str) -> Path:
        """The folder of a review by readers; its pages hold text of the corpus."""
        return self.root / "review" / name

    @property
    def access_check(self) -> Path:
        """The record of the last PhysioNet access check."""
        return self.root / "physionet-access.json"

    @property
    def verification(self) -> Path:
        """What the last verification of the pushed release found."""
        return self.root / "verification.json"

    def public_key(self, tag: str) -> Path:
        """The key by which the signatures of what was pushed as `tag` were found good."""
        return self.root / "public-keys" / f"{tag}.pem"

    def manifest(self, stage: str) -> Path:
        return self.root / "manifests" / f"{stage}.json"

    @property
    def partial(self) -> Path:
        """Where the running stage keeps its checkpoints."""
        if self._partial is None:
            raise RuntimeError("only a running stage has a folder for its checkpoints")
        self._partial.mkdir(parents=True, exist_ok=True)
        return self._partial

    def running(self, stage: str, key: str, joins: bool = False) -> Workspace:
        """This workspace as `stage` sees it while it runs with settings and inputs of digest `key`.

        Args:
            joins: whether this process joins one that runs the stage already, and so leaves its files alone.
        """
        home = self.root / "partial"
        current = home / f"{stage}-{key[:16]}"
        for stale in () if joins else home.glob(f"{stage}-*"):
            if stale != current:
                shutil.rmtree(stale)
        return Workspace(self.root, current)

    def forget_partial(self) -> None:
        if self._partial is not None:
            shutil.rmtree(self._partial, ignore_errors=True)

    def close(self, group: str | None = None, quiet: bool = False) -> None:
        """Keep other users out, but for readers of `group`; say in one line what was open to more.

        Args:
            group: a group of this user's whose members may read.
            quiet: whether to stay silent, as for files that a stage wrote a moment ago.

        Raises:
            UsageError: there is no such group, or the user is not in it.
            HubkitError: something in it belongs to another user.
        """
        tightened = close_tree(self.root, group)
        if tightened.found and not quiet:
            readers = f"you and the group {group} alone" if group else "you alone"
            hint = "" if group else f'; to share it: {GROUP_SETTING} = "NAME"'
            print(
                f"hubkit: {self.root}: others could read {tightened.found} files and folders; now {readers} can{hint}",
                file=sys.stderr,
            )

    def busy(self) -> bool:
        """Whether a process holds the workspace now."""
        return is_held(self.root / ".lock")

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the workspace for one run at a time; what is written meanwhile is for its owner alone.

        Raises:
            HubkitError: another process works in it.
        """
        other = "a second release needs a workspace of its own: --workspace"
        with private_umask(), only_one(self.root / ".lock", "works in this workspace", other):
            yield


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to `path`; when the block ends well it is synced and renamed to `path`.

    Its owner alone can read the file, as mkstemp makes it; a stricter umask is respected.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            sync(temporary)
            temporary.replace(path)
            sync(path.parent)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        if is_full(error):
            raise full_disk_error(path) from None
        raise HubkitError(
            f"cannot be written: {error.strerror}", where=path, hint="fix the permissions, run again"
        ) from None


def write_text(path: Path, text: str) -> None:
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_table(path: Path, table: pa.Table) -> None:
    """Write `table` as Parquet, atomically, with the same bytes for the same rows."""
    import pyarrow.parquet as pq

    with atomic(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def write_tables(path: Path, schema: pa.Schema, tables: Iterable[pa.Table]) -> None:
    """As `write_table`, with a group of rows for each of `tables`, which are made while they are written."""
    import pyarrow.parquet as pq

    with atomic(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table)


def read_table(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Read a table that an earlier stage wrote.

    Raises:
        HubkitError: it is missing or is not a Parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path, columns=columns)
    except FileNotFoundError:
        raise HubkitError("is missing", where=path, hint="run the stages before: hubkit release") from None
    except pa.ArrowInvalid:
        raise HubkitError("is not a whole Parquet file", where=path, hint="delete it and run again") from None


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, onto the disk, so that a power cut leaves them there."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_all(path: Path) -> None:
    """Bring everything that was written to the file system of the folder `path` onto the disk, by one call."""
    import ctypes

    handle = os.open(path, os.O_RDONLY)
    try:
        # Python has no syncfs. Where the C library has none either, all file systems are synced.
        syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
        if syncfs is None:
            os.sync()
        elif syncfs(handle):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(handle)


def sync_folder(path: Path) -> None:
    """Bring the files of a folder onto the disk, and then their names."""
    for file in path.iterdir():
        if file.is_file():
            sync(file)
    sync(path)
