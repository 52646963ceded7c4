"""A sentence is read once for all places where it stands, and flagged at each of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit.checks import check
from hubkit.checks.damage import DAMAGE, MOJIBAKE

CLEAR = ("The lungs are clear. ", "Os pulmões estão limpos. ")


@pytest.mark.parametrize(
    ("source", "translation", "name", "words"),
    [
        ("Left pleural effusion.", "Derrame pleural à direita.", "laterality", ("Left", "direita")),
        ("No pneumothorax is seen.", "Observa-se pneumotórax.", "negation_dropped", ("No", "Observa-se pneumotórax.")),
        ("Nodule in the lung apex.", "Nódulo no hilo pulmonar.", "anatomy_changed", ("lung apex", "hilo")),
        ("There is mild edema.", "Há edema acentuado.", "severity_changed", ("mild", "acentuado")),
        ("No effusion. Left rib fracture.", "Sem derrame.", "sentence_lost", ("Left rib fracture.", None)),
        ("No effusion.", "Sem derrame. Fratura costal.", "sentence_added", (None, "Fratura costal.")),
    ],
)
def test_a_wrong_sentence_is_flagged_at_each_of_its_places(source, translation, name, words):
    texts = [f"{clear}{one} {clear}{one}" for clear, one in zip(CLEAR, (source, translation), strict=True)]
    found = [flag[2:] for flag in check(*texts) if flag.name == name]
    for text, word, spans in zip(texts, words, zip(*found, strict=True), strict=True):
        places = (text.find(word), text.rfind(word)) if word else ()
        assert spans == (tuple((start, start + len(word)) for start in places) or (None, None))


@given(st.from_regex(MOJIBAKE, fullmatch=True))
def test_whatever_is_damaged_holds_a_character_that_is_looked_for_first(text):
    assert DAMAGE.search(text)
