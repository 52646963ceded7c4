"""audit/memorisation.json: what the adapter remembers of its training, and whether it is too much. It has no text."""

from __future__ import annotations

from typing import NamedTuple

from hubkit.artifacts.model import Model, read_model, write_model
from hubkit.artifacts.scores import Interval
from hubkit.config import Audit
from hubkit.errors import HubkitError
from hubkit.workspace import Workspace

TOO_FEW = "too few studies to measure how well losses tell training studies from test studies"

LOWER = "fewer [finetuning] epochs, more dropout or a smaller r lower it"


class Attack(Interval):
    """How well a score tells training studies from others: the area under the ROC curve, with its interval.

    Attributes:
        found: by rate of false alarms, the share of training studies above the score that so many of the others reach;
            None where the rate cannot be measured on so few.
    """

    found: dict[str, float | None]


class Membership(Model):
    """What losses tell.

    Attributes:
        studies: by split, how many were compared.
        shared_texts: by split, how many of these have a report that stands on the other side as well.
        train_test: by score, training studies against test studies.
        train_validate: the same against validation studies; None where there are none.
        own_texts: as `train_test`, of studies without a shared report; None where there are too few.
    """

    studies: dict[str, int]
    shared_texts: dict[str, int]
    train_test: dict[str, Attack]
    train_validate: dict[str, Attack] | None = None
    own_texts: dict[str, Attack] | None = None


class RunShares(Model):
    """What a set of texts repeats of the reports.

    Attributes:
        texts: how many there are.
        longest: words of the longest run that stands in training reports of one patient, and in no other report.
        whole: words of the longest such run that is all of a report, most of whose sentences no other patient's report
            has; 0 where there is none.
        trained: by length in words, the share of runs that stand in training reports and in no other; None where no
            text is that long.
        untrained: the share that stands in reports that were not trained on, and in no training report. It is what
            chance and the language of the corpus give.
    """

    texts: int
    longest: int
    whole: int = 0
    trained: dict[str, float | None]
    untrained: dict[str, float | None]


class Identifiers(Model):
    """How many generated texts have a date, a name after a title, an id of the corpus, a blank as the corpus has it."""

    texts: int
    dates: int
    names: int
    ids: int
    blanks: int


class Memorisation(Model):
    """What the audit found.

    Attributes:
        confidence: level of the intervals.
        membership: None where there were too few studies.
        extraction: by kind of probe, what the adapter repeated.
        longest: the longest run without an image to call for it; None where nothing was asked.
        whole: words of the longest report that came back whole with no image and no word of it given; 0: none did.
    """

    confidence: float
    membership: Membership | None
    extraction: dict[str, RunShares]
    longest: int | None
    whole: int = 0
    identifiers: Identifiers

    def strongest(self) -> float | None:
        """The AUC of the score that tells training from test studies best, of those that need the adapter; None where
        it was not measured."""
        if self.membership is None:
            return None
        return max(attack.value for name, attack in self.membership.train_test.items() if name != "base")


def read_memorisation(workspace: Workspace) -> Memorisation:
    """What the audit found.

    Raises:
        HubkitError: it did not run, or its file cannot be read.
    """
    return read_model(Memorisation, "memorisation", workspace.memorisation, "run: hubkit audit")


def write_memorisation(workspace: Workspace, found: Memorisation) -> None:
    write_model("memorisation", workspace.memorisation, found)


def check_bounds(settings: Audit, found: Memorisation) -> None:
    """Refuse an adapter that remembers more than the settings allow.

    Raises:
        HubkitError: names the bound, what was found, and what lowers it.
    """
    over = excess(settings, found.strongest(), found.longest, found.whole)
    if over is None:
        return
    if over.what == TOO_FEW:
        hint = "take more studies ([corpus] subset), or leave max_auc out"
    else:
        hint = f'{LOWER}; or keep the adapter off the Hub: [custody] adapter_custody = "physionet"'
    raise HubkitError(over.what, where=over.where, hint=hint)


class Excess(NamedTuple):
    """A bound that an adapter is over, and what was found."""

    where: str
    what: str


def excess(settings: Audit, auc: float | None, longest: int | None, whole: int) -> Excess | None:
    """What an adapter remembers over the bounds; None where it stays under them.

    Args:
        auc: of the strongest attack by losses; None where it was not measured.
        longest, whole: as in `Memorisation`.
    """
    if settings.max_verbatim is not None and longest is not None and longest > settings.max_verbatim:
        return Excess(
            "[audit] max_verbatim",
            f"the adapter repeats {longest} words of a training report that no other patient's has, and "
            f"{settings.max_verbatim} are allowed",
        )
    if settings.max_verbatim is not None and whole:
        # A report shorter than the bound cannot give a run over it.
        return Excess(
            "[audit] max_verbatim",
            f"the adapter repeats the whole of a training report of {whole} words that no other patient's has",
        )
    if settings.max_auc is None:
        return None
    if auc is None:
        return Excess("[audit] max_auc", TOO_FEW)
    if auc > settings.max_auc:
        return Excess(
            "[audit] max_auc",
            f"losses tell training from test studies with an AUC of {auc:.3f}, and {settings.max_auc} is allowed",
        )
    return None
