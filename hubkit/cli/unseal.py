"""`hubkit unseal`: open a sealed release with one's own copy of the corpus."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(name="unseal", short_help="Open a sealed release with your copy of the corpus.")
@click.argument("release")
@click.option(
    "--corpus",
    envvar="MIMIC_CXR_ROOT",
    type=click.Path(path_type=Path),
    help="Folder of MIMIC-CXR, or mimic-cxr-reports.zip.  [environment: MIMIC_CXR_ROOT]",
)
@click.option("--revision", help="Tag or commit on the Hub.  [default: main]")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="The folder to write.  [default: the release's name, in this folder]",
)
def command(release: str, corpus: Path | None, revision: str | None, output: Path | None) -> None:
    """Open a sealed RELEASE (the id of its repo on the Hub, or a folder) with your own copy of the reports.

    Writes the folder that `load_dataset` reads by its name, with any version of datasets.
    """
    from hubkit.custody.sealed import find_corpus
    from hubkit.custody.unseal import fetch_release, unseal_release
    from hubkit.endpoint import use_endpoint

    use_endpoint(None)
    find_corpus(corpus)  # what is missing is said before anything is downloaded
    # A tag says which version must come; an older one under a newer tag is a replay.
    version = revision.removeprefix("release-") if revision and revision.startswith("release-") else None
    folder = Path(release) if Path(release).is_dir() else fetch_release(release, revision)
    unsealed = unseal_release(folder, output or Path(Path(release).name), corpus, version)
    for part, rows in unsealed.rows.items():
        click.echo(f"{part:<24} {rows:>8} rows")
    click.echo(f'opened: load_dataset("{unsealed.folder}")')
