"""Grayscale drawings of a chest that show what the facts of a study say: frontal and lateral views.

Positions are fractions of the picture's width and height. As in radiology the patient's right is on the left of a
frontal view. The same facts, view and seed give the same bytes with the same versions of
numpy and Pillow.
"""

from __future__ import annotations

import io
import random
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from hubkit.demo.facts import Facts, Opacity

View = Literal["PA", "AP", "LATERAL"]

SIZE = (224, 256)
"""Width and height of a drawing in pixels."""

BODY, AIR, LUNG, BONE, HEART, FLUID, DENSE, METAL = 96, 10, 44, 130, 150, 185, 190, 255
"""Gray values of what is drawn."""

HEART_WIDTH = {None: 0.125, "mild": 0.17, "moderate": 0.215, "severe": 0.27}
FLUID_LEVEL = {"small": 0.72, "moderate": 0.58, "large": 0.40}
LOBE_HEIGHT = {"upper": 0.30, "middle": 0.52, "lower": 0.66}
LUNG_CENTRE = {"right": 0.29, "left": 0.71}


class Patient(NamedTuple):
    """How this patient's chest differs from the mean: a shift of the whole and the breadth of it."""

    dx: float
    dy: float
    breadth: float


class Canvas:
    """A picture that is drawn on in fractions of its width and height, moved and stretched as the patient is."""

    def __init__(self, patient: Patient):
        self.patient = patient
        self.image = Image.new("L", SIZE, 0)

    def point(self, x: float, y: float) -> tuple[float, float]:
        width, height = SIZE
        x = 0.5 + (x - 0.5) * self.patient.breadth + self.patient.dx
        return x * width, (y + self.patient.dy) * height

    def box(self, x: float, y: float, rx: float, ry: float) -> tuple[float, float, float, float]:
        return (*self.point(x - rx, y - ry), *self.point(x + rx, y + ry))

    def ellipse(self, x: float, y: float, rx: float, ry: float, value: int) -> None:
        ImageDraw.Draw(self.image).ellipse(self.box(x, y, rx, ry), fill=value)

    def line(self, points: list[tuple[float, float]], value: int, width: float) -> None:
        pixels = max(1, round(width * SIZE[0]))
        ImageDraw.Draw(self.image).line([self.point(*point) for point in points], value, pixels, joint="curve")

    def arc(self, x: float, y: float, rx: float, ry: float, angles: tuple[float, float], value: int) -> None:
        ImageDraw.Draw(self.image).arc(self.box(x, y, rx, ry), *angles, fill=value, width=3)

    def shade(self, x: float, y: float, rx: float, ry: float, value: int, blur: float) -> None:
        """Let an ellipse of gray `value` shine through the picture, its edge blurred over `blur` of the width."""
        mask = Image.new("L", SIZE, 0)
        ImageDraw.Draw(mask).ellipse(self.box(x, y, rx, ry), fill=255)
        self.image.paste(value, mask=mask.filter(ImageFilter.GaussianBlur(blur * SIZE[0])))

    def fill(self, points: list[tuple[float, float]], value: int, within: Image.Image | None = None) -> None:
        """Fill a polygon, where `within` is given only inside that mask."""
        mask = Image.new("L", SIZE, 0)
        ImageDraw.Draw(mask).polygon([self.point(*point) for point in points], fill=255)
        if within is not None:
            mask = Image.composite(mask, Image.new("L", SIZE, 0), within)
        self.image.paste(value, mask=mask.filter(ImageFilter.GaussianBlur(2)))

    def mask(self, x: float, y: float, rx: float, ry: float) -> Image.Image:
        mask = Image.new("L", SIZE, 0)
        ImageDraw.Draw(mask).ellipse(self.box(x, y, rx, ry), fill=255)
        return mask

    def jpeg(self, noise: np.random.Generator) -> bytes:
        pixels = np.asarray(self.image.filter(ImageFilter.GaussianBlur(1.2)), dtype=np.float32)
        grain = pixels + noise.normal(0, 4, pixels.shape)
        file = io.BytesIO()
        Image.fromarray(grain.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=85)
        return file.getvalue()


def draw(facts: Facts, view: View, seed: str) -> bytes:
    """Draw one view of a study as a JPEG file.

    Args:
        facts: what the picture shows.
        view: PA and AP are frontal; in AP the heart looks a little larger, as it does on a real one.
        seed: decides the patient's build and the noise.
    """
    rng = random.Random(seed)
    patient = Patient(rng.uniform(-0.025, 0.025), rng.uniform(-0.02, 0.02), rng.uniform(0.94, 1.05))
    canvas = Canvas(patient)
    if view == "LATERAL":
        _lateral(canvas, facts)
    else:
        _frontal(canvas, facts, rng, portable=view == "AP")
    return canvas.jpeg(np.random.default_rng(rng.getrandbits(64)))


def _frontal(canvas: Canvas, facts: Facts, rng: random.Random, portable: bool) -> None:
    canvas.ellipse(0.5, 0.62, 0.48, 0.62, BODY)
    canvas.ellipse(0.5, 0.02, 0.13, 0.16, BODY)
    for centre in LUNG_CENTRE.values():
        canvas.ellipse(centre, 0.48, 0.165, 0.34, LUNG)
    for level in range(7):
        for centre in LUNG_CENTRE.values():
            canvas.arc(centre, 0.30 + 0.085 * level, 0.19, 0.10, (200, 340), LUNG + 26)
    _middle(canvas, facts, portable)
    _in_lungs(canvas, facts, rng)
    _in_pleura(canvas, facts)
    if facts.fracture:
        x = 0.14 if facts.fracture == "right" else 0.86
        canvas.line([(x - 0.035, 0.47), (x + 0.01, 0.50), (x - 0.01, 0.53), (x + 0.035, 0.56)], METAL - 20, 0.022)
    _devices(canvas, facts)


def _middle(canvas: Canvas, facts: Facts, portable: bool) -> None:
    canvas.fill([(0.44, 0.1), (0.56, 0.1), (0.56, 1.0), (0.44, 1.0)], BONE)
    if facts.wide_mediastinum:
        canvas.ellipse(0.5, 0.29, 0.16, 0.14, HEART)
    rx = HEART_WIDTH[facts.heart] + (0.008 if portable else 0)
    canvas.ellipse(0.5 + rx * 0.42, 0.655, rx, 0.115 + rx * 0.35, HEART)
    for x, sign in ((0.29, -1), (0.71, 1)):
        canvas.line([(0.5 + 0.03 * sign, 0.19), (x + 0.08 * sign, 0.145)], BONE, 0.02)
    canvas.line([(0.5, 0.03), (0.5, 0.33)], LUNG - 10, 0.035)
    canvas.ellipse(0.27, 0.92, 0.21, 0.13, BODY + 25)
    canvas.ellipse(0.73, 0.94, 0.21, 0.13, BODY + 25)


def _in_lungs(canvas: Canvas, facts: Facts, rng: random.Random) -> None:
    if facts.edema:
        depth = {"mild": 92, "moderate": 140}[facts.edema]
        for centre in LUNG_CENTRE.values():
            canvas.shade(centre * 0.8 + 0.1, 0.47, 0.10, 0.17, depth, 0.045)
    if facts.opacity:
        _opacity(canvas, facts.opacity, LUNG_CENTRE[facts.opacity.side], LOBE_HEIGHT[facts.opacity.lobe], rng)
    for side in _sides(facts.atelectasis):
        for step in (0.0, 0.032, 0.064):
            x = LUNG_CENTRE[side]
            canvas.line([(x - 0.105, 0.71 + step), (x + 0.105, 0.695 + step)], 205, 0.013)


def _opacity(canvas: Canvas, opacity: Opacity, x: float, y: float, rng: random.Random) -> None:
    x, y = x + rng.uniform(-0.02, 0.02), y + rng.uniform(-0.015, 0.015)
    if opacity.kind == "consolidation":
        canvas.shade(x, y, 0.105, 0.085, DENSE, 0.012)
    elif opacity.kind == "nodule":
        radius = 0.022 + 0.011 * (opacity.cm or 0)
        canvas.ellipse(x, y, radius, radius * SIZE[0] / SIZE[1], METAL - 25)
    else:
        for dx, dy in ((-0.05, -0.035), (0.045, -0.02), (-0.015, 0.03), (0.06, 0.045), (-0.07, 0.04)):
            canvas.shade(x + dx, y + dy, 0.028, 0.024, 150, 0.012)


def _in_pleura(canvas: Canvas, facts: Facts) -> None:
    if facts.effusion:
        for side in _sides(facts.effusion.side):
            level, x = FLUID_LEVEL[facts.effusion.size], LUNG_CENTRE[side]
            outward = -1 if side == "right" else 1
            meniscus = [(x - 0.2 * outward, level + 0.05), (x, level + 0.04), (x + 0.12 * outward, level)]
            rim = [(x + 0.2 * outward, level - 0.05), (x + 0.2 * outward, 0.95), (x - 0.2 * outward, 0.95)]
            canvas.fill([*meniscus, *rim], FLUID, within=canvas.mask(x, 0.5, 0.175, 0.36))
    if facts.pneumothorax:
        x = LUNG_CENTRE[facts.pneumothorax.side]
        depth = {"small": 0.10, "moderate": 0.20}[facts.pneumothorax.size]
        within = canvas.mask(x, 0.48, 0.165, 0.34)
        canvas.fill([(x - 0.2, 0.1), (x + 0.2, 0.1), (x + 0.2, 0.16 + depth), (x - 0.2, 0.16 + depth)], AIR - 8, within)
        canvas.line([(x - 0.13, 0.17 + depth), (x, 0.155 + depth), (x + 0.13, 0.17 + depth)], 215, 0.014)
    if facts.thickening:
        x = LUNG_CENTRE[facts.thickening]
        within = canvas.mask(x, 0.48, 0.165, 0.34)
        canvas.fill([(x - 0.2, 0.1), (x + 0.2, 0.1), (x + 0.2, 0.185), (x - 0.2, 0.185)], FLUID, within)


def _devices(canvas: Canvas, facts: Facts) -> None:
    device = facts.device
    if device is None:
        return
    if device.kind == "pacemaker":
        canvas.ellipse(0.80, 0.25, 0.065, 0.05, METAL)
        canvas.line([(0.77, 0.22), (0.62, 0.16), (0.50, 0.24), (0.46, 0.45), (0.50, 0.60)], METAL, 0.016)
        canvas.line([(0.50, 0.60), (0.60, 0.70)], METAL, 0.016)
    elif device.kind == "line":
        outward = -1 if device.side == "right" else 1
        points = [(0.5 + 0.10 * outward, 0.02), (0.5 + 0.085 * outward, 0.14), (0.46, 0.26), (0.455, 0.42)]
        canvas.line(points, METAL, 0.018)
    else:
        canvas.line([(0.5, 0.0), (0.5, 0.33 - 0.022 * (device.cm or 0))], METAL, 0.026)


def _lateral(canvas: Canvas, facts: Facts) -> None:
    canvas.ellipse(0.5, 0.6, 0.42, 0.66, BODY)
    canvas.ellipse(0.5, 0.48, 0.31, 0.36, LUNG)
    canvas.line([(0.80, 0.1), (0.84, 0.5), (0.80, 0.98)], BONE, 0.09)
    rx = HEART_WIDTH[facts.heart]
    canvas.ellipse(0.34, 0.64, rx * 0.9, 0.10 + rx * 0.3, HEART)
    canvas.ellipse(0.5, 0.95, 0.34, 0.14, BODY + 25)
    if facts.edema:
        canvas.shade(0.52, 0.46, 0.12, 0.12, {"mild": 92, "moderate": 140}[facts.edema], 0.045)
    if facts.opacity:
        x = {"upper": 0.50, "middle": 0.38, "lower": 0.62}[facts.opacity.lobe]
        _opacity(canvas, facts.opacity, x, LOBE_HEIGHT[facts.opacity.lobe], random.Random(facts.opacity.kind))
    if facts.effusion:
        level = FLUID_LEVEL[facts.effusion.size]
        pool = [(0.35, level + 0.06), (0.6, level + 0.03), (0.82, level - 0.04), (0.82, 0.95), (0.35, 0.95)]
        canvas.fill(pool, FLUID, within=canvas.mask(0.5, 0.5, 0.31, 0.37))
    if facts.device and facts.device.kind == "pacemaker":
        canvas.ellipse(0.22, 0.26, 0.03, 0.06, METAL)
        canvas.line([(0.22, 0.22), (0.48, 0.20), (0.45, 0.45), (0.34, 0.66)], METAL, 0.016)


def _sides(side: str | None) -> tuple[str, ...]:
    if side is None:
        return ()
    return ("left", "right") if side == "both" else (side,)
