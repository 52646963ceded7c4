"""Running the Hub: in this process (`run`), or in one of its own that can be killed (`serve`)."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from hubkit.errors import HubkitError
from hubkit.localhub.ratelimits import WINDOW
from hubkit.own_hub import make_own
from hubkit.privacy import close_tree, tighten_umask

OWNER, READER, OUTSIDER = "maintainer", "reader", "outsider"

NEEDED = ("starlette", "uvicorn")


class Cast(NamedTuple):
    """Who there is on a Hub, and what it allows them.

    Attributes:
        owner: the account that may create repos.
        organisation: one that `owner` is a member of, and so may create repos in.
        quota: bytes that a namespace may store in large files; None sets no limit.
        grant: whether the account `reader` is accepted for every repo.
        accounts: `Settings` by the name of a user or an organisation.
        window: seconds in which requests are counted; None counts none.
    """

    owner: str = OWNER
    organisation: str | None = None
    quota: int | None = None
    grant: bool = True
    accounts: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
    window: int | None = WINDOW


class LocalHub(NamedTuple):
    """A Hub that is up.

    Attributes:
        url: its address, for `HF_ENDPOINT`.
        root: the folder of its repos; `access.jsonl` in it is the log, a JSON object per answer.
        owner: the account, and so the namespace, that may create repos.
        tokens: a token each of `owner`, of `granted` (a reader who was accepted for every gated repo) and of
            `ungranted` (an account that was not).
        pid: its process.
    """

    url: str
    root: Path
    owner: str
    tokens: dict[str, str]
    pid: int

    def log(self) -> list[dict[str, object]]:
        """What was asked and answered so far, without contents and tokens."""
        text = (self.root / "access.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def kill(self) -> None:
        """End the Hub as a power cut would."""
        os.kill(self.pid, signal.SIGKILL)


@contextlib.contextmanager
def serve(root: Path, port: int = 0, cast: Cast | None = None) -> Iterator[LocalHub]:
    """Run a Hub on loopback in a process of its own while the block runs.

    Args:
        root: the folder of its repos; one that was used before goes on where it was, with new tokens.
        port: 0 takes a free one.
        cast: who there is; `maintainer`, `reader` and `outsider` by default.

    Raises:
        HubkitError: the port is taken, the folder cannot be written or another Hub runs on it.
    """
    cast = cast or Cast()
    for package in NEEDED:
        if importlib.util.find_spec(package) is None:
            raise ModuleNotFoundError(name=package)
    command = [
        sys.executable,
        "-m",
        "hubkit.localhub",
        str(root),
        str(port),
        json.dumps({**cast._asdict(), "accounts": {name: dict(own) for name, own in cast.accounts.items()}}),
    ]
    # The Hub ends when its standard input does: it never outlives the process that started it.
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        said = json.loads(process.stdout.readline() or '{"error": "the Hub on loopback did not start"}')
        if "error" in said:
            raise HubkitError(said["error"], where=said.get("where"), hint=said.get("hint"))
        yield LocalHub(said["url"], root.absolute(), cast.owner, said["tokens"], process.pid)
    finally:
        process.stdin.close()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def run(root: Path, port: int, cast: Cast, announce: Callable[[LocalHub], None]) -> None:
    """Serve a Hub on loopback until it is interrupted.

    Args:
        announce: called once it listens, with the tokens made for this run.

    Raises:
        HubkitError: the port is taken, the folder cannot be written or another Hub runs on it.
    """
    import uvicorn

    from hubkit.localhub.app import make_app
    from hubkit.localhub.hub import Hub

    try:
        tighten_umask()
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A reader's client writes its chunks here itself, past the gate; they are shut in with the folder.
        close_tree(root)
        lock = open(root / ".lock", "a")  # noqa: SIM115
    except OSError as error:
        raise HubkitError(f"cannot be written: {error.strerror}", where=root, hint="choose another --root") from None
    with lock, _listening(port) as listener:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise HubkitError("another Hub runs on this folder", where=root, hint="choose another --root") from None
        readers = (READER,) if cast.grant else ()
        hub = Hub(root.absolute(), granted=readers, quota=cast.quota, window=cast.window)
        hub.sweep()
        tokens = {
            "owner": hub.accounts.mint(cast.owner),
            "granted": hub.accounts.mint(READER, role="read"),
            "ungranted": hub.accounts.mint(OUTSIDER, role="read"),
        }
        if cast.organisation:
            hub.accounts.join(cast.organisation, cast.owner)
        for name, settings in cast.accounts.items():
            hub.accounts.configure(name, **settings)
        own_port = listener.getsockname()[1]
        url, hub.own = f"http://127.0.0.1:{own_port}", make_own(root.absolute(), own_port)
        config = uvicorn.Config(
            make_app(hub),
            # The same server everywhere, also where another package has installed uvicorn's faster parts.
            http="h11",
            loop="asyncio",
            log_level="error",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=3,
        )
        announce(LocalHub(url, root.absolute(), cast.owner, tokens, os.getpid()))
        uvicorn.Server(config).run(sockets=[listener])


def run_for_parent(root: Path, port: int, cast: Cast) -> int:
    """Serve as a child of `serve`: announce on standard output, end with standard input."""

    def announce(hub: LocalHub) -> None:
        print(json.dumps({"url": hub.url, "tokens": hub.tokens}), flush=True)
        threading.Thread(target=_end_with_parent, daemon=True).start()

    try:
        run(root, port, cast, announce)
    except HubkitError as error:
        print(json.dumps({"error": error.what, "where": error.where, "hint": error.hint}), flush=True)
        return error.exit_code
    return 0


def _end_with_parent() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


@contextlib.contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    # asyncio turns Nagle's delay off for sockets that say that they are TCP: 40 ms an answer.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            raise HubkitError(
                f"port {port} cannot be used: {error.strerror}", hint="choose another with --port"
            ) from None
        listener.listen(512)
        yield listener
