"""What a verification found: each check passed, failed or was not run, with a reason.

The report is always written. A check stands in it from the start, as not run; so an interrupt, a killed
process or an error leaves a report that says how far it came.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hubkit.artifacts.verification import CheckResult, ReaderReport, Verification, write_verification
from hubkit.endpoint import current_endpoint
from hubkit.errors import HubkitError, Interrupted
from hubkit.progress import Progress, repeated
from hubkit.screen import show

PASSED, FAILED, NOT_RUN = RESULTS = ("passed", "failed", "not run")

SECONDS_BETWEEN_LOOKS = 2.0  # at what a process has checked so far: the bar moves, and the disk rests

LONGEST_DETAIL = 500
"""Characters: a check that runs code of the release may say whatever that code wants."""


class Findings:
    """The results by reader and check, and the report that they make.

    Args:
        path: where the report is written.
        about: the report before any check: what it says of the release.
    """

    def __init__(self, path: Path, about: Verification):
        self.path, self._about = path, about
        self._readers: dict[str, ReaderReport] = {}
        self._unmade: HubkitError | None = None
        self._progress = Progress("verify: checks", 0)
        self._recorded: set[tuple[str, str]] = set()

    def plan(self, who: str, checks: Iterable[str]) -> None:
        """Enter the checks of a reader as not run."""
        ended = "the verification ended before"
        made = [CheckResult(check=check, result=NOT_RUN, detail=ended) for check in checks]
        self._readers[who] = ReaderReport(reader=who, checks=made)
        self._progress.total += len(made)

    def record(self, who: str, check: str, result: str, detail: str) -> None:
        """Enter how a check ended, and print it."""
        checks = self._readers[who].checks
        number = next(number for number, entry in enumerate(checks) if entry.check == check)
        printable = "".join(letter if letter.isprintable() else " " for letter in detail)
        checks[number] = CheckResult(check=check, result=result, detail=" ".join(printable.split())[:LONGEST_DETAIL])
        self._recorded.add((who, check))
        self._progress.reach(len(self._recorded))
        shown = "FAILED" if result == FAILED else result
        show(f"  verify: {who:<13} {check:<19} {shown}: {checks[number].detail}", indent=10, stream=sys.stderr)

    def result(self, who: str, check: str) -> str:
        """How a check of a reader came out so far."""
        return next((entry.result for entry in self._readers[who].checks if entry.check == check), NOT_RUN)

    def describe(self, who: str, answer: Mapping[str, Any]) -> None:
        """Say with which versions of Python and of libraries a reader's checks are made, as its process named them."""
        versions = answer.get("versions")
        named = versions.items() if isinstance(versions, dict) else ()
        self._readers[who] = self._readers[who].model_copy(
            update={
                "python": str(answer.get("python")),
                "endpoint": str(answer.get("endpoint")),
                "versions": {str(name): str(version) for name, version in named},
            }
        )

    def give_up(self, who: str, checks: Iterable[str], error: HubkitError) -> None:
        """Enter checks as not run because hubkit could not have them made; the verification fails for it."""
        self._unmade = self._unmade or error
        for check in checks:
            self.record(who, check, NOT_RUN, str(error))

    def shown(self) -> Progress:
        """How many checks are done, to be shown while the block runs in which they are made."""
        return self._progress

    @contextlib.contextmanager
    def watched(self, answer: Path) -> Iterator[None]:
        """Count what a process writes into its file `answer` while the block waits for that process."""
        before = len(self._recorded)
        with repeated(
            SECONDS_BETWEEN_LOOKS, lambda: self._progress.reach(before + len(results_of(read_answer(answer))))
        ):
            yield

    @contextlib.contextmanager
    def written(self) -> Iterator[None]:
        """Write the report when the block ends, however it ends.

        Raises:
            HubkitError: the report cannot be written.
            Interrupted: the block was.
        """
        try:
            yield
        except KeyboardInterrupt:
            self._close("the verification was interrupted")
            raise Interrupted("interrupted", where=self.path, hint="it has what was checked until then") from None
        except OSError as error:
            reason = error.strerror or type(error).__name__
            self._close(reason)
            raise HubkitError(
                f"the verification ended early: {reason}",
                where=error.filename or self.path,
                hint="free the disk or fix the path, then: hubkit verify",
            ) from None
        except BaseException as error:
            self._close(str(error) if isinstance(error, HubkitError) else type(error).__name__)
            raise
        self._close(None)

    def conclude(self) -> Verification:
        """The report, where nothing failed.

        Raises:
            HubkitError: a check failed, could not be made, or none was.
        """
        checks = self._checks()
        failed = [check for check in checks if check.result == FAILED]
        if failed:
            raise HubkitError(
                f"{len(failed)} of {len(checks)} checks failed, first {failed[0].check}: {failed[0].detail}",
                where=self.path,
                hint="it names the versions that each check ran with; for what differs on the Hub: "
                "hubkit push --dry-run",
            )
        if self._unmade:
            raise self._unmade
        if not any(check.result == PASSED for check in checks):
            raise HubkitError("no check could be made", where=self.path, hint="it says of each what it needs")
        return self._report()

    def _close(self, reason: str | None) -> None:
        report = self._report()
        write_verification(self.path, report.model_copy(update={"ended": reason}) if reason else report)

    def _checks(self) -> list[CheckResult]:
        return [check for reader in self._readers.values() for check in reader.checks]

    def _report(self) -> Verification:
        results = [check.result for check in self._checks()]
        counts = {result: results.count(result) for result in RESULTS}
        readers = list(self._readers.values())
        return self._about.model_copy(update={"endpoint": current_endpoint(), "counts": counts, "readers": readers})


def read_answer(path: Path) -> dict[str, Any]:
    """What a process wrote of its checks; nothing where that is missing or is not a report."""
    try:
        answer = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def results_of(answer: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Result and detail by check, of those entries that are whole: code of a release may have written them."""
    entries = answer.get("checks")
    return {
        entry["check"]: (entry["result"], entry["detail"])
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict)
        and entry.get("result") in RESULTS
        and all(isinstance(entry.get(name), str) for name in ("check", "detail"))
    }
