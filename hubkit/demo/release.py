"""The demo release: the stages of any release, on the synthetic corpus, with the tiny models, to a Hub on loopback.

Everything lies in the workspace: `demo/corpus`, the Hub's repos in `demo/hub`, `demo/hubkit.toml` with the settings.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from hubkit.artifacts.receipt import read_receipt
from hubkit.config import ReleaseConfig, load_config, write_config
from hubkit.disk import full_disk
from hubkit.endpoint import use_endpoint
from hubkit.errors import UsageError
from hubkit.localhub import LocalHub, serve
from hubkit.locks import only_one
from hubkit.release import Announce, Report, Step, plan, run
from hubkit.stages import STAGES
from hubkit.workspace import Workspace, write_text

NEEDED = "the demo needs about 0.3 GB in all"
"""Corpus, tables, adapter, dist/ and the Hub's copy: 92 MB, and as much again while it works."""


def demo_release(
    workspace: Workspace,
    dry_run: bool,
    first: str | None,
    last: str | None,
    show_plan: Callable[[list[Step]], None],
    show_step: Report,
    show_start: Announce,
    say: Callable[[str], None],
) -> None:
    """Run the demo's stages from `first` to `last` that are not done, and show what came of it.

    Args:
        show_plan: prints the plan of a dry run.
        show_step: prints a stage that was run or skipped.
        show_start: prints a stage that is about to run.
        say: prints what happens before the first of them.

    Raises:
        HubkitError: a stage failed; running the same command again continues.
    """
    from hubkit.report.page import write_page
    from hubkit.report.summary import near, print_summary, program

    home = workspace.root / "demo"
    settings = home / "hubkit.toml"
    steps = _plan(workspace, settings, first, last)
    if dry_run:
        show_plan(steps)
        return
    if any(step.action != "skip" for step in steps):
        other = "another demo needs a workspace of its own: --workspace"
        lock = only_one(workspace.root / ".demo.lock", "runs the demo in this workspace", other)
        say("demo: starts a Hub on loopback")
        with lock, _hub(home, settings) as hub:
            say("demo: writes its corpus, puts its models on the Hub, and loads the libraries of the stages")
            with full_disk(workspace.root, lambda: NEEDED):
                config = _prepare(home, hub)
            steps = run(config, workspace, first, last, show_step, show_start)
    else:
        for step in steps:
            show_step(step, 0.0)
    if steps[-1].stage is STAGES[-1]:
        config = load_config(settings)
        print_summary(config, workspace, settings, write_page(config, workspace))
        print("\nThe Hub has stopped. It comes back, with what these lines need, by:\n")
        print(f"    {program()} demo serve --workspace {shlex.quote(near(workspace.root))}")


@contextlib.contextmanager
def serve_again(workspace: Workspace) -> Iterator[tuple[LocalHub, list[str]]]:
    """The Hub of a demo that was released, and what a researcher types; where the former port is free, on that.

    Raises:
        UsageError: no demo was released in this workspace.
        HubkitError: the Hub is up already.
    """
    from hubkit.report.summary import researcher_lines

    settings = workspace.root / "demo" / "hubkit.toml"
    if not settings.exists() or read_receipt(workspace) is None:
        hint = "run first: hubkit release --demo --workspace FOLDER; `make demo` writes work/demo"
        raise UsageError("no demo was released here", where=str(workspace.root), hint=hint)
    config = load_config(settings)
    with serve(workspace.root / "demo" / "hub", _port(settings)) as hub:
        yield hub, researcher_lines(config, workspace)


def _plan(workspace: Workspace, settings: Path, first: str | None, last: str | None) -> list[Step]:
    if settings.exists():
        return plan(load_config(settings), workspace, first, last)
    names = [stage.name for stage in STAGES]
    stop = names.index(last) + 1 if last in names else len(names)
    return [Step(stage, "run", "not done yet") for stage in STAGES[:stop]]


@contextlib.contextmanager
def _hub(home: Path, settings: Path) -> Iterator[LocalHub]:
    """The demo's own Hub, spoken to by every client of this process with the tokens made for it, and no others."""
    with serve(home / "hub", _port(settings)) as hub:
        os.environ["HF_HOME"] = str(home / "hf-home")
        os.environ["HF_TOKEN"] = hub.tokens["owner"]
        os.environ["HUBKIT_GRANTED_TOKEN"] = hub.tokens["granted"]
        os.environ["HUBKIT_UNGRANTED_TOKEN"] = hub.tokens["ungranted"]
        os.environ.pop("HUGGING_FACE_HUB_TOKEN", None)
        use_endpoint(hub.url)
        yield hub


def _port(settings: Path) -> int:
    """The port of the last run, where it is still free: settings that stay the same make no stage run again."""
    if not settings.exists():
        return 0
    port = urlsplit(load_config(settings).hub.endpoint or "").port or 0
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return 0
    return port


def _prepare(home: Path, hub: LocalHub) -> ReleaseConfig:
    """Write the corpus, put the tiny models on the Hub, and write the settings that name them by commit."""
    from hubkit.demo.config import demo_config
    from hubkit.demo.corpus import write_corpus

    corpus = home / "corpus"
    if not corpus.exists():
        half = home / "corpus.half"
        shutil.rmtree(half, ignore_errors=True)
        write_corpus(half)
        half.rename(corpus)
    config = demo_config(corpus, hub.url, hub.owner, _publish_models(hub.owner))
    write_text(home / "hubkit.toml", write_config(config))
    return config


def _publish_models(namespace: str) -> dict[str, tuple[str, str]]:
    """Put the base models on the Hub, as repos like any others; return repo id and commit of each."""
    from huggingface_hub import HfApi
    from huggingface_hub.utils import disable_progress_bars, logging

    from hubkit.demo.config import MODELS

    disable_progress_bars()
    # With every run but the first it warns that there is nothing to commit.
    logging.set_verbosity_error()
    api = HfApi()
    published = {}
    for name, folder in MODELS.items():
        repo = api.create_repo(f"{namespace}/{name}", exist_ok=True).repo_id
        commit = api.upload_folder(repo_id=repo, folder_path=folder, commit_message="The demo's base model")
        published[name] = (repo, commit.oid)
    return published
