"""The training loop of the demo's models: Muon for matrices, AdamW for the rest, on two threads of a CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from hubkit.progress import Progress

if TYPE_CHECKING:
    import torch

THREADS = 2
"""Threads of every training: their number decides the order of sums, and so the last bits of the weights."""


def start(seed: int) -> None:
    """Fix everything that decides what a training comes to."""
    import torch

    torch.set_num_threads(THREADS)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)


def optimise(
    model: torch.nn.Module,
    batches: Iterator[Any],
    loss_of: Callable[[Any], torch.Tensor],
    steps: int,
    what: str,
    rate: float = 0.02,
    rate_rest: float = 3e-3,
) -> None:
    """Train `model` for `steps` batches.

    The learning rates rise over the first 3 % of the steps and fall to zero over the last 60 %.

    Args:
        loss_of: gives the loss of a batch.
        rate: learning rate of Muon, for the matrices inside the layers (https://kellerjordan.github.io/posts/muon).
        rate_rest: learning rate of AdamW, for embeddings, norms and biases.
    """
    import torch

    optimisers = _optimisers(model, rate, rate_rest)
    schedules = [torch.optim.lr_scheduler.LambdaLR(optimiser, _schedule(steps)) for optimiser in optimisers]
    model.train()
    with Progress(what, steps) as progress:
        mean = None
        for step in range(steps):
            loss = loss_of(next(batches))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimiser, schedule in zip(optimisers, schedules, strict=True):
                optimiser.step()
                schedule.step()
            model.zero_grad(set_to_none=True)
            mean = loss.item() if mean is None else 0.98 * mean + 0.02 * loss.item()
            if (step + 1) % 50 == 0:
                print(f"{what} {step + 1}: loss {mean:.4f}", flush=True)
            progress.advance()
    model.eval()


def _optimisers(model: torch.nn.Module, rate: float, rate_rest: float) -> list[torch.optim.Optimizer]:
    import torch

    matrices: list[torch.nn.Parameter] = []
    rest: list[torch.nn.Parameter] = []
    for name, parameter in model.named_parameters():
        inside = parameter.ndim == 2 and "embed" not in name and "head" not in name
        (matrices if inside else rest).append(parameter)
    adam = torch.optim.AdamW(rest, lr=rate_rest, betas=(0.9, 0.98), weight_decay=0.0)
    return [torch.optim.Muon(matrices, lr=rate, weight_decay=0.0, momentum=0.95), adam]


def _schedule(steps: int) -> Callable[[int], float]:
    def factor(step: int) -> float:
        return min((step + 1) / (0.03 * steps), 1.0, (steps - step) / (0.6 * steps))

    return factor
