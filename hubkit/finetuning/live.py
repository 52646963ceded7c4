"""The curves of a run while it is trained: TensorBoard's files or trackio's, on this machine alone."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import sys
from pathlib import Path
from typing import Any

from hubkit.config import Finetuning
from hubkit.errors import UsageError

PROJECT = "hubkit"
"""What trackio calls the runs of a workspace together."""

SENDS_DATA_OUT = (
    *("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL", "TRACKIO_BUCKET_ID", "TRACKIO_DATASET_ID", "TRACKIO_WEBHOOK_URL"),
)
"""Variables by which trackio would show the curves elsewhere."""


def check_live(settings: Finetuning) -> None:
    """Refuse to show the curves with a package that is missing, or anywhere but on this machine.

    Raises:
        UsageError: says what to install or to unset.
    """
    where = f'[finetuning] live = "{settings.live}"'
    if settings.live != "none" and importlib.util.find_spec(settings.live) is None:
        raise UsageError(f"the package {settings.live} is missing", where=where, hint=f"pip install {settings.live}")
    if settings.live == "trackio":
        for name in SENDS_DATA_OUT:
            if name in os.environ:
                raise UsageError("would send the curves to another machine", where=where, hint=f"unset {name}")


def run_name(folder: Path) -> str:
    """What the run in `folder` is called, the same after a kill and another one for other settings or inputs."""
    return f"{folder.parent.name}-{folder.name}"


def show_in(home: Path, folder: Path, live: str) -> None:
    """Have the curves of the run in `folder` written under `home`, and say how to watch them."""
    os.environ["TENSORBOARD_LOGGING_DIR"] = str(home / run_name(folder))
    os.environ["TRACKIO_DIR"] = str(home)
    watch = {
        "tensorboard": f"tensorboard --logdir {home}",
        "trackio": f"TRACKIO_DIR={home} trackio show --project {PROJECT}",
    }
    if live in watch:
        print(f"  finetune: watch it with: {watch[live]}", file=sys.stderr)


def write_out(trainer: Any) -> None:
    """Have trackio write the steps that it holds back: a run that is resumed from here does not log them again."""
    from transformers.integrations import TrackioCallback

    for callback in trainer.callback_handler.callbacks:
        if isinstance(callback, TrackioCallback):
            # The end of a run is when trackio writes; the next entry of the log opens the same run again. That the run
            # has finished and is uploaded, as it prints, is both not so.
            with contextlib.redirect_stdout(io.StringIO()):
                callback.on_train_end(trainer.args, trainer.state, trainer.control)
