"""Which commits of a release its cards name: those that hold the same bytes as dist/."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit import pins
from hubkit.artifacts.receipt import PinnedFile, Pins
from hubkit.hub.changes import card_on_hub, holds, remote_files
from hubkit.hub.client import retried
from hubkit.hub.targets import Target, files_below

if TYPE_CHECKING:
    from huggingface_hub import HfApi


def kept_commits(api: HfApi, found: Iterable[Target], script: Path) -> dict[str, str]:
    """The commits that cards on the Hub name, by part of the release, as far as they still hold what dist/ holds.

    Main moves on when people edit a card. Were its newest commit named each time, every push would write the card.

    Args:
        script: the folder for the branch with the loader for datasets 3.
    """
    parts: dict[str, tuple[Target, dict[str, Path]]] = {}
    named: list[tuple[str, str]] = []
    for target in found:
        parts[target.artifact] = (target, target.files())
        if target.artifact == "dataset" and script.is_dir():
            parts[pins.SCRIPT] = (target, files_below(script))
        if pins.parts(target.card()):
            named += _named(api, target).items()
    kept: dict[str, str] = {}
    # Where one card was edited, another may still name the right commit.
    for part, commit in dict.fromkeys(named):
        if part in parts and part not in kept and _holds(api, *parts[part], commit):
            kept[part] = commit
    return kept


@retried("{target.repo}")
def _named(api: HfApi, target: Target) -> dict[str, str]:
    return pins.commits(card_on_hub(api, target, None))


def _holds(api: HfApi, target: Target, files: Mapping[str, Path], commit: str) -> bool:
    return holds(files, remote_files(api, target.repo, target.kind, revision=commit))


def pins_of(found: Iterable[Target], commits: Mapping[str, str]) -> Pins:
    """What the receipt repeats of the cards: the commits, and the SHA-256 of each file that cards ask people to run."""
    code = [digest for target in found if target.gated for digest in pins.code(target.card())]
    return Pins(commits=dict(sorted(commits.items())), code=[PinnedFile(**digest._asdict()) for digest in code])
