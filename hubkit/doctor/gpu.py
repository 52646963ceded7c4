"""Does the GPU have what makes it fast: an attention for many requests, and a compiler for kernels?"""

from __future__ import annotations

import os
import shlex
import shutil
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from hubkit.config import ReleaseConfig
from hubkit.doctor.findings import Finding, failed, ok, warning
from hubkit.doctor.shapes import device_of
from hubkit.workspace import Workspace

AMPERE, HOPPER = (8, 0), (9, 0)
"""Compute capabilities: flash attention 2 starts with the first, and flash attention 3 is for the second alone."""


def attention(found: str, capability: tuple[int, int]) -> Finding:
    """Whether `translate` computes with flash attention; without it, each request attends to the keys of all.

    Args:
        found: the attention that it would take.
        capability: of the GPU.
    """
    if "flash" in found:
        return ok("attention", f"translate computes with {found}")
    what = f"translate computes with {found}: steps grow with the square of the requests in flight"
    if capability < AMPERE:
        return warning("attention", f"{what}, and no flash attention runs on this GPU")
    package = "flash-attn-3, or flash-attn" if capability == HOPPER else "flash-attn"
    return warning("attention", what, f"install {package} for your versions of torch and CUDA: docs/hardware.md")


def compiler(config: ReleaseConfig, workspace: Workspace) -> Iterator[Finding]:
    """Training finds Triton, and a C compiler with Python's headers, for the kernels of the loss.

    TRL folds the logits without Triton too, but where Triton is installed there is no way around its compiler.
    """
    from transformers.utils import is_triton_available

    if not device_of(config.finetuning.device).cuda:
        return
    check = "kernels of the loss"
    if not is_triton_available():
        yield warning(check, "Triton is missing: training computes the loss without them", "install triton")
        return
    command = os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")
    if command is None or shutil.which(shlex.split(command)[0]) is None:
        what = "Triton compiles them with a C compiler" + ("" if command is None else f", and CC is {command}")
        yield failed(check, f"{what}; none was found", "install gcc, or set CC to a compiler")
    elif not (Path(sysconfig.get_path("include")) / "Python.h").is_file():
        yield failed(check, "Triton compiles them with Python.h, which is missing", "install python3-dev")
    else:
        yield ok(check, f"Triton and {Path(shlex.split(command)[0]).name} are installed")
