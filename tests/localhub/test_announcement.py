"""What `hubkit hub serve` prints is all that a client needs, where a proxy is set too."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from hubkit.cli.hub import _announce


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({}, None),
        ({"http_proxy": "http://127.0.0.1:9"}, "export NO_PROXY=127.0.0.1  #"),
        ({"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "intra"}, "export NO_PROXY=intra,127.0.0.1  #"),
        ({"http_proxy": "http://127.0.0.1:9", "no_proxy": "127.0.0.1"}, None),
        ({"http_proxy": "http://127.0.0.1:9", "no_proxy": "*"}, None),
    ],
)
def test_a_proxy_in_the_way_is_named(
    variables: dict[str, str],
    line: str | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    tokens = dict.fromkeys(("owner", "granted", "ungranted"), "hf_x")
    hub: object = SimpleNamespace(url="http://127.0.0.1:8081", owner="maintainer", root="hub", tokens=tokens)
    _announce(hub)  # type: ignore[arg-type]
    said = [text for text in capsys.readouterr().out.splitlines() if "NO_PROXY" in text]
    assert [text[: len(line or "")] for text in said] == ([] if line is None else [line])
