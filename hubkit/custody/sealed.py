"""Read a sealed release with `datasets`: whole with `open_sealed`, a column with `Sealed()`.

This file stands alone: it needs datasets, pyarrow and cryptography, and nothing of hubkit. A sealed
release carries it as `loader/sealed.py`. Its card says how to load it and which SHA-256 it has.

    reports = sealed.open_sealed(load_dataset("lab/mimic-cxr-ptbr"))
    column = load_dataset("lab/mimic-cxr-ptbr", split="test").cast_column("report", sealed.Sealed())

Both read your own copy of the reports, at MIMIC_CXR_ROOT: the key is made from them. docs/custody.md
of hubkit has the threat model, the format and test vectors.
"""

# No `from __future__ import annotations`: dataclasses would then look for this module in sys.modules,
# where a file that was loaded by its path need not be.

import functools
import hashlib
import hmac
import json
import os
import re
import secrets
import stat
import tarfile
import tempfile
import warnings
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import datasets
import pyarrow as pa
import pyarrow.compute as pc
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from datasets import Dataset
from datasets.features.features import _FEATURE_TYPES, register_feature

if TYPE_CHECKING or __name__ == "hubkit.custody.sealed":
    # Inside hubkit its errors are hubkit's, which the command line shows in one line. Loaded by its
    # path, this file imports nothing called hubkit: anyone may have given a package that name.
    from hubkit.errors import HubkitError as _Error
else:
    _Error = Exception

FORMAT = 3  # of the cells that are written; docs/custody.md describes it
FORMATS = (2, FORMAT)
"""What this reads. Format 2 has a row of `spans` for each section; format 3 one for each study, with one cell."""

CORPUS_VARIABLE = "MIMIC_CXR_ROOT"
SALT = b"hubkit custody 2"  # keys are made as in format 2
CHECK_BYTES, NONCE_BYTES = 16, 12  # 128 bits cannot be found by trying; GCM-SIV takes 96 bits of nonce
MAX_PLACE = 255  # its length is one byte of a cell
IDS = ("subject_id", "study_id")

FIRST_VERSION = (3, 2)
"""Before it, datasets decodes its own features alone, and would hand out sealed bytes as they are."""

REPORTS_ZIP = "mimic-cxr-reports.zip"
REPORT = re.compile(r"(?:.*/)?files/p(1\d)/p(\1\d{6})/s(5\d{7})\.txt", re.DOTALL)
OPENI_ARCHIVE = "NLMCXR_reports.tgz"
UID = re.compile(rb"<uId\s[^>]*\bid=\"CXR(\d{1,7})\"")
MAX_REPORT_BYTES = 64 * 2**20
"""The largest report of MIMIC-CXR has some 10 kB: an entry beyond this is a zip bomb."""

CHEXPERT_LABELS = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Enlarged Cardiomediastinum",
    "Fracture",
    "Lung Lesion",
    "Lung Opacity",
    "No Finding",
    "Pleural Effusion",
    "Pleural Other",
    "Pneumonia",
    "Pneumothorax",
    "Support Devices",
)
SPANS = (*("indication", "comparison", "findings", "impression", "last_paragraph"), "report")
"""The parts of an English report, in the order in which a cell of `spans` has where each lies."""

LABELS = pa.struct([(label, pa.int8()) for label in CHEXPERT_LABELS])

KINDS = {
    "strings": pa.list_(pa.string()),
    "chexpert": LABELS,
    "spans": pa.list_(pa.struct([("section", pa.string()), ("start", pa.int32()), ("stop", pa.int32())])),
}
"""Arrow's type of the values of each kind that is not called as Arrow calls it."""

Root = str | os.PathLike[str] | None


class SealedError(_Error):
    """A release does not open. Never holds corpus text or a key.

    Args:
        what: what is wrong.
        where: the file or folder that it concerns.
        hint: what helps.
        exit_code: what a command ends with; 2 where it was called wrongly.
    """

    def __init__(self, what: str, where: str | Path | None = None, hint: str | None = None, exit_code: int = 1):
        self.what, self.where, self.hint = what, None if where is None else str(where), hint
        self.exit_code = exit_code
        Exception.__init__(self, what, self.where, hint)

    def __str__(self) -> str:
        return f"{f'{self.where}: ' if self.where else ''}{self.what}{f' ({self.hint})' if self.hint else ''}"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.what, self.where, self.hint, self.exit_code)


# The corpus: the reports, and one digest over all of them for each top folder (p10 ... p19).


def group_of(subject_id: int) -> str:
    """The top folder that holds a subject's studies, such as p10: the studies that share a key."""
    return f"p{str(subject_id)[:2]}"


class Reports:
    """The reports of a corpus by name: of a tree of files, or of the archive that it was downloaded as.

    Args:
        path: the folder or the archive.
        kind: of the corpus: "mimic-cxr" has a text file a study, "openi" an XML file.

    Raises:
        SealedError: it is not there.
    """

    def __init__(self, path: Path, kind: str = "mimic-cxr"):
        self.path, self.kind = path, kind

    def names(self) -> dict[tuple[int, int], str]:
        """Name of each report by (subject_id, study_id); other files do not count.

        Raises:
            SealedError: a study has two reports, or the archive is damaged.
        """
        found: dict[tuple[int, int], str] = {}
        studies: set[int] = set()
        for ids, name in self._openi_ids() if self.kind == "openi" else self._mimic_ids():
            if ids[1] in studies:
                raise SealedError(f"holds the report of study {ids[1]} twice", self.path, "keep the right one")
            studies.add(ids[1])
            found[ids] = name
        return found

    def read(self, names: Iterable[str]) -> Iterator[bytes]:
        """The bytes of reports.

        Raises:
            SealedError: one cannot be read.
        """
        for name in names:
            try:
                if self.path.is_dir():
                    yield (self.path / name).read_bytes()
                elif self.kind == "openi":
                    yield self._open()[name]
                elif self._open().getinfo(name).file_size > MAX_REPORT_BYTES:
                    raise SealedError(f"{name} is larger than {MAX_REPORT_BYTES} bytes", self.path)
                else:
                    yield self._open().read(name)
            except (zipfile.BadZipFile, EOFError, OSError) as error:
                raise SealedError(f"{name} cannot be read: {error}", self.path, "download the corpus again") from None

    def state(self, names: Iterable[str]) -> str:
        """Changes when one of these reports may have changed: sizes and times of the files, or of the archive."""
        paths = [self.path / name for name in names] if self.path.is_dir() else [self.path]
        states = [(path.name, status.st_size, status.st_mtime_ns) for path in paths for status in [path.stat()]]
        return hashlib.sha256(json.dumps(states).encode()).hexdigest()

    def _mimic_ids(self) -> Iterator[tuple[tuple[int, int], str]]:
        if self.path.is_dir():
            groups = sorted((self.path / "files").glob("p[0-9][0-9]"))
            texts = [path.relative_to(self.path).as_posix() for group in groups for path in group.glob("p*/*.txt")]
        else:
            texts = self._open().namelist()
        for name in texts:
            if match := REPORT.fullmatch(name):
                yield (int(match[2]), int(match[3])), name

    def _openi_ids(self) -> Iterator[tuple[tuple[int, int], str]]:
        paths = sorted(self.path.rglob("*.xml")) if self.path.is_dir() else []
        files = {path.relative_to(self.path).as_posix(): path.read_bytes() for path in paths} or self._open()
        for name, data in files.items():
            if (match := UID.search(data)) is None:
                raise SealedError(f"{name} has no uId such as CXR1", self.path, "download it again")
            # Open-i does not tell patients apart: a study counts as a subject of its own.
            yield (int(match[1]), int(match[1])), name

    def _open(self) -> Any:
        try:
            status = self.path.stat()
            return _archive(self.path, self.kind, status.st_size, status.st_mtime_ns, os.getpid())
        except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError) as error:
            raise SealedError(f"is not a complete archive: {error}", self.path, "download it again") from None


@functools.lru_cache(maxsize=1)
def _archive(path: Path, kind: str, size: int, changed: int, process: int) -> Any:
    """The archive, opened once a process: its list of 228,000 entries takes seconds to read.

    A process that was forked opens its own: with one file handle they would move each other's place. A tar file
    can only be read from its start: of Open-i all is kept.
    """
    if kind != "openi":
        return zipfile.ZipFile(path)
    with tarfile.open(path) as archive:
        members = [member for member in archive if member.isfile() and member.name.endswith(".xml")]
        return {member.name: content.read() for member in members if (content := archive.extractfile(member))}


def find_reports(root: Path, kind: str | None = None) -> Reports:
    """The reports under `root`.

    Args:
        root: an archive of reports, or a folder that holds one, or a folder of reports.
        kind: of the corpus; None tells it by the files: Open-i comes as XML, MIMIC-CXR as text.

    Raises:
        SealedError: there are none.
    """
    if not root.exists():
        raise SealedError("the corpus folder is missing", root, f"set {CORPUS_VARIABLE}")
    if root.is_file():
        return Reports(root, "openi" if kind == "openi" or tarfile.is_tarfile(root) else "mimic-cxr")
    # Two levels are enough for XML; MIMIC-CXR has 65,000 folders below these.
    has_xml = any(next(root.glob(pattern), None) for pattern in (OPENI_ARCHIVE, "*.xml", "*/*.xml"))
    if kind == "openi" or (kind is None and has_xml):
        return Reports(root / OPENI_ARCHIVE if (root / OPENI_ARCHIVE).is_file() else root, "openi")
    if (root / REPORTS_ZIP).is_file():
        return Reports(root / REPORTS_ZIP)
    for home in (root, root / "mimic-cxr-reports"):
        if (home / "files").is_dir():
            return Reports(home)
    raise SealedError(f"holds neither {REPORTS_ZIP} nor files/", root, f"set {CORPUS_VARIABLE}")


class OwnCorpus:
    """The reports of a corpus by top folder. Keys come from its digests, which are as secret as the reports.

    Args:
        source: the reports.
        cache: whether the digests are kept in a file that only this user can read.
    """

    def __init__(self, source: Reports, cache: bool = True):
        self.source = source
        self._cache = cache
        self._digests: dict[str, bytes] = {}

    @functools.cached_property
    def _names(self) -> dict[str, dict[int, str]]:
        groups: dict[str, dict[int, str]] = {}
        for (subject, study), name in self.source.names().items():
            groups.setdefault(group_of(subject), {})[study] = name
        return groups

    def groups(self) -> list[str]:
        """The top folders that hold reports, in order."""
        return sorted(self._names)

    def studies(self, group: str) -> list[int]:
        """The ids of a folder's studies, ascending."""
        return sorted(self._names.get(group, {}))

    def digest(self, group: str) -> bytes:
        """SHA-256 over a folder's reports in study order, each after its study id and its length (8 bytes each).

        Raises:
            SealedError: the folder is missing or a report cannot be read.
        """
        if group not in self._digests:
            key = f"{self.source.path}#{group}"
            # The names of an archive take seconds to list, and its state does not need them.
            state = self.source.state(self._names.get(group, {}).values() if self.source.path.is_dir() else ())
            kept = _kept(key, state) if self._cache else None
            self._digests[group] = kept or self._read(group)
            if self._cache and kept is None:
                _keep(key, state, self._digests[group])
        return self._digests[group]

    def _read(self, group: str) -> bytes:
        names = self._names.get(group)
        if not names:
            raise SealedError(f"has no reports of the folder {group}", self.source.path, "get the whole corpus")
        studies = sorted(names)
        running = hashlib.sha256()
        for study, report in zip(studies, self.source.read(names[study] for study in studies), strict=True):
            running.update(study.to_bytes(8, "big") + len(report).to_bytes(8, "big") + report)
        return running.digest()


def find_corpus(root: Root = None, cache: bool = True, kind: str | None = None) -> OwnCorpus:
    """The corpus at `root`, else at MIMIC_CXR_ROOT: its folder, or the archive of its reports.

    Args:
        root: of MIMIC-CXR, a folder with files/ or mimic-cxr-reports.zip, or the zip itself.
        cache: as in `OwnCorpus`.
        kind: the kind of the corpus; None tells it by its files.

    Raises:
        SealedError: neither is given, or there is no corpus.
    """
    root = root or os.environ.get(CORPUS_VARIABLE)
    if not root:
        raise SealedError(
            "opening a sealed release needs your own copy of the reports it comes from",
            hint=f"set {CORPUS_VARIABLE} to the folder of MIMIC-CXR, or to {REPORTS_ZIP}",
            exit_code=2,
        )
    return OwnCorpus(find_reports(Path(root).expanduser().absolute(), kind), cache)


def cache_path() -> Path:
    """The file with the digests of the corpora that were read on this machine; readable by its owner alone."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "hubkit" / "corpus-digests.json"


def _kept(key: str, state: str) -> bytes | None:
    entry = _read_cache().get(key)
    return bytes.fromhex(entry["digest"]) if entry and entry["state"] == state else None


def _keep(key: str, state: str, digest: bytes) -> None:
    path = cache_path()
    entries = {**_read_cache(), key: {"state": state, "digest": digest.hex()}}
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # mkstemp makes the file for its owner alone, before anything is in it.
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".digests.")
        with open(handle, "w", encoding="utf-8") as file:
            json.dump(entries, file)
        os.replace(temporary, path)
    except OSError as error:
        warnings.warn(f"{path} cannot be written ({error.strerror}): the corpus is read again each time", stacklevel=2)


def _read_cache() -> dict[str, Any]:
    """What is kept; nothing where the file is missing, broken, or has been readable by others."""
    path = cache_path()
    try:
        status = path.stat()
        if status.st_uid != os.getuid() or stat.S_IMODE(status.st_mode) & 0o077:
            return {}
        entries: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return entries


# Keys: HKDF-SHA256 of a top folder's digest and of the release's name and version.


class GroupKey:
    """The key of one folder under one release. It has no readable repr: logs and tracebacks show nothing of it.

    Args:
        digest: the folder's digest.
        release: the release's repo, `namespace/name`.
        version: its version.
        group: name of the folder.
    """

    __slots__ = ("_nonce_key", "check", "cipher")

    def __init__(self, digest: bytes, release: str, version: str, group: str):
        def derive(use: str, length: int) -> bytes:
            return derived(digest, f"{release}/{version}/{group}/{use}", length)

        self.cipher = AESGCMSIV(derive("cell", 32))
        self._nonce_key = derive("nonce", 32)
        self.check = derive("check", CHECK_BYTES)
        """Public: tells whether a corpus fits, and nothing of the other keys."""

    def nonce(self, header: bytes, plaintext: bytes) -> bytes:
        """A nonce that the same cell always has and no other one: HMAC-SHA256, cut to 12 bytes."""
        message = len(header).to_bytes(8, "big") + header + plaintext
        return hmac.digest(self._nonce_key, message, "sha256")[:NONCE_BYTES]


def derived(material: bytes, info: str, length: int) -> bytes:
    """A key for one use: HKDF-SHA256."""
    return HKDF(SHA256(), length, salt=SALT, info=info.encode()).derive(material)


class Keyring:
    """The keys of a release, derived from a corpus when they are first needed.

    Args:
        corpus: the researcher's own copy.
        release: the release's dataset repo, `namespace/name`: two people's releases of one name have keys of their own.
        version: its version.

    Raises:
        SealedError: `release` is not a repo, or `version` holds a slash.
    """

    def __init__(self, corpus: OwnCorpus, release: str, version: str):
        # As many slashes everywhere: then no two places, and no two infos of HKDF, can be written alike.
        if not re.fullmatch(r"[^/]+/[^/]+", release) or not re.fullmatch(r"[^/]+", version):
            raise SealedError(
                "is not namespace/name and a version, such as lab/mimic-cxr-ptbr 1.0.0", f"{release} {version}"
            )
        self.corpus, self.release, self.version = corpus, release, version
        self._keys: dict[str, GroupKey] = {}

    def key(self, group: str) -> GroupKey:
        """The key of a folder.

        Raises:
            SealedError: the corpus does not have the folder.
        """
        if group not in self._keys:
            self._keys[group] = GroupKey(self.corpus.digest(group), self.release, self.version, group)
        return self._keys[group]


# Cells: one value of one row, sealed with AES-256-GCM-SIV (RFC 8452) and bound to its place. A cell is: one
# byte, the format; one byte n; n bytes, its place in UTF-8; 12 bytes, the nonce; the rest, ciphertext and 16
# bytes of tag. All before the nonce is the associated data. The plaintext is JSON, padded with spaces.


class CellPlace(NamedTuple):
    """Where a cell belongs; written with a slash between its parts.

    Attributes:
        release: the release's repo, `namespace/name`.
        version: its version.
        config: the dataset's config.
        split: its split on the Hub.
        rows: rows of that split of that config.
        column: name of the column.
        kind: type of the value: string, int8, int32, float32, strings (a list), chexpert (the 14 labels) or spans.
        subject: the subject's id; its first two digits name the folder of the corpus, and with it the key.
        study: the study's id.
        row: the row's number in its split, from 0.
    """

    release: str
    version: str
    config: str
    split: str
    rows: int
    column: str
    kind: str
    subject: int
    study: int
    row: int

    def header(self, number: int = FORMAT) -> bytes:
        """The first bytes of a cell of this place in a format."""
        return header("/".join(str(part) for part in self).encode(), number)


def header(place: bytes, number: int = FORMAT) -> bytes:
    """Format, length of the place, place.

    Raises:
        SealedError: the place is too long.
    """
    if len(place) > MAX_PLACE:
        raise SealedError(f"the place of a cell has {len(place)} bytes, and {MAX_PLACE} at most fit", place.decode())
    return bytes((number, len(place))) + place


def read_place(cell: bytes) -> CellPlace:
    """The place that a cell claims, which opening it proves.

    Raises:
        SealedError: it is not a cell, or of another format.
    """
    if not cell or cell[0] not in FORMATS:
        raise (
            other_format(cell[0])
            if cell and 0 < cell[0] < 16
            else SealedError("a sealed cell is damaged", hint="download it again")
        )
    try:
        parts = cell[2 : 2 + cell[1]].decode().split("/")
        namespace, name, version, config, split, rows, column, kind, subject, study, row = parts
        release, numbers = f"{namespace}/{name}", (int(subject), int(study), int(row))
        return CellPlace(release, version, config, split, int(rows), column, kind, *numbers)
    except (ValueError, IndexError):
        raise SealedError("the place of a sealed cell cannot be read", hint="download the file again") from None


def other_format(number: int) -> SealedError:
    """The error for a release of another format, which says who opens it."""
    if number == 1:
        return SealedError(
            "the release is sealed in format 1, which has the ids of all studies in clear; this reads formats 2 and 3",
            hint="ask its maintainers for a newer version, or open it with hubkit 0.1.0",
        )
    return SealedError(
        f"the release is sealed in format {number}; this reads formats 2 and 3", hint="use its own reader"
    )


def unseal(cell: bytes, place: bytes, key: GroupKey) -> Any:
    """The value of a cell that starts with `place`.

    Raises:
        SealedError: it was changed, or the key is not its own.
    """
    start = len(place)
    try:
        if not cell.startswith(place):
            raise InvalidTag
        plaintext = key.cipher.decrypt(cell[start : start + NONCE_BYTES], cell[start + NONCE_BYTES :], place)
        return json.loads(plaintext.decode())
    except (InvalidTag, ValueError):
        # A nonce that is cut short is a ValueError. No cause is kept: it would hold the key's methods in the traceback.
        raise _does_not_open(place) from None


def open_cell(cell: bytes, keys: Keyring) -> Any:
    """The value of a cell at the place that it claims itself, as `Sealed` reads it: labels as a dict.

    Raises:
        SealedError: it is of another release, was changed, or the corpus does not fit.
    """
    place = read_place(cell)
    if (place.release, place.version) != (keys.release, keys.version):
        raise SealedError(
            f"a cell of {place.release} {place.version} stands among those of {keys.release} {keys.version}"
        )
    return from_json(unseal(cell, place.header(cell[0]), keys.key(group_of(place.subject))), place.kind)


def from_json(value: Any, kind: str) -> Any:
    """A value as the plain table has it, from its JSON."""
    if kind == "chexpert" and value is not None:
        return dict(zip(CHEXPERT_LABELS, value, strict=True))
    if kind == "spans":
        places = zip(SPANS, value, strict=True)
        return [{"section": name, "start": place[0], "stop": place[1]} for name, place in places if place]
    return value


def _does_not_open(place: bytes) -> SealedError:
    found = read_place(place)
    return SealedError(
        f"{found.column} of study {found.study} does not open: it was changed, or the folder"
        f" {group_of(found.subject)} of your corpus is not that of {found.release} {found.version}",
        f"{found.config}/{found.split}",
        "hubkit unseal says which reports are missing or too many",
    )


# Tables: the ids stand as they are, every other column is one of cells.


class Part(NamedTuple):
    """What a table is thought to be part of; None where that is not known.

    Attributes:
        release: the release's repo and version.
        config: the dataset's config.
        split: its split.
    """

    release: tuple[str, str] | None = None
    config: str | None = None
    split: str | None = None


class Rows(NamedTuple):
    """Rows of a sealed table, their places proven to be those of their ids.

    Attributes:
        first: the place of the first cell.
        number: the format of all cells.
        tails: the end of each row's places: subject, study, number of the row.
        numbers: number of each row in its split.
        keys: key of each row.
    """

    first: CellPlace
    number: int
    tails: list[bytes]
    numbers: list[int]
    keys: list[GroupKey]


def open_table(
    table: pa.Table, keys: Keyring, part: Part | None = None, complete: bool = True, ordered: bool = False
) -> pa.Table:
    """Open a sealed table; one without rows is given back as it is.

    Args:
        table: all rows, or with `complete=False` any of them.
        keys: of the release.
        part: what the table is thought to be part of.
        complete: whether rows that are left out or doubled are an error.
        ordered: whether rows in another order are one.

    Raises:
        SealedError: a cell was changed or stands elsewhere than it belongs, a column is not sealed, rows are missing,
            doubled or out of order, or the corpus is another one.
    """
    if not table.num_rows:
        return table
    ids = {name: table[name].to_pylist() for name in IDS if name in table.column_names}
    sealed = [name for name in table.column_names if name not in IDS]
    rows = place_rows({**ids, **{name: table[name].to_pylist() for name in sealed[:1]}}, keys, part)
    if complete:
        check_complete(rows, ids["study_id"])
    if ordered and rows.numbers != sorted(rows.numbers):
        raise SealedError(
            "the rows are not in their order", f"{rows.first.config}/{rows.first.split}", "download it again"
        )
    opened: dict[str, Any] = {name: table[name] for name in IDS}
    for name in sealed:
        kind, values = open_column(name, table[name].to_pylist(), rows)
        opened[name] = pa.array(values, KINDS.get(kind) or pa.type_for_alias(kind))
    result = pa.table({name: opened[name] for name in table.column_names})
    return _row_by_section(result) if KINDS["spans"] in result.schema.types else result


def _row_by_section(table: pa.Table) -> pa.Table:
    """The config `spans` as it is in clear, with a row for each section, from a row for each study."""
    spans = table["spans"].combine_chunks()
    ids = {name: table[name].take(pc.list_parent_indices(spans)) for name in IDS}
    return pa.table({**ids, **dict(zip(("section", "start", "stop"), spans.flatten().flatten(), strict=True))})


def place_rows(columns: Mapping[str, Sequence[Any]], keys: Keyring, part: Part | None = None) -> Rows:
    """Read where rows belong from the cells of one sealed column, and hold it to their ids.

    Args:
        columns: the ids and at least one sealed column.
        keys: of the release.
        part: what the rows are thought to be part of.

    Raises:
        SealedError: a row's cell is of another study, table or release, or there is none.
    """
    for name in IDS:
        if name not in columns:
            raise SealedError(f"the column {name} is missing: cells open beside the ids of their row alone")
    sealed = [name for name in columns if name not in IDS]
    if not sealed:
        raise SealedError("there is no sealed column")
    name, cells = sealed[0], columns[sealed[0]]
    first, number = read_place(_sealed(cells[0], name)), cells[0][0]
    _expect(first, keys, part or Part())
    tails, numbers = [], []
    for cell, subject, study in zip(cells, columns["subject_id"], columns["study_id"], strict=True):
        place = read_place(_sealed(cell, name))
        belongs = first._replace(subject=subject, study=study, row=place.row)
        if place != belongs or cell[0] != number:
            raise _moved(cell, belongs, number)
        tails.append(f"{subject}/{study}/{place.row}".encode())
        numbers.append(place.row)
    return Rows(first, number, tails, numbers, [keys.key(group_of(subject)) for subject in columns["subject_id"]])


def open_column(name: str, cells: Sequence[Any], rows: Rows) -> tuple[str, list[Any]]:
    """Open the cells of a column; return their kind and the values.

    Raises:
        SealedError: a cell was changed, or is not that of its row and column.
    """
    kind = read_place(_sealed(cells[0], name)).kind
    expected = rows.first._replace(column=name, kind=kind)
    scope = "/".join(str(part) for part in expected[:7]).encode() + b"/"
    values = []
    for cell, tail, key in zip(cells, rows.tails, rows.keys, strict=True):
        start = header(scope + tail, rows.number)
        if not _sealed(cell, name).startswith(start):
            raise _moved(cell, read_place(start), rows.number)
        values.append(from_json(unseal(cell, start, key), kind))
    return kind, values


def check_complete(rows: Rows, studies: Sequence[int]) -> None:
    """Hold rows to their numbers, which the cells prove.

    Raises:
        SealedError: rows are left out or doubled; it names the studies next to the gaps, or those doubled.
    """
    at = dict(zip(rows.numbers, studies, strict=True))
    where = f"{rows.first.config}/{rows.first.split}"
    if len(at) < len(studies):
        doubled = [number for number, count in Counter(rows.numbers).items() if count > 1]
        raise SealedError(f"{len(doubled)} rows are there twice, one of them of study {at[doubled[0]]}", where)
    missing = sorted(set(range(rows.first.rows)) - at.keys())
    if missing:
        before = max((number for number in at if number < missing[0]), default=None)
        after = min((number for number in at if number > missing[0]), default=None)
        beside = [f"after study {at[before]}"] if before is not None else []
        beside += [f"before study {at[after]}"] if after is not None else []
        raise SealedError(
            f"{len(missing)} of {rows.first.rows} rows are missing, the first of them {' and '.join(beside)}",
            where,
            "download it again; where only a part was loaded on purpose: open_sealed(dataset, complete=False)",
        )


def _expect(first: CellPlace, keys: Keyring, part: Part) -> None:
    """Hold the first cell to the release and the part that the table is thought to be."""
    release = part.release or (keys.release, keys.version)
    if (first.release, first.version) != release:
        raise SealedError(f"the cells are of {first.release} {first.version}, and not of {' '.join(release)}")
    for wanted, found in ((part.config, first.config), (part.split, first.split)):
        if wanted is not None and wanted != found:
            raise SealedError(f"what stands as {wanted} is sealed as {first.config}/{first.split}")


def _sealed(cell: Any, name: str) -> bytes:
    if not isinstance(cell, bytes):
        raise SealedError(
            f"the column {name} is not sealed", hint="download it again, or leave columns of your own out"
        )
    return cell


def _moved(cell: bytes, belongs: CellPlace, number: int) -> SealedError:
    found, formats = read_place(cell), f" in format {cell[0]} among those in format {number}"
    return SealedError(
        f"the cell at {belongs.column} of study {belongs.study} of subject {belongs.subject} is not its own: it belongs"
        f" to {found.column} of study {found.study} of subject {found.subject} in {found.config}/{found.split} of"
        f" {found.release} {found.version}{formats if cell[0] != number else ''}",
        f"{belongs.config}/{belongs.split}",
        "download it again",
    )


# The feature of `datasets`, and opening a whole dataset.


@dataclass
class Sealed:
    """A column whose cells are opened as they are read: `dataset.cast_column("report", Sealed())`.

    A cell proves its own place, and that it was not changed. What stands next to it is not seen here: that two whole
    cells of a column changed places is noticed by `open_sealed` and by `hubkit unseal`. The column is for reading:
    what would write its text to a file, such as `map`, is refused.

    Args:
        corpus: the folder of the reports, or their zip; MIMIC_CXR_ROOT where it is None. It is kept out of everything
            that datasets writes.

    Raises:
        SealedError: this version of datasets would show the cells as they are.
    """

    corpus: InitVar[Root] = None
    id: str | None = field(default=None, repr=False)
    dtype: ClassVar[str] = "string"
    pa_type: ClassVar[pa.DataType] = pa.large_binary()
    format: ClassVar[int] = FORMAT
    error: ClassVar[type[SealedError]] = SealedError
    _type: str = field(default="Sealed", init=False, repr=False)

    def __post_init__(self, corpus: Root) -> None:
        version = tuple(map(int, datasets.__version__.split(".")[:2]))
        if version < FIRST_VERSION:
            first = ".".join(map(str, FIRST_VERSION))
            raise SealedError(
                f"datasets {datasets.__version__} opens no columns but its own",
                hint=f"use open_sealed(dataset), or: pip install 'datasets>={first}'",
            )
        self._corpus = None if corpus is None else os.fspath(corpus)

    def __call__(self) -> pa.DataType:
        return self.pa_type

    def encode_example(self, value: Any) -> Any:
        """A cell as it is stored: as it is.

        Raises:
            SealedError: it is not a cell, such as the text of one that was opened.
        """
        if value is not None and not (isinstance(value, bytes) and value[:1] in map(bytes, zip(FORMATS))):
            raise _plain()
        return value

    def decode_example(self, value: Any, token_per_repo_id: Any = None) -> Any:
        """The value of a cell.

        Raises:
            SealedError: it was changed, the corpus is not given, or it does not fit.
        """
        if not isinstance(value, bytes):
            raise SealedError("the column is not sealed", hint="cast only columns of bytes to Sealed()")
        place = read_place(value)
        return open_cell(value, _keyring(self._corpus or _environment(), place.release, place.version))

    def cast_storage(self, storage: pa.Array) -> pa.Array:
        """The stored cells, as they are in the files.

        Raises:
            SealedError: they are not cells. `map` comes here with the text that it would write to its cache.
        """
        kinds = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_null)
        if not any(kind(storage.type) for kind in kinds):
            raise _plain()
        cells = storage.cast(self.pa_type)
        # Cells of an older format are named as such where they are read.
        formats = pa.array([bytes([number]) for number in range(1, FORMAT + 1)], self.pa_type)
        if not pc.all(pc.is_in(pc.binary_slice(cells.drop_null(), 0, 1), formats)).as_py():
            raise _plain()
        return cells


def _plain() -> SealedError:
    return SealedError(
        "plain text does not go into a sealed column: datasets would write it to its cache, in clear",
        hint="open all of it with open_sealed(dataset), and give map keep_in_memory=True; or leave the column out of"
        " what map writes, with remove_columns",
    )


_registered: Any = _FEATURE_TYPES.get("Sealed")
if getattr(_registered, "format", None) == FORMAT:
    # Another copy of this file was loaded before, such as hubkit's own. `datasets` knows one feature by a name:
    # this copy uses the same, or columns of the two would be of different kinds.
    globals()["Sealed"] = _registered
    if __name__ != "hubkit.custody.sealed":
        globals()["SealedError"] = _registered.error
else:
    with warnings.catch_warnings():
        # datasets calls the registering of features experimental; whoever loads this can do nothing about it.
        warnings.simplefilter("ignore", UserWarning)
        register_feature(Sealed, "Sealed")


def open_sealed(dataset: Any, corpus: Root = None, complete: bool = True, version: str | None = None) -> Any:
    """Open all columns of a dataset that `load_dataset` loaded from a sealed release.

    A Dataset is opened in memory, and nothing of it is written to a cache; one that is streamed is opened as it is
    read, and its rows are not counted.

    Args:
        dataset: a Dataset or IterableDataset, or a dict of them by split, with their ids.
        corpus: the folder of the reports, or their zip; MIMIC_CXR_ROOT where it is None.
        complete: whether rows that are left out or doubled are an error; False for a part that was loaded on purpose.
        version: the version that it must be of; where it is None, all of it must be of one.

    Raises:
        SealedError: a cell was changed or moved, rows are missing, or the corpus is missing or another one.
    """
    root = corpus if corpus is None else os.fspath(corpus)
    if not isinstance(dataset, dict):
        return _open(dataset, root, complete, None, version)
    opened = {}
    for split, part in dataset.items():
        version = version or _version(part)
        opened[split] = _open(part, root, complete, split, version)
    return type(dataset)(opened)


def _open(dataset: Any, root: str | None, complete: bool, split: str | None, version: str | None) -> Any:
    if split is None and dataset.split is not None and str(dataset.split).isidentifier():
        split = str(dataset.split)
    # Parquet files that are loaded by their paths get a config called by a hash, and splits of the reader's choice.
    config = dataset.info.config_name
    part = Part(config=config, split=split) if config and "-" not in config else Part()
    if not isinstance(dataset, Dataset):
        # A batch of `spans` has more rows once it is open, and none of them has the column of cells.
        names: Any = dataset.column_names or next(iter(dataset), {})
        replaced = ["spans"] if "spans" in names else None
        return dataset.map(_Batches(root, part, version), batched=True, remove_columns=replaced)
    cell = _first_cell(dataset)
    if cell is None:
        return dataset
    table = dataset.with_format("arrow")[:]
    opened = open_table(table, _keys(root, cell, version), part, complete)
    # A fingerprint of its own: that of datasets would read all of the table, and the text shall decide no file's name.
    return Dataset(opened.replace_schema_metadata(None), split=dataset.split, fingerprint=secrets.token_hex(8))


def _version(dataset: Any) -> str | None:
    """The version that a dataset claims to be of; None for a stream, which is not read to find out."""
    cell = _first_cell(dataset) if isinstance(dataset, Dataset) else None
    return None if cell is None else _place(cell).version


def _first_cell(dataset: Dataset) -> Any:
    """The first cell of a dataset, None where it has no rows or no columns but the ids."""
    sealed = [name for name in dataset.column_names if name not in IDS]
    if not sealed or not len(dataset):
        return None
    return dataset.with_format("arrow")[:1][sealed[0]][0].as_py()


class _Batches:
    """Opens batches of a stream. It can be pickled, and then holds no key: each process derives its own."""

    def __init__(self, root: str | None, part: Part, version: str | None):
        self.root, self.part, self.version = root, part, version

    def __call__(self, batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        sealed = [name for name in batch if name not in IDS]
        if not sealed or not batch[sealed[0]]:
            return batch
        keys = _keys(self.root, batch[sealed[0]][0], self.version)
        # What the first batch is of, all that follow must be of.
        self.part = self.part._replace(release=self.part.release or (keys.release, keys.version))
        found: dict[str, list[Any]] = open_table(pa.table(batch), keys, self.part, complete=False).to_pydict()
        return found


def _keys(root: str | None, cell: Any, version: str | None) -> Keyring:
    """The keys of the release that a cell claims to be of, which must be of `version` where that is known."""
    place = _place(cell)
    if version not in (None, place.version):
        raise SealedError(f"the cells are of {place.release} {place.version}, and not of version {version}")
    return _keyring(root or _environment(), place.release, place.version)


def _place(cell: Any) -> CellPlace:
    if not isinstance(cell, bytes):
        raise SealedError("the dataset is not sealed, or was opened already")
    return read_place(cell)


def _environment() -> str | None:
    return os.environ.get(CORPUS_VARIABLE)


@functools.lru_cache(maxsize=8)
def _keyring(root: str | None, release: str, version: str) -> Keyring:
    return Keyring(_corpus(root), release, version)


@functools.lru_cache(maxsize=2)
def _corpus(root: str | None) -> OwnCorpus:
    return find_corpus(root)
