"""A repo's page in headless Chromium. Run by `make browser`: it needs a browser, and playwright.

pip install playwright && apt-get install chromium && pytest tests/localhub/browser_pages.py
"""

from __future__ import annotations

import shutil

import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from playwright.sync_api import sync_playwright

from hubkit.localhub import LocalHub

DIGEST = "5009195327e212506f4acd3c343c6d6e5eb6ebc3320182197285a0139a0c865a"
LONG_PATH = "/".join(["folder"] * 40)

CARD = f"""# Reports

| what | value |
|---|---|
| derived from | {"a corpus of reports, and what was made of it, " * 8} |
| SHA-256 of the table | `{DIGEST}`, `{DIGEST}`, `{DIGEST}` |

| file | rows | place |
|---|---|---|
| test | 3 | `{LONG_PATH}` |
"""


@pytest.mark.parametrize("width", [1200, 400])
def test_tables_stay_readable_and_in_the_page(hub: LocalHub, width: int) -> None:
    """Words in the first column are whole, and what is long makes no page wider than its window."""
    api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    api.create_repo("maintainer/shown", exist_ok=True)
    files = [CommitOperationAdd("README.md", CARD.encode()), CommitOperationAdd(f"{LONG_PATH}/a.txt", b"a")]
    api.create_commit("maintainer/shown", files, commit_message="Card")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 1400})
        page.goto(f"{hub.url}/maintainer/shown")
        for words in ("derived from", "SHA-256 of the table"):
            assert page.locator("td", has_text=words).bounding_box()["width"] > 60
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        browser.close()
