"""English abbreviations that a translation read as another term."""

from __future__ import annotations

import pytest

from hubkit.checks import check


def errors(source, translation):
    return {flag.name for flag in check(source, translation) if flag.severity == "error"}


@pytest.mark.parametrize(
    ("source", "translation"),
    [
        ("DVT.", "Tuberculose."),
        ("S/p MVC.", "Após troca da válvula mitral."),
        ("AKI.", "Infarto agudo."),
        ("CVA.", "Infarto."),
        ("UTI.", "Unidade de terapia intensiva."),
        ("ETOH abuse.", "Abuso do tubo endotraqueal."),
        ("ESRD on HD.", "Doença pulmonar obstrutiva em diálise."),
        ("BKA.", "Broncoaspiração."),
    ],
)
def test_an_abbreviation_that_became_another_term_is_an_error(source, translation):
    assert "term_changed" in errors(source, translation)


@pytest.mark.parametrize(
    ("source", "translation"),
    [
        ("DVT and PE.", "TVP e TEP."),
        ("S/p MVC.", "Vítima de colisão automobilística."),
        ("Pulm HTN, MVR.", "HP, prótese mitral."),
        ("ESRD on HD.", "DRC dialítica."),
        ("ETT 4 cm, PTX gone.", "Intubado, tubo a 4 cm; pneumotórax desapareceu."),
        ("CHEST PAIN AND PE.", "DOR TORÁCICA E EMBOLIA PULMONAR."),
    ],
)
def test_any_rendering_will_do(source, translation):
    assert "term_changed" not in errors(source, translation)
