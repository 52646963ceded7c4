"""Two browsers as a reader has them: a profile that outlives the process, a keyboard, a folder of downloads.

Chromium goes through playwright. Playwright's own driver for Firefox needs a Firefox that its makers patched, so
Debian's is spoken to by WebDriver BiDi, which it has built in.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import psutil
from playwright.sync_api import Error, Playwright
from websockets.sync.client import connect

PATIENCE = 20
"""Seconds that a page may take to show something, on a machine that is busy."""


class Browser(Protocol):
    """What a test does with a browser; `requests` are the addresses that it asked for."""

    requests: list[str]

    def start(self) -> None: ...
    def kill(self) -> None: ...
    def open(self, address: str) -> None: ...
    def press(self, *keys: str) -> None: ...
    def type(self, text: str) -> None: ...
    def evaluate(self, expression: str) -> Any: ...


def wait_for(browser: Browser, expression: str) -> Any:
    """The value of an expression once it is neither false nor empty."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if value := browser.evaluate(expression):
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {PATIENCE} s: {expression}")


class Chromium:
    def __init__(self, home: Path, playwright: Playwright, proxy: str | None = None):
        self.profile, self.downloads, self.proxy = home / "chromium", home / "downloads", proxy
        self.requests: list[str] = []
        self._playwright = playwright

    def start(self) -> None:
        # All names and addresses, loopback too, go to the proxy.
        rules = [f"--proxy-server={self.proxy}", "--proxy-bypass-list=<-loopback>"] if self.proxy else []
        self.context = self._playwright.chromium.launch_persistent_context(
            self.profile,
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", *rules],
            accept_downloads=True,
            viewport={"width": 1280, "height": 900},
        )
        self.context.on("request", lambda request: self.requests.append(request.url))
        self.page = self.context.pages[0]
        self.page.on("download", lambda download: download.save_as(self.downloads / download.suggested_filename))

    def kill(self) -> None:
        """End the process as a power cut does: the browser writes nothing more."""
        for process in psutil.Process().children(recursive=True):
            try:
                line = process.cmdline()
            except psutil.NoSuchProcess:  # a browser of another test, which has just ended
                continue
            if f"--user-data-dir={self.profile}" in line and not any(part.startswith("--type=") for part in line):
                process.kill()
        with contextlib.suppress(Error):
            self.context.close()

    def open(self, address: str) -> None:
        self.page.goto(address)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)

    def evaluate(self, expression: str) -> Any:
        return self.page.evaluate(expression)


KEYS = {
    "Enter": "\ue007",
    "Escape": "\ue00c",
    "ArrowRight": "\ue014",
    "ArrowLeft": "\ue012",
    "Tab": "\ue004",
    "End": "\ue010",
    "Shift": "\ue008",
    "Control": "\ue009",
}
"""Keys without a character, as WebDriver writes them."""


class Firefox:
    def __init__(self, home: Path, playwright: Playwright):
        del playwright  # one signature for both
        self.profile, self.downloads = home / "firefox", home / "downloads"
        self.requests: list[str] = []

    def start(self) -> None:
        self.profile.mkdir(parents=True, exist_ok=True)
        self.downloads.mkdir(exist_ok=True)
        settings: dict[str, str | int | bool] = {
            "browser.download.folderList": 2,
            "browser.download.dir": str(self.downloads),
            # The list of downloads would open over the page, and take the keyboard.
            "browser.download.alwaysOpenPanel": False,
            "browser.shell.checkDefaultBrowser": False,
            "datareporting.policy.dataSubmissionEnabled": False,
        }
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in settings.items()]
        (self.profile / "user.js").write_text("".join(lines))
        command = ["firefox-esr", "--headless", "--no-remote", "--profile", str(self.profile)]
        self.process = subprocess.Popen(
            [*command, "--remote-debugging-port", "0"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        assert self.process.stderr is not None
        lines_of = itertools.takewhile(bool, iter(self.process.stderr.readline, ""))
        address = next(found[1] for line in lines_of if (found := re.search(r"BiDi listening on (ws://\S+)", line)))
        self.socket = connect(f"{address}/session", max_size=None, proxy=None)
        self.number = itertools.count(1)
        self._call("session.new", capabilities={})
        self._call("session.subscribe", events=["network.beforeRequestSent"])
        # The tab that a headless Firefox starts with has no focus, and there Enter presses no button.
        self.context = self._call("browsingContext.create", type="tab")["context"]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.socket.close()

    def open(self, address: str) -> None:
        self._call("browsingContext.navigate", context=self.context, url=address, wait="complete")

    def press(self, *keys: str) -> None:
        for key in keys:
            names = [KEYS.get(name, name) for name in key.split("+")]
            downs = [{"type": "keyDown", "value": name} for name in names]
            self._act(downs + [{"type": "keyUp", "value": name} for name in reversed(names)])

    def type(self, text: str) -> None:
        self._act([{"type": kind, "value": character} for character in text for kind in ("keyDown", "keyUp")])

    def evaluate(self, expression: str) -> Any:
        found = self._call(
            "script.evaluate",
            expression=f"Promise.resolve({expression}).then(JSON.stringify)",
            target={"context": self.context},
            awaitPromise=True,
        )
        assert found["type"] == "success", found
        return json.loads(found["result"].get("value", "null"))

    def _act(self, actions: list[dict[str, str]]) -> None:
        keyboard = {"type": "key", "id": "keyboard", "actions": actions}
        self._call("input.performActions", context=self.context, actions=[keyboard])

    def _call(self, method: str, **parameters: Any) -> Any:
        number = next(self.number)
        self.socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv(timeout=PATIENCE * 3))
            if message.get("method") == "network.beforeRequestSent":
                self.requests.append(message["params"]["request"]["url"])
            if message.get("id") == number:
                assert message["type"] == "success", message
                return message["result"]


BROWSERS: dict[str, Callable[[Path, Playwright], Browser]] = {"chromium": Chromium, "firefox": Firefox}
