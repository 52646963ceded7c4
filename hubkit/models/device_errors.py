"""What CUDA and its libraries report: whether work can go on after it, and what helps."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from hubkit.errors import HubkitError
from hubkit.models.memory import is_out_of_memory


class Fault(NamedTuple):
    """A kind of error that ends the process's work on its GPU.

    Attributes:
        words: an error is of this kind if one of these is in its message, in small letters.
        what: what is wrong.
        hint: what helps.
    """

    words: tuple[str, ...]
    what: str
    hint: str


DRIVER_HINT = "update the NVIDIA driver, or install a torch that was built for an older CUDA"
HARDWARE_HINT = "look at nvidia-smi -q and dmesg; restart the machine, or take another GPU"
KERNEL_HINT = (
    "update driver and torch; CUDA_LAUNCH_BLOCKING=1 shows which operation it was, and another attention package "
    "or use_cuda_graph = false may avoid it"
)

FAULTS = (
    # Before the general words: a failed capture also says "CUDA error".
    Fault(
        ("stream is capturing", "streamcapture", "capturing blocking stream"),
        "a CUDA graph could not be captured",
        "set [translation] use_cuda_graph = false",
    ),
    Fault(
        ("device-side assert", "cudaerrorassert"),
        "an assertion failed on the GPU",
        "most often the tokenizer has tokens that the model lacks: check that they belong together; "
        "CUDA_LAUNCH_BLOCKING=1 shows which operation it was",
    ),
    Fault(("illegal memory access", "misaligned address"), "the GPU accessed memory illegally", KERNEL_HINT),
    Fault(("illegal instruction", "unspecified launch failure", "launch timed out"), "a kernel failed", KERNEL_HINT),
    Fault(
        ("uncorrectable ecc", "uncorrectable nvlink", "gpu is lost", "fallen off the bus", "unmap of memory failed"),
        "the GPU reports a fault of its hardware",
        HARDWARE_HINT,
    ),
    Fault(
        ("nccl",),
        "the processes' GPUs could not exchange data (NCCL)",
        "run again with NCCL_DEBUG=INFO to see why; NCCL_P2P_DISABLE=1 avoids faulty links between GPUs",
    ),
    Fault(
        ("driver on your system is too old", "driver version is insufficient"),
        "the NVIDIA driver is too old for this torch",
        DRIVER_HINT,
    ),
    Fault(("no nvidia driver",), "this machine has no NVIDIA driver", 'install it, or set device = "cpu"'),
    Fault(
        ("no kernel image is available", "is not compatible with the current pytorch"),
        "this torch was not built for this GPU",
        "install a torch whose CUDA version supports the GPU",
    ),
    Fault(("not compiled with cuda",), "this torch was built without CUDA", "install a torch with CUDA"),
    Fault(
        ("busy or unavailable", "exclusive-process", "exclusive process"),
        "another process holds the GPU",
        "end it (nvidia-smi lists it), or choose another GPU",
    ),
    Fault(("invalid device ordinal",), "there is no GPU of this number", 'set device = "auto"'),
    Fault(("cublas_status_", "cudnn_status_", "cusolver_status_"), "a library of CUDA failed", KERNEL_HINT),
    Fault(
        ("cuda error", "cuda driver error", "cudaerror", "acceleratorerror"), "the GPU reported an error", KERNEL_HINT
    ),
)
"""From the special to the general: the first that fits counts. After any of them the CUDA context is unusable or was
never made, so that every later operation of the process fails too. Memory that runs out is not among them."""

_broken: list[HubkitError] = []
"""The fault that this process met, if any: CUDA does not recover from it while the process lives."""


def fault_of(error: BaseException) -> Fault | None:
    """Which of `FAULTS` an error is; None for one of another kind, such as memory that ran out."""
    import torch

    if is_out_of_memory(error):
        return None
    message = str(error).lower()
    if isinstance(error, torch.AcceleratorError):
        message += " acceleratorerror"
    return next((fault for fault in FAULTS if any(words in message for words in fault.words)), None)


def check_device(errors: Iterable[BaseException] = ()) -> None:
    """Stop where the GPU of this process failed, now or before.

    Args:
        errors: what went wrong just now.

    Raises:
        HubkitError: one of them is among `FAULTS`, or an earlier one was: nothing can be computed in this process.
    """
    for error in errors:
        fault = fault_of(error)
        if fault is not None:
            _broken.append(HubkitError(f"{fault.what} ({type(error).__name__})", hint=fault.hint))
    if _broken:
        raise _broken[0] from None


@contextlib.contextmanager
def device_errors(advice: str) -> Iterator[None]:
    """Turn what CUDA reports into a HubkitError that says what helps.

    Args:
        advice: which setting to lower where memory runs out, and by how much.
    """
    import torch

    try:
        yield
    except (RuntimeError, MemoryError, AssertionError) as error:
        check_device([error])
        if not is_out_of_memory(error):
            raise
        what = "there is no memory left"
        if torch.cuda.is_available():
            free, total = torch.cuda.mem_get_info()
            what = f"the device has no memory left ({free / 1e9:.1f} of {total / 1e9:.1f} GB free)"
        raise HubkitError(what, hint=advice) from None
