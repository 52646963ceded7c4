"""The step that every executor runs: one task's share of the chunks, each kept as soon as it is translated."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from hubkit.config import Translation
from hubkit.errors import HubkitError
from hubkit.models.device_errors import check_device
from hubkit.models.devices import claim_gpu
from hubkit.models.thinking import HINTS
from hubkit.privacy import private_umask
from hubkit.translation.attempts import Attempts, Result
from hubkit.translation.checkpoints import Checkpoints
from hubkit.translation.engines import Engine, open_engine
from hubkit.translation.engines.refusals import TOO_LONG
from hubkit.translation.plan import read_plan
from hubkit.translation.scheduling import translate_chunks
from hubkit.translation.units import Unit
from hubkit.workspace import write_json


class Todo(NamedTuple):
    """What is left to translate.

    Attributes:
        chunks: the units that have no translation, by chunk.
        asked: the keys of those that were asked for before, translated or not.
    """

    chunks: list[list[Unit]]
    asked: Collection[str]


class Worker:
    """Translates units into a folder of parts; datatrove's executors call it as a step of a pipeline.

    Args:
        translation: the settings.
        folder: where parts are kept; what is found there is not translated again, unless it failed. A worker that is
            called as a step finds its chunks there, too.

    Attributes:
        gpus: what CUDA_VISIBLE_DEVICES may be for the processes that run this step at the same time: each claims one.
    """

    def __init__(self, translation: Translation, folder: Path):
        self.translation, self.folder = translation, folder
        self.checkpoints = Checkpoints(folder)
        self.gpus: list[str] = []

    def __call__(self, data: None = None, rank: int = 0, world_size: int = 1) -> None:
        failure = self.logs / f"failed-{rank}.json"
        failure.unlink(missing_ok=True)
        # Raised, it would end the other tasks of this machine: they go on, and who started them reads it in its file.
        try:
            with private_umask():  # a Ray worker has that of its machine
                check_device()
                claim_gpu(self.gpus, self.logs)
                self.run(self.todo(read_plan(self.folder, rank, world_size)), rank)
        except HubkitError as error:
            write_json(failure, {"error": str(error)})

    @property
    def logs(self) -> Path:
        """Where the executor and the tasks that it runs leave what they say."""
        return self.folder / f"{self.translation.executor}-{self.translation.tasks}"

    def failures(self) -> list[str]:
        """Return why tasks ended early when they last ran."""
        return [json.loads(path.read_text())["error"] for path in sorted(self.logs.glob("failed-*.json"))]

    def forget_failures(self) -> None:
        """Forget why tasks ended early."""
        for path in self.logs.glob("failed-*.json"):
            path.unlink(missing_ok=True)

    def todo(self, chunks: Sequence[Sequence[Unit]]) -> Todo:
        """Take what is translated out of `chunks`."""
        statuses = self.checkpoints.statuses()
        left = [[unit for unit in chunk if statuses.get(unit.key, "failed") == "failed"] for chunk in chunks]
        return Todo([chunk for chunk in left if chunk], statuses.keys())

    def run(self, todo: Todo, task: int = 0, done: Callable[[], None] = lambda: None) -> None:
        """Translate what is left; call `done` whenever a unit has its result.

        Args:
            todo: what is left.
            task: the number of this task.
            done: called whenever a unit has its result.

        Raises:
            HubkitError: not one unit of a chunk was answered, and one was asked for the first time; what was translated
                before is kept.
        """
        if not todo.chunks:
            return
        with open_engine(self.translation, task) as engine:
            self.run_on(engine, todo, done)

    def run_on(self, engine: Engine, todo: Todo, done: Callable[[], None] = lambda: None) -> None:
        """As `run`, on an engine that is open."""
        attempts = Attempts.of(self.translation)
        with closing(translate_chunks(todo.chunks, engine, attempts, done)) as translated:
            for results in translated:
                self.checkpoints.add(results, engine.revision or self.translation.revision)
                self.checkpoints.add_served(engine.served)
                check_answered(results, todo.asked, self.translation, "not one unit of a chunk was translated")


def check_answered(results: Sequence[Result], asked: Collection[str], settings: Translation, what: str) -> None:
    """Stop where the results of a chunk show that an engine answers nothing.

    Args:
        asked: the keys of units that were asked for before, translated or not.
        settings: of the engine.
        what: the error, without its cause.

    Raises:
        HubkitError: not one unit was answered, and one was asked for the first time.
    """
    # What failed before may fail for its own sake, and says nothing of the engine.
    fresh = any(result.unit.key not in asked for result in results)
    # The longest units come first: that they are too long for a server says nothing of the others.
    causes = [result.answer.error for result in results if result.answer.error != TOO_LONG]
    if fresh and causes and None not in causes:
        why = causes[0] or ""
        raise HubkitError(
            f"{what}: {why}",
            where=settings.base_url or settings.model,
            hint=f"{HINTS.get(why, 'see to the engine')} and run again: what was translated is kept",
        )
