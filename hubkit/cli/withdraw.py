"""`hubkit withdraw`: take a version back."""

from __future__ import annotations

import click

from hubkit.cli._options import config_option
from hubkit.config import ReleaseConfig


@click.command(name="withdraw")
@config_option
@click.option("--tag", help="The version's tag. [default: that of [release] version]")
@click.option("--reason", default="Ask its maintainers why.", show_default=True, help="What the card says of it.")
@click.option("--confirm", metavar="TAG", help="Do it: the tag again.")
def command(config: ReleaseConfig, tag: str | None, reason: str, confirm: str | None) -> None:
    """Take a version back: revoke grants, delete its files and its tag, and leave a notice in the cards.

    Without --confirm it only says what it would do.
    """
    from hubkit.hub.endpoint import use_endpoint

    use_endpoint(config.hub.endpoint)
    from hubkit.hub.withdraw import plan_withdrawal, withdraw

    tag = tag or config.release.tag
    done = confirm == tag
    if confirm and not done:
        raise click.UsageError(f"--confirm says {confirm}, and the tag is {tag}")
    for repo, _, files, small, alone, readers in (
        withdraw(config, tag, reason) if done else plan_withdrawal(config, tag)
    ):
        click.echo(repo)
        click.echo(f"  revokes the grants of {len(readers)}: {', '.join(readers) or 'nobody'}")
        for path in files:
            click.echo(f"  deletes {path} from every commit")
        for path in small:
            click.echo(f"  deletes {path} from main")
        if alone:
            click.echo("  makes one commit of main's history, since there is no other release")
        click.echo(f"  deletes the tag {tag}, and leaves a notice in the card")
    if not done:
        click.echo(f"Nothing was done yet. To do it, add: --confirm {tag}")
