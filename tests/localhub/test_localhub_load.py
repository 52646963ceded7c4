"""What others notice of a large commit, in what order it reaches the disk, and what a large file takes."""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from huggingface_hub import HfApi
from hypothesis import given
from hypothesis import strategies as st
from loopback import forked_hub

from hubkit.localhub import Cast, LocalHub, serve
from hubkit.localhub.app import make_app
from hubkit.localhub.chunks import XetFile, files_in, read_chunks
from hubkit.localhub.hub import Hub
from hubkit.localhub.turns import Turns

REPO = "maintainer/load"


def commit_of(files: int, start: int = 0) -> str:
    lines = [{"key": "header", "value": {"summary": "Add"}}]
    for number in range(start, start + files):
        lines.append({"key": "file", "value": {"path": f"d{number % 20}/f{number}.txt", "content": f"{number}"}})
    return "\n".join(map(json.dumps, lines))


def test_others_are_answered_and_obeyed_while_a_commit_runs(tmp_path: Path) -> None:
    """The gate is shut while files are being added, and stays shut."""
    with forked_hub(tmp_path, Cast(window=None)) as hub, httpx.Client(base_url=hub.url, timeout=60) as client:
        client.headers["Authorization"] = f"Bearer {hub.tokens['owner']}"
        for name in ("load", "other"):
            client.post("/api/repos/create", json={"name": name, "type": "dataset"}).raise_for_status()
        waits = []
        with ThreadPoolExecutor(2) as pool:
            commit = pool.submit(client.post, f"/api/datasets/{REPO}/commit/main", content=commit_of(3_000))
            time.sleep(0.05)
            gate = pool.submit(client.put, f"/api/datasets/{REPO}/settings", json={"gated": "manual"})
            while not commit.done():
                start = time.perf_counter()
                client.get("/datasets/maintainer/other/resolve/main/.gitattributes").raise_for_status()
                waits.append(time.perf_counter() - start)
            assert (commit.result().status_code, gate.result().status_code) == (200, 200)
        assert len(waits) > 10
        assert statistics.quantiles(waits, n=100)[98] < 0.5
        info = client.get(f"/api/datasets/{REPO}").json()
        assert (info["gated"], len(info["siblings"])) == ("manual", 3_001)


def test_changes_wait_for_one_another_by_repo_and_deletions_for_all() -> None:
    events: list[str] = []

    async def change(turns: Turns, name: str, *repos: str) -> None:
        async with turns.change(*repos):
            events.append(f"+{name}")
            await asyncio.sleep(0.01)
            events.append(f"-{name}")

    async def delete(turns: Turns) -> None:
        async with turns.alone():
            events.append("+x")
            await asyncio.sleep(0.01)
            events.append("-x")

    async def run() -> None:
        turns = Turns()
        first = [change(turns, "a", "m/a"), change(turns, "b", "m/b"), change(turns, "A", "M/A"), delete(turns)]
        await asyncio.gather(*first, change(turns, "c", "m/c"), change(turns, "d", "m/c", "m/a"))

    asyncio.run(run())
    assert events[:2] == ["+a", "+b"]
    assert set(events[2:4]) == {"-a", "-b"}
    assert events[4:8] == ["+A", "-A", "+x", "-x"]
    assert events[8:] == ["+c", "-c", "+d", "-d"]


@pytest.mark.parametrize(("files", "calls"), [(3, range(11, 17)), (100, range(1, 6))])
def test_a_commit_is_on_the_disk_before_the_record_names_it(
    tmp_path: Path, disk_calls: list[tuple[str, Path]], files: int, calls: range
) -> None:
    """Each file of a small commit is synced; all of the file system, by one call, for a large one."""
    hub = Hub(tmp_path)
    token = hub.accounts.mint("maintainer")

    async def ask(method: str, path: str, body: str) -> None:
        transport = httpx.ASGITransport(make_app(hub))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            headers = {"Authorization": f"Bearer {token}"}
            (await client.request(method, path, content=body, headers=headers)).raise_for_status()

    asyncio.run(ask("POST", "/api/repos/create", json.dumps({"name": "load", "type": "dataset"})))
    disk_calls.clear()
    asyncio.run(ask("POST", f"/api/datasets/{REPO}/commit/main", commit_of(files)))
    synced = [path for kind, path in disk_calls if kind == "fsync"]
    named = next(at for at, (kind, path) in enumerate(disk_calls) if kind == "rename" and path.name == "repo.json")
    assert len(synced) in calls
    assert not [path for kind, path in disk_calls[named + 1 :] if kind == "rename"]
    if files < 16:
        stored = {path for home in ("blobs", "objects") for path in (tmp_path / home).glob("*/*")}
        before = {path for kind, path in disk_calls[:named] if kind == "fsync"}
        # What creating the repo wrote is the first blob, tree and commit.
        assert len(stored - before) == 3


def stored_bytes(root: Path) -> int:
    found = {path.stat().st_ino: path.stat().st_blocks * 512 for path in root.rglob("*") if path.is_file()}
    return sum(found.values())


def peak_memory(hub: LocalHub) -> int:
    lines = Path(f"/proc/{hub.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads how much memory the Hub takes")
def test_a_large_file_is_kept_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = random.Random(0).randbytes(30_000_000)
    with serve(tmp_path / "hub") as hub:
        api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
        api.create_repo(REPO)
        before = stored_bytes(hub.root)
        api.upload_file(path_or_fileobj=content, path_in_repo="a.bin", repo_id=REPO)
        assert stored_bytes(hub.root) - before < 1.1 * len(content)
        assert peak_memory(hub) < 300 * 10**6
    with forked_hub(tmp_path / "hub") as hub, httpx.Client(base_url=hub.url) as client:
        file = f"/{REPO}/resolve/main/a.bin"
        assert client.get(file).content == content
        for start, stop in ((0, 1), (70_000, 200_001), (len(content) - 5, len(content))):
            part = client.get(file, headers={"Range": f"bytes={start}-{stop - 1}"})
            assert (part.status_code, part.content) == (206, content[start:stop])
        assert stored_bytes(hub.root) < 1.1 * len(content)


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, XetFile, bytes]:
    """A file whose chunks are stored in all three ways, and one of which it has several times."""
    import hf_xet

    folder = tmp_path_factory.mktemp("packed")
    floats = b"".join(struct.pack("<f", number / 2) for number in range(100_001))
    content = random.Random(0).randbytes(300_000) + b"the same words again " * 30_000 + floats + b"xyz"
    (folder / "file").write_bytes(content)
    with hf_xet.XetSession().new_upload_commit(endpoint=f"local://{folder}") as upload:
        upload.start_upload_file(str(folder / "file"), sha256="a" * 64)
    (shard,) = (folder / "xet/xorbs/shards").glob("*.mdb")
    ((sha256, file),) = files_in(shard.read_bytes())
    assert (sha256, file.size) == ("a" * 64, len(content))
    return folder / "xet/xorbs/xorbs", file, content


@given(places=st.lists(st.integers(0, 1_330_007), min_size=2, max_size=2).map(sorted))
def test_any_part_of_a_file_is_read_from_its_chunks(packed: tuple[Path, XetFile, bytes], places: list[int]) -> None:
    xorbs, file, content = packed
    start, stop = places
    assert b"".join(read_chunks(xorbs, file, start, stop)) == content[start:stop]


def test_a_deletion_that_was_interrupted_is_finished(tmp_path: Path) -> None:
    """The Hub is killed between the two steps in which the chunks that stay take the place of all of them."""
    with forked_hub(tmp_path) as hub:
        api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
        api.create_repo(REPO)
        api.upload_file(path_or_fileobj=b"\0" * 100_000, path_in_repo="a.bin", repo_id=REPO)
    (store,) = tmp_path.glob("xet/*/files")
    store.rename(store.with_name("files.next"))
    store.mkdir()
    (store / "half-deleted").touch()
    with forked_hub(tmp_path) as hub:
        assert httpx.get(f"{hub.url}/{REPO}/resolve/main/a.bin").content == b"\0" * 100_000
    assert sorted(os.listdir(store.parent))[-1] == "files"


def test_commits_to_one_repo_at_the_same_time_all_arrive(tmp_path: Path) -> None:
    with forked_hub(tmp_path, Cast(window=None)) as hub:
        headers = {"Authorization": f"Bearer {hub.tokens['owner']}"}
        with httpx.Client(base_url=hub.url, headers=headers, timeout=60) as client:
            client.post("/api/repos/create", json={"name": "load"}).raise_for_status()
            client.post("/api/repos/create", json={"name": "gone"}).raise_for_status()
            barrier = threading.Barrier(9)

            def work(number: int) -> int:
                barrier.wait()
                if number == 8:
                    asked = {"name": "gone"}
                    return client.request("DELETE", "/api/repos/delete", json=asked).status_code
                return client.post(f"/api/models/{REPO}/commit/main", content=commit_of(30, 30 * number)).status_code

            with ThreadPoolExecutor(9) as pool:
                assert list(pool.map(work, range(9))) == [200] * 9
            files = [f"d{number % 20}/f{number}.txt" for number in range(240)]
            for number, path in enumerate(files):
                if number % 24 == 0:
                    assert client.get(f"/{REPO}/resolve/main/{path}").text == str(number)
            siblings = client.get(f"/api/models/{REPO}").json()["siblings"]
            assert {entry["rfilename"] for entry in siblings} == {".gitattributes", *files}
