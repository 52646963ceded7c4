"""vLLM as `make vllm` installs it, serving the demo's translator on this machine's CPU, and the processes of it."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import psutil

HOME = Path(__file__).parents[2] / "work" / "vllm"
DEMO = Path(__file__).parents[2] / "hubkit" / "demo" / "models" / "translator"

NAME = "demo"
"""What the server calls the model."""

START_SECONDS = 600
"""Half a minute on two quiet cores; ten times that where others use them."""

ENVIRONMENT = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    # Among its own processes it listens on the address of the network otherwise.
    "VLLM_HOST_IP": "127.0.0.1",
    "VLLM_CACHE_ROOT": str(HOME / "cache"),
    "VLLM_NO_USAGE_STATS": "1",
    "HF_HUB_OFFLINE": "1",
}


def command(context: int = 1024, port: object = "{port}") -> str:
    """The command line of [translation] serve. Eager: to compile takes longer than the tests translate."""
    return (
        f"{HOME}/bin/vllm serve {DEMO} --served-model-name {NAME} --host 127.0.0.1 --port {port} "
        f"--dtype float32 --max-model-len {context} --enforce-eager"
    )


class VLLM:
    """A server that hubkit does not start, but is given by `base_url`.

    Args:
        port: where it listens.
        log: what it prints goes there.
        context: the longest context that it takes, in tokens.
    """

    def __init__(self, port: int, log: Path, context: int = 1024):
        self.url = f"http://127.0.0.1:{port}/v1"
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                command(context, port).split(),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    def stop(self) -> None:
        """End it, and kill what is left of it."""
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for member in members_of(self.process.pid):
            member.kill()


def members_of(group: int) -> list[psutil.Process]:
    """The living processes of a process group: all that a server started, also when it is gone itself."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return found


def engine_core(group: int) -> psutil.Process | None:
    """The process in which a server's model runs; None where it has not started."""
    for process in members_of(group):
        try:
            if "EngineCore" in " ".join(process.cmdline()):
                return process
        except psutil.NoSuchProcess:
            continue
    return None


def server_of(hubkit: int) -> int | None:
    """The process group of the server that a hubkit started, under its supervisor; None where there is none."""
    try:
        supervisors = psutil.Process(hubkit).children()
        servers = [server for one in supervisors for server in one.children()]
        return next((one.pid for one in servers if any("vllm" in word for word in one.cmdline())), None)
    except psutil.NoSuchProcess:
        return None


def wait_until(condition, what: str, seconds: float = START_SECONDS):
    """Wait until `condition()` is true, and return what it is.

    Raises:
        TimeoutError: it is not in time.
    """
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.1)
    return found
