"""Trains the demo's models from nothing and writes them to a folder: `python -m demo_models.train OUT [--only NAME]`.

The shipped weights in hubkit/demo/models were made by it. The same version of torch on the same processor gives the
same bytes; another processor rounds sums in another way, and ends with other weights of the same quality.
"""

from __future__ import annotations

import os
from pathlib import Path

import click

# Threads that wait must not spin where cores are shared; read when torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

NAMES = ("translator", "english", "vision", "bertimbau", "xlm-roberta")


@click.command()
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--only", type=click.Choice(NAMES), help="Train this one alone; a model begins with the ones before it in OUT."
)
@click.option(
    "--steps", type=click.IntRange(min=1), help="Steps of each training, to try it out; the models need their own."
)
def train(out: Path, only: str | None, steps: int | None) -> None:
    """Train the demo's models and write each to its folder below OUT.

    "vision" begins with "english", which is not shipped, and that with the language model of "translator".
    """
    from demo_models.encoders import train_bertimbau, train_xlm_roberta
    from demo_models.translator import train_translator
    from demo_models.vision import train_english, train_vision

    shorter = {} if steps is None else {"steps": steps}
    for name in [only] if only else NAMES:
        if name == "translator":
            train_translator(out / name, **shorter)
        elif name == "english":
            train_english(out / name, out / "translator", **shorter)
        elif name == "vision":
            train_vision(out / name, out / "english", **shorter)
        elif name == "bertimbau":
            train_bertimbau(out / name, **shorter)
        else:
            train_xlm_roberta(out / name, **shorter)


if __name__ == "__main__":
    train()
