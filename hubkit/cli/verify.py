"""`hubkit verify`: use a release on the Hub as a researcher would."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hubkit.cli._options import read_config, run_stage
from hubkit.errors import HubkitError, UsageError
from hubkit.workspace import Workspace

if TYPE_CHECKING:
    from hubkit.config import ReleaseConfig

OF_REPOS = ("revision", "corpus", "images", "versions", "keep_versions")


@click.command(name="verify", short_help="Load a release from the Hub as its readers do.")
@click.argument("repos", nargs=-1, metavar="[REPO]...")
@click.option("--revision", "--tag", "revision", help="The release's tag.  [default: the newest release-...]")
@click.option(
    "--corpus",
    envvar="MIMIC_CXR_ROOT",
    type=click.Path(path_type=Path),
    help="Your MIMIC-CXR: folder or zip of the reports.  [environment: MIMIC_CXR_ROOT]",
)
@click.option(
    "--images",
    envvar="MIMIC_CXR_JPG_ROOT",
    type=click.Path(path_type=Path),
    help="Your MIMIC-CXR-JPG.  [environment: MIMIC_CXR_JPG_ROOT]",
)
@click.option(
    "--versions",
    multiple=True,
    metavar="SET",
    help="Further versions that have to load it: all, datasets-3.6, or as pip names them. Can be given several times.",
)
@click.option(
    "--keep-versions", type=click.Path(path_type=Path), help="Where to keep what these install (400 MB each)."
)
@click.option(
    "--public-key",
    type=click.Path(path_type=Path),
    help="The maintainers' public key: the release has to be signed with it. Needs the extra [evidence].",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("verification.json"),
    show_default=True,
    help="Where to write what was found.",
)
@click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path),
    default=Path("hubkit.toml"),
    show_default=True,
    help="The settings of the release, where no REPO is named.",
)
@click.option(
    "--workspace",
    type=click.Path(path_type=Path),
    default=Path("work"),
    show_default=True,
    help="The run directory, where no REPO is named.",
)
@click.pass_context
def command(
    context: click.Context,
    repos: tuple[str, ...],
    revision: str | None,
    corpus: Path | None,
    images: Path | None,
    versions: tuple[str, ...],
    keep_versions: Path | None,
    public_key: Path | None,
    report: Path,
    path: Path,
    workspace: Path,
) -> None:
    """Load a release from the Hub without hubkit: as a granted reader, a stranger and an ungranted user.

    REPO is the id of a dataset, an adapter or a metric; name those that belong together. What a check needs and is not
    there is named, and the check skipped. Without REPO, what this workspace pushed is verified.
    """
    if repos:
        _verify_repos(repos, revision, corpus, images, versions, keep_versions, public_key, report)
        return
    for name in (*OF_REPOS, "report"):
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise UsageError(
                f"--{name.replace('_', '-')} goes with REPO alone", hint="name a repo, or use [corpus] and [hub]"
            )
    _verify_own(read_config(path), Workspace(workspace), public_key)


def _verify_own(config: ReleaseConfig, workspace: Workspace, public_key: Path | None) -> None:
    from hubkit.verification.findings import PASSED
    from hubkit.verification.signed import own_signatures, read_public_key, record_after_failure, record_signatures

    key = read_public_key(public_key) if public_key else None
    # First: the stage runs code of the release.
    found = own_signatures(workspace, key) if key else None
    try:
        run_stage("verify", config, workspace)
    except HubkitError:
        # The stage writes its report also where one of its checks fails.
        if found:
            record_after_failure(workspace, PASSED, found)
        raise
    if found:
        record_signatures(workspace, PASSED, found)
        click.echo(found)


def _verify_repos(
    repos: tuple[str, ...],
    revision: str | None,
    corpus: Path | None,
    images: Path | None,
    versions: tuple[str, ...],
    keep_versions: Path | None,
    public_key: Path | None,
    report: Path,
) -> None:
    from hubkit.endpoint import use_endpoint

    use_endpoint(None)
    from hubkit.verification.examination import Own
    from hubkit.verification.signed import read_public_key
    from hubkit.verification.verify import verify_repos

    key = read_public_key(public_key) if public_key else None
    found = verify_repos(repos, revision, Own(corpus, images), versions, report, keep_versions, key)
    for reader in found.readers:
        if reader.versions:
            listed = ", ".join(f"{name} {version}" for name, version in reader.versions.items())
            click.echo(f"{reader.reader:<26} python {reader.python}, {listed}")
    counts = ", ".join(f"{count} {result}" for result, count in found.counts.items())
    click.echo(f"{' '.join(repos)} at {found.release}: {counts} ({report})")
