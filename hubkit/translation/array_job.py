"""Submit an array job to Slurm, and keep its id from the moment that there is one."""

from __future__ import annotations

import re
import subprocess
from functools import partial
from pathlib import Path

from datatrove.executor import SlurmPipelineExecutor

from hubkit.errors import HubkitError
from hubkit.translation.slurm import recorded
from hubkit.workspace import write_json


class ArrayJob(SlurmPipelineExecutor):  # type: ignore[misc]
    """datatrove's executor without its second job, which would merge figures that nobody reads.

    After a failed task that job would wait for ever.
    """

    def launch_merge_stats(self) -> None:
        return


def submit(executor: ArrayJob, record: Path, position: int | None = None) -> list[str]:
    """Submit the job, and keep its id in the file `record` as soon as there is one.

    Args:
        position: where the id stands among the words that sbatch prints; None: where sbatch itself has it.

    Returns:
        The ids; several where the tasks are more than an array may have.

    Raises:
        HubkitError: sbatch refused the job.
    """
    record.unlink(missing_ok=True)
    executor.job_id_retriever = partial(_record, record, position)
    try:
        executor.run()
    except (OSError, subprocess.CalledProcessError) as error:
        why = error.strerror if isinstance(error, OSError) else f"code {error.returncode}, and above is why"
        raise HubkitError(
            f"sbatch did not take the job: {why}",
            where=record.with_name("launch_script.slurm"),
            hint="check [translation.slurm], then run again",
        ) from None
    return recorded(record)


def _record(record: Path, position: int | None, output: str) -> str:
    """Add the id in what sbatch printed to the file; datatrove calls this for each array that it submits."""
    found = re.search(r"Submitted batch job (\d+)", output)
    words = output.split()
    job: str = words[position] if position is not None else found[1] if found else words[-1]
    write_json(record, {"jobs": [*recorded(record), job]})
    return job
