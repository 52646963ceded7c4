"""`hubkit rehearse`: try a Hub with invented rows before a release goes there."""

from __future__ import annotations

from pathlib import Path

import click

from hubkit.errors import HubkitError


@click.command(name="rehearse", short_help="Try a Hub with invented rows, and see how it answers.")
@click.option("--namespace", required=True, help="Your user or organisation, in which the repos are created.")
@click.option("--endpoint", help="The Hub. [default: HF_ENDPOINT, else the official one]")
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("rehearsal.json"),
    show_default=True,
    help="The record, which holds no names and no tokens.",
)
def command(namespace: str, endpoint: str | None, report: Path) -> None:
    """Create three repos with invented rows, push, look, grant, withdraw, and delete them once you confirm it.

    HUBKIT_UNGRANTED_TOKEN is a token of a second account; without it, the steps that need one are left out.
    """
    from hubkit.endpoint import current_endpoint, use_endpoint

    use_endpoint(endpoint)
    from hubkit.artifacts.rehearsal_record import write_rehearsal
    from hubkit.hub.rehearse import NOT_REACHED, check_rehearsal, created, delete_created, rehearsal_config, rehearse

    config = rehearsal_config(namespace)
    planned = check_rehearsal(config)
    click.echo(f"At {current_endpoint()} this creates, visible to all:")
    for repo in planned:
        click.echo(f"  {repo}")
    _confirm("create them", namespace)
    try:
        record = rehearse(config, lambda what: click.echo(f"  rehearse: {what}"))
        write_rehearsal(report, record)
        for answer in record.answers.values():
            click.echo(f"{answer.question}\n    {answer.answer}")
        click.echo(f"The record is {report}.")
    finally:
        left = created(config)
        for repo in left:
            click.echo(f"on the Hub: {repo}")
    if left:
        _confirm("delete these, and nothing else", config.hub.dataset)
        still = delete_created(config)
        if still:
            raise HubkitError("was not deleted", where=", ".join(still), hint="delete it in its settings on the Hub")
        click.echo("deleted")
    if record.stopped_at:
        unanswered = sum(answer.answer == NOT_REACHED for answer in record.answers.values())
        what = f"the rehearsal stopped at: {record.stopped_at}; {unanswered} questions are open"
        raise HubkitError(what, where=report, hint="see above what the Hub refused")


def _confirm(what: str, word: str) -> None:
    """Go on where the word is typed.

    Raises:
        HubkitError: another one was.
    """
    typed = click.prompt(f"To {what}, type {word}", default="", show_default=False)
    if typed.strip() != word:
        raise HubkitError(f"not confirmed, so that nothing was done to {what}", hint=f"type {word}")
