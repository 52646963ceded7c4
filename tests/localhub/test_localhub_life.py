"""The Hub on loopback as a process: restarts, kills, refusals to start, many clients."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError
from loopback import forked_hub

from hubkit.errors import HubkitError
from hubkit.localhub import LocalHub, repos, serve
from hubkit.localhub.accounts import Accounts
from hubkit.localhub.app import make_app
from hubkit.localhub.hub import Hub
from hubkit.workspace import write_json

LARGE = bytes(range(256)) * 4_000


def _api(hub: LocalHub, who: str = "owner") -> HfApi:
    return HfApi(endpoint=hub.url, token=hub.tokens[who])


def test_everything_survives_a_restart(tmp_path: Path) -> None:
    with serve(tmp_path) as hub:
        api = _api(hub)
        api.create_repo("maintainer/data", repo_type="dataset")
        api.update_repo_settings("maintainer/data", gated="manual", repo_type="dataset")
        oid = api.upload_file(
            path_or_fileobj=LARGE, path_in_repo="a.bin", repo_id="maintainer/data", repo_type="dataset"
        ).oid
        api.create_tag("maintainer/data", tag="release-1.0.0", repo_type="dataset")
        before = hub.tokens["owner"]
    with serve(tmp_path) as hub:
        assert hub.tokens["owner"] != before
        for token in (before, hub.tokens["owner"]):
            api = HfApi(endpoint=hub.url, token=token)
            info = api.dataset_info("maintainer/data", revision="release-1.0.0")
            assert (info.sha, info.gated, info.private) == (oid, "manual", False)
        assert (
            Path(_api(hub, "granted").hf_hub_download("maintainer/data", "a.bin", repo_type="dataset")).stat().st_size
        )


def test_a_second_hub_is_told_so(tmp_path: Path) -> None:
    with serve(tmp_path / "a") as hub:
        port = int(hub.url.rpartition(":")[2])
        with pytest.raises(HubkitError, match=f"port {port} cannot be used.*--port"), serve(tmp_path / "b", port=port):
            pass
        with pytest.raises(HubkitError, match="another Hub runs on this folder"), serve(tmp_path / "a"):
            pass
    (tmp_path / "file").write_text("")
    with pytest.raises(HubkitError, match="cannot be written"), serve(tmp_path / "file"):
        pass


def test_an_expired_token_is_refused(tmp_path: Path) -> None:
    with forked_hub(tmp_path) as hub:
        valid, expired = (Accounts(tmp_path).mint("maintainer", expires=time.time() + more) for more in (3600, -1))
        assert HfApi(endpoint=hub.url, token=valid).whoami()["name"] == "maintainer"
        with pytest.raises(HfHubHTTPError) as refused:
            HfApi(endpoint=hub.url, token=expired).whoami()
        assert refused.value.response.status_code == 401


KILLS = int(os.environ.get("HUBKIT_KILLS", "40"))
"""How many kills the long tests make, a second each: 1,000 before a release."""


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(4, KILLS))])
def test_a_kill_loses_no_commit_that_was_answered(tmp_path: Path, seed: int) -> None:
    """Commits are sent without the client's own retries, so that the kill is seen at once.

    Each second one has more files than are brought onto the disk one by one.
    """
    answered: list[str] = []
    size = 20 if seed % 2 else 1

    def commit_until_killed(hub: LocalHub) -> None:
        headers = {"Authorization": f"Bearer {hub.tokens['owner']}"}
        with httpx.Client(base_url=hub.url, headers=headers) as client:
            for number in range(10_000):
                lines = [{"key": "header", "value": {"summary": "Add"}}]
                for part in range(size):
                    file = {"path": f"f{number}.{part}.txt", "content": f"{number}"}
                    lines.append({"key": "file", "value": file})
                try:
                    client.post(
                        "/api/models/maintainer/m/commit/main", content="\n".join(map(json.dumps, lines))
                    ).raise_for_status()
                except httpx.TransportError:
                    return
                answered.append(f"f{number}.0.txt")

    with forked_hub(tmp_path) as hub:
        _api(hub).create_repo("maintainer/m")
        thread = threading.Thread(target=commit_until_killed, args=(hub,))
        thread.start()
        dice = random.Random(seed)
        wanted = dice.randint(1, 30)
        while len(answered) < wanted:
            time.sleep(0.001)
        time.sleep(dice.uniform(0, 0.02))
        hub.kill()
        thread.join()
    assert answered
    with forked_hub(tmp_path) as hub:
        api = _api(hub)
        there = set(api.list_repo_files("maintainer/m")) - {".gitattributes"}
        commits = len(api.list_repo_commits("maintainer/m")) - 1
        assert there == {f"f{number}.{part}.txt" for number in range(commits) for part in range(size)}
        assert set(answered) <= there
        assert commits <= len(answered) + 1
        assert Path(api.hf_hub_download("maintainer/m", answered[-1])).read_text() == f"{len(answered) - 1}"


@pytest.mark.parametrize("kind", ["model", "dataset", "space"])
def test_a_repo_is_kept_whole_or_not_at_all(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever the Hub dies while a repo is made: what it finds on its disk afterwards has a first commit."""
    kept: list[dict[str, Any]] = []

    def keep(path: Path, value: dict[str, Any]) -> None:
        kept.append(value)
        write_json(path, value)

    monkeypatch.setattr(repos, "write_json", keep)
    hub = Hub(tmp_path, granted=("reader",))
    token = hub.accounts.mint("maintainer")

    async def create() -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(make_app(hub)), base_url="http://localhost"
        ) as client:
            asked = {"name": "new", "type": kind, "sdk": "static"}
            return await client.post("/api/repos/create", json=asked, headers={"Authorization": f"Bearer {token}"})

    assert asyncio.run(create()).status_code == 200
    assert [set(record["branches"]) for record in kept] == [{"main"}]
    assert [list(record["requests"]) for record in kept] == [["reader"]]


UPLOADS = """
import itertools, os, random
from huggingface_hub import HfApi
api = HfApi()
for number in itertools.count():
    content = random.Random(number).randbytes(200_000)
    api.upload_file(path_or_fileobj=content, path_in_repo=f"{number}.bin", repo_id="maintainer/m")
    print(number, flush=True)
"""


@pytest.mark.parametrize("xet", [True, False], ids=["xet", "lfs"])
def test_a_kill_loses_no_large_file_that_was_answered(tmp_path: Path, xet: bool) -> None:
    with forked_hub(tmp_path / "hub") as hub:
        _api(hub).create_repo("maintainer/m")
        own = {"HF_ENDPOINT": hub.url, "HF_TOKEN": hub.tokens["owner"], "HF_HOME": str(tmp_path / "home")}
        own |= {"HF_HUB_DISABLE_XET": str(int(not xet)), "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        client = subprocess.Popen(
            [sys.executable, "-c", UPLOADS],
            env={**os.environ, **own},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert client.stdout is not None
        answered = [int(client.stdout.readline()) for _ in range(4)]
        hub.kill()
        client.kill()
        answered += map(int, client.stdout.read().split())
        client.wait()
        client.stdout.close()
    with forked_hub(tmp_path / "hub") as hub:
        api = _api(hub)
        for number in answered:
            path = api.hf_hub_download("maintainer/m", f"{number}.bin", local_dir=tmp_path / "out")
            assert Path(path).read_bytes() == random.Random(number).randbytes(200_000)
        api.upload_file(path_or_fileobj=LARGE, path_in_repo="more.bin", repo_id="maintainer/m")


def test_a_hundred_clients_at_a_time(tmp_path: Path) -> None:
    with forked_hub(tmp_path) as hub:
        owner = _api(hub)
        owner.create_repo("maintainer/m")
        owner.upload_file(path_or_fileobj=LARGE, path_in_repo="a.bin", repo_id="maintainer/m")

        def work(number: int) -> int:
            with httpx.Client(base_url=hub.url, timeout=60) as client:
                if number % 4 == 0:
                    headers = {"Authorization": f"Bearer {hub.tokens['owner']}"}
                    body = {"tag": f"t{number}"}
                    return client.post("/api/models/maintainer/m/tag/main", json=body, headers=headers).status_code
                return len(client.get("/maintainer/m/resolve/main/a.bin").content)

        with ThreadPoolExecutor(100) as pool:
            found = list(pool.map(work, range(100)))
        assert [value for number, value in enumerate(found) if number % 4] == [len(LARGE)] * 75
        assert len(owner.list_repo_refs("maintainer/m").tags) == 25
