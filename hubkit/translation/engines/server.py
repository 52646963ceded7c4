"""Start and stop the server that translates; it never outlives hubkit."""

from __future__ import annotations

import http.client
import os
import shlex
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence

from hubkit.errors import HubkitError, UsageError
from hubkit.progress import Progress
from hubkit.translation.engines.base import TRANSLATOR, ServerTable
from hubkit.translation.engines.private_http import Client
from hubkit.variables import environment_without_secrets

READY_SECONDS = 1800.0
"""How long a server may load its model."""

RESTARTS = 3
"""A server that dies once in a night is started again; one that dies at each request must not run for ever."""


class Server:
    """A server in a process of its own.

    Args:
        command: its command line; {port} becomes a free port, {task} the number of the task that it works for.
        url: where it is spoken to; None means http://127.0.0.1:{port}/v1.
        task: the number of the task.
        table: where the server is set, for errors.
        environment: names of variables that it gets although they hold a secret.

    Raises:
        UsageError: it has no place to be spoken to.
    """

    def __init__(
        self,
        command: str,
        url: str | None,
        task: int = 0,
        table: ServerTable = TRANSLATOR,
        environment: Sequence[str] = (),
    ):
        if url is None and "{port}" not in command:
            raise UsageError(
                "hubkit cannot know where this server listens",
                where=f"{table.name} serve",
                hint="write {port} for its port, or set base_url",
            )
        self.table, self.environment, port = table, environment, _free_port()
        self.url = url or f"http://127.0.0.1:{port}/v1"
        self.command = shlex.split(command.replace("{port}", str(port)).replace("{task}", str(task)))
        self.program = program_of(self.command)
        self._process: subprocess.Popen[str] | None = None
        self._said: deque[str] = deque(maxlen=5)
        self._lock = threading.Lock()
        self._starts = 0

    def start(self, client: Client) -> None:
        """Start the server and wait until it is healthy.

        Raises:
            HubkitError: it ended, or was not healthy in time.
        """
        supervisor = [sys.executable, "-m", "hubkit.translation.engines.supervisor", *self.command]
        self._starts += 1
        self._said.clear()
        self._process = subprocess.Popen(
            supervisor,
            env=environment_without_secrets(self.environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
            errors="replace",
        )
        ready = threading.Event()
        threading.Thread(target=self._listen, args=(self._process, ready), daemon=True).start()
        try:
            self._wait(client, self._process)
        except BaseException:
            self.stop()
            raise
        ready.set()

    def revive(self, client: Client) -> None:
        """Start the server again where it has died.

        Raises:
            HubkitError: it has died too often, or does not start any more.
        """
        with self._lock:
            if self._process is None or self._process.poll() is None:
                return
            if self._starts > RESTARTS:
                raise HubkitError(
                    f"the server died {self._starts} times", where=self.program, hint="run it by hand to see why"
                )
            self.start(client)

    def stop(self) -> None:
        """End the server and everything it started."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
            process.wait()

    def _wait(self, client: Client, process: subprocess.Popen[str]) -> None:
        end = time.monotonic() + READY_SECONDS
        with Progress("translate: the server starts", 1) as progress:
            while time.monotonic() < end:
                if process.poll() is not None:
                    last = f": {self._said[-1]}" if self._said else ""
                    raise HubkitError(
                        f"the server ended with code {process.returncode}{last}",
                        where=self.program,
                        hint=f"run the command of {self.table.name} serve by hand to see why; of tokens and keys in"
                        " the environment it gets those that [translation] serve_environment names",
                    )
                if _healthy(client):
                    progress.advance()
                    return
                time.sleep(0.2)
        raise HubkitError(
            f"the server is not healthy after {READY_SECONDS:.0f} s",
            where=self.program,
            hint=f"see what it prints when you start it yourself: {self.table.name} serve",
        )

    def _listen(self, process: subprocess.Popen[str], ready: threading.Event) -> None:
        # Servers log what they are asked; from its first request on, nothing that it says is kept.
        assert process.stdout is not None
        for line in process.stdout:
            if not ready.is_set() and line.strip():
                self._said.append(line.strip()[:200])


def program_of(command: Sequence[str]) -> str:
    """The program that a command line starts: past `env` and the variables that it sets."""
    if os.path.basename(command[0]) != "env":
        return command[0]
    return next((word for word in command[1:] if "=" not in word and not word.startswith("-")), command[0])


def _healthy(client: Client) -> bool:
    try:
        return client.request("GET", "//health").status == 200
    except (OSError, http.client.HTTPException):
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
