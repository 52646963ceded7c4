"""`hubkit sign`: sign what a push brought to the Hub, with an offline key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubkit.cli._options import config_option, workspace_option
from hubkit.workspace import Workspace

if TYPE_CHECKING:
    from hubkit.config import ReleaseConfig


@click.command(name="sign", short_help="Sign the release on the Hub with a key of yours.")
@click.option("--key", type=click.Path(path_type=Path), required=True, help="The private key, in PEM.")
@config_option
@workspace_option
def command(key: Path, config: ReleaseConfig, workspace: Workspace) -> None:
    """Sign every file of the release on the Hub but the cards, in the form of OpenSSF Model Signing.

    It needs the extra [evidence]. A key with a password gets it from HUBKIT_KEY_PASSWORD. Large files are not fetched:
    the Hub lists their SHA-256, which has to be that of the push.
    """
    from hubkit.hub.sign import sign_release

    for signed in sign_release(workspace, key):
        done = "is signed already" if signed.kept else "signed"
        click.echo(f"{signed.repo}: {done}, {signed.files} files ({signed.path})")
