"""What the checks leave out to save time would have found nothing."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from hubkit.checks.links import is_parted
from hubkit.checks.sides import Side
from hubkit.clinical.lexicon import fold
from hubkit.clinical.quantity_patterns import CLOCK, at_digits, number_pattern
from hubkit.clinical.sentences import Sentence, sentences
from hubkit.clinical.statements import statements

ROWS = [
    line.split("\t")[2:4]
    for name in ("errors.tsv", "reports.tsv")
    for line in (Path(__file__).parent / "wide" / name).read_text(encoding="utf-8").splitlines()
]

READ: list[Sentence] = [
    sentence for source, translation in ROWS for sentence in (*sentences(source, "en"), *sentences(translation, "pt"))
]


def test_a_sentence_that_is_not_parted_is_one_statement_at_most() -> None:
    whole = [sentence for sentence in READ if not is_parted(Side([sentence]))]
    assert len(whole) > 500
    assert all(len(statements(sentence, sentence.language)) <= 1 for sentence in whole)


def test_statements_without_assertions_have_all_other_values() -> None:
    for sentence in READ:
        asserted, others = (
            [({**one.values, "assertion": ""}, one.span) for one in statements(sentence, sentence.language, way)]
            for way in (True, False)
        )
        assert asserted == others


@given(st.text())
@example("Não há ÓRGÃOS “à direita”: 8ª")
@example("n\u0303 ÿ Ÿ ﬁ ß İ")
def test_folding_goes_by_the_character(text: str) -> None:
    folded = fold(text)
    assert len(folded) == len(text)
    for before, after in zip(text, folded, strict=True):
        base = unicodedata.normalize("NFD", before)[0].lower()
        if before.isalpha() and before not in "ªº" and ord(before) < 0x250 and len(base) == 1:
            assert after == base
        elif ord(before) >= 0x250 and before not in "’‐–":
            assert after == before


@given(st.text("0123456789.,:/h pamc-x\n", max_size=40))
@example("at 1430, 2 x 3.5cm, 10:305 and 1,200 mL; 1/2 cm 5F")
def test_numbers_are_found_at_digits_as_everywhere(text: str) -> None:
    for pattern in (CLOCK, number_pattern()):
        found = [match.span() for match in at_digits(pattern, text)]
        assert found == [match.span() for match in pattern.finditer(text)]
