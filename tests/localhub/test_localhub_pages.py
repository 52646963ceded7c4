"""What a person sees of the Hub in a browser."""

from __future__ import annotations

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
    assert httpx.post(address, data=sent).status_code == 303
    api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    (asked,) = api.list_pending_access_requests("maintainer/shown", repo_type="dataset")
    assert (asked.username, asked.fields) == ("outsider", {"Institution": "A"})


def test_the_form_is_not_shown_to_whoever_may_read(hub: LocalHub, page: str) -> None:
    headers = {"Authorization": f"Bearer {hub.tokens['granted']}"}
    assert "<form" in page
    assert "<form" not in httpx.get(f"{hub.url}/datasets/maintainer/shown", headers=headers).text


def test_private_repos_are_not_listed(hub: LocalHub, page: str) -> None:
    api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    api.create_repo("maintainer/hidden", private=True)
    listed = httpx.get(hub.url).text
    assert "maintainer/shown" in listed
    assert "maintainer/hidden" not in listed
    assert httpx.get(f"{hub.url}/maintainer/hidden").status_code == 401


@pytest.mark.parametrize(
    "command",
    [
        ("auth", "whoami"),
        ("repos", "ls"),
        ("repos", "tag", "list", "maintainer/shown", "--repo-type", "dataset"),
        ("datasets", "info", "maintainer/shown"),
        ("collections", "list"),
        ("download", "maintainer/shown", "README.md", "--repo-type", "dataset"),
    ],
)
def test_the_command_line_of_the_hub_works(hub: LocalHub, page: str, command: tuple[str, ...], own_home) -> None:
    import os
    import subprocess
    import sys
    from pathlib import Path

    own = {"HF_ENDPOINT": hub.url, "HF_TOKEN": hub.tokens["owner"], "HF_HOME": str(own_home)}
    program = Path(sys.executable).with_name("hf")
    done = subprocess.run([program, *command], env={**os.environ, **own}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
