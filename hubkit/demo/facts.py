"""What is so in a demo study: the facts from which its report is written and its pictures are drawn."""

from __future__ import annotations

import random
from typing import Literal, NamedTuple, TypeVar

Choice = TypeVar("Choice", bound=str)
Side = Literal["left", "right"]
Sides = Literal["left", "right", "both"]
Size = Literal["small", "moderate", "large"]
Grade = Literal["mild", "moderate", "severe"]
Lobe = Literal["upper", "middle", "lower"]
Kind = Literal["consolidation", "opacity", "nodule"]

NORMAL_SHARE = 0.22
"""Studies without any finding, among which the commonest report is found."""


class Effusion(NamedTuple):
    """A pleural effusion; bilateral ones have the same size on both sides."""

    side: Sides
    size: Size


class Opacity(NamedTuple):
    """What is seen in a lobe: a consolidation, a patchy opacity, or a nodule of `cm` centimetres."""

    kind: Kind
    side: Side
    lobe: Lobe
    cm: float | None
    pneumonia: Literal["likely", "possible"] | None


class Pneumothorax(NamedTuple):
    """An apical pneumothorax."""

    side: Side
    size: Size


class Device(NamedTuple):
    """A pacemaker, a central line from a jugular vein, or an endotracheal tube ending `cm` above the carina."""

    kind: Literal["pacemaker", "line", "tube"]
    side: Side | None = None
    cm: float | None = None


class Facts(NamedTuple):
    """All that is so in one study; None is absent, and `heart` None a heart of normal size."""

    patient: Literal["man", "woman"] = "man"
    portable: bool = False
    effusion: Effusion | None = None
    opacity: Opacity | None = None
    heart: Grade | None = None
    edema: Grade | None = None
    pneumothorax: Pneumothorax | None = None
    atelectasis: Sides | None = None
    device: Device | None = None
    wide_mediastinum: bool = False
    fracture: Side | None = None
    thickening: Side | None = None

    @property
    def abnormal(self) -> bool:
        """Whether anything but a device can be seen."""
        beside = {"patient", "portable", "device"}
        return any(value for name, value in self._asdict().items() if name not in beside)


def sample_facts(rng: random.Random) -> Facts:
    """Draw the facts of a study: about a fifth show nothing, the others one to four findings."""
    patient: Literal["man", "woman"] = "man" if rng.random() < 0.5 else "woman"
    portable = rng.random() < 0.25
    device = _device(rng, portable)
    if rng.random() < NORMAL_SHARE:
        return Facts(patient, portable, device=device)
    while True:
        effusion = _effusion(rng) if rng.random() < 0.4 else None
        heart: Grade = _pick(rng, {"mild": 5, "moderate": 4, "severe": 2})
        edema: Grade = _pick(rng, {"mild": 1, "moderate": 1})
        atelectasis: Sides = _pick(rng, {"left": 3, "right": 3, "both": 2})
        facts = Facts(
            patient,
            portable,
            effusion=effusion,
            opacity=_opacity(rng) if rng.random() < 0.38 else None,
            heart=heart if rng.random() < 0.35 else None,
            edema=edema if rng.random() < 0.16 else None,
            pneumothorax=_pneumothorax(rng) if effusion is None and rng.random() < 0.14 else None,
            atelectasis=atelectasis if effusion is None and rng.random() < 0.2 else None,
            device=device,
            wide_mediastinum=rng.random() < 0.05,
            fracture=_side(rng) if rng.random() < 0.06 else None,
            thickening=_side(rng) if rng.random() < 0.04 else None,
        )
        if facts.abnormal:
            return facts


def _device(rng: random.Random, portable: bool) -> Device | None:
    if portable and rng.random() < 0.4:
        return Device("tube", cm=rng.choice((2.5, 3.0, 3.5, 4.0, 4.5, 5.0)))
    kind = rng.random()
    if kind < 0.14:
        return Device("pacemaker", side="left")
    return Device("line", side="right" if rng.random() < 0.75 else "left") if kind < 0.3 else None


def _effusion(rng: random.Random) -> Effusion:
    side: Sides = _pick(rng, {"left": 4, "right": 4, "both": 3})
    size: Size = _pick(rng, {"small": 4, "moderate": 3, "large": 0 if side == "both" else 2})
    return Effusion(side, size)


def _opacity(rng: random.Random) -> Opacity:
    kind: Kind = _pick(rng, {"consolidation": 4, "opacity": 4, "nodule": 2})
    side = _side(rng)
    lobe: Lobe = _pick(rng, {"upper": 4, "middle": 3 if side == "right" else 0, "lower": 5})
    if kind == "nodule":
        return Opacity(kind, side, lobe, rng.choice((0.8, 1.0, 1.2, 1.5, 2.0, 2.5)), None)
    return Opacity(kind, side, lobe, None, "likely" if kind == "consolidation" else "possible")


def _pneumothorax(rng: random.Random) -> Pneumothorax:
    size: Size = _pick(rng, {"small": 3, "moderate": 2})
    return Pneumothorax(_side(rng), size)


def _side(rng: random.Random) -> Side:
    return "left" if rng.random() < 0.5 else "right"


def _pick(rng: random.Random, weights: dict[Choice, int]) -> Choice:
    return rng.choices(list(weights), list(weights.values()))[0]
