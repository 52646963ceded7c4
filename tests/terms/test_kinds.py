"""A kind of corpus has its terms and its reader, or it does not exist."""

from __future__ import annotations

import pytest

from hubkit.config import parse_config
from hubkit.corpus.readers import READERS, open_corpus
from hubkit.errors import UsageError
from hubkit.terms.kinds import TERMS


def test_every_kind_has_both() -> None:
    assert TERMS.keys() == READERS.keys()
    assert all(name == terms.kind for name, terms in TERMS.items())


@pytest.mark.parametrize(
    ("kind", "title", "credentialed", "derivatives", "synthetic"),
    [
        ("mimic-cxr", "MIMIC-CXR 2.1.0", True, True, False),
        ("openi", "the openi corpus", False, False, False),
        ("demo", "the demo corpus", False, True, True),
    ],
)
def test_the_terms(kind: str, title: str, credentialed: bool, derivatives: bool, synthetic: bool) -> None:
    terms = TERMS[kind]
    assert terms.title("2.1.0") == title
    assert (terms.credentialed, terms.derivatives, terms.synthetic) == (credentialed, derivatives, synthetic)


def test_another_kind_is_refused_with_those_that_exist() -> None:
    with pytest.raises(UsageError, match=r"there is no corpus kind chexpert \(one of: mimic-cxr, openi, demo, csv\)"):
        open_corpus(parse_config({"corpus": {"kind": "chexpert"}}).corpus)
