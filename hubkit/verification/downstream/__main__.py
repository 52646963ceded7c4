"""What a researcher does with a release: `python downstream TASK REPORT`, with stock libraries alone.

hubkit is not imported here and is not on the path: whatever works here works for everyone (opening a sealed release as
it is read is the exception, and comes last). TASK is a JSON file as task.py describes it; REPORT is written as JSON:
library versions, and of each check its name, its result (passed, failed or not run) and details.

Checks that run code of the release get a process of their own, offline and without a token: an earlier one, with
`download` in its task, downloaded what they need.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import downloads
from task import Skipped, Task, expect

LIBRARIES = ("datasets", "evaluate", "huggingface_hub", "peft", "transformers", "torch")
OPTIONAL = {*LIBRARIES, "PIL", "cryptography", "hubkit", "pydantic", "sentencepiece"}

_SPEAKING = {"datasets", "evaluate", "huggingface_hub", "hubkit", "peft"}
"""Packages whose errors are repeated: those of others may hold values of the data."""


def main(task_file: str, report_file: str) -> None:
    """Run the checks that the task names; one that fails does not keep the others from running."""
    task = json.loads(Path(task_file).read_text(encoding="utf-8"))
    expect(importlib.util.find_spec("hubkit") is None, "hubkit can be imported here")
    report: dict[str, Any] = {"python": sys.version.split()[0], "endpoint": os.environ.get("HF_ENDPOINT")}
    report["versions"] = {
        name: importlib.metadata.version(name) for name in LIBRARIES if importlib.util.find_spec(name)
    }
    report["checks"] = []
    for check in task["checks"]:
        result, detail = run(getattr(importlib.import_module(check["module"]), check["name"]), task)
        report["checks"].append({"check": check["name"], "result": result, "detail": detail})
        write(report, Path(report_file))
    report["downloaded"] = download(task)
    write(report, Path(report_file))


def write(report: dict[str, Any], path: Path) -> None:
    """Write the report so far: whatever ends this process, what was checked stays."""
    half = path.with_suffix(".half")
    half.write_text(json.dumps(report, indent=2), encoding="utf-8")
    half.replace(path)


def download(task: Task) -> dict[str, dict[str, str]]:
    """Of each thing that later checks need: its path, or why it could not be downloaded."""
    found: dict[str, dict[str, str]] = {}
    for item in downloads.needed(task):
        found[item] = attempt(downloads.fetch, task, item)
    if "path" in found.get("metric", {}):
        for model, revision in downloads.encoders(task, Path(found["metric"]["path"])):
            found[model] = attempt(downloads.fetch_encoder, task, model, revision)
    return found


def attempt(fetch: Callable[..., Path], *arguments: Any) -> dict[str, str]:
    try:
        return {"path": str(fetch(*arguments))}
    except Exception as error:  # noqa: BLE001 - whatever a library raises is the reason of a check
        return {"error": described(error)}


def run(check: Callable[[Task], str], task: Task) -> tuple[str, str]:
    """Result of a check, and what it says."""
    try:
        return "passed", check(task)
    except Skipped as reason:
        return "not run", str(reason)
    except AssertionError as difference:
        return "failed", str(difference)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in OPTIONAL:
            return "not run", f"{error.name} is not installed there"
        return "failed", described(error)
    except Exception as error:  # noqa: BLE001 - whatever a library raises is a finding
        return "failed", described(error)


def described(error: BaseException, depth: int = 3) -> str:
    """An error in one line, with up to `depth` causes; the message where it can hold no text of the corpus."""
    traced = traceback.extract_tb(error.__traceback__)
    print("".join(traceback.format_tb(error.__traceback__)), file=sys.stderr)
    package = type(error).__module__.split(".")[0]
    speaks = package in _SPEAKING or isinstance(error, OSError | ImportError)
    said = str(error).strip().splitlines()[:1] if speaks else []
    # An error that was made as a cause, and never raised, has no place.
    place = next((f"{Path(frame.filename).name}, line {frame.lineno}" for frame in traced[-1:]), "")
    line = ": ".join(filter(None, [type(error).__name__, said[0][:300] if said else place]))
    return f"{line} ({described(error.__cause__, depth - 1)})" if error.__cause__ and depth else line


if __name__ == "__main__":
    main(*sys.argv[1:])
