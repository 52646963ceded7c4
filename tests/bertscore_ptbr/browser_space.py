"""The Space in headless Chromium: a person pastes, uploads, clicks. Run by `make browser`: it needs a browser.

pip install playwright && apt-get install chromium && pytest tests/bertscore_ptbr/browser_space.py
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from hubkit.published import published

expect.set_options(timeout=60_000)

STORED = """async () => {
    const found = [JSON.stringify(localStorage), JSON.stringify(sessionStorage)];
    for (const {name} of await indexedDB.databases()) {
        const database = await new Promise(done => {
            const open = indexedDB.open(name);
            open.onsuccess = () => done(open.result);
        });
        for (const store of database.objectStoreNames) {
            found.push(await new Promise(done => {
                const all = database.transaction(store).objectStore(store).getAll();
                all.onsuccess = () => done(JSON.stringify(all.result));
            }));
        }
    }
    return found.join();
}"""

START = """
import sys
sys.path.insert(0, {folder!r})
import app, bertscore_ptbr
bertscore_ptbr.SETUPS = {setups!r}
app.build("someone/bertscore_ptbr").launch(**app.LAUNCH, server_name="127.0.0.1")
"""


@pytest.fixture(scope="module")
def address(encoders, tmp_path_factory):
    """The page, served by a process of its own as on the Space; nothing that was entered may lie on its disk."""
    home = tmp_path_factory.mktemp("space")
    setups = {"bertimbau": encoders["bert"], "xlm-roberta": encoders["xlm-roberta"]}
    code = START.format(folder=str(published("bertscore_ptbr")), setups=setups)
    environment = {**os.environ, "GRADIO_TEMP_DIR": str(home / "uploads"), "HF_HOME": str(home / "hf")}
    log = home / "log"
    with open(log, "w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", code], env=environment, stdout=stream, stderr=subprocess.STDOUT
        )

    def kept():
        files = [path for path in home.rglob("*") if path.is_file()]
        return [path for path in files if "segredo" in path.read_text(errors="replace")]

    try:
        while "Running on local URL" not in log.read_text():
            assert process.poll() is None, log.read_text()
        yield log.read_text().split("Running on local URL:")[1].split()[0]
        assert kept() == []  # Gradio would delete what is left when it ends
    finally:
        process.terminate()
        process.wait(30)
    assert kept() == []


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser, address):
    page = browser.new_page(viewport={"width": 1200, "height": 1400})
    page.set_default_timeout(60_000)
    page.goto(address)
    expect(page.get_by_text("Do not enter restricted text here")).to_be_visible()
    yield page
    page.close()


def fill(page: Page, predictions: str, references: str) -> None:
    page.locator("#predictions textarea").fill(predictions)
    page.locator("#references textarea").fill(references)
    page.locator("#score").click()


def test_pasted_pairs(page, tmp_path):
    long = "Há opacidade à direita. " * 12
    fill(page, f"Sem derrame segredo.\n{long}", f"Há derrame.\n{long}")
    expect(page.locator("#means")).to_contain_text("Means: precision")
    expect(page.locator("#table")).to_contain_text("Sem derrame segredo.")
    expect(page.get_by_test_id("cell-1-4")).to_be_in_viewport()
    heat = page.locator("#heat table")
    expect(heat).to_be_visible()
    first = heat.inner_text()
    assert "segredo" not in page.evaluate(STORED)
    page.get_by_test_id("cell-1-0").click()
    expect(heat).not_to_have_text(first, use_inner_text=True)
    page.screenshot(path=os.environ.get("SPACE_SCREENSHOT", str(tmp_path / "space.png")), full_page=True)


def test_an_uploaded_file(page, tmp_path):
    file = tmp_path / "pairs.csv"
    file.write_text("prediction,reference\nNormal segredo.,Normal.\n", encoding="utf-8")
    page.get_by_role("radio", name="xlm-roberta").check()
    page.locator("input[type=file]").first.set_input_files(Path(file))
    expect(page.locator("#means")).to_contain_text("model:xlm-roberta")
    expect(page.locator("#table")).to_contain_text("Normal segredo.")
    assert "segredo" not in page.evaluate(STORED)


def test_a_refusal_is_shown(page):
    fill(page, "segredo\nb", "a")
    expect(page.get_by_text("There are 2 predictions and 1 references.")).to_be_visible()


def test_markup_does_not_run(page):
    fill(page, "<img src=x onerror=\"document.title='ran'\">", "Normal.")
    expect(page.locator("#heat table")).to_be_visible()
    assert page.title() == "BERTScore PT-BR"
