"""What a person sees of the Hub in a browser."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

from hubkit.localhub import LocalHub
from hubkit.localhub.layout import rendered

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


ANSWERS = {
    "Institution": "A",
    "Date of the agreement": "2026-01-01",
    "Purpose": "other",
    "I will not share this": "true",
}


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({}, "Institution; Date of the agreement; Purpose; I will not share this"),
        ({**ANSWERS, "Institution": " "}, "Not answered: Institution."),
        ({**ANSWERS, "Purpose": "Sale"}, "Not answered: Purpose."),
        ({**ANSWERS, "I will not share this": "false"}, "Not answered: I will not share this."),
        ({**ANSWERS, "Função <b>": "A"}, "Not asked: Função &lt;b&gt;."),
    ],
    ids=range(5),
)
def test_a_form_that_is_not_filled_in_is_not_sent(hub: LocalHub, page: str, answers: dict[str, str], said: str) -> None:
    sent = {**answers, "hub-token": hub.tokens["ungranted"]}
    address = f"{hub.url}/datasets/maintainer/shown/ask-access"
    refused = httpx.post(address, data=sent, headers={"Accept": "text/html"})
    assert refused.status_code == 400
    assert said in refused.text
    api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    assert not list(api.list_pending_access_requests("maintainer/shown", repo_type="dataset"))


def test_the_form_can_be_sent_off(hub: LocalHub, page: str) -> None:
    address = f"{hub.url}/datasets/maintainer/shown/ask-access"
    assert httpx.post(address, data=ANSWERS).status_code == 401
    api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])

    def send() -> str:
        sent_off = httpx.post(address, data={**ANSWERS, "hub-token": hub.tokens["ungranted"]})
        assert sent_off.status_code == 303
        return httpx.get(sent_off.headers["location"]).text

    for _ in range(2):
        shown = send()
        assert "<form" not in shown
        assert "sent to the authors" in shown
    (asked,) = api.list_pending_access_requests("maintainer/shown", repo_type="dataset")
    assert (asked.username, asked.fields) == ("outsider", ANSWERS)
    api.reject_access_request("maintainer/shown", "outsider", repo_type="dataset", rejection_reason="no certificate")
    assert "have rejected your request" in send()
    api.accept_access_request("maintainer/shown", "outsider", repo_type="dataset")
    assert "You have access" in send()


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


@pytest.fixture(scope="module")
def history(hub: LocalHub) -> dict[str, str]:
    """A gated repo with a tag, a branch and a pull request, in a collection: the addresses that tools print."""
    api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    repo = str(api.create_repo("maintainer/history", repo_type="dataset"))
    added = [CommitOperationAdd("data/a.txt", b"secret"), CommitOperationAdd("README.md", b"# Version one\n")]
    api.create_commit("maintainer/history", added, commit_message="Release <1>", repo_type="dataset")
    api.create_tag("maintainer/history", tag="release-1", repo_type="dataset")
    api.create_branch("maintainer/history", branch="try/it", repo_type="dataset")
    changes = [
        CommitOperationAdd("README.md", b"# Version two\n"),
        CommitOperationAdd("data/b.txt", b"secret"),
        CommitOperationDelete("data/a.txt"),
    ]
    changed = api.create_commit("maintainer/history", changes, commit_message="Release 2", repo_type="dataset")
    added = [CommitOperationAdd("data/c.txt", b"secret")]
    proposed = api.create_commit(
        "maintainer/history", added, commit_message="Propose", repo_type="dataset", create_pr=True
    )
    api.update_repo_settings("maintainer/history", gated="manual", repo_type="dataset")
    collection = api.create_collection("What was released", description="Three *parts*")
    api.add_collection_item(collection.slug, "maintainer/history", "dataset")
    return {"repo": repo, "commit": changed.commit_url, "pull": str(proposed.pr_url), "collection": collection.url}


@pytest.mark.parametrize(
    ("address", "shown", "hidden"),
    [
        ("{repo}", ["/tree/release-1", "/tree/try%2Fit", "Version two"], ["Version one", "a.txt"]),
        ("{repo}/tree/release-1", ["Version one", "data/a.txt", "Files of release-1"], ["b.txt"]),
        ("{repo}/tree/try%2Fit", ["Files of try/it"], []),
        ("{repo}/tree/refs%2Fpr%2F1", ["data/c.txt"], []),
        ("{repo}/tree/release-1/data", ["data/a.txt"], ["README.md", "b.txt"]),
        ("{repo}/blob/main/README.md", ["/resolve/main/README.md"], ["b.txt"]),
        ("{repo}/blob/main/data/b.txt", ["data/b.txt"], ["/resolve/"]),
        (
            "{commit}",
            ["Release 2", "README.md<td>changed", "data/b.txt<td>added", "data/a.txt<td>deleted"],
            ["gitattributes"],
        ),
        ("{pull}", ["Propose #1", "open: maintainer to main", "data/c.txt<td>added"], ["README.md"]),
        ("{collection}", ["What was released", "<em>parts</em>", "maintainer/history"], ["maintainer/shown"]),
        ("{hub}/maintainer", ["maintainer/history", "maintainer/shown"], []),
        ("{hub}/reader", ["No repos yet"], ["maintainer/history"]),
    ],
    ids=range(12),
)
def test_addresses_that_tools_print_have_a_page(
    hub: LocalHub, page: str, history: dict[str, str], address: str, shown: list[str], hidden: list[str]
) -> None:
    """A stranger sees what was done to a gated repo, and no link to what lies behind the gate."""
    found = httpx.get(address.format(hub=hub.url, **history), headers={"Accept": "text/html"})
    assert found.status_code == 200
    assert [text for text in shown if text not in found.text] == []
    assert [text for text in hidden if text in found.text] == []
    assert "secret" not in found.text


@pytest.mark.parametrize(
    "address",
    [
        "{repo}/tree/none",
        "{repo}/tree/main/none",
        "{repo}/blob/main/dat",
        "{repo}/commit/0000000",
        "{repo}/discussions/2",
        "{repo}/settings",
        "{hub}/nobody",
        "{hub}/collections/none",
        "{hub}/a/b/c/d/e",
    ],
)
def test_a_browser_is_told_where_there_is_no_page(hub: LocalHub, history: dict[str, str], address: str) -> None:
    found = httpx.get(address.format(hub=hub.url, **history), headers={"Accept": "text/html"})
    assert found.status_code == 404
    assert "there is nothing here" in found.text


def test_a_client_is_told_of_a_repo_where_there_is_no_page(hub: LocalHub) -> None:
    assert httpx.get(f"{hub.url}/gpt2/resolve/main/config.json").headers["x-error-code"] == "RepoNotFound"


def test_private_collections_are_not_there_for_others(hub: LocalHub) -> None:
    api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    address = api.create_collection("Hidden", private=True).url
    assert httpx.get(address).status_code == 404
    assert httpx.get(address, headers={"Authorization": f"Bearer {api.token}"}).status_code == 200


REPO, KIND = "maintainer/by-hand", ("--repo-type", "dataset")


HF = """
import json, os, sys
from huggingface_hub.cli.hf import main

for number, command in enumerate(json.load(sys.stdin)):
    child = os.fork()
    if child == 0:
        output = os.open(f"said-{number}", os.O_WRONLY | os.O_CREAT)
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.argv = ["hf", *command]
        sys.exit(main())
    if os.waitpid(child, 0)[1]:
        sys.exit(f"{command}: {open(f'said-{number}').read()}")
"""
"""Runs the program `hf`, each command in a process of its own. Its imports, which take longer, are made once."""


@pytest.mark.parametrize("xet", [True, False], ids=["xet", "lfs"])
def test_the_command_line_of_the_hub_works(hub: LocalHub, page: str, own_home: Path, tmp_path: Path, xet: bool) -> None:
    """A release by hand: sign in, create, upload, tag, branch, download, settings, collection, delete.

    Xet and LFS differ in how files go up and come down; the other commands run once.
    """
    content = bytes(range(256)) * 4_000
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "reports.bin").write_bytes(content)
    (tmp_path / "README.md").write_text("# Reports\n")
    once = {
        "who": ("auth", "whoami"),
        "tags": ("repos", "tag", "list", REPO, *KIND),
        "branch": ("repos", "branch", "create", REPO, "script", *KIND),
        "gate": ("repos", "settings", REPO, "--gated", "manual", *KIND),
        "download": ("download", REPO, *KIND, "--revision", "release-1.0.0", "--local-dir", str(tmp_path / "out")),
        "repos": ("repos", "ls"),
        "info": ("datasets", "info", REPO),
        "no branch": ("repos", "branch", "delete", REPO, "script", *KIND),
        "no tag": ("repos", "tag", "delete", REPO, "release-1.0.0", *KIND, "--yes"),
        "collections": ("collections", "list"),
    }
    commands = {
        "login": ("auth", "login", "--token", hub.tokens["owner"]),
        "create": ("repos", "create", REPO, *KIND),
        "upload": ("upload", REPO, str(tmp_path), *KIND, "--commit-message", "Release 1.0.0"),
        "tag": ("repos", "tag", "create", REPO, "release-1.0.0", *KIND),
        **(once if xet else {"download": once["download"]}),
        "delete": ("repos", "delete", REPO, *KIND, "--yes"),
        "logout": ("auth", "logout"),
    }
    own = {"HF_ENDPOINT": hub.url, "HF_HOME": str(own_home), "HF_HUB_DISABLE_XET": str(int(not xet))}
    done = subprocess.run(
        [sys.executable, "-c", HF],
        input=json.dumps([*commands.values()]),
        cwd=own_home,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    said = {name: (own_home / f"said-{number}").read_text() for number, name in enumerate(commands)}
    assert (tmp_path / "out" / "data" / "reports.bin").read_bytes() == content
    if xet:
        assert "maintainer" in said["who"]
        assert "release-1.0.0" in said["tags"]
        assert REPO in said["repos"]
        assert REPO in said["info"]


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("![F1](plots/f1.png)", 'src="/datasets/lab/reports/resolve/main/plots/f1.png"'),
        ("![F1](./plots/f1.png)", 'src="/datasets/lab/reports/resolve/main/plots/f1.png"'),
        ("[table](data/a.csv)", 'href="/datasets/lab/reports/blob/main/data/a.csv"'),
        ("| a |\n|---|\n| [`x`](a.csv) |", 'href="/datasets/lab/reports/blob/main/a.csv"'),
        ("[top](#reports)", 'href="#reports"'),
        ("[Hub](/lab)", 'href="/lab"'),
        ("[Hub](https://hub.example/lab)", 'href="https://hub.example/lab"'),
        ("[mail](mailto:a@hub.example)", 'href="mailto:a@hub.example"'),
    ],
)
def test_relative_links_and_pictures_of_a_card_are_of_its_repo(markdown: str, shown: str) -> None:
    assert shown in rendered(markdown, "/datasets/lab/reports")


def test_pictures_come_from_the_hub_alone(hub: LocalHub) -> None:
    assert "img-src 'self'" in httpx.get(hub.url).headers["content-security-policy"]
