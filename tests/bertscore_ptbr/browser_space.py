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


@pytest.fixture(params=[1200, 390], ids=["desktop", "phone"])
def page(browser, address, request):
    page = browser.new_page(viewport={"width": request.param, "height": 1400})
    page.set_default_timeout(60_000)
    page.goto(address)
    expect(page.get_by_text("Não cole aqui textos restritos")).to_be_visible()
    yield page
    # On any screen what is wide scrolls in its own box, and the page stays in the window.
    assert page.evaluate("document.documentElement.scrollWidth") <= request.param
    name = f"{request.node.originalname}-{request.param}.png"
    if folder := os.environ.get("SPACE_SCREENSHOTS"):
        page.screenshot(path=str(Path(folder) / name), full_page=True)
    page.close()


def fill(page: Page, prediction: str, reference: str) -> None:
    page.locator("#prediction textarea").fill(prediction)
    page.locator("#reference textarea").fill(reference)
    page.locator("#score").click()


def test_two_long_reports(page):
    long = "Há opacidade à direita, sem derrame. Coração normal.\n" * 12
    fill(page, f"Sem derrame segredo.\n{long}", long)
    expect(page.locator("#means")).to_contain_text("Médias: precisão")
    expect(page.locator("#table")).to_contain_text("Sem derrame segredo.")
    expect(page.locator("#heat table").first).to_be_visible()
    hidden = page.locator("#heat details")
    assert hidden.count() > 3
    hidden.first.locator("summary").click()
    expect(hidden.first.locator("table")).to_be_visible()
    assert page.locator("#heat").bounding_box()["height"] < 1400
    assert "segredo" not in page.evaluate(STORED)


def test_a_pair_a_line_and_a_file_of_the_scores(page):
    page.locator("#by-line input").check()
    fill(page, "Sem derrame segredo.\nNormal.", "Há derrame.\nNormal.")
    expect(page.locator("#table")).to_contain_text("Normal.")
    expect(page.locator("#heat table").first).to_be_visible()
    first = page.locator("#heat table").inner_text()
    page.get_by_test_id("cell-1-0").click()
    expect(page.locator("#heat table")).not_to_have_text(first, use_inner_text=True)
    with page.expect_download() as download:
        page.locator("#download a").click()
    rows = Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert [row.split(";")[0] for row in rows] == ["prediction", "Sem derrame segredo.", "Normal."]


def test_an_uploaded_file(page, tmp_path):
    file = tmp_path / "pairs.csv"
    file.write_text("prediction;reference\nNormal segredo.;Normal.\n", encoding="utf-8")
    page.get_by_role("radio", name="xlm-roberta").check()
    page.locator("input[type=file]").first.set_input_files(Path(file))
    expect(page.locator("#means")).to_contain_text("model:xlm-roberta")
    expect(page.locator("#table")).to_contain_text("Normal segredo.")
    assert "segredo" not in page.evaluate(STORED)


def test_a_refusal_takes_the_place_of_a_result(page):
    fill(page, "Normal segredo.", "Normal.")
    expect(page.locator("#table")).to_contain_text("segredo")
    fill(page, " ", " ")
    expect(page.locator("#means")).to_contain_text("Os dois textos estão vazios.")
    expect(page.locator("#table")).not_to_contain_text("segredo")
    expect(page.locator("#heat table")).to_have_count(0)


def test_the_page_speaks_english(page):
    page.get_by_role("radio", name="English").check()
    expect(page.get_by_text("Do not enter restricted text here")).to_be_visible()
    fill(page, "", "Normal.")
    expect(page.locator("#means")).to_contain_text("1 with an empty text")
    expect(page.locator("#table")).to_contain_text("empty")


def test_markup_does_not_run(page):
    fill(page, "<img src=x onerror=\"document.title='ran'\">", "Normal.")
    expect(page.locator("#heat table").first).to_be_visible()
    assert page.title() == "BERTScore PT-BR"
