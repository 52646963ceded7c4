"""Open a whole sealed release: its folder as it would have been without seals, for any version of `datasets`."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from hubkit.custody import ROSTER
from hubkit.custody.roster import (
    COPIED,
    Contents,
    check_corpus,
    check_rows,
    kept_files,
    read_contents,
    read_roster,
    read_sealed,
)
from hubkit.custody.sealed import IDS, Part, find_corpus, open_table
from hubkit.errors import HubkitError, UsageError
from hubkit.progress import track
from hubkit.tables import OTHER_STUDIES
from hubkit.workspace import write_table, write_text

SHARD = re.compile(r"(?P<split>\w+)-\d{5}-of-(?P<count>\d{5})\.parquet")
OTHERS = "loader/other_studies.parquet"
"""Ids of the corpus beyond the release's, by which the loader tells another version of it. Sealed in the roster."""

OPENED = """# {release} {version}, opened

Opened with `hubkit unseal`. This folder holds the text in clear: what the data use agreement says of the corpus holds
for it. What the columns mean stands on the card of the release on the Hub.
"""


class Unsealed(NamedTuple):
    """What was opened: the folder, and rows by `config/split`."""

    folder: Path
    rows: dict[str, int]


def fetch_release(repo: str, revision: str | None) -> Path:
    """The folder of a release on the Hub, downloaded by the Hub's own client.

    Raises:
        UsageError: `repo` is not an id.
        HubkitError: the repo is missing, access to it is not granted, or the Hub does not answer.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    patterns = [*COPIED, "data/*", ROSTER.as_posix()]
    try:
        return Path(snapshot_download(repo, repo_type="dataset", revision=revision, allow_patterns=patterns))
    except HFValidationError:
        raise UsageError(
            "is neither a folder nor the id of a repo",
            where=repo,
            hint="give NAMESPACE/NAME, or the folder of a release",
        ) from None
    except GatedRepoError:
        raise HubkitError("access is not granted to you", where=repo, hint="ask for it on the repo's page") from None
    except RepositoryNotFoundError:
        raise HubkitError("there is no such dataset, or you may not see it", where=repo, hint="hf auth login") from None
    except LocalEntryNotFoundError:
        raise HubkitError("the Hub cannot be reached", where=repo, hint="try again, or set HF_ENDPOINT") from None
    except HfHubHTTPError as error:
        raise HubkitError(
            f"cannot be downloaded: {error.server_message or error}",
            where=repo,
            hint="try again; `hf auth whoami` shows the account",
        ) from None


def unseal_release(
    folder: Path, output: Path, corpus: str | os.PathLike[str] | None = None, version: str | None = None
) -> Unsealed:
    """Open the sealed release in `folder` and write it to `output`, whole or not at all.

    Args:
        folder: the downloaded release.
        output: the folder to write, which must not be there yet; only its owner can read it.
        corpus: the folder of the reports, or their zip; MIMIC_CXR_ROOT where it is None.
        version: the version that it must be of, where that is known.

    Raises:
        HubkitError: it is another version, the corpus is missing or does not fit, a file is damaged, rows were left out
            or added, or a cell was changed or moved; nothing is written then.
    """
    if output.exists():
        raise HubkitError("is there already", where=output, hint="move it away, or choose another with --output")
    roster = read_roster(folder)
    if version not in (None, roster[0].version):
        raise HubkitError(
            f"is version {roster[0].version}, and not {version}", where=folder, hint="ask its maintainers"
        )
    keys = check_corpus(roster, find_corpus(corpus))
    contents = read_contents(roster, keys)
    shards = _shards(folder)
    absent = sorted(contents.tables.keys() - shards.keys())
    if absent:
        raise HubkitError(f"the files of {', '.join(absent)} are missing", where=folder, hint="download it again")
    strange = sorted(shards.keys() - contents.tables.keys())
    if strange:
        raise HubkitError(f"{', '.join(strange)} is not part of the release", where=folder, hint="download it again")
    texts = _authentic(folder, contents.files)
    output.parent.mkdir(parents=True, exist_ok=True)
    # Made by mkdtemp for its owner alone; rename keeps that.
    ready = Path(tempfile.mkdtemp(dir=output.parent, prefix=f".{output.name}."))
    try:
        rows = {}
        for part in track(contents.tables, "unseal: tables", len(shards)):
            config, split = part.split("/")
            table = _read(shards[part])
            check_rows(part, table, contents.tables[part])
            opened = open_table(table, keys, Part((keys.release, keys.version), config, split), ordered=True)
            write_table(ready / "data" / config / f"{split}-00000-of-00001.parquet", opened)
            rows[part] = opened.num_rows
        _write_rest(ready, texts, contents, OPENED.format(release=keys.release, version=keys.version))
        ready.rename(output)
    finally:
        shutil.rmtree(ready, ignore_errors=True)
    return Unsealed(output, rows)


def _shards(folder: Path) -> dict[str, list[Path]]:
    """The Parquet files of each `config/split`, in order.

    Raises:
        HubkitError: one of them is missing, or a file has no name of ours.
    """
    found: dict[str, list[Path]] = {}
    for path in sorted((folder / "data").glob("*/*.parquet")):
        match = SHARD.fullmatch(path.name)
        if match is None:
            raise HubkitError("is not a file of a release", where=path.relative_to(folder), hint="download it again")
        paths = found.setdefault(f"{path.parent.name}/{match['split']}", [])
        paths.append(path)
        expected = f"{match['split']}-{len(paths) - 1:05d}-of-{match['count']}.parquet"
        if path.name != expected:
            raise HubkitError(
                "is missing", where=path.with_name(expected).relative_to(folder), hint="download it again"
            )
    return found


def _read(paths: list[Path]) -> pa.Table:
    """The table of a split from its files.

    Raises:
        HubkitError: a file is damaged, has other columns than the one before, or no ids.
    """
    import pyarrow as pa

    tables = [read_sealed(path) for path in paths]
    for path, table in zip(paths, tables, strict=True):
        ids = [table[name] for name in IDS if name in table.column_names]
        whole = len(ids) == len(IDS) and all(column.type == pa.int64() and not column.null_count for column in ids)
        if not whole or table.schema != tables[0].schema:
            raise HubkitError("does not have the columns of its table", where=path.name, hint="download it again")
    return pa.concat_tables(tables)


def _authentic(folder: Path, files: Mapping[str, str]) -> dict[str, bytes]:
    """The files that the release keeps when it is opened, by path; each is the one that the roster names.

    Raises:
        HubkitError: one was changed or is missing, or there is one more: whoever may write to the repo can put it
            there, and it would run where the corpus is.
    """
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in kept_files(folder)}
    for name in sorted(files.keys() | found.keys()):
        if name not in files:
            problem = "is not part of the release, as its sealed list says"
        elif name not in found:
            problem = "is missing"
        elif hashlib.sha256(found[name]).hexdigest() != files[name]:
            problem = "is not the file that was released: its SHA-256 is another one"
        else:
            continue
        raise HubkitError(problem, where=name, hint="nothing was written; tell the maintainers, use another revision")
    return found


def _write_rest(ready: Path, texts: Mapping[str, bytes], contents: Contents, notice: str) -> None:
    """What is not a table: files as they were released, and a card that names the tables written here.

    Nothing of the card on the Hub is taken over: its configs say which files are loaded, and people edit it there.
    """
    for name, text in texts.items():
        (ready / name).parent.mkdir(exist_ok=True)
        (ready / name).write_bytes(text)
    if any(name.startswith("loader/") for name in texts):
        released = {study for table in contents.tables.values() for _, study in table.rows}
        others = pa.array(sorted(contents.studies - released), pa.int64())
        write_table(ready / OTHERS, pa.table([others], schema=OTHER_STUDIES))
    from huggingface_hub import DatasetCardData

    configs: dict[str, list[dict[str, str]]] = {}
    for part in contents.tables:
        config, split = part.split("/")
        configs.setdefault(config, []).append({"split": split, "path": f"data/{config}/{split}-00000-of-00001.parquet"})
    listed: list[dict[str, Any]] = [
        {"config_name": name, **({"default": True} if name == "default" else {}), "data_files": files}
        for name, files in configs.items()
    ]
    data = DatasetCardData(viewer=False, configs=listed)
    write_text(ready / "README.md", f"---\n{data.to_yaml()}\n---\n\n{notice}")
