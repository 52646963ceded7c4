"""A release as one reader meets it: processes without hubkit that make the checks."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any, NamedTuple

from hubkit.artifacts.recipe import RECIPE
from hubkit.artifacts.release_record import RECORD
from hubkit.endpoint import current_endpoint
from hubkit.verification.checks import CHECKS
from hubkit.verification.clean_env import Access, CleanEnv
from hubkit.verification.discovery import OnHub
from hubkit.verification.findings import FAILED, NOT_RUN, PASSED, Findings, read_answer, results_of
from hubkit.verification.snippets import SNIPPETS, Found
from hubkit.workspace import write_json

SCRIPT = Path(__file__).with_name("downstream")

STUDIES = 20
"""How many reports are generated again, at the least."""

GENERATING, REGENERATED = "snippet_generate", "reports_regenerated"
"""The snippet that loads the base, and the check that does so before it: where that failed or was not made, base,
memory or images are lacking."""


class Own(NamedTuple):
    """What a reader has in addition to the release: their copies of MIMIC-CXR (folder or zip) and of MIMIC-CXR-JPG."""

    corpus: Path | None = None
    images: Path | None = None


class Reader(NamedTuple):
    """Someone who comes to the Hub: who they are, with which token, and what has to hold for them."""

    who: str
    token: str | None
    checks: list[str]


class Examination(NamedTuple):
    """How a release is looked at.

    Attributes:
        release: what is on the Hub.
        own: the reader's files.
        opened: the folder in which a sealed release was opened with the reader's corpus.
        log: what the processes say.
        findings: what comes of the checks.
    """

    release: OnHub
    own: Own
    opened: Path | None
    log: Path
    findings: Findings

    def look(self, process: CleanEnv, reader: Reader) -> dict[str, Any]:
        """Have a process with the reader's token make the checks that run no code of the release.

        Returns:
            What it downloaded for the others.
        """
        checks, later = (
            [
                CHECKS[name].task()
                for name in reader.checks
                if CHECKS[name].foreign is foreign and not CHECKS[name].snippet
            ]
            for foreign in (False, True)
        )
        task = {"checks": checks, "download": later, "downloads": str(_downloads(process)), "downloaded": None}
        return self._run(process, reader.who, task, Access(current_endpoint(), reader.token)).get("downloaded") or {}

    def paste(self, process: CleanEnv, reader: Reader, found: Found) -> None:
        """Have a process with the reader's token run the code on the cards, as far as it is hubkit's own."""
        asked = [name for name in SNIPPETS if name in reader.checks]
        for name in asked:
            if name in found.reasons:
                self.findings.record(reader.who, name, NOT_RUN, found.reasons[name])
        generates = GENERATING in asked and GENERATING in found.code
        if generates and self.findings.result(reader.who, REGENERATED) != PASSED:
            self.findings.record(reader.who, GENERATING, NOT_RUN, f"needs base, adapter and images: {REGENERATED}")
            asked.remove(GENERATING)
        checks = [CHECKS[name].task() for name in asked if name in found.code]
        shared: dict[str, Any] = {"download": [], "downloads": None, "downloaded": None, "snippets": found.code}
        self._run(process, reader.who, {"checks": checks, **shared}, Access(current_endpoint(), reader.token))

    def look_offline(self, process: CleanEnv, reader: Reader, downloaded: dict[str, Any]) -> None:
        """Have processes without a token make the checks that run code of the release."""
        access = Access(current_endpoint(), cache=_downloads(process) / "hub")
        shared: dict[str, Any] = {"download": [], "downloads": None, "downloaded": downloaded}
        checks = [CHECKS[name].task() for name in reader.checks if CHECKS[name].foreign]
        if checks:
            self._run(process, reader.who, {"checks": checks, **shared}, access)

    def _run(self, process: CleanEnv, who: str, task: dict[str, Any], access: Access) -> dict[str, Any]:
        if not task["checks"] and not task["download"]:
            return {}
        asked, answered = process.root / "task.json", process.root / "report.json"
        answered.unlink(missing_ok=True)
        write_json(asked, self._task() | task)
        with self.findings.watched(answered):
            status = process.run(SCRIPT, [str(asked), str(answered)], access, self.log)
        answer = read_answer(answered)
        if answer:
            self.findings.describe(who, answer)
        self._record(who, [check["name"] for check in task["checks"]], answer, status)
        return answer

    def _record(self, who: str, checks: list[str], answer: dict[str, Any], status: int) -> None:
        results, ended = results_of(answer), _ended(status)
        for check in checks:
            if check in results:
                self.findings.record(who, check, *results[check])
            elif ended:
                self.findings.record(who, check, FAILED, f"{ended}; see {self.log.name}")
                ended = ""
            else:
                self.findings.record(who, check, NOT_RUN, "the process that makes it ended before")

    def _task(self) -> dict[str, Any]:
        paths = {"corpus": self.own.corpus, "images": self.own.images, "opened": self.opened}
        return {
            **{name: str(path.absolute()) if path else None for name, path in paths.items()},
            "repos": self.release.repos,
            "tag": self.release.tag,
            "sealed": self.release.sealed,
            "script": self.release.script,
            "files": {name: file for name, file in self.release.files.items() if name != "metric"},
            "record": RECORD,
            "recipe": RECIPE,
            "sample": STUDIES,
        }


def _downloads(process: CleanEnv) -> Path:
    return process.root / "downloads"


def _ended(status: int) -> str:
    if status < 0:
        return f"the process was killed by {signal.Signals(-status).name}"
    return f"the process ended with status {status}" if status else "the process gave no result"
