"""One push under faults: a lossy proxy, killed pushes, a killed Hub; run again until it is through."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loopback import forked_hub
from small_dist import small_config, small_dist

from hubkit.config import ReleaseConfig
from hubkit.hub.changes import remote_files
from hubkit.localhub import Cast, LocalHub

RUNS = 60
BROKEN = 70
"""How a push ends that raised something other than a HubkitError."""

SPEED = 0.02
"""What clients wait between attempts is shortened to this share, for the test's sake alone."""

UNCOUNTED = Cast(window=None)
"""Pushes that are run again and again ask for more than an account may in five minutes."""

Repos = dict[str, dict[str, str]]


def clean_push(root: Path, name: str) -> Repos:
    """The repos after a push without faults."""
    config = small_config(name)
    with forked_hub(root / "hub", UNCOUNTED) as hub:
        small_dist(root / "work", config)
        assert _push(config, root / "work", hub.url, hub, kill_after=None) == 0
        return contents(config, hub)


def faulty_push(root: Path, name: str, seed: int) -> tuple[Repos, list[dict[str, object]], list[int]]:
    """The repos after pushes under the faults of `seed`, the Hub's log, and how each push ended (-9: killed)."""
    dice, config, ends = random.Random(f"schedule {seed}"), small_config(name), []
    small_dist(root / "work", config)
    port = 0
    while len(ends) < RUNS and 0 not in ends:
        with forked_hub(root / "hub", UNCOUNTED, port) as hub, _proxy(hub.url, dice.randrange(2**32)) as address:
            port = int(hub.url.rpartition(":")[2])
            kill = dice.uniform(0, 2.5) if dice.random() < 0.4 else None
            if dice.random() < 0.15:
                ends.append(_push(config, root / "work", address, hub, kill, lambda hub=hub: hub.kill()))
            else:
                ends.append(_push(config, root / "work", address, hub, kill))
    with forked_hub(root / "hub", UNCOUNTED) as hub:
        return contents(config, hub), hub.log(), ends


def contents(config: ReleaseConfig, hub: LocalHub) -> Repos:
    """What each repo holds, on main, on the branch of the script and under the tag, with its number of commits."""
    from huggingface_hub import HfApi

    api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    found: Repos = {}
    for artifact, kind in (("dataset", "dataset"), ("adapter", "model"), ("metric", "space")):
        repo = config.hub.repo(artifact)  # type: ignore[arg-type]
        refs = api.list_repo_refs(repo, repo_type=kind)
        for name in sorted(ref.name for ref in [*refs.branches, *refs.tags]):
            files = remote_files(api, repo, kind, revision=name).files
            found[f"{artifact}@{name}"] = {path: digest for path, (digest, _) in files.items()}
        commits = api.list_repo_commits(repo, repo_type=kind)
        found[f"{artifact} commits"] = {str(at): commit.title for at, commit in enumerate(commits)}
        info = api.repo_info(repo, repo_type=kind)
        found[f"{artifact} settings"] = {"private": str(info.private), "gated": str(info.gated)}
    return found


def _push(config: ReleaseConfig, work: Path, address: str, hub: LocalHub, kill_after: float | None, kill=None) -> int:
    """Push in a child that can be killed; its exit code, or minus the signal that ended it."""
    child = os.fork()
    if child == 0:
        status = BROKEN
        try:
            status = _push_here(config, work, address, hub)
        finally:
            # Whatever happened: the child is a copy of the test run, and must not go on as one.
            sys.stderr.flush()
            os._exit(status)
    if kill_after is not None:
        time.sleep(kill_after)
        (kill or (lambda: os.kill(child, signal.SIGKILL)))()
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _push_here(config: ReleaseConfig, work: Path, address: str, hub: LocalHub) -> int:
    from hubkit.errors import HubkitError
    from hubkit.hub.push import push
    from hubkit.workspace import Workspace

    os.environ["HF_ENDPOINT"] = address
    os.environ["HF_TOKEN"] = hub.tokens["owner"]
    os.environ["HUBKIT_UNGRANTED_TOKEN"] = hub.tokens["ungranted"]
    os.environ["HF_XET_CLIENT_RETRY_BASE_DELAY"] = f"{3000 * SPEED:.0f}ms"
    sleep = time.sleep
    time.sleep = lambda seconds: sleep(seconds * SPEED)  # type: ignore[assignment]
    try:
        push(config, Workspace(work))
    except HubkitError as error:
        print(error, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        raise
    return 0


@contextmanager
def _proxy(upstream: str, seed: int) -> Iterator[str]:
    command = [sys.executable, str(Path(__file__).with_name("faulty_proxy.py")), upstream, str(seed)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield json.loads(process.stdout.readline())
        process.stdin.close()
        process.wait()
