"""The step that every executor runs: one task's share of the chunks, each kept as soon as it is translated."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from hubkit.config import Translation
from hubkit.errors import HubkitError
from hubkit.models.device_errors import check_device
from hubkit.models.devices import claim_gpu
from hubkit.models.thinking import HINTS
from hubkit.privacy import private_umask
from hubkit.translation.attempts import translate_units
from hubkit.translation.checkpoints import read_parts, write_part, write_served
from hubkit.translation.engines import open_engine
from hubkit.translation.engines.refusals import TOO_LONG
from hubkit.translation.units import Unit, plan, read_rows
from hubkit.workspace import read_table, write_json


class Worker:
    """Translates studies into a folder of parts; datatrove's executors call it as a step of a pipeline.

    Args:
        translation: the settings.
        studies: studies.parquet.
        folder: where parts are kept; what is found there is not translated again, unless it failed.

    Attributes:
        gpus: what CUDA_VISIBLE_DEVICES may be for the processes that run this step at the same time: each claims one.
    """

    def __init__(self, translation: Translation, studies: Path, folder: Path):
        self.translation, self.studies, self.folder = translation, studies, folder
        self.gpus: list[str] = []

    def __call__(self, data: None = None, rank: int = 0, world_size: int = 1) -> None:
        failure = self.logs / f"failed-{rank}.json"
        failure.unlink(missing_ok=True)
        # Raised, it would end the other tasks of this machine: they go on, and who started them reads it in its file.
        try:
            with private_umask():  # a Ray worker has that of its machine
                check_device()
                claim_gpu(self.gpus, self.logs)
                self.run(rank, world_size)
        except HubkitError as error:
            write_json(failure, {"error": str(error)})

    @property
    def logs(self) -> Path:
        """Where the executor and the tasks that it runs leave what they say."""
        return self.folder / f"{self.translation.executor}-{self.translation.tasks}"

    def failures(self) -> list[str]:
        """Return why tasks ended early when they last ran."""
        return [json.loads(path.read_text())["error"] for path in sorted(self.logs.glob("failed-*.json"))]

    def chunks(self) -> list[list[Unit]]:
        """The plan: which units share a chunk does not depend on what is done or on how many tasks there are."""
        return plan(read_rows(read_table(self.studies), self.translation), self.translation.checkpoint)

    def todo(self) -> list[list[Unit]]:
        """The chunks, each without the units that are translated."""
        return self._left(self._statuses())

    def _statuses(self) -> dict[str, str]:
        """What became of the units that were asked for so far."""
        return {key: row["status"] for key, row in read_parts(self.folder).items()}

    def _left(self, statuses: Mapping[str, str]) -> list[list[Unit]]:
        wanted = (None, "failed")
        return [[unit for unit in chunk if statuses.get(unit.key) in wanted] for chunk in self.chunks()]

    def run(self, task: int = 0, tasks: int = 1, done: Callable[[], None] = lambda: None) -> None:
        """Translate the chunks `task`, `task + tasks`, ... of the plan; call `done` whenever a unit is answered.

        Raises:
            HubkitError: not one unit of a chunk was answered, and one was asked for the first time; what was translated
                before is kept.
        """
        asked = self._statuses()
        chunks = [chunk for chunk in self._left(asked)[task::tasks] if chunk]
        if not chunks:
            return
        with open_engine(self.translation, task) as engine:
            for chunk in chunks:
                results = translate_units(chunk, engine, self.translation, done)
                write_part(self.folder, results, engine.revision or self.translation.revision)
                write_served(self.folder, engine.served)
                # What failed before may fail for its own sake, and says nothing of the engine.
                fresh = any(unit.key not in asked for unit in chunk)
                # The longest units come first: that they are too long for a server says nothing of the others.
                causes = [result.answer.error for result in results if result.answer.error != TOO_LONG]
                if fresh and causes and None not in causes:
                    why = causes[0] or ""
                    raise HubkitError(
                        f"not one unit of a chunk was translated: {why}",
                        where=self.translation.base_url or self.translation.model,
                        hint=f"{HINTS.get(why, 'see to the engine')} and run again: what was translated is kept",
                    )
