"""The translations of every way to ask: kept chunk by chunk, so that a rerun asks for what is missing alone."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hubkit.config import ReleaseConfig, Translation
from hubkit.digests import value_digest
from hubkit.models.folders import content_digests, public_name
from hubkit.progress import Progress
from hubkit.sensitivity.translation.design import TranslationDesign, Way
from hubkit.study_batches import study_batches
from hubkit.translation.attempts import find
from hubkit.translation.checkpoints import Done
from hubkit.translation.engines import Answer, Engine, open_engine
from hubkit.translation.plan import plan
from hubkit.translation.units import Sections, collect_sections, section_names
from hubkit.translation.worker import Worker
from hubkit.workspace import Workspace

CHUNK = 128
"""Texts between checkpoints, at most. Few studies are asked about, so that the 1,024 of a release would be all."""


class Unit(NamedTuple):
    """A section or a report of one study.

    Attributes:
        study_id: of the study.
        source: the English text.
        text: its translation; None where the model gave none.
        errors: names of the checks that found an error in it.
    """

    study_id: int
    source: str
    text: str | None
    errors: frozenset[str]

    @property
    def flagged(self) -> bool:
        """Whether it may not be used as it is: a check found an error, or there is no translation."""
        return self.text is None or bool(self.errors)


class Translated(NamedTuple):
    """What one way to ask came to.

    Attributes:
        units: by study, and within a study in the order of the report.
        revision: the commit of the model, where the engine knows it.
    """

    units: list[Unit]
    revision: str | None


def translate_ways(config: ReleaseConfig, workspace: Workspace, design: TranslationDesign) -> dict[Way, Translated]:
    """Translate the studies of a design in every way. The model is loaded once, and only if something is missing.

    Raises:
        UsageError: the engine has no server.
        HubkitError: the model cannot be loaded, or it translates nothing.
    """
    found = {}
    with ExitStack() as stack:
        engine: Engine | None = None
        for number, way in enumerate(design.ways, start=1):
            settings = way.settings(config.translation)
            sections = _sections(workspace, design, way)
            worker = Worker(settings, _folder(config, workspace, settings))
            todo = worker.todo(plan(sections.units, min(settings.checkpoint, CHUNK)))
            if todo.chunks:
                # The prompt is part of each request: one engine serves all ways.
                engine = engine or stack.enter_context(open_engine(settings))
                title = f"sensitivity: translation {number} of {len(design.ways)}, texts"
                with Progress(title, sum(map(len, todo.chunks))) as progress:
                    worker.run_on(engine, todo, progress.advance)
            found[way] = _translated(sections, worker.checkpoints.read())
    return found


def _sections(workspace: Workspace, design: TranslationDesign, way: Way) -> Sections:
    names = section_names(way.units)
    batches = study_batches(workspace.studies, ["study_id", *names], np.array(design.studies, np.int64))
    return collect_sections(batches, names, context=way.context, memory=True)


def _folder(config: ReleaseConfig, workspace: Workspace, settings: Translation) -> Path:
    """Where translations are kept: another folder where anything that decides them is other."""
    parts: dict[str, Any] = {
        **settings.deciding(),
        # A folder's content counts, and not its place.
        "model": public_name(settings.model, settings.model_id),
        "files": content_digests(config, ("translation",)),
    }
    return workspace.sensitivity / "translations" / value_digest(parts)[:16]


def _translated(sections: Sections, done: Done) -> Translated:
    """Join the rows that are kept with the studies; texts are checked by the rules of this version of hubkit."""
    columns = [done.table[name].to_pylist() for name in ("translation", "finish_reason", "revision")]
    checked, revisions = [], set()
    for unit in sections.units:
        text, reason, revision = (column[done.places[unit.key]] for column in columns)
        flags = find(unit.text, Answer(text, 0, reason))
        checked.append((text, frozenset(flag.name for flag in flags if flag.severity == "error")))
        revisions.add(revision)
    units = [
        Unit(study, sections.units[number].text, *checked[number])
        for study, number in zip(sections.study_ids, sections.numbers, strict=True)
    ]
    return Translated(units, revisions.pop() if len(revisions) == 1 else None)
