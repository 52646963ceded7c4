from __future__ import annotations

import pytest

from hubkit.clinical.quantities import deidentified, quantities


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
    ("text", "language"), [("may be left", "en"), ("marco costal", "pt"), ("one-sided", "en"), ("", "en")]
)
def test_what_is_no_quantity_that_must_be_kept(text, language):
    assert not [quantity for quantity in quantities(text, language) if quantity.required]


def test_tokens_that_stand_for_what_was_taken_out():
    assert deidentified("Dr. ___ saw XXXX in xxl.") == [("_", (4, 7)), ("x", (12, 16))]
