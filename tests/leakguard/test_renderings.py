"""The ways in which a public text is read: which words are joined, which are left out, and the lines they stand in."""

from __future__ import annotations

import pytest

from hubkit.leakguard import renderings
from hubkit.leakguard.renderings import readings

Expected = list[tuple[str, list[int]]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [("", [])]),
        ("um dois", [("um dois", [0, 0])]),
        ("um\n\ndois", [("um dois", [0, 2])]),
        (
            "um <b>do</b>is",
            [("um b do b is", [0] * 5), ("um do is", [0] * 3), ("um dois", [0] * 2)],
        ),
        # A tag that parts words leaves them apart.
        ("a<li>b</li>c", [("a li b li c", [0] * 5), ("a b c", [0] * 3)]),
        ("um<wbr>a", [("um wbr a", [0] * 3), ("um a", [0] * 2), ("uma", [0])]),
        ("<br/>um", [("br um", [0] * 2), ("um", [0])]),
        ("um do**is** tres", [("um do is tres", [0] * 4), ("um dois tres", [0] * 3)]),
        ("[um](http://x y) dois", [("um http x y dois", [0] * 5), ("um dois", [0] * 2)]),
        ("um [dois][1] tres", [("um dois 1 tres", [0] * 4), ("um dois tres", [0] * 3)]),
        # Literals that are one string, also with a prefix.
        ('x" "y', [("x y", [0] * 2), ("xy", [0])]),
        ("x' + rb'y", [("x rb y", [0] * 3), ("xy", [0])]),
        ("'x', 'y'", [("x y", [0] * 2)]),
        # What is joined over a line break stands in the first line; later lines keep their numbers.
        ("sub-\nlinha dois\ntres", [("sub linha dois tres", [0, 1, 1, 2]), ("sublinha dois tres", [0, 0, 2])]),
        ("um \\\n dois\ntres", [("um dois tres", [0, 1, 2]), ("um dois tres", [0, 0, 2])]),
        ("um <!-- x\ny --> dois\ntres", [("um x y dois tres", [0, 0, 1, 1, 2]), ("um dois tres", [0, 0, 2])]),
        ("<p\nclass=x>um</p> dois", [("p class x um p dois", [0, 1, 1, 1, 1, 1]), ("um dois", [1, 1])]),
        # Numbered lines, read without their numbers.
        ("1 um\n2 dois", [("1 um 2 dois", [0, 0, 1, 1]), ("um dois", [0, 1])]),
        ("T4 um", [("t4 um", [0, 0])]),
    ],
)
def test_words_and_lines(text: str, expected: Expected) -> None:
    found = [(" ".join(reading.words), list(reading.lines)) for reading in readings(text)]
    assert list(dict.fromkeys(map(str, found))) == list(map(str, expected))


@pytest.mark.parametrize(("length", "ways"), [(19, 3), (20, 1)])
def test_a_vocabulary_is_read_as_it_is_written(monkeypatch: pytest.MonkeyPatch, length: int, ways: int) -> None:
    monkeypatch.setattr(renderings, "MARKUP_BELOW", 20)
    assert len(readings("1 <b>do</b>is".ljust(length))) == ways + (ways > 1)
