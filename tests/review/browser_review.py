"""A reader's page in headless Chromium and Firefox. Run by `make browser`: it needs the browsers, and playwright.

pip install playwright && apt-get install chromium firefox-esr && pytest tests/review/browser_review.py
"""

from __future__ import annotations

import json
import re
import shutil
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsers import BROWSERS, Chromium, wait_for
from click.testing import CliRunner
from playwright.sync_api import BrowserContext, Page, Playwright, sync_playwright
from review_workspace import HIDDEN, HOSTILE, PASSPHRASE, build_review_workspace, write_settings

from hubkit.artifacts.review import (
    ERROR_TYPES,
    SEVERITIES,
    VERDICTS,
    Envelope,
    GenerationAnswer,
    Reading,
    Review,
    TranslationAnswer,
    read_review,
)
from hubkit.cli import cli
from hubkit.review.encryption import open_envelope
from hubkit.review.material import texts_of
from hubkit.workspace import Workspace

PAIRS = 50


def make(root: Path, *arguments: str, hostile: bool = False) -> Path:
    """The page of one reader, ana."""
    if not (root / "work").exists():
        build_review_workspace(root / "work", hostile=hostile, image_side=200)
    command = ["review", "make", "pilot", "--reader", "ana", "--repeats", "0", *arguments]
    places = ["--config", str(write_settings(root)), "--workspace", str(root / "work")]
    done = CliRunner().invoke(cli, [*command, *places], env={"HUBKIT_REVIEW_PASSPHRASE": PASSPHRASE})
    assert done.exit_code == 0, done.exception
    return root / "work" / "review" / "pilot" / "ana.html"


def review_of(root: Path) -> Review:
    return read_review(root / "work" / "review" / "pilot")


def read_result(path: Path) -> Reading:
    """A result file, as `hubkit` opens it."""
    envelope = Envelope.model_validate(json.loads(path.read_text(encoding="utf-8")))
    return Reading.model_validate(open_envelope(envelope, PASSPHRASE))


@pytest.mark.parametrize("name", BROWSERS)
def test_fifty_pairs_by_keyboard(tmp_path: Path, playwright: Playwright, name: str) -> None:
    """Read by keyboard alone, killed in the middle, opened again: nothing is lost, and Python opens the export."""
    if name == "firefox" and shutil.which("firefox-esr") is None:
        pytest.skip("there is no firefox-esr")
    page = make(tmp_path, "--items", str(PAIRS))
    review = review_of(tmp_path)
    order = review.order["ana"]
    texts = texts_of(Workspace(tmp_path / "work"), "translation", (), review.items)
    browser = BROWSERS[name](tmp_path, playwright)
    expected = []
    for first, last in ((0, PAIRS // 2), (PAIRS // 2, PAIRS)):
        browser.start()
        browser.open(page.as_uri())
        wait_for(browser, "document.activeElement.id === 'passphrase'")
        browser.type(PASSPHRASE)
        browser.press("Enter")
        wait_for(browser, "document.querySelector('input[type=number]') !== null")
        browser.press("Enter")
        for place in range(first, last):
            wait_for(browser, f"document.querySelector('h1').textContent.includes('Par {place + 1} de {PAIRS}')")
            target = texts[order[place]]["target"]
            answer: dict[str, Any] = {"item": order[place], "verdict": VERDICTS[place % 4], "errors": []}
            if place % 5 == 0:
                kind, severity = place % 6, place % 4
                browser.press(
                    "t", "ArrowRight", "ArrowRight", "Shift+ArrowRight", "e", str(kind + 1), str(severity + 1)
                )
                words = target.split(" ")
                span = (len(words[0]) + 1, len(" ".join(words[:3])))
                error = {"type": ERROR_TYPES[kind], "severity": SEVERITIES[severity], "target": span}
                answer["errors"].append(error)
            if place % 7 == 0:
                browser.press("c")
                browser.type(" Corrigido.")
                browser.press("Escape")
                answer["correction"] = f"{target} Corrigido."
            browser.press(str(place % 4 + 1))
            expected.append(answer)
            if place + 1 < last:
                browser.press("n")
        wait_for(browser, "dirty === null && store.writing.then(() => true)")
        if last < PAIRS:
            browser.press("n")
            wait_for(browser, f"document.querySelector('h1').textContent.includes('Par {last + 1} de {PAIRS}')")
            # Once the page counts it as kept, a kill takes nothing of it.
            wait_for(browser, "dirty === null && store.writing.then(() => true)")
            kept = browser.evaluate("store.text()")
            assert "AES-GCM" in kept
            assert "Corrigido" not in kept
            assert "derrame" not in kept
            browser.kill()
    browser.press("f")
    wait_for(browser, "document.activeElement.id === 'export'")
    browser.press("Enter")
    wait_for(browser, "document.activeElement.id === 'wipe'")
    assert browser.evaluate("store.text()")
    browser.press("Enter")
    wait_for(browser, "document.querySelector('.good') !== null")
    assert browser.evaluate("store.text()") is None
    assert browser.evaluate("localStorage.length") == 0
    assert browser.evaluate("document.cookie") == ""
    asked = {address.partition(":")[0] for address in browser.requests if not address.startswith("about:")}
    browser.kill()
    assert asked <= {"file", "blob", "data"}
    reading = read_result(tmp_path / "downloads" / "ana.review.json")
    assert (reading.review, reading.reader, reading.language) == (review.digest, "ana", "pt")
    assert reading.started <= reading.saved
    fields = {"seconds"}
    found = [answer.model_dump(exclude=fields) for answer in reading.answers]
    wanted = [TranslationAnswer.model_validate(each | {"seconds": 0}).model_dump(exclude=fields) for each in expected]
    assert found == wanted


# ------------------------------------------------------------------ Chromium alone


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Any]:
    started = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
    yield started
    started.close()


@pytest.fixture
def context(browser: Any) -> Iterator[BrowserContext]:
    opened = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    yield opened
    opened.close()


def enter(page: Page, path: Path, begin: bool = True) -> Page:
    """Open a page and go to its first item."""
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    page.goto(path.as_uri())
    page.locator("#passphrase").fill(PASSPHRASE)
    page.keyboard.press("Enter")
    page.locator("input[type=number]").wait_for()
    if begin:
        page.keyboard.press("Enter")
        page.locator("footer").wait_for()
    return page


def settled(page: Page) -> None:
    """Wait until everything is kept."""
    page.wait_for_timeout(300)
    for _ in range(100):
        if page.evaluate("dirty === null"):
            break
        page.wait_for_timeout(20)
    page.evaluate("store.writing")


def export(page: Page, path: Path) -> Reading:
    page.keyboard.press("Escape")  # out of a field
    page.keyboard.press("f")
    with page.expect_download() as download:
        page.locator("#export").click()
    download.value.save_as(path)
    page.locator("#wipe").wait_for()
    return read_result(path)


class Counter(socketserver.ThreadingTCPServer):
    """A server that counts whoever connects, and answers nothing."""

    daemon_threads = True

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        lines = self.lines

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                lines.append(self.rfile.readline())

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


OWN = re.compile(rb"CONNECT [\w.-]+\.(?:google|googleapis|gvt1)\.com:443 ")
"""What Chromium asks of its maker, whatever page is open."""

TRIES = """async (address) => {
  const refused = [];
  document.addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
  await fetch(address).catch(() => {});
  navigator.sendBeacon(address, "x");
  try { new WebSocket(address.replace("http", "ws")); } catch {}
  try { new EventSource(address); } catch {}
  const ways = { img: "src", iframe: "src", link: "href", video: "src", script: "src" };
  for (const [tag, name] of Object.entries(ways)) {
    const node = document.createElement(tag);
    if (tag === "link") node.rel = "stylesheet";
    try { node[name] = address; } catch {}
    document.body.append(node);
  }
  const form = document.createElement("form");
  form.action = address;
  document.body.append(form);
  form.submit();
  await new Promise((done) => setTimeout(done, 500));
  return refused;
}"""
"""Every way out that a script has but going elsewhere itself."""


def test_no_byte_leaves(tmp_path: Path, playwright: Playwright) -> None:
    """All that the browser connects to goes to a server that counts; nothing comes, also when a script tries."""
    with Counter() as counter:
        reader = Chromium(tmp_path, playwright, proxy=counter.address)
        reader.start()
        try:
            control = tmp_path / "control.html"
            control.write_text("<p>A page without a policy.</p>")
            enter(reader.page, make(tmp_path, "--items", "80", hostile=True))
            before = len(counter.lines)
            for _ in range(80):
                reader.page.keyboard.press("1")
                reader.page.keyboard.press("n")
            reader.page.locator("#export").wait_for()
            refused = reader.page.evaluate(TRIES, "http://192.0.2.1/x")
            assert {"connect-src", "img-src", "frame-src", "style-src-elem", "form-action"} <= set(refused)
            assert [line for line in counter.lines[before:] if not OWN.match(line)] == []
            assert {address.partition(":")[0] for address in reader.requests} <= {"file", "blob", "data", "http"}
            # The same page without its policy is counted: the test sees what it watches for.
            reader.page.goto(control.as_uri())
            reader.page.evaluate("fetch('http://192.0.2.1/x').catch(() => {})")
            assert any(b"192.0.2.1" in line for line in counter.lines[before:])
        finally:
            reader.kill()


def test_text_stays_text(tmp_path: Path, context: BrowserContext) -> None:
    page = context.new_page()
    page.on("dialog", lambda dialog: pytest.fail("a script of a report ran"))
    enter(page, make(tmp_path, "--items", "80", hostile=True))
    for _ in range(80):
        if HOSTILE in (page.locator("#source").text_content() or ""):
            break
        page.keyboard.press("n")
    text = page.locator("#source").text_content()
    assert text is not None
    assert text.endswith(HOSTILE)
    assert page.locator("#app img, #app script").count() == 0
    # The last word, behind three characters that UTF-16 writes as two each.
    page.keyboard.press("s")
    page.keyboard.press("End")
    for key in "e13":
        page.keyboard.press(key)
    page.keyboard.press("3")
    settled(page)
    answer = next(each for each in export(page, tmp_path / "r.json").answers if isinstance(each, TranslationAnswer))
    span = answer.errors[0].source
    assert span is not None
    assert text[slice(*span)] == "é"


def test_what_hides_is_seen_and_moves_no_offset(tmp_path: Path, context: BrowserContext) -> None:
    """A character that turns a line round would have a reader judge another text than the one that is released."""
    page = enter(context.new_page(), make(tmp_path, "--items", "80", hostile=True))
    for _ in range(80):
        if "odarreb" in (page.locator("#target").text_content() or ""):
            break
        page.keyboard.press("n")
    shown = page.locator("#target").text_content()
    assert shown is not None
    assert shown.endswith(" \u2400\ufffdodarreb\ufffd 🫁\ufffdfim")
    for key in ("t", "End", "ArrowLeft", "e", "1", "3", "c"):
        page.keyboard.press(key)
    # What is corrected is the text itself.
    assert page.locator("#corrected").input_value().endswith(HIDDEN)
    page.keyboard.press("Escape")
    page.keyboard.press("3")
    settled(page)
    [answer] = [each for each in export(page, tmp_path / "r.json").answers if isinstance(each, TranslationAnswer)]
    span = answer.errors[0].target
    assert span is not None
    review = review_of(tmp_path)
    target = texts_of(Workspace(tmp_path / "work"), "translation", (), review.items)[answer.item]["target"]
    assert target[slice(*span)] == HIDDEN.partition(" ")[0]


def test_a_passage_is_marked_with_the_mouse(tmp_path: Path, context: BrowserContext) -> None:
    page = enter(context.new_page(), make(tmp_path, "--items", "80"))
    source, target = (page.locator(name).text_content() or "" for name in ("#source", "#target"))
    for name in ("#source", "#target"):
        page.locator(f"{name} > span").first.dblclick()
    # A browser tells of a selection a moment later.
    page.get_by_text(f"Selecionado: “{source.split()[0]}” · “{target.split()[0]}”", exact=True).wait_for()
    page.get_by_role("button", name="Marcar um erro").click()
    page.get_by_role("button", name="Terminologia").click()
    page.get_by_role("button", name="Grave", exact=False).click()
    page.get_by_role("radio", name="Aceitável").check()
    assert page.locator("mark").all_text_contents() == [source.split()[0], target.split()[0]]
    page.get_by_label("Erro 1: Observação").fill("uma nota")
    page.get_by_label("Erro 1: Gravidade").select_option("critical")
    settled(page)
    answer = export(page, tmp_path / "r.json").answers[0]
    assert isinstance(answer, TranslationAnswer)
    assert answer.verdict == "acceptable"
    assert [error.model_dump() for error in answer.errors] == [
        {
            "type": "terminology",
            "severity": "critical",
            "source": (0, len(source.split()[0])),
            "target": (0, len(target.split()[0])),
            "note": "uma nota",
        }
    ]


def test_a_wrong_passphrase_opens_nothing(tmp_path: Path, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(make(tmp_path).as_uri())
    page.locator("#passphrase").fill("other words than those")
    page.keyboard.press("Enter")
    page.locator("#problem:not(:empty)").wait_for()
    assert "A frase-senha não abre este arquivo" in (page.locator("#problem").text_content() or "")
    assert page.evaluate("[data, state, localStorage.length, document.activeElement.id]") == [
        None,
        None,
        0,
        "passphrase",
    ]
    # Blanks come along where it is copied from a message.
    page.locator("#passphrase").fill(f" {PASSPHRASE} ")
    page.keyboard.press("Enter")
    page.locator("input[type=number]").wait_for()


def test_a_skipped_item_and_a_begun_one_are_listed_and_not_exported(tmp_path: Path, context: BrowserContext) -> None:
    path = make(tmp_path, "--items", "6")
    page = enter(context.new_page(), path)
    order = review_of(tmp_path).order["ana"]
    for keys in ("1n", "n", "e11n", "2ln", "3n", "4n"):
        for key in keys:
            page.keyboard.press(key)
    page.locator("#export").wait_for()
    shown = [each.text_content() for each in page.locator(".numbers").all()]
    assert shown == ["3", "2", "4"]
    settled(page)
    reading = export(page, tmp_path / "r.json")
    assert [answer.item for answer in reading.answers] == [order[at] for at in (0, 3, 4, 5)]
    page.locator("#wipe").click()
    # Another computer, or a copy that was wiped: the result file brings the answers back.
    other = enter(context.new_page(), path, begin=False)
    other.locator("input[type=file]").set_input_files(tmp_path / "r.json")
    other.get_by_text("4 respostas foram lidas do arquivo.").wait_for()
    other.locator("input[type=number]").fill("12")
    other.get_by_label("Nome com que").fill("Ana P.")
    other.get_by_role("button", name="Continuar", exact=True).click()
    other.keyboard.press("u")
    assert "Par 2 de 6" in (other.locator("h1").text_content() or "")
    other.keyboard.press("2")
    settled(other)
    again = export(other, tmp_path / "again.json")
    assert [answer.item for answer in again.answers] == [order[at] for at in (0, 1, 3, 4, 5)]
    assert (again.years, again.may_be_named) == (12, "Ana P.")
    assert again.answers[0] == reading.answers[0]


def test_a_copy_that_was_exported_stays_until_the_reader_has_the_file(tmp_path: Path, context: BrowserContext) -> None:
    """The browser was closed at the question: the page asks again, and the answers are still there."""
    path = make(tmp_path, "--items", "3")
    page = enter(context.new_page(), path)
    page.keyboard.press("1")
    settled(page)
    export(page, tmp_path / "r.json")
    page.close()
    page = context.new_page()
    page.goto(path.as_uri())
    page.locator("#passphrase").fill(PASSPHRASE)
    page.keyboard.press("Enter")
    page.locator("#wipe").wait_for()
    page.get_by_role("button", name="Voltar aos itens").click()
    page.locator("footer").wait_for()
    assert page.evaluate("[counts().done, state.exported]") == [1, None]
    page.keyboard.press("f")
    page.locator("#export").click()
    page.locator("#wipe").click()
    page.locator(".good").wait_for()
    assert page.evaluate("store.text()") is None


@pytest.mark.parametrize("change", ["another reader", "edited", "no JSON"])
def test_a_file_that_is_not_this_readers_is_refused(tmp_path: Path, context: BrowserContext, change: str) -> None:
    page = enter(context.new_page(), make(tmp_path, "--items", "2"))
    page.keyboard.press("1")
    settled(page)
    export(page, tmp_path / "r.json")
    page.locator("#wipe").click()
    values = json.loads((tmp_path / "r.json").read_text())
    changed = {"another reader": {"reader": "ben"}, "edited": {"data": values["data"][:-4] + "AAA="}}.get(change, {})
    (tmp_path / "r.json").write_text("{" if change == "no JSON" else json.dumps(values | changed))
    page = enter(context.new_page(), tmp_path / "work" / "review" / "pilot" / "ana.html", begin=False)
    page.locator("input[type=file]").set_input_files(tmp_path / "r.json")
    page.get_by_text("não é um resultado desta revisão").wait_for()
    assert page.evaluate("state.answers") == {}


def test_two_tabs_lose_nothing(tmp_path: Path, context: BrowserContext) -> None:
    path = make(tmp_path, "--items", "4")
    first = enter(context.new_page(), path)
    for key in "1n2":
        first.keyboard.press(key)
    # The last key is not kept yet when the other tab opens.
    second = enter(context.new_page(), path)
    first.get_by_text("Esta revisão foi aberta em outra aba").wait_for()
    assert second.evaluate("[state.place, counts().done]") == [1, 2]
    for key in "n3":
        second.keyboard.press(key)
    settled(second)
    first.get_by_role("button", name="Continuar aqui").click()
    first.locator("footer").wait_for()
    second.get_by_text("Esta revisão foi aberta em outra aba").wait_for()
    assert first.evaluate("[state.place, counts().done]") == [2, 3]


def test_a_shut_lid_and_an_idle_reader_cost_no_time(tmp_path: Path, context: BrowserContext) -> None:
    page = context.new_page()
    page.clock.install()
    path = make(tmp_path, "--items", "2")
    page.goto(path.as_uri())
    page.locator("#passphrase").fill(PASSPHRASE)
    page.keyboard.press("Enter")
    page.locator("input[type=number]").wait_for()
    page.keyboard.press("Enter")
    page.clock.run_for(10_000)
    page.keyboard.press("1")
    assert 8 <= page.evaluate("answerOf(here()).seconds") <= 12
    # Timers of a machine that slept fire once when it wakes.
    page.clock.fast_forward(8 * 3600 * 1000)
    page.clock.run_for(1000)
    assert page.evaluate("answerOf(here()).seconds") <= 14
    page.keyboard.press("n")
    page.clock.run_for(3600 * 1000)
    assert 170 <= page.evaluate("answerOf(here()).seconds") <= 185


@pytest.mark.parametrize(("owner", "name"), [("IDBObjectStore", "put"), ("IDBFactory", "open")])
def test_a_browser_that_keeps_nothing_says_so(tmp_path: Path, context: BrowserContext, owner: str, name: str) -> None:
    context.add_init_script(f"{owner}.prototype.{name} = () => {{ throw new Error('full'); }};")
    page = enter(context.new_page(), make(tmp_path, "--items", "2"))
    page.keyboard.press("1")
    page.get_by_text("Não foi possível guardar neste navegador").wait_for()
    assert len(export(page, tmp_path / "r.json").answers) == 1


def test_a_study_by_keyboard(tmp_path: Path, context: BrowserContext) -> None:
    path = make(tmp_path, "--kind", "generation", "--items", "5")
    review = review_of(tmp_path)
    page = enter(context.new_page(), path)
    item = review.order["ana"][0]
    for side in ("a", "b"):
        shown = page.locator(f'[id="report.{side}"]').text_content() or ""
        assert shown.startswith(review.blinding["ana"][item][side])
    page.locator(".pictures img").nth(1).evaluate("image => image.decode()")
    assert page.locator(".pictures img").nth(1).evaluate("image => image.naturalWidth") == 200
    page.keyboard.press("i")
    page.keyboard.press("n")
    page.keyboard.press("+")
    assert "Imagem 2 / 2" in (page.locator("dialog").text_content() or "")
    page.keyboard.press("Escape")
    for key in "a34b121454":
        page.keyboard.press(key)
    settled(page)
    answer = export(page, tmp_path / "r.json").answers[0]
    assert isinstance(answer, GenerationAnswer)
    assert answer.model_dump(exclude={"seconds"}) == {
        "item": item,
        "better": "a",
        "errors": {
            "a": ({"dimension": "side", "severity": "critical", "note": ""},),
            "b": ({"dimension": "existence_missed", "severity": "minor", "note": ""},),
        },
        "would_sign": {"a": False, "b": True},
    }


CONTRASTS = """() => {
  const parse = (text) => {
    const parts = text.match(/[\\d.]+/g).map(Number);
    return parts.length < 4 ? [...parts, 1] : parts;
  };
  const over = (top, below) => [0, 1, 2].map((at) => top[at] * top[3] + below[at] * (1 - top[3])).concat(1);
  const ground = (node) => {
    if (!node) return [255, 255, 255, 1];
    const own = parse(getComputedStyle(node).backgroundColor);
    return own[3] === 1 ? own : over(own, ground(node.parentElement));
  };
  const light = (colour) => {
    const [red, green, blue] = colour.slice(0, 3).map((part) => {
      const value = part / 255;
      return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const faults = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const node = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !node.checkVisibility()) continue;
    if (node.closest("script, .unseen, :disabled")) continue;
    const colour = over(parse(getComputedStyle(node).color), ground(node));
    const [one, other] = [light(colour), light(ground(node))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    if (ratio < 4.5) faults.push([texts.currentNode.data.trim().slice(0, 40), Math.round(ratio * 100) / 100]);
  }
  return faults;
}"""
"""Texts with less contrast than WCAG's level AA asks for."""

NAMELESS = """() => [...document.querySelectorAll("button, input, select, textarea, [role=textbox], dialog")]
  .filter((node) => node.checkVisibility() && !node.getAttribute("aria-label") && !node.labels?.length)
  .filter((node) => !(node.tagName === "BUTTON" && node.textContent.trim()))
  .map((node) => node.outerHTML.slice(0, 80))"""
"""Controls that a screen reader has no name for."""


CUT = """() => [...document.querySelectorAll("select")].filter((node) => {
  const whole = node.cloneNode(true);
  whole.replaceChildren(node.selectedOptions[0].cloneNode(true));
  Object.assign(whole.style, { width: "auto", position: "absolute" });
  node.parentElement.append(whole);
  const cut = whole.offsetWidth > node.offsetWidth;
  whole.remove();
  return cut;
}).map((node) => node.selectedOptions[0].textContent)"""
"""Lists that are too narrow for what is chosen in them."""


OUTLINE = """() => {
  const node = document.activeElement;
  if (node === document.body) return 3;
  // A radio button is drawn by its neighbour.
  const style = getComputedStyle(node.closest(".choice") ? node.nextElementSibling : node);
  return style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth);
}"""
"""Pixels of the line around what has the focus."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 820])
@pytest.mark.parametrize("kind", ["translation", "generation"])
def test_every_screen_can_be_read(tmp_path: Path, browser: Any, kind: str, width: int, scheme: Any) -> None:
    """Contrast, names of controls, width and a visible focus, on every screen and in both languages."""
    path = make(tmp_path, "--kind", kind, "--items", "5")
    context = browser.new_context(viewport={"width": width, "height": 1000}, color_scheme=scheme)
    page = context.new_page()
    seen = []

    def look(screen: str) -> None:
        seen.append(screen)
        assert page.evaluate(CONTRASTS) == [], screen
        assert page.evaluate(NAMELESS) == [], screen
        assert page.evaluate(CUT) == [], screen
        assert page.evaluate("document.documentElement.scrollWidth") <= width, screen

    page.goto(path.as_uri())
    look("unlock")
    page.get_by_role("button", name="English").click()
    assert page.evaluate("document.documentElement.lang") == "en"
    page.locator("#passphrase").fill("not the right passphrase")
    page.keyboard.press("Enter")
    page.locator("#problem:not(:empty)").wait_for()
    look("wrong passphrase")
    page.locator("#passphrase").fill(PASSPHRASE)
    page.keyboard.press("Enter")
    page.locator("input[type=number]").wait_for()
    look("start")
    page.keyboard.press("Enter")
    page.locator("footer").wait_for()
    look("item")
    for _ in range(25):
        page.keyboard.press("Tab")
        outline = page.evaluate(OUTLINE)
        assert outline >= 2, page.evaluate("document.activeElement.outerHTML.slice(0, 90)")
    page.keyboard.press("e" if kind == "translation" else "a")
    look("type")
    assert page.locator("#live").text_content() or page.wait_for_timeout(100) is None
    page.keyboard.press("1")
    look("severity")
    page.keyboard.press("4")
    for key in "" if kind == "translation" else "45":
        page.keyboard.press(key)
    for severity in "123":
        for key in ("e" if kind == "translation" else "b", "2", severity):
            page.keyboard.press(key)
    page.keyboard.press("1")
    if kind == "translation":
        page.keyboard.press("c")
        page.keyboard.type(" x")
        page.keyboard.press("Escape")
    look("answered")
    for key, screen in (("?", "help"), ("g", "list"), ("i", "viewer")):
        if screen == "viewer" and kind == "translation":
            continue
        page.keyboard.press(key)
        page.locator("dialog[open]").wait_for()
        look(screen)
        page.keyboard.press("Escape")
    page.keyboard.press("f")
    look("finish")
    page.locator("#export").click()
    page.locator("#wipe").wait_for()
    look("exported")
    page.locator("#wipe").click()
    page.locator(".good").wait_for()
    look("wiped")
    assert len(seen) >= 12
    context.close()


def test_single_keys_can_be_switched_off(tmp_path: Path, context: BrowserContext) -> None:
    """Who speaks to the computer, or has a tremor, sets off no shortcut (WCAG 2.1.4)."""
    page = enter(context.new_page(), make(tmp_path, "--items", "2"))
    page.keyboard.press("?")
    page.get_by_label("Usar atalhos de uma tecla").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    page.keyboard.press("1")
    assert page.evaluate("[state.place, counts().done]") == [0, 0]
    page.get_by_role("radio", name="Correta").check()
    page.get_by_role("button", name=re.compile("Próximo")).last.click()
    assert page.evaluate("[state.place, counts().done]") == [1, 1]


def test_a_review_in_clear(tmp_path: Path, context: BrowserContext) -> None:
    """No passphrase, and the hostile text stays text where it lies in the file itself."""
    path = make(tmp_path, "--items", "80", "--clear", hostile=True)
    page = context.new_page()
    page.on("dialog", lambda dialog: pytest.fail("a script of a report ran"))
    page.goto(path.as_uri())
    page.locator("input[type=number]").wait_for()
    page.keyboard.press("Enter")
    page.keyboard.press("1")
    settled(page)
    page.keyboard.press("f")
    with page.expect_download() as download:
        page.locator("#export").click()
    envelope = Envelope.model_validate(json.loads(download.value.path().read_text()))
    assert envelope.cipher is None
    assert len(Reading.model_validate(open_envelope(envelope, None)).answers) == 1
