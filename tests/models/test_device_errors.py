"""Errors of CUDA keep their kind: which end the work of a process, and what is told."""

from __future__ import annotations

import pytest
import torch

from hubkit.errors import HubkitError
from hubkit.models import device_errors as module
from hubkit.models.device_errors import check_device, device_errors, fault_of
from hubkit.models.memory import free_memory, is_out_of_memory

SEARCH = (
    "\nSearch for `{}' in https://docs.nvidia.com/cuda/cuda-runtime-api/group__CUDART__TYPES.html for more information."
    "\nCUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be "
    "incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1"
)

MEMORY = [
    torch.OutOfMemoryError(
        "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 23.64 GiB of which 1.10 GiB is "
        "free. Process 7 has 22.50 GiB memory in use."
    ),
    RuntimeError("CUDA error: out of memory" + SEARCH.format("cudaErrorMemoryAllocation")),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory: you tried"),
    MemoryError(),
]

FATAL = [
    (
        torch.AcceleratorError("CUDA error: device-side assert triggered" + SEARCH.format("cudaErrorAssert")),
        "assertion",
    ),
    (RuntimeError("CUDA error: device-side assert triggered"), "an assertion failed on the GPU"),
    (torch.AcceleratorError("CUDA error: an illegal memory access was encountered"), "accessed memory illegally"),
    (RuntimeError("CUDA error: misaligned address"), "accessed memory illegally"),
    (RuntimeError("CUDA error: unspecified launch failure"), "a kernel failed"),
    (RuntimeError("CUDA error: the launch timed out and was terminated"), "a kernel failed"),
    (RuntimeError("CUDA error: uncorrectable ECC error encountered"), "fault of its hardware"),
    (RuntimeError("CUDA error: operation not permitted when stream is capturing"), "CUDA graph could not be captured"),
    (
        torch.distributed.DistBackendError(
            "NCCL error in: ../torch/csrc/distributed/c10d/NCCLUtils.cpp:77, unhandled system error "
            "(run with NCCL_DEBUG=INFO for details), NCCL version 2.21.5\nncclSystemError: System call failed."
        ),
        "could not exchange data",
    ),
    (
        RuntimeError("[Rank 1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=4, OpType=ALLREDUCE)"),
        "could not exchange data",
    ),
    (
        RuntimeError("The NVIDIA driver on your system is too old (found version 11040). Please update your driver."),
        "driver is too old",
    ),
    (RuntimeError("CUDA driver version is insufficient for CUDA runtime version"), "driver is too old"),
    (
        RuntimeError("Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU"),
        "no NVIDIA driver",
    ),
    (RuntimeError("CUDA error: no kernel image is available for execution on the device"), "not built for this GPU"),
    (AssertionError("Torch not compiled with CUDA enabled"), "built without CUDA"),
    (RuntimeError("CUDA error: all CUDA-capable devices are busy or unavailable"), "another process holds the GPU"),
    (torch.AcceleratorError("CUDA error: invalid device ordinal"), "no GPU of this number"),
    (RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasGemmEx`"), "library of CUDA failed"),
    (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), "library of CUDA failed"),
    (RuntimeError("CUDA error: unknown error"), "the GPU reported an error"),
    (torch.AcceleratorError("something that was never seen"), "the GPU reported an error"),
]

OTHERS = [
    RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)"),
    AssertionError("padding side"),
    RuntimeError(""),
]


@pytest.fixture(autouse=True)
def _a_process_without_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_broken", [])


@pytest.mark.parametrize("error", MEMORY, ids=str)
def test_memory_that_runs_out_ends_no_process(error: BaseException) -> None:
    assert is_out_of_memory(error)
    assert fault_of(error) is None
    check_device([error])
    with pytest.raises(HubkitError, match=r"no memory left.*\(lower it\)"), device_errors("lower it"):
        raise error


@pytest.mark.parametrize(("error", "said"), FATAL, ids=lambda value: str(value)[:40])
def test_a_fault_is_told_by_kind_with_what_helps(error: BaseException, said: str) -> None:
    assert not is_out_of_memory(error)
    with pytest.raises(HubkitError) as caught, device_errors("lower it"):
        raise error
    assert said in caught.value.what
    assert caught.value.what.endswith(f"({type(error).__name__})")
    assert caught.value.hint not in (None, "lower it")


@pytest.mark.parametrize("error", OTHERS, ids=str)
def test_any_other_error_is_left_as_it_is(error: BaseException) -> None:
    check_device([error])
    with pytest.raises(type(error)) as caught, device_errors("lower it"):
        raise error
    assert caught.value is error


def test_nothing_is_computed_after_a_fault() -> None:
    check_device()
    with pytest.raises(HubkitError, match="illegally"):
        check_device([RuntimeError("shapes"), RuntimeError("CUDA error: an illegal memory access was encountered")])
    for _ in range(2):
        with pytest.raises(HubkitError, match="illegally"):
            check_device()


def test_a_gpu_that_failed_hides_no_error_by_its_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise torch.AcceleratorError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", broken)
    free_memory()
