"""Size of a reader's page, and seconds until its first item can be read, on synthetic text and images.

    python benchmarks/review_page.py [--pairs 300] [--studies 100] [--image-side 1024]

Prints one JSON object. A study has two images of 2,544 by 3,056 pixels, as most of MIMIC-CXR-JPG. They are power-law
noise with the spectrum of radiographs (power falls as the third power of the frequency) and grain of three grey
levels, which is harder to compress than lungs. Texts have as many words as reports have. Seconds are those of headless
Chromium: opening the file, then from the passphrase to the first item.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

from hubkit.review.encryption import Key
from hubkit.review.images import scaled
from hubkit.review.make import IMAGE_SIDE
from hubkit.review.page import PageData, build_page

PASSPHRASE = "four words without relation"
WIDTH, HEIGHT = 2544, 3056
DISTINCT = 4
"""Images that are made, since one takes seconds; the others are these again. What is encrypted does not compress."""

WORDS = (
    *("the", "heart", "lungs", "pleural", "effusion", "left", "right", "small"),
    *("moderate", "normal", "opacity", "without", "evidence", "lower", "lobe"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--studies", type=int, default=100)
    parser.add_argument("--image-side", type=int, default=IMAGE_SIDE)
    asked = parser.parse_args()
    found = {"pairs": measure(pairs(asked.pairs)), "studies": measure(studies(asked.studies, asked.image_side))}
    print(json.dumps({**vars(asked), **found}, indent=2))


def text(rng: np.random.Generator, words: int) -> str:
    return " ".join(rng.choice(WORDS, words)) + "."


def pairs(count: int) -> PageData:
    rng = np.random.default_rng(0)
    ids = [f"{at:03d}" for at in range(count)]
    items = {name: {"section": "findings", "source": text(rng, 50), "target": text(rng, 55)} for name in ids}
    return PageData("0" * 64, "reader", "translation", "pt", ids, items, [])


def studies(count: int, side: int) -> PageData:
    rng = np.random.default_rng(0)
    ids = [f"{at:03d}" for at in range(count)]
    made = [encoded(radiograph(rng), side) for _ in range(DISTINCT)]
    images = [made[at % DISTINCT] for at in range(2 * count)]
    items = {
        name: {"reference": text(rng, 70), "a": text(rng, 70), "b": text(rng, 70), "images": [2 * at, 2 * at + 1]}
        for at, name in enumerate(ids)
    }
    return PageData("0" * 64, "reader", "generation", "pt", ids, items, images)


def radiograph(rng: np.random.Generator) -> np.ndarray:
    """Grey levels of an image with the spectrum of a radiograph."""
    frequency = np.hypot(np.fft.fftfreq(HEIGHT)[:, None], np.fft.rfftfreq(WIDTH)[None, :])
    frequency[0, 0] = 1.0
    spectrum = np.fft.rfft2(rng.normal(size=(HEIGHT, WIDTH))) * frequency**-1.5
    field = np.fft.irfft2(spectrum, (HEIGHT, WIDTH))
    grey = 128 + 45 * (field - field.mean()) / field.std() + rng.normal(0, 3, field.shape)
    return grey.clip(0, 255).astype(np.uint8)


def encoded(grey: np.ndarray, side: int) -> bytes:
    held = io.BytesIO()
    Image.fromarray(grey).save(held, "JPEG", quality=95)
    found = scaled(io.BytesIO(held.getvalue()), side)
    assert found is not None
    return found


def measure(data: PageData) -> dict[str, float]:
    """Megabytes of the page and of an image in kilobytes, and seconds in the browser."""
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        path = Path(home) / "page.html"
        path.write_text(build_page(data, Key(PASSPHRASE)), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        start = time.monotonic()
        page.goto(path.as_uri())
        page.locator("#passphrase").fill(PASSPHRASE)
        opened = time.monotonic()
        page.keyboard.press("Enter")
        page.locator("input[type=number]").wait_for()
        page.keyboard.press("Enter")
        page.locator("footer").wait_for()
        if data.images:
            page.locator(".pictures img").last.evaluate("image => image.decode()")
        shown = time.monotonic()
        browser.close()
        return {
            "page_mb": round(path.stat().st_size / 1e6, 1),
            "image_kb": round(sum(map(len, data.images)) / 1e3 / max(len(data.images), 1), 1),
            "open_s": round(opened - start, 2),
            "first_item_s": round(shown - opened, 2),
        }


if __name__ == "__main__":
    main()
