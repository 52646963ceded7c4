"""What a stranger, a web page or a card tries with the Hub on loopback."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from huggingface_hub import CommitOperationAdd, HfApi

from hubkit.localhub import LocalHub, cards
from hubkit.localhub.entrance import LARGEST_BODY
from hubkit.localhub.errors import Refusal
from hubkit.localhub.gitignore import ignored
from hubkit.localhub.layout import rendered

REPO = "maintainer/hostile"
FILES = {
    "a.html": b"<script>alert(1)</script>",
    "b.SVG": b"<svg onload='alert(1)'/>",
    "c.txt": b"<html>",
    "d.json": b"{}",
}


@pytest.fixture(scope="module")
def client(hub: LocalHub) -> Iterator[httpx.Client]:
    api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    api.create_repo(REPO)
    added = [CommitOperationAdd(name, content) for name, content in FILES.items()]
    api.create_commit(REPO, added, commit_message="Add")
    with httpx.Client(base_url=hub.url, headers={"Authorization": f"Bearer {hub.tokens['owner']}"}) as client:
        yield client


@pytest.mark.parametrize(("name", "kind"), zip(FILES, ["attachment", "attachment", "inline", "inline"], strict=True))
def test_a_file_runs_in_no_browser(client: httpx.Client, name: str, kind: str) -> None:
    for way in ("resolve", "raw"):
        answer = client.get(f"/{REPO}/{way}/main/{name}")
        assert answer.content == FILES[name]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("sandbox;")
    assert client.get(f"/{REPO}/resolve/main/{name}").headers["content-disposition"].partition(";")[0] == kind


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:{port}", 200),
        ("LOCALHOST:{port}", 200),
        ("localhost", 200),
        ("evil.example:{port}", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example:{port}", 421),
        ("", 421),
    ],
    ids=range(7),
)
def test_a_name_that_is_not_the_hubs_is_refused(client: httpx.Client, host: str, status: int) -> None:
    answer = client.get("/api/models", headers={"Host": host.format(port=client.base_url.port)})
    assert answer.status_code == status


def _peak(pid: int) -> int:
    """The most memory that a process has had, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads how much memory the Hub takes")
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_long_is_never_held(hub: LocalHub, client: httpx.Client, chunked: bool) -> None:
    before = _peak(hub.pid)
    headers = {} if chunked else {"Content-Length": str(6 * LARGEST_BODY)}
    parts = (b" " * 2**20 for _ in range(6 * LARGEST_BODY // 2**20))
    assert client.post("/api/validate-yaml", content=parts, headers=headers).status_code == 413
    assert _peak(hub.pid) - before < 3 * LARGEST_BODY
    assert client.get(f"/api/models/{REPO}").status_code == 200


IGNORED = [
    ("a", "a", True),
    ("a", "b/a", True),
    ("a", "a/b", True),
    ("a", "ab", False),
    ("/a", "b/a", False),
    ("a/b", "a/b", True),
    ("a/b", "c/a/b", False),
    ("a/", "a", False),
    ("a/", "x/a/b", True),
    ("*.log", "x/y.log", True),
    ("*.log", "x.log/y", True),
    ("a*b", "a/b", False),
    ("a?c", "abc", True),
    ("a[b-d]e", "ace", True),
    ("a[!b-d]e", "ace", False),
    ("a[]]e", "a]e", True),
    ("**/a", "x/y/a", True),
    ("a/**", "a/x/y", True),
    ("a/**", "a", False),
    ("a/**/b", "a/b", True),
    ("a/**/b", "a/x/y/b", True),
    ("x/*", "x/y/z", True),
    ("# a", "# a", False),
    ("\\# a", "# a", True),
    ("\\!a", "!a", True),
    ("a\\*", "ab", False),
    ("a  ", "a", True),
    ("a\\ ", "a ", True),
    ("*.txt\n!b.txt", "a.txt", True),
    ("*.txt\n!b.txt", "b.txt", False),
    ("[z-a]\n!\n\\\na", "a", True),
    ("", "a", False),
]


@pytest.mark.parametrize(("gitignore", "path", "expected"), IGNORED)
def test_gitignore(gitignore: str, path: str, expected: bool) -> None:
    assert ignored(gitignore, [path]) == [expected]


@pytest.mark.parametrize("pattern", ["*a" * 40 + "b", "a*" * 40 + "/" + "b*" * 40, "**/" * 60 + "b", "[a-b]*" * 200])
def test_no_pattern_takes_long(pattern: str) -> None:
    begun = time.process_time()
    ignored("\n".join([pattern] * 50), ["a" * 200, "/".join("a" * 100)])
    assert time.process_time() - begun < 2
    with pytest.raises(Refusal, match="Too many patterns"):
        ignored(pattern * 10_000, ["a/b"] * 256)


def _bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 8)}]" for level in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "metadata",
    [_bomb(30), "a: &a [*a]", "a: &a {b: *a}", "a: " + "[" * 5000, "a: " + "x" * 70_000],
    ids=["bomb", "itself", "mapping", "nested", "long"],
)
def test_metadata_that_would_stop_the_hub_is_refused(client: httpx.Client, metadata: str) -> None:
    begun = time.monotonic()
    answer = client.post("/api/validate-yaml", json={"content": f"---\n{metadata}\n---\n"})
    assert answer.status_code == 400
    assert "invalid YAML" in answer.text
    assert time.monotonic() - begun < 10


def test_an_alias_may_stand_for_a_little(client: httpx.Client) -> None:
    card = f"---\n{_bomb(3)}\n---\n"
    assert cards.problems(card) == []
    assert cards.metadata(card)["a1"] == [["x"] * 8] * 8


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("a<!-- b -->c", "<p>ac</p>\n"),
        ("<!-- b -->\nc", "<p>c</p>\n"),
        ("a<!-- b", "<p>a&lt;!-- b</p>\n"),
        ("<!-- a --><!-- b\n\nb -->c", "<p>c</p>\n"),
    ],
)
def test_comments_are_not_shown(markdown: str, shown: str) -> None:
    assert rendered(markdown) == shown


def test_comments_that_nothing_ends_take_no_time() -> None:
    from hubkit.localhub.layout import _without_comments

    begun = time.process_time()
    assert _without_comments("<!--" * 250_000) == "<!--" * 250_000
    assert time.process_time() - begun < 1
