"""The lines of doctor about memory, for real models on cards that are not here: only what CUDA says is made up."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from hubkit.config import ReleaseConfig, parse_config
from hubkit.doctor import gpu, memory, needs, shapes
from hubkit.doctor.findings import Finding
from hubkit.doctor.shapes import Device
from hubkit.workspace import Workspace

BENCHMARKS = str(Path(__file__).parents[2] / "benchmarks")
sys.path.insert(0, BENCHMARKS)
try:
    import hardware
finally:
    sys.path.remove(BENCHMARKS)

GIB = 2**30

CARDS = {**hardware.CARDS, "8 x 80 GB": hardware.CARDS["80 GB"]}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("shapes")
    for name in hardware.SHAPES:
        hardware.text_config(name).save_pretrained(folder / name)
    return {**hardware.write_models(folder), "folder": {"": str(folder)}}


@pytest.fixture(scope="module", autouse=True)
def libraries() -> None:
    """Import what looks for a GPU when it is imported, before one is made up."""
    import peft  # noqa: F401


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def patch(name: str, capability: tuple[int, int] = (8, 9)) -> None:
        size = int(CARDS[name] * GIB)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *_: (size, size))
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda *_: "NVIDIA X")
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *_: capability)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 8 if name.startswith("8 x") else 1)

    return patch


NF4 = 'set [translation] quantization = "nf4"'
SERVER = ' or set [translation] engine = "openai" and use a server'
LARGER = "take a larger GPU or a smaller model"

TRANSLATE: list[tuple[str, str, str, str, str]] = [
    # 27B on 24 GB was refused for 32.1 GiB, with the rows in flight of a CPU.
    ("24 GB", "27B", "nf4", "ok", "16.5 GiB (14.9 of weights) of the 24 GiB of NVIDIA X: 35 requests"),
    ("48 GB", "27B", "nf4", "ok", "16.5 GiB (14.9 of weights) of the 44 GiB of NVIDIA X: 64 requests"),
    ("80 GB", "27B", "nf4", "ok", "16.5 GiB (14.9 of weights) of the 79 GiB of NVIDIA X: 64 requests"),
    ("80 GB", "27B", "bf16", "ok", "51.7 GiB (50.3 of weights) of the 79 GiB of NVIDIA X: 64 requests"),
    ("8 x 80 GB", "27B", "bf16", "ok", "51.7 GiB (50.3 of weights) of the 79 GiB of each of 8 NVIDIA X: 64 requests"),
    ("16 GB", "27B", "nf4", "failed", f"16.3 GiB (14.9 of weights) of the 16 GiB of NVIDIA X ({LARGER},{SERVER})"),
    ("48 GB", "27B", "bf16", "failed", f"51.5 GiB (50.3 of weights) of the 44 GiB of NVIDIA X ({NF4},{SERVER})"),
    ("16 GB", "12B", "nf4", "ok", "8.1 GiB (7.0 of weights) of the 16 GiB of NVIDIA X: 44 requests"),
    ("24 GB", "12B", "nf4", "ok", "8.1 GiB (7.0 of weights) of the 24 GiB of NVIDIA X: 64 requests"),
    ("24 GB", "12B", "bf16", "warning", "22.8 GiB (21.9 of weights) of the 24 GiB of NVIDIA X: 5 requests"),
    ("48 GB", "12B", "bf16", "ok", "22.8 GiB (21.9 of weights) of the 44 GiB of NVIDIA X: 64 requests"),
    ("16 GB", "4B", "nf4", "ok", "3.7 GiB (2.8 of weights) of the 16 GiB of NVIDIA X: 64 requests"),
    ("24 GB", "4B", "bf16", "ok", "8.1 GiB (7.2 of weights) of the 24 GiB of NVIDIA X: 64 requests"),
    ("8 x 80 GB", "4B", "nf4", "ok", "3.7 GiB (2.8 of weights) of the 79 GiB of each of 8 NVIDIA X: 64 requests"),
]


@pytest.mark.parametrize(("name", "model", "precision", "status", "expected"), TRANSLATE)
def test_translate(
    monkeypatch: pytest.MonkeyPatch,
    models: dict[str, dict[str, Any]],
    card: Callable[[str], None],
    workspace: Workspace,
    name: str,
    model: str,
    precision: str,
    status: str,
    expected: str,
) -> None:
    card(name)
    monkeypatch.setattr(needs, "on_meta", lambda kind: hardware.meta_model(model))
    for stage in ("finetune", "generate", "score"):
        monkeypatch.setattr(needs, stage, lambda config, device: iter(()))
    folder = Path(models["folder"][""])
    config = parse_config({"translation": {"model": str(folder / model), "quantization": precision}})
    found = list(memory.memory(config, workspace))
    assert found[0].line().startswith(f"{status:<8} memory, translate: needs about {expected}"), found[0].line()
    # The attention is of interest where the model fits.
    assert [one.check for one in found[1:]] == ([] if status == "failed" else ["attention"])
    if "requests" in expected:
        assert "requests in flight with sdpa" in found[0].what
    if status == "warning":
        assert found[0].hint == NF4


@pytest.fixture(scope="module")
def trained(models: dict[str, dict[str, Any]]) -> dict[str, needs.Need]:
    """What training takes on a GPU, with MedGemma 4B's shape, by settings."""
    on_gpu = Device("NVIDIA X", 80 * GIB, True)

    def needed(**settings: object) -> needs.Need:
        config = parse_config({"finetuning": models["finetuning"] | settings})
        (need,) = needs.finetune(config, on_gpu)
        return need

    return {
        "default": needed(),
        "kept": needed(gradient_checkpointing=False),
        "tower": needed(target_modules="all-linear"),
        "disk": needed(image_features="disk"),
    }


@pytest.mark.parametrize(
    ("settings", "weights", "total"),
    [
        # Was 8.2 with logits in bf16 and fp32 that TRL's head does not make.
        ("default", 3.6, 7.1),
        ("kept", 3.6, 14.5),
        # A tower that is trained keeps the states of 8,192 patches, of all layers once and of one in full.
        ("tower", 3.6, 7.2),
        ("disk", 3.6, 6.4),
    ],
)
def test_finetune(trained: dict[str, needs.Need], settings: str, weights: float, total: float) -> None:
    need = trained[settings]
    assert (round(need.weights / GIB, 1), round(need.total / GIB, 1)) == (weights, total)


@pytest.mark.parametrize(("name", "status"), [("16 GB", "ok"), ("24 GB", "ok"), ("8 x 80 GB", "ok")])
def test_the_line_of_finetune(
    monkeypatch: pytest.MonkeyPatch,
    trained: dict[str, needs.Need],
    card: Callable[[str], None],
    workspace: Workspace,
    name: str,
    status: str,
) -> None:
    card(name)
    for stage in ("translate", "generate", "score"):
        monkeypatch.setattr(needs, stage, lambda config, device: iter(()))
    monkeypatch.setattr(needs, "finetune", lambda config, device: iter([trained["default"]]))
    (found,) = memory.memory(parse_config({}), workspace)
    assert (found.status, found.check) == (status, "memory, finetune")
    assert found.what.startswith("needs about 7.1 GiB (3.6 of weights) of the ")


@pytest.mark.parametrize(("batch", "total"), [(8, 8.2), (32, 17.5), (64, 29.9)])
def test_generate(models: dict[str, dict[str, Any]], batch: int, total: float) -> None:
    config = parse_config({"finetuning": models["finetuning"], "generation": {"batch_size": batch}})
    (need,) = needs.generate(config, Device("NVIDIA X", 80 * GIB, True))
    assert round(need.total / GIB, 1) == total


@pytest.mark.parametrize(("gib", "batch"), [(16, 8), (24, 16), (48, 32), (79, 64)])
def test_generate_with_the_batch_that_memory_gives(models: dict[str, dict[str, Any]], gib: int, batch: int) -> None:
    """That of the condition with examples, which has the smallest."""
    device = Device("NVIDIA X", gib * GIB, True)
    unset, named = (
        parse_config({"finetuning": models["finetuning"], "generation": table}) for table in ({}, {"batch_size": batch})
    )
    (need,) = needs.generate(unset, device)
    assert need == next(needs.generate(named, device))
    assert need.total < device.total
    (cpu,) = needs.generate(unset, Device("this machine", gib * GIB, False))
    assert cpu.total == next(needs.generate(unset, Device("this machine", 999 * GIB, False))).total


def test_a_cpu_needs_its_rows_in_flight(models: dict[str, dict[str, Any]]) -> None:
    config = parse_config({"translation": {"model": str(Path(models["folder"][""]) / "4B"), "quantization": "bf16"}})
    (need,) = needs.translate(config, Device("this machine", 64 * GIB, False))
    # 32,768 tokens at 139 kB, and the logits of 128 rows.
    assert round(need.work / GIB, 1) == round((32768 * 139264 + 128 * 262208 * 6) / GIB, 1)
    assert need.requests is None


@pytest.mark.parametrize(
    ("found", "capability", "status", "hint"),
    [
        ("flash_attention_2", (8, 9), "ok", None),
        ("sdpa", (8, 9), "warning", "install flash-attn for"),
        ("sdpa", (9, 0), "warning", "install flash-attn-3, or flash-attn for"),
        ("sdpa", (10, 0), "warning", "install flash-attn for"),
        ("sdpa", (7, 5), "warning", None),
    ],
)
def test_the_attention_for_a_card(found: str, capability: tuple[int, int], status: str, hint: str | None) -> None:
    finding = gpu.attention(found, capability)
    assert finding.status == status
    assert (finding.hint or "").startswith(hint or "")
    assert (finding.hint is None) == (hint is None)


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """A machine with these programs, with or without Triton and Python's headers."""

    def install(*names: str, triton: bool = True, headers: bool = True) -> None:
        for name in names:
            (tmp_path / name).write_text("#!/bin/sh\n")
            (tmp_path / name).chmod(0o755)
        if headers:
            (tmp_path / "Python.h").touch()
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
        monkeypatch.setattr("transformers.utils.is_triton_available", lambda: triton)

    monkeypatch.delenv("CC", raising=False)
    return install


def compiler(config: ReleaseConfig, workspace: Workspace) -> Finding:
    (found,) = gpu.compiler(config, workspace)
    return found


def test_a_compiler_for_the_kernels_of_the_loss(
    monkeypatch: pytest.MonkeyPatch,
    card: Callable[[str], None],
    programs: Callable[..., None],
    workspace: Workspace,
) -> None:
    config = parse_config({})
    assert list(gpu.compiler(config, workspace)) == []
    card("24 GB")
    programs(headers=False)
    assert compiler(config, workspace).line() == (
        "failed   kernels of the loss: Triton compiles them with a C compiler; none was found "
        "(install gcc, or set CC to a compiler)"
    )
    programs("clang", headers=False)
    assert re.search("Python.h, which is missing", compiler(config, workspace).what)
    programs()
    assert compiler(config, workspace).what == "Triton and clang are installed"
    monkeypatch.setenv("CC", "icc -O2")
    assert "CC is icc -O2; none was found" in compiler(config, workspace).what
    programs("icc")
    assert compiler(config, workspace).status == "ok"
    programs(triton=False)
    assert compiler(config, workspace).status == "warning"
    assert list(gpu.compiler(parse_config({"finetuning": {"device": "cpu"}}), workspace)) == []


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "work")


def test_a_device_by_number_is_looked_at(monkeypatch: pytest.MonkeyPatch, card: Callable[[str], None]) -> None:
    card("8 x 80 GB")
    sizes = {0: 80 * GIB, 3: 24 * GIB}
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda number: (0, sizes[number]))
    assert shapes.device_of("cuda:3") == Device("NVIDIA X", 24 * GIB, True, 1)
    assert shapes.device_of("auto") == Device("NVIDIA X", 80 * GIB, True, 8)
    assert not shapes.device_of("cpu").cuda
