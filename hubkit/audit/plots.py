"""The plots of the audit: losses of training and test studies, and the curve of the attack. No text and no ids."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hubkit.artifacts.memorisation import Membership
from hubkit.audit.membership import Losses
from hubkit.scoring.plots import METADATA, STYLE
from hubkit.workspace import atomic

COLOURS = {"train": "#1b6ca8", "test": "#d1495b"}


def draw_plots(folder: Path, losses: Mapping[str, Losses], membership: Membership) -> None:
    """Write membership.png and membership.svg to `folder`."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(10, 4.4), layout="constrained")
        left, right = figure.subplots(1, 2)
        values = {name: losses[name].scores()["difference"] for name in ("train", "test")}
        bins = np.histogram_bin_edges(np.concatenate(list(values.values())), bins=30)
        for name, found in values.items():
            left.hist(
                found, bins, density=True, alpha=0.55, color=COLOURS[name], label=f"{name} ({len(found)} studies)"
            )
        left.set_title("What the adapter took off the loss")
        left.set_xlabel("loss under the base minus loss under the adapter")
        left.set_ylabel("density")
        left.legend()
        for score, shown in membership.train_test.items():
            theirs, others = losses["train"].scores()[score], losses["test"].scores()[score]
            right.plot(*_curve(theirs, others), label=f"{score}: AUC {shown.value:.2f}")
        right.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, linestyle="--")
        right.set_title("Training studies told from test studies")
        right.set_xlabel("test studies taken for training studies")
        right.set_ylabel("training studies found")
        right.set_aspect("equal")
        right.legend(loc="lower right")
        for kind, metadata in METADATA.items():
            with atomic(folder / f"membership.{kind}") as temporary:
                figure.savefig(temporary, format=kind, metadata=metadata)


def _curve(members: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    borders = np.unique(np.concatenate([members, others]))[::-1]
    alarms = [(others >= border).mean() for border in borders]
    found = [(members >= border).mean() for border in borders]
    return np.array([0.0, *alarms]), np.array([0.0, *found])
