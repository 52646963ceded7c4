"""scores/subgroups.json: the figures of groups of studies that are large enough to be published."""

from __future__ import annotations

from hubkit.artifacts.model import Model, read_model, write_model
from hubkit.artifacts.scores import Interval
from hubkit.workspace import Workspace

SCORE_AGAIN = "run: hubkit release --from score --until score"
"""`hubkit score` skips a file that is as the stage left it, also where an older version wrote it."""


class SubgroupFigure(Model):
    """One figure of one condition over a group.

    Attributes:
        condition, measure: as in summary.json.
        figure: over the studies of the group.
        difference: of that from the rest of the studies; of two groups that make up the whole, the first has it.
        p_bootstrap: two-sided, of the difference.
        p_holm: adjusted for all differences of the file.
    """

    condition: str
    measure: str
    figure: Interval
    difference: Interval | None = None
    p_bootstrap: float | None = None
    p_holm: float | None = None


class Subgroup(Model):
    """A group, how many studies of how many patients it has, and its figures."""

    name: str
    studies: int
    patients: int
    figures: tuple[SubgroupFigure, ...]


class Division(Model):
    """A way to divide the studies.

    Attributes:
        name: as `[scoring] subgroups` has it.
        title, note: what it is called, and what has to be known of its groups.
        groups: those that are published.
        withheld: the names of all others, also of those that no study belongs to.
    """

    name: str
    title: str
    note: str
    groups: tuple[Subgroup, ...]
    withheld: tuple[str, ...]

    @property
    def about(self) -> str:
        """What has to be known of its groups, and which are withheld, as sentences."""
        return f"{self.note}. Withheld: {', '.join(self.withheld)}." if self.withheld else f"{self.note}."


class Subgroups(Model):
    """All divisions.

    Attributes:
        n, patients: how many studies were scored, of how many patients.
        minimum: studies, and patients, below which nothing is published of a group.
        confidence, resamples, seed: of the intervals.
        tests: how many differences Holm's adjustment counts.
        divisions: in the order of the setting.
        cautions: what to know of groups that few patients stand behind, as sentences without a full stop.
        findings: the CheXpert labels whose F1 cards may show, and how many studies have them.
        findings_of_errors: the same of the findings of the error profile.
    """

    n: int
    patients: int
    minimum: int
    confidence: float
    resamples: int
    seed: int
    tests: int
    divisions: tuple[Division, ...]
    cautions: tuple[str, ...] = ()
    # Required: a file of before they were written would read as one that withholds every finding.
    findings: tuple[str, ...]
    findings_of_errors: tuple[str, ...]

    @property
    def note(self) -> str:
        """What a reader of the figures has to know, as sentences."""
        return (
            f"Figures of {self.n} studies of {self.patients} patients, with {self.confidence:.0%} intervals by "
            f"bootstrap over patients ({self.resamples} resamples, seed {self.seed}). Differences are from the rest of "
            f"the studies; p is by the same bootstrap, adjusted by Holm for all {self.tests} of them. Of two groups "
            "that make up the whole, the first has the difference. A group is withheld where it has fewer than "
            f"{self.minimum} patients or studies, or where the figures of so few could be computed with it."
            + "".join(f" {caution}." for caution in self.cautions)
        )


def read_subgroups(workspace: Workspace) -> Subgroups | None:
    """What the stage score wrote; None where no subgroups were asked for.

    Raises:
        HubkitError: it is not whole or incomplete.
    """
    if not workspace.subgroups.exists():
        return None
    return read_model(Subgroups, "subgroups", workspace.subgroups, SCORE_AGAIN)


def write_subgroups(workspace: Workspace, subgroups: Subgroups) -> None:
    """Write what `read_subgroups` reads."""
    write_model("subgroups", workspace.subgroups, subgroups)
