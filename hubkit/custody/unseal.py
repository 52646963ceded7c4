"""Open a whole sealed release: its folder as it would have been without seals, for any version of `datasets`."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hubkit.custody.digests import find_corpus
from hubkit.custody.roster import ROSTER, check_corpus, check_rows, read_roster, read_sealed, row_lists
from hubkit.custody.tables import IDS, Part, open_table
from hubkit.errors import HubkitError, UsageError
from hubkit.progress import track
from hubkit.workspace import write_table, write_text

if TYPE_CHECKING:
    import pyarrow as pa

BESIDE = ("LICENSE", "CITATION.cff", "loader/*.*")
"""What an opened release keeps as it is: without its loader there would be no English beside the Portuguese."""

SHARD = re.compile(r"(?P<split>\w+)-\d{5}-of-(?P<count>\d{5})\.parquet")
OPENED = """<!-- hubkit:begin opened (written by hubkit; edit outside of the marks) -->
> Opened with `hubkit unseal` from {release} {version}. This folder holds the text in clear: what the data use agreement
> says of the corpus holds for it.
<!-- hubkit:end opened -->

"""


class Unsealed(NamedTuple):
    """What was opened: the folder, and rows by `config/split`."""

    folder: Path
    rows: dict[str, int]


def fetch_release(repo: str, revision: str | None) -> Path:
    """The folder of a release on the Hub, downloaded by the Hub's own client.

    Raises:
        UsageError: `repo` is no id.
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

    patterns = ["README.md", *BESIDE, "data/*", ROSTER.as_posix()]
    try:
        return Path(snapshot_download(repo, repo_type="dataset", revision=revision, allow_patterns=patterns))
    except HFValidationError:
        raise UsageError("is neither a folder nor the id of a repo", where=repo) from None
    except GatedRepoError:
        raise HubkitError("access is not granted to you", where=repo, hint="ask for it on the repo's page") from None
    except RepositoryNotFoundError:
        raise HubkitError("there is no such dataset, or you may not see it", where=repo, hint="hf auth login") from None
    except LocalEntryNotFoundError:
        raise HubkitError("the Hub cannot be reached", where=repo, hint="try again, or set HF_ENDPOINT") from None
    except HfHubHTTPError as error:
        raise HubkitError(f"cannot be downloaded: {error.server_message or error}", where=repo) from None


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
    expected = row_lists(roster, keys)
    shards = _shards(folder)
    absent = sorted(expected.keys() - shards.keys())
    if absent:
        raise HubkitError(f"the files of {', '.join(absent)} are missing", where=folder, hint="download it again")
    output.parent.mkdir(parents=True, exist_ok=True)
    # Made by mkdtemp for its owner alone; rename keeps that.
    ready = Path(tempfile.mkdtemp(dir=output.parent, prefix=f".{output.name}."))
    try:
        rows = {}
        for part, paths in track(shards.items(), "unseal: tables", len(shards)):
            config, split = part.split("/")
            table = _read(paths)
            check_rows(part, table, expected.get(part, set()))
            opened = open_table(table, keys, Part((keys.release, keys.version), config, split), ordered=True)
            write_table(ready / "data" / config / f"{split}-00000-of-00001.parquet", opened)
            rows[part] = opened.num_rows
        _copy_rest(folder, ready, OPENED.format(release=keys.release, version=keys.version))
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
            raise HubkitError("is no file of a release", where=path.relative_to(folder), hint="download it again")
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


def _copy_rest(folder: Path, ready: Path, notice: str) -> None:
    """The card, without the features and sizes of the sealed columns, and the texts beside it."""
    for path in (found for pattern in BESIDE for found in folder.glob(pattern)):
        (ready / path.relative_to(folder)).parent.mkdir(exist_ok=True)
        shutil.copyfile(path, ready / path.relative_to(folder))
    if not (folder / "README.md").is_file():
        return
    from huggingface_hub import DatasetCard

    card = DatasetCard((folder / "README.md").read_text(encoding="utf-8"))
    # Stock readers find the features in the Parquet files; those of the card are of sealed columns.
    card.data.pop("dataset_info")
    write_text(ready / "README.md", f"---\n{card.data.to_yaml()}\n---\n\n{notice}{card.text.lstrip()}")
