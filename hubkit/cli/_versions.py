"""`hubkit --version`, and what a report of a fault needs with `--verbose`: versions alone, no path and no token."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator

import click

from hubkit import __version__
from hubkit.distribution import origin, requirements

EXTRA = "release"
"""The extra whose packages are listed: with it a release is made, and most faults are reported."""


def print_version(verbose: bool) -> None:
    """Print the version of hubkit; `verbose`: of Python, the platform and hubkit's own dependencies too."""
    click.echo(f"hubkit, version {__version__}")
    for name, value in _details() if verbose else ():
        click.echo(f"{name:<26} {value}")


def _details() -> Iterator[tuple[str, str]]:
    from importlib.metadata import PackageNotFoundError, version

    # The kind alone: where a checkout or a file lies is a path of this machine.
    yield (
        "installed from",
        {"checkout": "a checkout", "file": "a file or commit", "index": "an index"}.get(origin().kind, "a folder"),
    )
    yield "python", f"{platform.python_implementation()} {platform.python_version()}"
    yield "platform", f"{platform.system()} {platform.release()} {platform.machine()}"
    names = {re.split(r"[^\w.-]", requirement, maxsplit=1)[0].lower() for requirement in requirements(EXTRA)}
    for name in sorted(names):
        try:
            yield name, version(name)
        except PackageNotFoundError:
            yield name, "not installed"
