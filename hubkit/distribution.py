"""The installed distribution: what it is called, where it came from, and how to install an extra of it.

The distribution is called `hubkit-release` and is on no package index. The name `hubkit` there belongs to
somebody else, and a name that is free today can be taken tomorrow. So no message and no card names
either for an installer to look up: they name a file or a commit that `[release] install` pins, or the
reader's own copy.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from importlib.metadata import Distribution

NAME = "hubkit-release"
SAME_IMPORT = "hubkit"
"""A distribution of somebody else, whose modules would lie in the same folder."""

Kind = Literal["checkout", "file", "index", "folder"]


class Origin(NamedTuple):
    """Where the imported hubkit came from.

    Attributes:
        kind: a checkout of the sources; a file or a commit that was named when it was installed; a package index;
            or a folder on the path that nothing installed.
        what: the folder, or the address as it was given, without a user or password in it.
    """

    kind: Kind
    what: str


def origin() -> Origin:
    """Where the imported hubkit came from."""
    home = _home()
    if _checkout(home):
        return Origin("checkout", str(home))
    installed = _installed(NAME, home)
    if installed is None:
        return Origin("folder", str(home))
    recorded = installed.read_text("direct_url.json")
    # PEP 610: an installer writes this file for whatever it did not look up in an index.
    return Origin("file", _shown(json.loads(recorded))) if recorded else Origin("index", f"{NAME} {installed.version}")


def stranger() -> str | None:
    """The version of the distribution `hubkit` of a package index, where it is installed here; None where it is not."""
    installed = _installed(SAME_IMPORT, None)
    if installed is None or installed.read_text("direct_url.json"):
        return None
    return installed.version


def requirements(extra: str) -> list[str]:
    """What hubkit needs with an extra, one requirement a line, as a checkout or the installed package declares it."""
    from importlib.metadata import requires

    from packaging.requirements import Requirement

    # The checkout comes first: what an editable install wrote down may be older than the sources.
    project = _checkout(_home())
    if project is not None:
        return [*project["dependencies"], *project["optional-dependencies"][extra]]
    listed = [Requirement(line) for line in requires(NAME) or []]
    needed = [item for item in listed if item.marker is None or item.marker.evaluate({"extra": extra})]
    return [f"{item.name}{item.specifier}" for item in needed]


def install_hint(extra: str, install: str | None = None) -> str:
    """The command that brings an extra of hubkit.

    Args:
        install: `[release] install`, where it is set.
    """
    if install is None:
        return f'in your copy of hubkit: pip install ".[{extra}]"'
    return f'pip install "{requirement(install, extra)}"'


def requirement(install: str, extra: str) -> str:
    """`[release] install` as a requirement with an extra: a name, and the one address that it may come from."""
    return f"{NAME}[{extra}] @ {install.removeprefix(f'{NAME} @ ')}"


def _home() -> Path:
    return Path(__file__).resolve().parents[1]


def _checkout(home: Path) -> dict[str, Any] | None:
    """The table [project] of the checkout in `home`; None where it is not one."""
    import tomllib

    try:
        project: dict[str, Any] = tomllib.loads((home / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    except (OSError, KeyError, ValueError):
        return None
    return project if project.get("name") == NAME else None


def _installed(name: str, home: Path | None) -> Distribution | None:
    """The installed distribution of this name, and where `home` is given only one that was installed there."""
    from importlib.metadata import distributions

    for found in distributions(name=name):
        if home is None or Path(str(found.locate_file(""))).resolve() == home:
            return found
    return None


def _shown(recorded: dict[str, Any]) -> str:
    """The address of a direct_url.json with the commit or hash that pinned it, and without a user or password."""
    parts = urlsplit(str(recorded["url"]))
    plain = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    commit = recorded.get("vcs_info", {}).get("commit_id")
    digest = recorded.get("archive_info", {}).get("hash")
    return f"{plain}@{commit}" if commit else f"{plain}#{digest}" if digest else plain
