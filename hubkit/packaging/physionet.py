"""The release as a submission to PhysioNet, where what is derived from MIMIC is meant to be shared.

The README has the sections of PhysioNet's author guidelines (https://physionet.org/about/publish), which ask for an
abstract of at most 250 words, numbered references and no addresses in the text. The data are in clear: whoever gets
them there has signed for the corpus.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hubkit.artifacts.receipt import read_receipt
from hubkit.config import ReleaseConfig
from hubkit.digests import file_digest
from hubkit.endpoint import is_loopback
from hubkit.errors import HubkitError
from hubkit.leakguard.guard import guard
from hubkit.packaging.card_data import CardFacts, gather
from hubkit.packaging.cards import render
from hubkit.packaging.code_digests import METRIC
from hubkit.packaging.dataset import write_dataset
from hubkit.packaging.package import PLOTS, copy_adapter, copy_files, write_loader
from hubkit.packaging.references import Citations
from hubkit.published import published
from hubkit.terms.kinds import terms_of
from hubkit.terms.policy import check_derivatives, check_title
from hubkit.workspace import Workspace, sync, write_text

if TYPE_CHECKING:
    from physionet import ValidationResult

SUMS = "SHA256SUMS.txt"
REPORT = "PHYSIONET_REPORT.md"

FILE_NAME = re.compile(r"\w+([\w.-]*\w+)?", re.ASCII)
"""PhysioNet's rule for the names of files and folders, in which no two dots may follow one another."""

OWN_WORDS = ("conflicts_of_interest", "acknowledgements", "ethics")
"""Settings that only the authors can fill in."""


class Submission(NamedTuple):
    """What was written.

    Attributes:
        folder: the submission.
        files: how many files it has.
        warnings: what PhysioNet's validator warns of; it found no errors.
        left: settings of `[packaging.physionet]` and others that the authors have yet to fill in.
    """

    folder: Path
    files: int
    warnings: list[str]
    left: list[str]


def write_submission(config: ReleaseConfig, workspace: Workspace, output: Path) -> Submission:
    """Write the release to the folder `output`, checked by the leak guard and by PhysioNet's validator.

    A submission in the workspace is replaced when the new one is whole; nothing elsewhere is.

    Raises:
        UsageError: the title breaks PhysioNet's rule for what is derived from MIMIC, or the corpus allows nothing to be
            made from it.
        HubkitError: `output` is there already, an earlier stage's file is missing, or a check found something.
    """
    check_derivatives(terms_of(config.corpus), "[corpus] kind")
    check_title(config.packaging.physionet.title, "[packaging.physionet] title")
    facts = gather(config, workspace)
    if output.exists() and output.absolute().parent != workspace.physionet:
        raise HubkitError("is there already", where=output, hint="move it away, or choose another with --output")
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".submission.") as home:
        ready = Path(home) / output.name
        _write(config, workspace, facts, ready)
        guard(ready, config, workspace)
        found = _validate(ready)
        if output.exists():
            output.rename(Path(home) / "replaced")
        ready.rename(output)
        sync(output.parent)
    files = sum(path.is_file() for path in output.rglob("*"))
    return Submission(output, files, _told(found, "warning"), _left(config))


def _write(config: ReleaseConfig, workspace: Workspace, facts: CardFacts, folder: Path) -> None:
    templates = published("dataset_card")
    write_dataset(config, workspace, folder)
    copy_adapter(config, workspace, facts, folder / "adapter")
    copy_files(workspace.scores, PLOTS, folder / "plots")
    write_loader(config, workspace, folder / "loader")
    copy_files(published("bertscore_ptbr"), (METRIC,), folder / "metric")
    cite = Citations(config, facts)
    shown = {**facts.variables(), "cite": cite, "on_hub": _on_hub(workspace)}
    write_text(folder / "README.md", render(templates / "physionet.md.jinja", shown))
    write_text(folder / "LICENSE.txt", render(templates / "physionet_license.txt.jinja", shown))
    for path in folder.rglob("*"):
        if not FILE_NAME.fullmatch(path.name) or ".." in path.name:
            raise HubkitError(
                "has a name that PhysioNet refuses",
                where=path.relative_to(folder),
                hint="letters, digits, . _ and - alone; rename it in the settings, then: hubkit package",
            )
    _write_sums(folder)


def _on_hub(workspace: Workspace) -> bool:
    """Whether the release was pushed to a Hub that others can reach, as its receipt says."""
    receipt = read_receipt(workspace)
    return receipt is not None and not is_loopback(receipt.endpoint)


def _write_sums(folder: Path) -> None:
    """The digests of all files but the list itself, as `sha256sum -c` reads them."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / SUMS)
    write_text(
        folder / SUMS, "".join(f"{file_digest(path)}  {path.relative_to(folder).as_posix()}\n" for path in files)
    )


def _validate(folder: Path) -> ValidationResult:
    """Run PhysioNet's own validator, whose report belongs into a submission.

    Raises:
        HubkitError: it found errors.
    """
    from physionet import validate_dataset

    found = validate_dataset(str(folder), show_progress=False)
    errors = _told(found, "error")
    if errors:
        raise HubkitError(
            f"PhysioNet's validator finds {len(errors)} errors, first {errors[0]}",
            where=folder.name,
            hint="correct what it names, then: hubkit physionet",
        )
    write_text(folder / REPORT, found.summary())
    _write_sums(folder)
    return found


def _told(found: ValidationResult, severity: str) -> list[str]:
    return [
        f"{issue.file}: {issue.message}" if issue.file else issue.message
        for result in found.check_results.values()
        for issue in result.issues
        if issue.severity.value == severity
    ]


def _left(config: ReleaseConfig) -> list[str]:
    empty = [f"[packaging.physionet] {name}" for name in OWN_WORDS if not getattr(config.packaging.physionet, name)]
    return [*empty, *([] if config.packaging.authors else ["[packaging] authors"])]
