"""Run a command until it ends or standard input does: `python -m hubkit.translation.engines.supervisor COMMAND...`.

Whoever starts it holds the other end of its standard input, which the system closes when that process dies, however it
dies. So neither a server that holds a GPU nor workers outlive a hubkit that was killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading

SECONDS_TO_STOP = 20
"""What a server has to free its GPUs by itself; then it is killed."""


def main(command: list[str]) -> int:
    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", flush=True)
        return 127
    threading.Thread(target=_stop_at_end_of_input, args=(child,), daemon=True).start()
    code = child.wait()
    _signal(child, signal.SIGKILL)
    return code


def _stop_at_end_of_input(child: subprocess.Popen[bytes]) -> None:
    while os.read(0, 1024):
        pass
    _signal(child, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(SECONDS_TO_STOP)
    _signal(child, signal.SIGKILL)


def _signal(child: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
