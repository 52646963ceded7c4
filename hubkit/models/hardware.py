"""What a stage computes on, as its manifest records it and the cards print it."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

from hubkit.artifacts.manifest import Hardware

CPU_INFO = Path("/proc/cpuinfo")

PATIENCE = 10.0
"""Seconds for the driver to answer: a card says "unknown" rather than that a release waits."""


def hardware(device: str, processes: int) -> Hardware:
    """The devices that this process and its like compute on.

    Args:
        device: as configured: auto, cpu, cuda or cuda:N.
        processes: how many compute at the same time, with a GPU each where there are GPUs.

    Returns:
        GPUs, or cores of a CPU, with the power limit that the driver reports; None where it reports none.
    """
    torch = sys.modules.get("torch")
    if device != "cpu" and torch is not None and torch.cuda.is_available():
        count = max(processes, int(os.environ.get("WORLD_SIZE", "1")))
        return Hardware(name=torch.cuda.get_device_name(), count=count, watts=_power_limit())
    return Hardware(name=_cpu_name(), count=_cores(), watts=None)


def _cores() -> int:
    counted = getattr(os, "sched_getaffinity", None)
    return len(counted(0)) if counted else os.cpu_count() or 1


def _cpu_name() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", CPU_INFO.read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine() or "CPU"


def _power_limit() -> float | None:
    asked = ["nvidia-smi", "--query-gpu=power.limit", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(asked, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout
        return float(said.split()[0])
    except (OSError, ValueError, IndexError, subprocess.SubprocessError):
        # A driver in a container may be without its tools, and "[N/A]" is what some GPUs answer.
        return None
