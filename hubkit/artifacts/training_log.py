"""adapter/log_history.jsonl: the trainer's log, a line for each step and each evaluation. It is published."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import ConfigDict, ValidationError

from hubkit.artifacts.model import Model, to_json
from hubkit.errors import HubkitError
from hubkit.workspace import write_text

LOG = "log_history.jsonl"
"""Its name in the adapter's folder."""


class LogEntry(Model):
    """A line of the log, by the trainer's names: losses are in nats a token. What else it logs is kept as it is."""

    model_config = ConfigDict(extra="allow")

    step: int
    loss: float | None = None
    eval_loss: float | None = None
    eval_entropy: float | None = None
    eval_mean_token_accuracy: float | None = None


def read_log(folder: Path) -> list[LogEntry]:
    """The log of the adapter in a folder. Its lines have no number, which stands for format 1.

    Raises:
        HubkitError: it is missing, or a line is not whole.
    """
    path, hint = folder / LOG, "run: hubkit finetune"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise HubkitError("is missing", where=path, hint=hint) from None
    entries = []
    for number, line in enumerate(lines, start=1):
        try:
            entries.append(LogEntry.model_validate_json(line))
        except ValidationError:
            raise HubkitError(f"line {number} is not an entry of a log", where=path, hint=hint) from None
    return entries


def write_log(folder: Path, entries: Sequence[LogEntry]) -> None:
    """Write what `read_log` reads. Keys are sorted: those of entries from before a kill come so out of a checkpoint."""
    write_text(folder / LOG, "".join(json.dumps(to_json(entry), sort_keys=True) + "\n" for entry in entries))
