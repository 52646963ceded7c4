"""Processes that have the stock libraries and nothing of hubkit: what a researcher's machine is like."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from hubkit.variables import PROXIES, kept_environment
from hubkit.verification.versions import environment

# The libraries make a million objects that stay: Python would search them for garbage over and over, for a seventh of
# the time that it takes to import them.
_RUN = """
import gc, runpy, sys
gc.set_threshold(100_000)
_, libraries, *sys.argv = sys.argv
sys.path[:0] = filter(None, [libraries])
runpy.run_path(sys.argv[0], run_name="__main__")
"""

_OURS = ("hubkit", "_hubkit", "__editable__")


class Access(NamedTuple):
    """What a process can reach of a Hub.

    Attributes:
        endpoint: the Hub.
        token: whose account it is; None for a stranger.
        cache: where what it needs was downloaded before. Then it is offline and has no token, as is right
            for code of a release.
    """

    endpoint: str
    token: str | None = None
    cache: Path | None = None


class CleanEnv:
    """Runs scripts with the stock libraries, each in a process with an empty home of its own.

    Args:
        root: a folder for the homes; what is downloaded there goes away with it.
        python: an interpreter of another virtual environment, whose libraries are taken as they are.
    """

    def __init__(self, root: Path, python: Path | None = None):
        self.root, self.python = root, python
        # Some libraries tell a user's module from one that is installed by this name in its path.
        self.libraries = root / "site-packages"
        if python is None:
            self.libraries.mkdir()
            for folder in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
                for entry in Path(folder).iterdir():
                    if not entry.name.startswith(_OURS) and entry.suffix != ".pth":
                        (self.libraries / entry.name).symlink_to(entry)

    def run(self, script: Path, arguments: list[str], access: Access, log: Path) -> int:
        """Run `script`, a file or a folder with a __main__.py, and return its exit status; what it says goes to `log`.

        Args:
            access: what of the Hub it can reach.
        """
        home = Path(tempfile.mkdtemp(prefix="home-", dir=self.root))
        # Without site (-S) no .pth file brings hubkit back, and isolated (-I) neither does the environment.
        options = ["-I", "-S"] if self.python is None else ["-I"]
        libraries = str(self.libraries) if self.python is None else ""
        command = [str(self.python or sys.executable), *options, "-c", _RUN, libraries, str(script)]
        with open(log, "a", encoding="utf-8") as output:
            return subprocess.run(
                [*command, *arguments],
                env=_environment(home, access),
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            ).returncode


@contextlib.contextmanager
def clean_env(root: Path, python: Path | None = None) -> Iterator[CleanEnv]:
    """A CleanEnv below `root`; its homes and downloads are deleted when the block ends."""
    with tempfile.TemporaryDirectory(prefix="clean-env-", dir=root, ignore_cleanup_errors=True) as folder:
        yield CleanEnv(Path(folder), python)


@contextlib.contextmanager
def other_versions(root: Path, name: str, kept: Path | None = None) -> Iterator[CleanEnv]:
    """A CleanEnv with the libraries of `name`, a set of versions or a requirement of pip, and of nothing else.

    Args:
        kept: the folder where they stay for the next time; below `root`, and deleted, where it is None.

    Raises:
        HubkitError: they cannot be installed.
    """
    with tempfile.TemporaryDirectory(prefix="clean-env-", dir=root, ignore_cleanup_errors=True) as folder:
        yield CleanEnv(Path(folder), environment(name, kept or Path(folder)))


def _environment(home: Path, access: Access) -> dict[str, str]:
    settings = {
        "HOME": str(home),
        "TMPDIR": str(home),
        "HF_HOME": str(home / "huggingface"),
        "HF_ENDPOINT": access.endpoint,
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_UPDATE_DOWNLOAD_COUNTS": "0",
        "TOKENIZERS_PARALLELISM": "false",
    }
    if access.cache is not None:
        offline = {"HF_HUB_OFFLINE": "1", "HF_EVALUATE_OFFLINE": "1", "HF_HUB_CACHE": str(access.cache)}
        return {**kept_environment(), **settings, **offline}
    # Where a token is, scripts of a dataset do not run, whatever an older `datasets` does by default.
    settings["HF_DATASETS_TRUST_REMOTE_CODE"] = "0"
    return {**kept_environment(PROXIES), **settings, **({"HF_TOKEN": access.token} if access.token else {})}
