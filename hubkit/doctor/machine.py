"""Are the packages here, and is there room on the disk?"""

from __future__ import annotations

import importlib.metadata
import shutil
from collections.abc import Iterator
from pathlib import Path

from hubkit.checks.hunspell import word_list, word_list_line
from hubkit.config import ReleaseConfig
from hubkit.distribution import install_hint, origin, requirements, stranger
from hubkit.doctor.estimates import download_gb
from hubkit.doctor.findings import Finding, failed, ok, warning
from hubkit.doctor.hub import Model, models_of, served_model
from hubkit.doctor.shapes import model_config, parameters
from hubkit.errors import HubkitError
from hubkit.workspace import Workspace

SPARE = 2 * 2**30
"""Room for tables, adapter, checkpoints and dist/, in bytes."""


def installed(config: ReleaseConfig, workspace: Workspace) -> Iterator[Finding]:
    """The imported hubkit came from a copy or a file that somebody chose, and not from a name in a package index."""
    found, hint = origin(), install_hint("release", config.release.install)
    if found.kind == "index":
        what = f"{found.what} came from a package index, where anyone may take that name"
        yield warning("hubkit", what, f"install it {hint}" if hint.startswith("in ") else hint)
    else:
        how = {"checkout": "the checkout", "file": "installed from", "folder": "the folder"}[found.kind]
        yield ok("hubkit", f"{how} {found.what}")
    if version := stranger():
        what = f"the package hubkit {version} of a package index is not this one, and shares its folder"
        yield warning("hubkit", what, "make a new environment without it")


def words(config: ReleaseConfig, workspace: Workspace) -> Iterator[Finding]:
    """Whether a Portuguese dictionary is here, against which the checks hold the words of translations."""
    yield (ok if word_list() else warning)("word list", word_list_line())


def packages(config: ReleaseConfig, workspace: Workspace) -> Iterator[Finding]:
    """Every package that a release needs is installed in a version that hubkit was made for."""
    from packaging.requirements import Requirement

    needed = [Requirement(line) for line in requirements("release")]
    wrong = []
    for requirement in needed:
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{requirement.name} is missing")
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            wrong.append(f"{requirement.name} {version} is not {requirement.specifier}")
    if wrong:
        yield failed("packages", "; ".join(wrong), install_hint("release", config.release.install))
    else:
        versions = (f"{name} {importlib.metadata.version(name)}" for name in ("torch", "transformers", "datasets"))
        yield ok("packages", f"{len(needed)} are as they should be: {', '.join(versions)}")


def gpu(config: ReleaseConfig, workspace: Workspace) -> Iterator[Finding]:
    """Which GPUs there are; memory.py says what fits into them."""
    import torch

    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    if names:
        yield ok("GPU", ", ".join(names))
    else:
        yield warning("GPU", "none was found: everything runs on the CPU", "see: nvidia-smi, and CUDA_VISIBLE_DEVICES")


def disk(config: ReleaseConfig, workspace: Workspace) -> Iterator[Finding]:
    """There is room for what the stages write in addition to images, and for the models that are not here yet."""
    from huggingface_hub.constants import HF_HUB_CACHE

    yield room("disk, tables and adapter", workspace.root, SPARE)
    needed, unknown = _downloads(config)
    found = room("disk, models", Path(HF_HUB_CACHE), needed)
    rest = f", and what {', '.join(unknown)} takes, whose size is not known" if unknown else ""
    yield found._replace(what=found.what + rest)


def _downloads(config: ReleaseConfig) -> tuple[int, list[str]]:
    """Bytes of the models that would have to be downloaded, and those whose size nobody tells.

    In bf16, as Gemma is published, and fp32 for the encoders; by their names where the Hub does
    not say more.
    """
    total, unknown = 0, []
    by_name = download_gb(config)
    served = served_model(config)
    for model in [*models_of(config), *([served] if served else [])]:
        if model.name not in by_name or _is_cached(model):
            continue
        try:
            total += parameters(model_config(model.name, model.revision)) * (4 if model.stage == "score" else 2)
        except HubkitError:
            size = by_name[model.name]
            if size is None:
                unknown.append(model.name)
            else:
                total += int(size * 1e9)
    return total, unknown


def _is_cached(model: Model) -> bool:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    names = ("model.safetensors", "model.safetensors.index.json")
    try:
        return any(isinstance(try_to_load_from_cache(model.name, name, revision=model.revision), str) for name in names)
    except HFValidationError:
        return False


def room(check: str, folder: Path, needed: int) -> Finding:
    """Whether `needed` bytes are free where `folder` is or will be."""
    home = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    free = shutil.disk_usage(home).free
    what = f"{free / 2**30:.0f} GiB free, about {needed / 2**30:.1f} GiB needed in {folder}"
    return ok(check, what) if free >= needed else failed(check, what, "free space, or choose another disk")
