"""The items of reporting guidelines, and where a workspace has evidence for each: TOML tables next to this module.

Topics are in the words of this project. The guideline itself has the wording that authors answer to.
"""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, model_validator

GUIDELINES = ("mi-clear-llm", "refine", "tripod-llm", "claim")
"""The tables by name, in the order of the dossier: of the checklists for language models the shorter ones first."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Pointer(_Entry):
    """Where a part of an answer stands. One of `file`, `reader` and `fact` is given.

    Attributes:
        says: what the value is, in a few words.
        file: a file of the workspace, `hubkit.toml`, or `terms` for the terms of the corpus.
        key: the place in `file`, with dots; `*` stands for every entry of a list or a table.
        count: whether the length of a list is shown. Ids of studies are never listed.
        empty: what a value that is empty or null means; without it nothing is known then.
        reader: the function of `hubkit.dossier.readers` that computes the value.
        fact: what holds for every release, since hubkit works in no other way.
        see: the section of a guide or a card that states `fact`.
    """

    says: str
    file: str | None = None
    key: str | None = None
    count: bool = False
    empty: str | None = None
    reader: str | None = None
    fact: str | None = None
    see: str | None = None

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Pointer:
        given = [value for value in (self.file, self.reader, self.fact) if value is not None]
        if len(given) != 1 or (self.file is None) != (self.key is None) or (self.fact is None) != (self.see is None):
            raise ValueError("give file and key, or reader, or fact and see")
        return self


class Item(_Entry):
    """An item of a guideline.

    Attributes:
        number: as the guideline counts it.
        topic: what it asks, in words of this project.
        evidence: where the parts of its answer stand.
        authors: what only the authors know of it; empty where there is no such part.
        undone: what a release does not have, where no evidence can exist.
    """

    number: str
    topic: str
    evidence: tuple[Pointer, ...] = ()
    authors: str = ""
    undone: str = ""


class Guideline(_Entry):
    """A reporting guideline.

    Attributes:
        name: its short name.
        citation, doi: how it is cited.
        source: where its items were read, and what could not be read.
        items: all of them, in its order.
    """

    name: str
    citation: str
    doi: str
    source: str
    items: tuple[Item, ...]


@functools.cache
def load_guideline(name: str) -> Guideline:
    """The guideline of a table next to this module; `name` is one of `GUIDELINES`."""
    text = Path(__file__).with_name(f"{name}.toml").read_text(encoding="utf-8")
    return Guideline.model_validate(tomllib.loads(text))
