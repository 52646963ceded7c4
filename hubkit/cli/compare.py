"""`hubkit compare`: two translations of the same studies side by side."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(name="compare", short_help="Compare two translations of the same studies.")
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@click.option(
    "--csv",
    "sheet",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the rows whose texts differ for a reader, clinical differences first; .jsonl, .parquet and .xlsx too.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object.")
def command(a: Path, b: Path, sheet: Path | None, as_json: bool) -> None:
    """Compare translations A and B: each a workspace, or a translations.parquet.

    Of a workspace, what `translate` wrote is compared, before corrections. The figures hold no text of the corpus; the
    sheet does, and is a sheet of corrections of A.
    """
    import json
    from dataclasses import asdict

    from hubkit.comparison.compare import compare
    from hubkit.comparison.show import check_output, comparison_lines, write_differences
    from hubkit.comparison.sides import read_sides
    from hubkit.screen import show

    first, second = read_sides(a, b)
    if sheet is not None:
        check_output(sheet, (first, second))
    comparison, differences = compare(first, second)
    if as_json:
        click.echo(json.dumps(asdict(comparison), indent=2, ensure_ascii=False))
    else:
        for line in comparison_lines(comparison):
            show(line)
    if sheet is not None:
        count = write_differences(sheet, first, second, differences)
        click.echo(f"{count} rows written to {sheet} (holds text of the corpus)", err=as_json)
