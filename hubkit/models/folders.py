"""Models by their public names: which one a folder holds, and whether its files are the same."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from hubkit.config import Encoder, Finetuning, ReleaseConfig, Translation

METADATA = Path(".cache/huggingface/download/config.json.metadata")
"""What `hf download --local-dir` writes of config.json; its first line is the commit."""

_COMMIT = re.compile(r"[0-9a-f]{40}")
_CACHED = re.compile(r"models--([^/]+?)--([^/]+)/snapshots/([0-9a-f]{40})/?$")
"""The end of a path into the Hub's cache: owner, name and commit."""

LOADED = {".safetensors", ".bin", ".json", ".jinja", ".model", ".py"}
"""Endings of files that a model is loaded from: not its card, its licence and its pictures."""

VOCABULARIES = {"vocab.txt", "merges.txt"}

BLOCK = 65_536  # bytes
BLOCKS = 32
"""Of a large file, so many blocks of so many bytes are read, spread evenly. A 27B model in bf16 has
54 GB in 12 files: 25 MB of them are read in a second, where all of them take minutes. Training
changes weights all over a file: the 32,768 values of bf16 in a block do not all stay as they were."""


class ModelSetting(NamedTuple):
    """A model as hubkit.toml names it.

    Attributes:
        table: its table in hubkit.toml, such as "scoring.bertimbau".
        model: a repo id or a folder.
        model_id: what a folder is called on the Hub, where somebody set it.
    """

    table: str
    model: str
    model_id: str | None


def model_settings(config: ReleaseConfig) -> list[ModelSetting]:
    """Every model of a release."""
    tables: dict[str, Translation | Finetuning | Encoder] = {
        "translation": config.translation,
        "finetuning": config.finetuning,
        "scoring.bertimbau": config.scoring.bertimbau,
        "scoring.xlm_roberta": config.scoring.xlm_roberta,
    }
    return [ModelSetting(name, table.model, table.model_id) for name, table in tables.items()]


def public_name(name: str, model_id: str | None = None) -> str:
    """What a model may be called in what is published: never a path of this machine.

    Args:
        model_id: its repo id as configured; without it that of the repo or the cached snapshot,
            else the last part of the path.
    """
    if model_id is None and _is_folder(name):
        return folder_name(Path(name)) or Path(name).name
    return model_id or name


def is_known(name: str, model_id: str | None = None) -> bool:
    """Whether cards can say which public model this is: not of a folder that nothing identifies."""
    return model_id is not None or not _is_folder(name) or folder_name(Path(name)) is not None


def unknown_models(config: ReleaseConfig) -> list[ModelSetting]:
    """The models in folders of which nothing says what they are on the Hub."""
    return [setting for setting in model_settings(config) if not is_known(setting.model, setting.model_id)]


def _is_folder(name: str) -> bool:
    # An absolute path that is not here may be one of the server that translates.
    return Path(name).is_absolute() or Path(name).is_dir()


def folder_name(folder: Path) -> str | None:
    """The repo that a snapshot in the Hub's cache belongs to; None of any other folder."""
    found = _CACHED.search(folder.absolute().as_posix())
    return f"{found[1]}/{found[2]}" if found else None


def folder_commit(folder: Path) -> str | None:
    """The commit that a folder was downloaded from, where its path or its download metadata says so."""
    found = _CACHED.search(folder.absolute().as_posix())
    if found:
        return found[3]
    try:
        line = (folder / METADATA).read_text(encoding="utf-8").splitlines()[0].strip()
    except (OSError, UnicodeDecodeError, IndexError):
        return None
    return line if _COMMIT.fullmatch(line) else None


def content_digests(config: ReleaseConfig, tables: Iterable[str]) -> dict[str, str]:
    """A digest of the files of each model that is a folder here, by the table that names it."""
    wanted = set(tables)
    return {
        setting.table: folder_digest(Path(setting.model))
        for setting in model_settings(config)
        if setting.table in wanted and Path(setting.model).is_dir()
    }


def folder_digest(folder: Path) -> str:
    """A digest of what a model is loaded from: names and sizes of files, small ones whole, large ones
    in part."""
    return hashlib.sha256(json.dumps(list(_files(folder))).encode()).hexdigest()


def _files(folder: Path) -> Iterator[tuple[str, int, str]]:
    for path in sorted(folder.iterdir()):
        if path.is_file() and (path.suffix in LOADED or path.name in VOCABULARIES):
            state = path.stat()
            yield path.name, state.st_size, _sample(path, state.st_size, state.st_mtime_ns)


@functools.cache
def _sample(path: Path, size: int, changed: int) -> str:
    """A digest of a file, or of blocks of it: the first, the last, and others at even distances."""
    found = hashlib.sha256()
    with open(path, "rb") as file:
        if size <= BLOCK * BLOCKS:
            found.update(file.read())
        else:
            for number in range(BLOCKS):
                file.seek((size - BLOCK) * number // (BLOCKS - 1), os.SEEK_SET)
                found.update(file.read(BLOCK))
    return found.hexdigest()
