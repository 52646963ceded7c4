"""The pictures show what the facts say, where it is."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from hubkit.demo.drawing import View, draw
from hubkit.demo.facts import Device, Effusion, Facts, Opacity, Pneumothorax


def pixels(facts: Facts, view: View = "PA", seed: str = "a") -> np.ndarray:
    with Image.open(io.BytesIO(draw(facts, view, seed))) as image:
        return np.asarray(image, dtype=float)


def difference(facts: Facts, view: View = "PA") -> np.ndarray:
    """How much brighter a picture is than that of a normal chest of the same build."""
    return pixels(facts, view) - pixels(Facts(), view)


@pytest.mark.parametrize(
    ("facts", "side", "height", "brighter"),
    [
        (Facts(effusion=Effusion("left", "moderate")), "left", "low", True),
        (Facts(effusion=Effusion("right", "small")), "right", "low", True),
        (Facts(opacity=Opacity("consolidation", "right", "upper", None, "likely")), "right", "high", True),
        (Facts(opacity=Opacity("opacity", "left", "lower", None, "possible")), "left", "low", True),
        (Facts(opacity=Opacity("nodule", "left", "upper", 2.0, None)), "left", "high", True),
        (Facts(pneumothorax=Pneumothorax("left", "moderate")), "left", "high", False),
        (Facts(atelectasis="right"), "right", "low", True),
        (Facts(device=Device("pacemaker", "left")), "left", "high", True),
        (Facts(thickening="right"), "right", "high", True),
        (Facts(fracture="left"), "left", "middle", True),
    ],
)
def test_a_finding_lies_on_its_side_and_at_its_height(facts: Facts, side: str, height: str, brighter: bool) -> None:
    change = difference(facts) if brighter else -difference(facts)
    change = change.clip(min=25) - 25
    rows, columns = change.shape
    # The patient's right is on the left of the picture.
    left, right = change[:, columns // 2 :].sum(), change[:, : columns // 2].sum()
    assert (left > 2 * right) if side == "left" else (right > 2 * left)
    high, low = change[: rows // 2].sum(), change[rows // 2 :].sum()
    assert height == "middle" or ((high > low) if height == "high" else (low > high))


def test_more_is_larger() -> None:
    effusions = [difference(Facts(effusion=Effusion("left", size))).sum() for size in ("small", "moderate", "large")]
    hearts = [pixels(Facts(heart=grade)).sum() for grade in (None, "mild", "moderate", "severe")]
    assert effusions == sorted(effusions)
    assert hearts == sorted(hearts)


def test_a_lateral_view_shows_no_side() -> None:
    left, right = (difference(Facts(effusion=Effusion(side, "large")), "LATERAL") for side in ("left", "right"))
    assert np.array_equal(left, right)
    assert left.sum() > 0


def test_same_seed_same_bytes_and_another_patient_other_ones() -> None:
    facts = Facts(heart="mild")
    assert draw(facts, "PA", "a") == draw(facts, "PA", "a") != draw(facts, "PA", "b")
