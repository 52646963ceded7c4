"""How long will the stages take that need a GPU? A range, with the speed that it comes from."""

from __future__ import annotations

from collections.abc import Iterator

from hubkit.artifacts.selection import read_selection
from hubkit.config import ReleaseConfig
from hubkit.doctor import estimates
from hubkit.doctor.findings import Finding, ok
from hubkit.workspace import Workspace

MEASURED_NOWHERE = "on one GPU of 24 to 80 GB, by published speeds that hubkit has not measured"


def hours(config: ReleaseConfig, workspace: Workspace) -> Iterator[Finding]:
    """The hours of translate, finetune and generate: studies by the speed of such models."""
    sizes = _sizes(config, workspace)
    if sizes is None:
        yield ok("time", 'not known before the studies are counted ([corpus] subset = "all"): hubkit read')
        return
    tokens = sum(sizes.values()) * estimates.TOKENS_A_REPORT
    translator, base = estimates.translator_size(config), estimates.base_size(config)
    yield _finding(
        "translate",
        estimates.translation_hours(config, tokens),
        f"{tokens:,} tokens at {_tokens(estimates.TRANSLATION_SPEED, 27, translator)}",
    )
    yield _finding(
        "finetune",
        estimates.training_hours(config, sizes["train"], sizes["validate"]),
        "{} to {} TFLOP/s".format(*estimates.DEVICE_TFLOPS),
    )
    yield _finding(
        "generate",
        estimates.generation_hours(config, sizes["test"]),
        f"{sizes['test']:,} studies at {_tokens(estimates.GENERATION_SPEED, 4, base)}",
    )


def _tokens(speed: tuple[int, int], of: float, size: float | None) -> str:
    """A speed of a model of `of` billion parameters, for one of `size`."""
    slow, fast = (each * of / (size or of) for each in speed)
    return f"{slow:,.0f} to {fast:,.0f} tokens/s"


def _finding(stage: str, found: estimates.Hours | None, speed: str) -> Finding:
    if found is None:
        return ok(f"time, {stage}", "not known: the name of its model does not tell how large it is")
    return ok(f"time, {stage}", f"{found} ({speed}) {MEASURED_NOWHERE}")


def _sizes(config: ReleaseConfig, workspace: Workspace) -> dict[str, int] | None:
    """Studies of each split: as read, else as asked for; None where that is the whole corpus."""
    if workspace.selection.exists():
        return read_selection(workspace).sizes
    return None if config.corpus.subset == "all" else config.corpus.subset.sizes()
