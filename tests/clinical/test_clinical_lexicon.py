from __future__ import annotations

import pytest

from hubkit.clinical.lexicon import concepts, expand, phrase_tree
from hubkit.clinical.sentences import sentences


@pytest.mark.parametrize(
    ("pattern", "phrases"),
    [
        ("edema", {"edema"}),
        ("cist(o|os)( simples)", {"cisto", "cistos", "cisto simples", "cistos simples"}),
        ("limp@", {"limpo", "limpa", "limpos", "limpas"}),
        ("no * change(s)", {"no change", "no changes", "no * change", "no * changes"}),
        ("a (b|c|)d", {"a bd", "a cd", "a d"}),
    ],
)
def test_what_a_pattern_stands_for(pattern, phrases):
    assert set(expand(pattern)) == phrases


def test_a_verb_stands_for_its_forms():
    assert {"aumenta", "aumentou", "aumentaram", "aumentadas", "aumentando", "aumentar"} <= set(expand("aument~"))


def test_concepts_have_names_of_their_own_and_name_one_another():
    names = [concept.name for concept in concepts().values()]
    assert len(set(names)) == len(names)
    for key, concept in concepts().items():
        assert concept.near | concept.includes <= set(names), key


@pytest.mark.parametrize("language", ["en", "pt"])
def test_the_lexicon_stays_small_enough_to_be_read_at_once(language):
    nodes, phrases = [phrase_tree(language)], 0
    while nodes:
        node = nodes.pop()
        phrases += "" in node
        nodes += [below for word, below in node.items() if word]
    assert 3_000 < phrases < 25_000


def found(text, language):
    return [
        (" ".join(sentence.words[term.first : term.last]), min(term.meaning.names))
        for sentence in sentences(text, language)
        for term in sentence.terms
    ]


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("R PTX, now small", "en", [("r", "right"), ("ptx", "pneumothorax"), ("small", "low")]),
        ("1 L was drained.", "en", []),
        ("r/o PNA", "en", [("r / o", "loose"), ("pna", "pneumonia")]),
        (
            "Derrame E. Derrame e edema.",
            "pt",
            [("derrame", "effusion"), ("e", "left"), ("derrame", "effusion"), ("edema", "edema")],
        ),
        ("DERRAME E EDEMA", "pt", [("derrame", "effusion"), ("edema", "edema")]),
        ("no significant interval change", "en", [("no significant interval change", "same")]),
        ("no edema or change", "en", [("no", "forward"), ("edema", "edema"), ("or", "weak"), ("change", "changed")]),
        # One word in the gap of a finding, and several.
        ("Doença leve alveolar.", "pt", [("doenca leve alveolar", "airspace_disease"), ("leve", "low")]),
        (
            "Doença leve do espaço aéreo.",
            "pt",
            [("doenca leve do espaco aereo", "airspace_disease"), ("leve", "low")],
        ),
        ("Airspace severe disease.", "en", [("airspace severe disease", "airspace_disease"), ("severe", "high")]),
        # Up to three words in a gap, each of which may stand there: no "and", no comma, no finding.
        ("Loss of the anterior body height.", "en", [("loss of the anterior body height", "compression")]),
        ("Loss of the whole anterior body height.", "en", []),
        ("Loss of weight and height.", "en", []),
        ("Loss of weight, height.", "en", []),
        ("Loss of body fracture height.", "en", [("fracture", "fracture")]),
        ("HAS", "pt", [("has", "hypertension")]),
        ("has edema", "en", [("edema", "edema")]),
        ("nonfunctioning", "en", [("nonfunctioning", "loose")]),
        ("until under", "en", []),
    ],
)
def test_phrases_in_a_text(text, language, expected):
    assert found(text, language) == expected
