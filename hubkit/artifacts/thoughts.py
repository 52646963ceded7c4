"""thoughts.json: how many answers of the translator came after a thought."""

from __future__ import annotations

from collections.abc import Collection

from hubkit.artifacts.model import Model, read_model, to_json
from hubkit.workspace import Workspace, write_json


class Thoughts(Model):
    """How many answers came after a thought, of how many tokens in all, and how many thoughts had no end."""

    thoughts: int
    tokens: int
    unfinished: int


def total_thoughts(counts: Collection[Thoughts]) -> Thoughts:
    """The counts added up."""
    return Thoughts(
        thoughts=sum(one.thoughts for one in counts),
        tokens=sum(one.tokens for one in counts),
        unfinished=sum(one.unfinished for one in counts),
    )


def read_thoughts(workspace: Workspace) -> Thoughts | None:
    """What `translate` counted; None where no answer came after a thought.

    Raises:
        HubkitError: the file is not whole, or incomplete.
    """
    if not workspace.thoughts.exists():
        return None
    return read_model(Thoughts, "thoughts", workspace.thoughts, "hubkit release --from translate")


def write_thoughts(workspace: Workspace, thoughts: Thoughts) -> None:
    """Write what `read_thoughts` reads. The file has no number, which stands for format 1, as in every version."""
    write_json(workspace.thoughts, to_json(thoughts))
