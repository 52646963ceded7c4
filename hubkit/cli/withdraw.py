"""`hubkit withdraw`: take a version back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hubkit.cli._options import config_option, workspace_option
from hubkit.errors import HubkitError
from hubkit.screen import show
from hubkit.workspace import Workspace

if TYPE_CHECKING:
    from hubkit.config import ReleaseConfig
    from hubkit.hub.withdraw import Withdrawal


_SPACE = "The metric's Space stays as it is: it holds no data."


@click.command(name="withdraw", short_help="Take a version back from the Hub.")
@config_option
@workspace_option
@click.option("--tag", help="The version's tag. [default: that of [release] version]")
@click.option("--reason", help="The reason that the cards give; compared with the corpus first.")
@click.option("--confirm", metavar="TAG", help="Withdraw it: repeat the tag.")
def command(
    config: ReleaseConfig, workspace: Workspace, tag: str | None, reason: str | None, confirm: str | None
) -> None:
    """Take a version back: revoke grants, delete its files and its tag, and leave a notice in the cards.

    Without --confirm it only says what it would do.
    """
    from hubkit.hub.withdraw import NO_REASON, plan_withdrawal, withdraw

    tag = tag or config.release.tag
    if confirm and confirm != tag:
        raise click.UsageError(
            f"--confirm is {confirm}, but the tag is {tag}; for another version: --tag {confirm} --confirm {confirm}"
        )
    if reason:
        from hubkit.leakguard.guard import guard_text

        guard_text(reason, config, workspace)
    if confirm:
        done = withdraw(config, tag, reason or NO_REASON, workspace)
        for each in done:
            _show(each, tag)
        show(f"{tag} was withdrawn. {_SPACE if 'metric' in config.repos() else ''}".rstrip())
        _show_left(config, done, workspace)
    else:
        for planned in plan_withdrawal(config, tag):
            _show(planned, tag)
        show(f"Nothing was done yet. To do it, add: --confirm {tag}")


def _show_left(config: ReleaseConfig, done: list[Withdrawal], workspace: Workspace) -> None:
    """Say what still answers, and what nothing but deleting a repo makes sure of.

    Raises:
        HubkitError: somebody has access again.
    """
    from hubkit.hub.leftovers import leftovers, readers_left

    for each in done:
        left = leftovers(each, workspace)
        show(f"{each.repo}: {len(left)} files of the version still answer to whoever has access")
        for file in left:
            show(f"  {file}")
    readers = readers_left(config, done)
    if readers:
        what = f"was granted to {', '.join(readers)} while the version was withdrawn"
        raise HubkitError(what, where=config.hub.namespace, hint="take it back: hubkit access revoke USER")
    show(
        "The Hub does not promise when it drops a commit that no branch or tag leads to, and keeps the refs of pull\n"
        "requests. Only deleting a repo, in its settings on the Hub, makes sure that nothing of the version is left;\n"
        "of a repo with a DOI, the Hub's support does that."
    )


def _show(withdrawal: Withdrawal, tag: str) -> None:
    from hubkit.hub.access import plain

    show(withdrawal.repo)
    if withdrawal.alone:
        readers = ", ".join(map(plain, withdrawal.readers)) or "nobody"
        show(f"  revokes the grants of {len(withdrawal.readers)}: {readers}")
        if withdrawal.readers:
            show("  their requests are pending again: accept them once there is another version")
    else:
        show("  leaves grants as they are, since they serve another release too")
    for path in withdrawal.files:
        show(f"  deletes {path} from every commit")
    for path in withdrawal.small:
        show(f"  deletes {path} from main")
    for path in withdrawal.past:
        show(
            f"  leaves {path} in former commits, which another release stands on"
            if not withdrawal.alone
            else f"  drops {path} with main's history"
        )
    for path in withdrawal.kept:
        show(f"  leaves {path}, which another release holds too")
    if withdrawal.script:
        show("  deletes the branch script, by which datasets 3 loads this version")
    if withdrawal.alone:
        show("  makes one commit of main's history, since there is no other release")
    show(f"  deletes the tag {tag}, and leaves a notice in the card")
