"""`hubkit review`: pages for people who read translations or generated reports."""

from __future__ import annotations

import datetime
import functools
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hubkit.artifacts.review import LANGUAGES, REVIEW_KINDS, SIMULATED
from hubkit.cli._options import CONFIG_PATH, Command, config_option, workspace_option
from hubkit.config import ReleaseConfig
from hubkit.errors import UsageError
from hubkit.workspace import Workspace

if TYPE_CHECKING:
    from hubkit.review.design import Design
    from hubkit.review.make import Made


@click.group(name="review", short_help="Have people read translations or generated reports.")
def command() -> None:
    """Give readers a page of what was drawn for them, and take back what they found.

    A page opens from disk in any browser, makes no connection, and is encrypted.
    """


def passphrase_option(function: Command) -> Command:
    """`--passphrase-file`, as the argument `passphrase_file`."""
    return click.option(
        "--passphrase-file",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="Its first line is the passphrase; else $HUBKIT_REVIEW_PASSPHRASE, else you are asked.",
    )(function)


@command.command(name="make", short_help="Draw what is read, and write a page for each reader.")
@click.argument("name", required=False)
@click.option("--reader", "readers", multiple=True, metavar="ID", help="Once for each reader.")
@click.option(
    "--kind",
    type=click.Choice(REVIEW_KINDS),
    default="translation",
    show_default=True,
    help="What is read: translations with their sources, or generated reports with their images.",
)
@click.option("--items", type=click.IntRange(1), default=100, show_default=True, help="Different rows that are read.")
@click.option(
    "--sampling",
    type=click.Choice(["stratified", "simple"]),
    default="stratified",
    show_default=True,
    help="stratified reads what the checks flagged more often, with known weights.",
)
@click.option("--overlap", type=float, default=0.2, show_default=True, help="Share of items that all readers read.")
@click.option("--repeats", type=float, default=0.05, show_default=True, help="Share that a reader reads twice.")
@click.option("--seed", type=int, help="Of draw, order and blinding.  [default: [release] seed]")
@click.option(
    "--split", "splits", multiple=True, type=click.Choice(["train", "validate", "test"]), help="[default: all]"
)
@click.option(
    "--compare",
    nargs=2,
    type=click.Choice(["zero_shot", "few_shot", "lora"]),
    default=("lora", "zero_shot"),
    show_default=True,
    help="The two conditions of --kind generation.",
)
@click.option("--language", type=click.Choice(LANGUAGES), default="pt", show_default=True, help="Of the page at first.")
@click.option("--image-side", type=click.IntRange(256, 4096), default=1024, show_default=True, help="Pixels.")
@click.option("--clear", is_flag=True, help="Without encryption, where the terms of the corpus allow it.")
@click.option(
    "--error-rate",
    type=float,
    default=0.02,
    show_default=True,
    help="Share of rows that you expect an error in; it decides how strata share the items.",
)
@click.option("--plan", is_flag=True, help="Say how wide the intervals will be, and write nothing.")
@click.option("--demo", is_flag=True, help="A rehearsal: simulated readers answer at once (synthetic corpora).")
@passphrase_option
@config_option
@workspace_option
def make(
    name: str | None,
    readers: tuple[str, ...],
    kind: Any,
    items: int,
    sampling: Any,
    overlap: float,
    repeats: float,
    seed: int | None,
    splits: tuple[str, ...],
    compare: tuple[str, str],
    language: Any,
    image_side: int,
    clear: bool,
    error_rate: float,
    plan: bool,
    demo: bool,
    passphrase_file: Path | None,
    config: ReleaseConfig,
    workspace: Workspace,
) -> None:
    """Write WORKSPACE/review/NAME: review.json, which stays here, and READER.html for each reader.

    The passphrase goes to the readers by another way than the page.
    """
    from hubkit.review.design import Design
    from hubkit.review.make import Asked, check_readers, check_review, make_review
    from hubkit.review.passphrase import read_passphrase
    from hubkit.review.rehearse import REHEARSAL, check_rehearsal, rehearse
    from hubkit.review.simulate import READERS
    from hubkit.tables import SPLITS

    seed = config.release.seed if seed is None else seed
    if demo:
        check_rehearsal(config)
        if readers:
            raise UsageError("its readers are simulated", where="--demo", hint="leave out --reader")
        name, readers = name or REHEARSAL, tuple(READERS)
    elif simulated := [reader for reader in readers if reader.startswith(SIMULATED)]:
        raise UsageError(
            f"{simulated[0]!r} would count as simulated", hint=f"an id that does not begin with {SIMULATED}"
        )
    if kind == "generation" and splits:
        raise UsageError("generated reports are of test studies", where="--split", hint="leave it out")
    if plan:
        if readers:
            check_readers(readers)
        _plan(workspace, Design(items, seed, sampling, overlap, repeats, error_rate), kind, compare, splits, readers)
        return
    if name is None or not readers:
        raise UsageError("a review needs a name, and readers", hint="hubkit review make NAME --reader ID --reader ID")
    design = Design(items, seed, sampling, overlap, repeats, error_rate)
    asked = Asked(name, kind, readers, design, language, compare, splits or SPLITS, image_side)
    check_review(config, workspace, asked, in_clear=clear)
    passphrase = None if clear else read_passphrase(passphrase_file, twice=True)
    made = make_review(config, workspace, asked, passphrase)
    _show(made)
    if items > made.rows:
        click.echo(f"the workspace has {made.rows} rows, and all of them are read")
    if demo:
        rehearse(workspace, name, made.review, passphrase)
        places = shlex.join(
            ["--config", str(click.get_current_context().meta[CONFIG_PATH]), "--workspace", str(workspace.root)]
        )
        click.echo(f"next: hubkit review collect {places} {workspace.review(name)}/{SIMULATED}*.review.json")


def _plan(
    workspace: Workspace,
    design: Design,
    kind: Any,
    compare: tuple[str, str],
    splits: tuple[str, ...],
    readers: tuple[str, ...],
) -> None:
    from hubkit.review.design import sizes_of
    from hubkit.review.material import rows_to_draw
    from hubkit.review.plan import plan_lines
    from hubkit.tables import SPLITS

    rows = rows_to_draw(workspace, kind, compare, splits or SPLITS)
    for line in plan_lines(sizes_of(rows), design, len(readers) or 1):
        click.echo(line)


def _show(made: Made) -> None:
    from hubkit.review.make import MOST_BYTES
    from hubkit.screen import counted

    for path, readings in made.pages.items():
        size = path.stat().st_size
        click.echo(f"{path}: {counted(readings, 'reading')}, {size / 1e6:.1f} MB")
        if size > MOST_BYTES:
            click.echo("  this is large for a browser: fewer --items, or a smaller --image-side", err=True)
    if made.without_image:
        click.echo(f"{made.without_image} studies have no image", err=True)
    click.echo(
        f"review {made.review.digest[:12]}: {counted(len(made.review.items), 'item')} for "
        f"{counted(len(made.review.readers), 'reader')}"
    )
    click.echo("Send each reader their page, and the passphrase by another way. Keep review.json here.")


@command.command(name="collect", short_help="Take readers' result files, and compute what they found.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--name", help="The review.  [default: the one that the files name]")
@passphrase_option
@config_option
@workspace_option
def collect(
    files: tuple[Path, ...],
    name: str | None,
    passphrase_file: Path | None,
    config: ReleaseConfig,
    workspace: Workspace,
) -> None:
    """Check FILES, READER.review.json of each reader, and write results.json of their review.

    Files may come one by one: what was taken before counts again, and is never overwritten.
    """
    from hubkit.review.collect import collect as collect_review
    from hubkit.review.collect import find_review
    from hubkit.review.passphrase import read_passphrase
    from hubkit.review.summary import summary_lines

    found = find_review(workspace, name, files)
    ask = functools.cache(lambda: read_passphrase(passphrase_file, twice=False))
    for line in summary_lines(collect_review(config, workspace, found, files, ask)):
        click.echo(line)
    click.echo(f"written: {workspace.review(found) / 'results.json'}")


@command.command(name="confirm", short_help="Record that PhysioNet lets a reader see the corpus.")
@click.argument("reader")
@click.option("--physionet-user", required=True, metavar="USER", help="Their user name at PhysioNet.")
@click.option("--date", type=click.DateTime(["%Y-%m-%d"]), help="When you saw it.  [default: today]")
@workspace_option
def confirm(reader: str, physionet_user: str, date: datetime.datetime | None, workspace: Workspace) -> None:
    """Record that you saw READER's signed agreement for the corpus at PhysioNet, as whom and when."""
    from hubkit.terms.reader_access import record_confirmation

    found = record_confirmation(workspace, reader, physionet_user, date.date() if date else None)
    click.echo(f"{reader}: {found.who} at PhysioNet, confirmed on {found.when}")


@command.command(name="label-studio", short_help="Write the items of a review as tasks of Label Studio.")
@click.argument("name")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), required=True, help="A .json file.")
@config_option
@workspace_option
def label_studio(name: str, output: Path, config: ReleaseConfig, workspace: Workspace) -> None:
    """Write the items of the review NAME as JSON tasks, in clear, and the labelling interface next to them (.xml)."""
    from hubkit.review.label_studio import export_tasks, warning

    count = export_tasks(config, workspace, name, output)
    click.echo(f"{count} tasks in {output}, the labelling interface in {output.with_suffix('.xml')}")
    if line := warning(config):
        click.echo(f"hubkit: {line}", err=True)
