from __future__ import annotations

import pytest

from hubkit.clinical.quantities import bound, deidentified, quantities


@pytest.mark.parametrize(
    ("english", "portuguese"),
    [
        ("1,200 cc", "1.200 mL"),
        ("2.5 cm", "2,5 cm"),
        ("15 mm", "1,5 cm"),
        ("from 3.0 to 3.8 cm", "de 3,0 para 3,8 cm"),
        ("12 x 9 mm", "12 x 9 mm"),
        ("72M", "72 anos"),
        ("65F", "65 anos"),
        ("14F catheter", "cateter 14 French"),
        ("2d", "2 dias"),
        ("x 3 wks", "há 3 semanas"),
        ("4:40 p.m.", "16h40"),
        ("at 3 p.m.", "às 15h"),
        ("0530", "5h30"),
        ("at 1430 hours", "às 14h30"),
        ("in 2 hours", "em 2 horas"),
        ("March 3", "3 de março"),
        ("fourth day", "quarto dia"),
    ],
)
def test_spellings_of_one_quantity(english, portuguese):
    said, told = quantities(english, "en"), quantities(portuguese, "pt")
    assert len(said) == len(told) > 0
    measures = [[quantity.measures for quantity in found] for found in (said, told)]
    assert all(any(one & other for other in measures[1]) for one in measures[0])


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("1,200", "en", [(1200, None)]),
        ("1.200", "pt", [(1200, None)]),
        ("1,2", "pt", [(1.2, None)]),
        ("1.2.3", "en", [(123, None)]),
        ("at 12:30 p.m.", "en", [(750, "clock")]),
        ("às 15h", "pt", [(900, "clock")]),
        ("1430 hours", "en", [(870, "clock")]),
        ("24:00", "en", [(0, "clock")]),
        ("25:00", "en", [(25, None), (0, None)]),
        ("2130", "en", [(2130, None)]),
        ("15h", "pt", [(15, "hour")]),
        ("2 x 3 cm", "en", [(2, "cm"), (3, "cm")]),
        ("2 x 3 days", "en", [(2, None), (3, "day")]),
        ("14F", "en", [(14, "french")]),
        ("45F", "en", [(45, "year")]),
        ("45M", "en", [(45, "year")]),
        ("3 may", "en", [(3, None), (5, "month of the year")]),
        ("in May", "en", [(5, "month of the year")]),
        ("duas", "pt", [(2, None)]),
        ("1. Clear. 2 nodules", "en", [(2, None)]),
    ],
)
def test_what_a_number_means(text, language, expected):
    found = [quantity for quantity in quantities(text, language) if quantity.required]
    assert [(*quantity.values, quantity.unit) for quantity in found] == expected


@pytest.mark.parametrize(
    ("text", "measure"),
    [
        ("3 mm", ("length", 3)),
        ("3 cm", ("length", 30)),
        ("3 m", ("length", 3000)),
        ("2 ml", ("volume", 2)),
        ("2 l", ("volume", 2000)),
        ("10 mg", ("mg", 10)),
        ("5 %", ("%", 5)),
    ],
)
def test_measures_are_in_the_base_unit(text, measure):
    (found,) = quantities(text, "en")
    assert found.measures == {measure}
    assert found.span == (0, len(text))


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("less than 1 cm", "en", "most"),
        ("at least 2 cm", "en", "least"),
        ("menor que 1 cm", "pt", "most"),
        ("mais de 2 cm", "pt", "least"),
        ("about 3 mm", "en", None),
    ],
)
def test_bounds(text, language, expected):
    assert [bound(text, found, language) for found in quantities(text, language)] == [expected]


@pytest.mark.parametrize(
    ("text", "language"), [("may be left", "en"), ("marco costal", "pt"), ("one-sided", "en"), ("", "en")]
)
def test_what_is_no_quantity_that_must_be_kept(text, language):
    assert not [quantity for quantity in quantities(text, language) if quantity.required]


def test_tokens_that_stand_for_what_was_taken_out():
    assert deidentified("Dr. ___ saw XXXX in xxl.") == [("_", (4, 7)), ("x", (12, 16))]
