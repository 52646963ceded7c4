"""The gate is shut to those who were not granted access."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import urllib.error
import urllib.request
from pathlib import Path

from task import KINDS, Task, expect, skip


def refused(task: Task) -> str:
    """No file behind a gate is served to a stranger, or to the user without a grant (`HUBKIT_UNGRANTED_TOKEN`), and the
    dataset does not load. Needs the dataset or the adapter.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import GatedRepoError

    gated = {artifact: file for artifact, file in task["files"].items() if artifact in task["repos"]}
    if not gated:
        skip("no gated repo was named")
    for artifact, file in gated.items():
        with contextlib.suppress(GatedRepoError):
            hf_hub_download(task["repos"][artifact], file, repo_type=KINDS[artifact], revision=task["tag"])
            raise AssertionError(f"{file} was downloaded")
        _not_served(task, artifact, file)
    if "dataset" in gated and importlib.util.find_spec("datasets"):
        _not_loaded(task)
    if "dataset" in gated:
        _not_viewed(task)
    return f"{' and '.join(gated)} gated"


def _not_served(task: Task, artifact: str, file: str) -> None:
    """The client fetches a file by one way alone: neither the plain address nor a token of Xet is handed out."""
    from huggingface_hub import constants, get_token

    repo, kind, tag = task["repos"][artifact], KINDS[artifact], task["tag"]
    prefix = "" if kind == "model" else f"{kind}s/"
    endpoint, token = os.environ.get("HF_ENDPOINT", constants.ENDPOINT).rstrip("/"), get_token()
    headers = {"Range": "bytes=0-0"} | ({"Authorization": f"Bearer {token}"} if token else {})
    for way in (f"{prefix}{repo}/resolve/{tag}/{file}", f"api/{kind}s/{repo}/xet-read-token/{tag}"):
        request = urllib.request.Request(f"{endpoint}/{way}", headers=headers)
        try:
            with urllib.request.build_opener(_NoRedirect).open(request, timeout=60) as answer:
                status = answer.status
        except urllib.error.HTTPError as error:
            status = error.code
        if status < 400:
            raise AssertionError(f"{way} was answered {status}")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect to the content is an answer as good as the content."""

    def redirect_request(self, *arguments: object, **named: object) -> None:
        return None


def _not_viewed(task: Task) -> None:
    """The card on main, which anybody may read, keeps the Hub from copying rows for its viewer."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError

    text = ""
    with contextlib.suppress(EntryNotFoundError):
        card = hf_hub_download(task["repos"]["dataset"], "README.md", repo_type="dataset", revision="main")
        text = Path(card).read_text(encoding="utf-8")
    head = re.match(r"---\n.*?^---$", text, re.DOTALL | re.MULTILINE)
    off = head and re.search(r"^viewer: *false *$", head[0], re.MULTILINE)
    expect(bool(off), "the dataset's card does not say viewer: false, so that the Hub copies rows for its viewer")


def _not_loaded(task: Task) -> None:
    from datasets import load_dataset
    from datasets.exceptions import DatasetNotFoundError

    with contextlib.suppress(DatasetNotFoundError):
        load_dataset(task["repos"]["dataset"], revision=task["tag"])
        raise AssertionError("the dataset was loaded")
