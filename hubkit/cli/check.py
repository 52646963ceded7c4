"""`hubkit check`: the clinical checks alone, on any pairs of English and Portuguese."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(name="check", short_help="Check translations in a file of pairs.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--source", default="source", show_default=True, help="Column of the English text.")
@click.option("--translation", default="translation", show_default=True, help="Column of its Portuguese.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Where the rows are written, as one of those formats by its ending.  [default: FILE.checked.ENDING]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one object a row instead of a summary, and write no file.")
@click.pass_context
def command(
    context: click.Context, file: Path, source: str, translation: str, output: Path | None, as_json: bool
) -> None:
    """Check translations: FILE is Parquet, CSV, TSV, .xlsx or JSON Lines with an English and a Portuguese column.

    The same rows are written with `status` (ok or flagged) and `flags` (names such as negation_added). Exits with 1
    when something is flagged.
    """
    from hubkit.checks.files import check_file, json_lines, write_checked
    from hubkit.checks.hunspell import word_list_line
    from hubkit.checks.rows import format_of

    if output is not None:
        format_of(output)
    click.echo(word_list_line(), err=True)
    checked = check_file(file, source, translation)
    if output is not None or not as_json:
        output = output or file.with_suffix(f".checked{file.suffix}")
        write_checked(checked, output)
    if as_json:
        for line in json_lines(checked.rows):
            click.echo(line)
    else:
        for name, count in checked.names.items():
            click.echo(f"{name:<24} {count:>8}")
        click.echo(f"{checked.flagged} of {len(checked.rows)} pairs flagged; written to {output}")
    context.exit(1 if checked.flagged else 0)
