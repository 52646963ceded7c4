"""What `hubkit release` would do, in figures: studies, sections, tokens, gigabytes, hours, and the repos it goes to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hubkit.artifacts.receipt import read_receipt
from hubkit.artifacts.selection import read_selection
from hubkit.config import ReleaseConfig
from hubkit.doctor import estimates
from hubkit.endpoint import where
from hubkit.errors import HubkitError
from hubkit.release import Step
from hubkit.report.on_hub import target_repos
from hubkit.report.outcomes import outcome
from hubkit.screen import counted
from hubkit.tables import SPLITS
from hubkit.workspace import Workspace, read_table


class Texts(NamedTuple):
    """What has to be translated.

    Attributes:
        sections: all of them; with `[translation] units = "report"`, reports.
        distinct: those that the model translates; None before `read`, when `sections` is an estimate.
        tokens: of their translations, estimated.
    """

    sections: int
    distinct: int | None
    tokens: int


def forecast(config: ReleaseConfig, workspace: Workspace, steps: Sequence[Step]) -> Iterator[str]:
    """Yield a line for each figure; what cannot be known before `read` is estimated, and says so.

    Args:
        steps: the plan.
    """
    runs = {step.stage.name for step in steps if step.action != "skip"}
    sizes = _sizes(config, workspace, "read" in runs)
    if sizes is None:
        yield _line("studies", 'all of the corpus ([corpus] subset = "all"); counted by: hubkit read')
    else:
        yield _line("studies", ", ".join(f"{sizes[split]:,} {split}" for split in SPLITS))
        texts = _texts(config, workspace, sum(sizes.values()), "read" in runs)
        if "translate" in runs:
            about = "about " if texts.distinct is None else ""
            reused = "" if texts.distinct in (None, texts.sections) else f", {texts.distinct:,} of them different"
            yield _line("translate", f"{about}{texts.sections:,} sections{reused}, about {texts.tokens:,} tokens")
        elif (done := outcome("translate", workspace)) is not None:
            yield _line("translated", done)
        yield from _hours(config, sizes, texts.tokens, runs)
        if "read" in runs and config.corpus.max_images:
            size = estimates.images_gb(config, sum(sizes.values()))
            yield _line("disk", f"at most {size:.1f} GB of prepared images")
    yield from _models(config, runs)
    if any(step.stage.name == "push" for step in steps):
        yield from repo_lines(config, workspace)
        if "package" in runs and taken(config, workspace):
            yield _line(
                "version", f"{config.release.tag} is on this Hub already: set another [release] version, or push stops"
            )


def taken(config: ReleaseConfig, workspace: Workspace) -> bool:
    """Whether this workspace has pushed the version that is set to this Hub: with other files it is refused there."""
    receipt = read_receipt(workspace)
    return receipt is not None and (receipt.endpoint, receipt.tag) == (where(config), config.release.tag)


def repo_lines(config: ReleaseConfig, workspace: Workspace) -> Iterator[str]:
    """A line for each repo: its address, and what it is like now."""
    try:
        for repo in target_repos(config, workspace):
            yield _line(repo.artifact, f"{repo.address}: {repo.state}")
    except HubkitError as error:
        yield _line("repos", str(error))


def _sizes(config: ReleaseConfig, workspace: Workspace, reads: bool) -> dict[str, int] | None:
    if not reads and workspace.selection.exists():
        return read_selection(workspace).sizes
    return None if config.corpus.subset == "all" else config.corpus.subset.sizes()


def _texts(config: ReleaseConfig, workspace: Workspace, studies: int, reads: bool) -> Texts:
    from hubkit.translation.units import read_sections, section_names

    if reads or not workspace.studies.exists():
        units = studies if config.translation.units == "report" else round(studies * estimates.SECTIONS_A_STUDY)
        return Texts(units, None, studies * estimates.TOKENS_A_REPORT)
    names = section_names(config.translation.units)
    studies = read_table(workspace.studies, ["study_id", *names])
    sections = read_sections(studies, names, context=config.translation.context, memory=config.translation.memory)
    characters = sum(len(unit.text) for unit in sections.units)
    return Texts(len(sections.numbers), len(sections.units), round(characters / estimates.CHARACTERS_A_TOKEN))


def _hours(config: ReleaseConfig, sizes: dict[str, int], tokens: int, runs: set[str]) -> Iterator[str]:
    found = {
        "translate": estimates.translation_hours(config, tokens),
        "finetune": estimates.training_hours(config, sizes["train"], sizes["validate"]),
        "generate": estimates.generation_hours(config, sizes["test"]),
    }
    known = [f"{stage} {hours}" for stage, hours in found.items() if stage in runs and hours is not None]
    if known:
        yield _line("time", f"{', '.join(known)} on one GPU of 24 to 80 GB (estimated, not measured)")
    unknown = [stage for stage, hours in found.items() if stage in runs and hours is None]
    if unknown:
        yield _line("time", f"{', '.join(unknown)}: not known, since the name of the model does not tell its size")


def _models(config: ReleaseConfig, runs: set[str]) -> Iterator[str]:
    if not runs & {"translate", "finetune", "generate", "score"}:
        return
    sizes = estimates.download_gb(config)
    known = sum(size for size in sizes.values() if size is not None)
    rest = sum(size is None for size in sizes.values())
    more = f", and {counted(rest, 'model')} of unknown size" if rest else ""
    yield _line("models", f"{known:.1f} GB to download where they are not here yet{more}")


def _line(what: str, text: str) -> str:
    return f"{what:<10} {text}"
