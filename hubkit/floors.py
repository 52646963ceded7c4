"""The least that a stage has to have or to make. Below it the stage stops and names the likely cause.

Every floor of a release is defined here, so that no stage ends well over nothing:

| stage     | floor |
|---|---|
| fetch     | there are train and test studies to fetch images for |
| read      | the corpus has reports; train and test have studies; half of the reports have text; half of the images that are taken can be prepared, unless the corpus has none at all |
| translate | half of the reports have a section, or text where they are translated whole; half of the rows have a translation |
| finetune  | half of the train studies have a reference |
| generate  | half of the test studies have a reference |
| score     | half of the test studies were generated for; half of the adapter's answers have text (a base that answers nothing is a result, an adapter that was trained on reports and answers nothing is broken) |
| package   | train and test have rows |
| verify    | one check at least could be made (`hubkit.verification.findings`) |
"""  # noqa: E501 - a table

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hubkit.errors import HubkitError

SHARE = 0.5
"""Of what was asked for. A corpus has odd reports and a model has odd answers, a few in a hundred at most; where the
half is missing, something was set wrong, and hours of work would go into the rest."""

NEEDED = ("train", "test")
"""The splits without which there is no release: one to train on, one to score. Without validate, training runs its
epochs and the last adapter is kept."""


def require(have: int, asked: int, what: str, where: str | Path | None = None, hint: str | None = None) -> None:
    """Refuse to go on with less than SHARE of what was asked for, or with nothing.

    Args:
        what: what is counted, such as "test studies have a reference".
        hint: the likely cause, and the command or setting that helps.

    Raises:
        HubkitError: `have` is below the floor.
    """
    if have == 0 or have < SHARE * asked:
        raise HubkitError(f"only {have} of {asked} {what}", where=where, hint=hint)


def require_splits(sizes: Mapping[str, int], where: str | Path, hint: str) -> None:
    """Refuse a table that lacks a split which the stages after it need.

    Raises:
        HubkitError: names the split, and how many rows the others have.
    """
    empty = [split for split in NEEDED if not sizes.get(split)]
    if empty:
        others = ", ".join(f"{split} {count}" for split, count in sizes.items() if count) or "none has any"
        raise HubkitError(f"the split {empty[0]} has no studies ({others})", where=where, hint=hint)


def require_reports(studies: int, root: Path, *, listed: int, unlisted: int, strange: int) -> None:
    """Refuse a corpus in which no study has a report.

    Args:
        studies: how many have one.
        listed: how many studies of the tables have none.
        unlisted: how many reports are of no study in the tables.
        strange: how many text files are not named as a report.

    Raises:
        HubkitError: names the likely cause.
    """
    if studies:
        return
    if unlisted:
        what = f"{unlisted} reports are there, and none is of the {listed} studies of the split table"
        hint = "reports and tables are of different corpora: set [corpus] root and images, or run: hubkit fetch"
    elif strange:
        what = f"{strange} text files are there, and none is named as a report"
        hint = "reports are files/p10/p10000032/s50414267.txt: set [corpus] root to the folder above files/"
    else:
        what = "there is not one report"
        hint = "MIMIC-CXR-JPG has none, they are in MIMIC-CXR: set [corpus] root to its folder, or run: hubkit fetch"
    raise HubkitError(what, where=root, hint=hint)


def require_texts(have: int, asked: int, whole: bool, where: Path) -> None:
    """Refuse a corpus of whose reports too few have text to translate.

    Args:
        whole: whether reports are translated as a whole; else by their sections.

    Raises:
        HubkitError: names the likely cause.
    """
    if whole:
        require(have, asked, "reports have text", where, "the files are empty: fetch them again: hubkit fetch")
    else:
        hint = (
            "a header such as FINDINGS: stands on a line that begins with one blank; were the files reformatted? "
            'Set [corpus] headers = "any", fetch them again, or set [translation] units = "report"'
        )
        require(have, asked, "reports have a section that hubkit can tell", where, hint)
