"""Versions of the stock libraries that a release has to load with, each in a virtual environment of its own.

A set is a file of version_sets/, pinned to the last package; whatever else pip understands can stand for one. Torch
takes gigabytes: a set that says so gets links to that of this installation.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from hubkit.errors import HubkitError, UsageError
from hubkit.variables import PROXIES, kept_environment

ALL = "all"

_OWN_TORCH = b"# torch: that of this installation"

_SETS = Path(__file__).with_name("version_sets")


def version_sets() -> list[str]:
    """Names of the pinned sets, oldest first."""
    return sorted(path.stem for path in _SETS.glob("*.txt"))


def expand(names: Iterable[str]) -> list[str]:
    """`names`, each once, with the pinned sets in place of "all".

    Raises:
        UsageError: one is neither a set of versions nor a requirement.
    """
    expanded = list(dict.fromkeys(each for name in names for each in (version_sets() if name == ALL else [name])))
    for name in expanded:
        _check_name(name)
    return expanded


def _check_name(name: str) -> None:
    # A bare name would be whatever package PyPI has under it.
    pinned = (_SETS / f"{name}.txt").is_file()
    if not pinned and not re.match(r"[A-Za-z][\w.-]*(\[[\w,]+\])?\s*[<>=!~]=?", name):
        raise UsageError(
            "is neither a pinned set of versions nor a requirement such as datasets==3.6.0",
            where=name,
            hint=f"the pinned sets are {', '.join(version_sets())}, or all of them: {ALL}",
        )


def environment(name: str, folder: Path) -> Path:
    """The interpreter of a virtual environment below `folder` with the libraries of `name`, made where it is not there.

    Args:
        name: a pinned set such as "datasets-3.6", or a requirement such as "datasets==3.6.0".

    Raises:
        UsageError: `name` is neither.
        HubkitError: they cannot be installed.
    """
    _check_name(name)
    pinned = _SETS / f"{name}.txt"
    wanted = ["--requirement", str(pinned)] if pinned.is_file() else [name]
    known = pinned.read_bytes() if pinned.is_file() else name.encode()
    key = hashlib.sha256(known + sys.version.encode()).hexdigest()[:8]
    folder.mkdir(parents=True, exist_ok=True)
    home = folder / f"{re.sub(r'[^A-Za-z0-9.-]+', '-', name)}-{key}"
    python, ready = home / "bin" / "python", home / ".ready"
    with open(folder / f"{home.name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            shutil.rmtree(home, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
            own_torch = _OWN_TORCH in known
            # The set is whole, and pip would fetch the torch that some of its packages ask for.
            _install(python, ["--no-deps", *wanted] if own_torch else wanted, name)
            if own_torch:
                _link_torch(Path(sysconfig.get_path("purelib", vars={"base": str(home)})), name)
            ready.touch()
    return python


def _link_torch(site: Path, name: str) -> None:
    """Link torch, and what it needs beyond the packages that are in `site` already, into `site`."""
    from packaging.requirements import Requirement

    wanted, seen = ["torch"], set[str]()
    while wanted:
        package = wanted.pop()
        if package in seen:
            continue
        seen.add(package)
        try:
            found = metadata.distribution(package)
        except metadata.PackageNotFoundError:
            hint = "install hubkit with its extra [release] here, or verify with other sets"
            raise HubkitError(f"needs {package}, which is not installed here", where=name, hint=hint) from None
        for top in {file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(found.locate_file(top))))
        needs = map(Requirement, found.requires or ())
        wanted += [need.name for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]


def _install(python: Path, wanted: list[str], name: str) -> None:
    command = [str(python), "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
    # Of pip's own five, a machine without a network would wait for minutes; PIP_RETRIES changes it as everywhere.
    pips = [name for name in os.environ if name.startswith("PIP_")]
    # What pip installs may bring code that runs at once: it sees no token and no password of the corpus.
    own = {"PIP_RETRIES": "1", **kept_environment([*PROXIES, *pips, "HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"])}
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=own)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        raise HubkitError(
            f"cannot be installed: {said[-1].removeprefix('ERROR: ') if said else 'pip gave no reason'}",
            where=name,
            hint="see whether PyPI can be reached, and has it",
        )
