"""Which words of a table the leak guard reads in one row: those of a column, or the values of a key."""

from __future__ import annotations

import pytest

from hubkit.leakguard.columns import by_key, columns


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Uma|DET\nopacidade|NOUN", [["Uma", "opacidade", "DET", "NOUN"], ["Uma|DET", "opacidade|NOUN"]]),
        ("Uma\tDET\nX\tNOUN", [["Uma", "X", "DET", "NOUN"], ["Uma", "X", "DET", "NOUN"]]),
        ("1,Uma\n2,Xis\n3", [["1", "2", "3", "Uma", "Xis"], ["1,Uma", "2,Xis", "3"]]),
        ("Uma DET\nopacidade", [["Uma", "opacidade"]]),  # a column of one line is none
        ("Uma opacidade", [[]]),
    ],
    ids=["Markdown", "tabs", "CSV", "a space", "one line"],
)
def test_columns_are_read_from_top_to_bottom(text: str, expected: list[list[str]]) -> None:
    found = list(columns(text))
    assert [[cell for _, cell in cells] for cells in found] == expected
    lines = text.split("\n")
    assert all(cell in lines[line] for cells in found for line, cell in cells)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"token": "Uma"}\n{"token": "opacidade"}', [(0, "Uma"), (1, "opacidade")]),
        ('<w form="a" tag="x"/>\n\n<w form="b"/>', [(0, "a"), (2, "b")]),
        ('{"token": "Uma", "tag": "DET"}', []),
    ],
    ids=["JSON", "XML", "each key once"],
)
def test_the_values_of_a_key_are_read_where_it_occurs_again(text: str, expected: list[tuple[int, str]]) -> None:
    assert by_key(text) == expected
