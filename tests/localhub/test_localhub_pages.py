"""What a person sees of the Hub in a browser."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from huggingface_hub import CommitOperationAdd, HfApi

from hubkit.localhub import LocalHub

CARD = """---
license: other
tags: [radiology]
extra_gated_heading: Ask for access
extra_gated_prompt: You agree to the **terms**.
extra_gated_fields:
  Institution: text
  Date of the agreement: date_picker
  Purpose:
    type: select
    options: [Research, {label: Other things, value: other}]
  I will not share this: checkbox
---

# Reports <script>alert(1)</script>

| split | rows |
|---|---|
| test | 3 |
"""


@pytest.fixture(scope="module")
def page(hub: LocalHub) -> str:
    api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    api.create_repo("maintainer/shown", repo_type="dataset")
    operation = CommitOperationAdd("README.md", CARD.encode())
    api.create_commit("maintainer/shown", [operation], commit_message="Card", repo_type="dataset")
    api.update_repo_settings("maintainer/shown", gated="manual", repo_type="dataset")
    return httpx.get(f"{hub.url}/datasets/maintainer/shown").text


def test_the_card_is_rendered_and_its_html_is_text(page: str) -> None:
    assert "<td>test</td>" in page
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "gated: manual" in page


@pytest.mark.parametrize(
    "shown",
    [
        "You agree to the <strong>terms</strong>.",
        '<input type="text" name="Institution" required>',
        '<input type="date" name="Date of the agreement" required>',
        "<option>Research</option><option>other</option>",
        '<input type="checkbox" name="I will not share this" value="true" required>',
    ],
)
def test_the_form_asks_what_the_card_asks(page: str, shown: str) -> None:
    assert shown in page


def test_the_form_can_be_sent_off(hub: LocalHub, page: str) -> None:
    address = f"{hub.url}/datasets/maintainer/shown/ask-access"
    assert httpx.post(address, data={"Institution": "A"}).status_code == 401
    sent = {"Institution": "A", "hub-token": hub.tokens["ungranted"]}
    sent_off = httpx.post(address, data=sent)
    assert sent_off.status_code == 303
    assert "<form" not in (shown := httpx.get(sent_off.headers["location"]).text)
    assert "sent to the authors" in shown
    api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    (asked,) = api.list_pending_access_requests("maintainer/shown", repo_type="dataset")
    assert (asked.username, asked.fields) == ("outsider", {"Institution": "A"})


def test_the_form_is_not_shown_to_whoever_may_read(hub: LocalHub, page: str) -> None:
    headers = {"Authorization": f"Bearer {hub.tokens['granted']}"}
    assert "<form" in page
    assert "<form" not in httpx.get(f"{hub.url}/datasets/maintainer/shown", headers=headers).text


def test_only_what_can_be_read_is_a_link(hub: LocalHub, page: str) -> None:
    address = "/datasets/maintainer/shown/resolve/main/"
    assert f'href="{address}README.md"' in page
    assert f"{address}.gitattributes" not in page
    headers = {"Authorization": f"Bearer {hub.tokens['granted']}"}
    assert f"{address}.gitattributes" in httpx.get(f"{hub.url}/datasets/maintainer/shown", headers=headers).text


def test_a_browser_is_refused_in_html(hub: LocalHub, page: str) -> None:
    refused = httpx.get(f"{hub.url}/datasets/maintainer/none<script>", headers={"Accept": "text/html,*/*"})
    assert refused.status_code == 401
    assert refused.headers["content-type"].startswith("text/html")
    assert "Invalid username or password." in refused.text
    assert "<script>" not in refused.text


def test_private_repos_are_not_listed(hub: LocalHub, page: str) -> None:
    api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    api.create_repo("maintainer/hidden", private=True)
    listed = httpx.get(hub.url).text
    assert "maintainer/shown" in listed
    assert "maintainer/hidden" not in listed
    assert httpx.get(f"{hub.url}/maintainer/hidden").status_code == 401


REPO, KIND = "maintainer/by-hand", ("--repo-type", "dataset")


@pytest.mark.parametrize("xet", [True, False], ids=["xet", "lfs"])
def test_the_command_line_of_the_hub_works(hub: LocalHub, page: str, own_home: Path, tmp_path: Path, xet: bool) -> None:
    """A release by hand: sign in, create, upload, tag, branch, download, settings, collection, delete."""
    own = {"HF_ENDPOINT": hub.url, "HF_HOME": str(own_home), "HF_HUB_DISABLE_XET": str(int(not xet))}
    content = bytes(range(256)) * 4_000
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "reports.bin").write_bytes(content)
    (tmp_path / "README.md").write_text("# Reports\n")

    def hf(*command: str | Path) -> str:
        program = Path(sys.executable).with_name("hf")
        done = subprocess.run([program, *command], env={**os.environ, **own}, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    hf("auth", "login", "--token", hub.tokens["owner"])
    assert "maintainer" in hf("auth", "whoami")
    hf("repos", "create", REPO, *KIND)
    hf("upload", REPO, tmp_path, *KIND, "--commit-message", "Release 1.0.0")
    hf("repos", "tag", "create", REPO, "release-1.0.0", *KIND)
    assert "release-1.0.0" in hf("repos", "tag", "list", REPO, *KIND)
    hf("repos", "branch", "create", REPO, "script", *KIND)
    hf("repos", "settings", REPO, "--gated", "manual", *KIND)
    hf("download", REPO, *KIND, "--revision", "release-1.0.0", "--local-dir", tmp_path / "out")
    assert (tmp_path / "out" / "data" / "reports.bin").read_bytes() == content
    assert REPO in hf("repos", "ls") + hf("datasets", "info", REPO)
    hf("repos", "branch", "delete", REPO, "script", *KIND)
    hf("repos", "tag", "delete", REPO, "release-1.0.0", *KIND, "--yes")
    hf("collections", "list")
    hf("repos", "delete", REPO, *KIND, "--yes")
    hf("auth", "logout")
