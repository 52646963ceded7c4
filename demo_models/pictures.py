"""Studies of the grammar with their prepared pictures and facts as classes: what the vision model is trained on."""

from __future__ import annotations

import io
import random
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hubkit.corpus.images import fit_square
from hubkit.demo.drawing import View, draw
from hubkit.demo.facts import Facts
from hubkit.demo.grammar import Report, sample_report
from hubkit.progress import track

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIXELS = 112
"""Side of the pictures that the vision model sees."""


class Shown(NamedTuple):
    """A study as the model is shown it.

    Attributes:
        pictures: gray values, uint8, of shape (1 or 2, PIXELS, PIXELS): frontal, then lateral where there is one.
    """

    facts: Facts
    report: Report
    pictures: NDArray[np.uint8]


def show_studies(count: int, seed: str) -> list[Shown]:
    """Draw `count` studies of the grammar and prepare their pictures as the stage `read` does."""
    rng = random.Random(seed)
    return [_show(rng) for _ in track(range(count), "vision: drawings", count)]


def _show(rng: random.Random) -> Shown:
    from PIL import Image

    facts, report = sample_report(rng)
    views: tuple[View, ...] = ("AP",) if facts.portable else ("PA", "LATERAL")
    pictures = []
    for view in views:
        with Image.open(io.BytesIO(draw(facts, view, str(rng.getrandbits(64))))) as image:
            pictures.append(np.asarray(fit_square(image, PIXELS, "stretch"))[..., 0])
    return Shown(facts, report, np.stack(pictures))


CLASSES = {
    "effusion left": (None, "small", "moderate", "large"),
    "effusion right": (None, "small", "moderate", "large"),
    "opacity": (None, "consolidation", "opacity", "nodule"),
    "opacity side": (None, "left", "right"),
    "opacity lobe": (None, "upper", "middle", "lower"),
    "heart": (None, "mild", "moderate", "severe"),
    "edema": (None, "mild", "moderate"),
    "pneumothorax": (None, "small", "moderate"),
    "pneumothorax side": (None, "left", "right"),
    "atelectasis": (None, "left", "right", "both"),
    "device": (None, "pacemaker", "line", "tube"),
    "line side": (None, "left", "right"),
    "fracture": (None, "left", "right"),
    "thickening": (None, "left", "right"),
    "mediastinum": (False, True),
}
"""What a frontal view shows, and the values it may have."""


def classes(facts: Facts) -> list[int]:
    """The class of each entry of `CLASSES` in a study."""
    effusion, opacity, leak, device = facts.effusion, facts.opacity, facts.pneumothorax, facts.device
    values = {
        "effusion left": effusion.size if effusion and effusion.side != "right" else None,
        "effusion right": effusion.size if effusion and effusion.side != "left" else None,
        "opacity": opacity.kind if opacity else None,
        "opacity side": opacity.side if opacity else None,
        "opacity lobe": opacity.lobe if opacity else None,
        "heart": facts.heart,
        "edema": facts.edema,
        "pneumothorax": leak.size if leak else None,
        "pneumothorax side": leak.side if leak else None,
        "atelectasis": facts.atelectasis,
        "device": device.kind if device else None,
        "line side": device.side if device and device.kind == "line" else None,
        "fracture": facts.fracture,
        "thickening": facts.thickening,
        "mediastinum": facts.wide_mediastinum,
    }
    return [options.index(values[name]) for name, options in CLASSES.items()]
