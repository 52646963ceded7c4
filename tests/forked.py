"""Functions in processes forked from this one, which has imported PyTorch and the rest: that takes seconds."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn


def start(function: Callable[[], object], output: Path | None = None) -> int:
    """Call `function` in a forked process, whose standard output and error are added to `output`: its pid."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if not pid:
        _run(function, output)
    return pid


def exit_code(pid: int) -> int:
    """How a process ended, once it has; negative where a signal killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _run(function: Callable[[], object], output: Path | None) -> NoReturn:
    code: object = 1
    try:
        import torch

        # The threads of the other process's pool do not exist here, and whoever gave them work would wait for good.
        torch.set_num_threads(1)
        if output is not None:
            target = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            for stream in (1, 2):
                os.dup2(target, stream)
            sys.stdout, sys.stderr = (os.fdopen(stream, "w", buffering=1) for stream in (1, 2))
        code = function()
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - the exit code says that there was one
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)
