"""What reaches what in a sentence, where sentences end, and what a number can mean, by examples."""

from __future__ import annotations

import pytest

from hubkit.clinical.assertion import mentions
from hubkit.clinical.quantities import bound, deidentified, quantities
from hubkit.clinical.sentences import sentences


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("No possible pneumonia.", "en", {"pneumonia": 0}),
        ("Possible edema without effusion.", "en", {"edema": -1, "effusion": 0}),
        ("Resolved edema and effusion.", "en", {"edema": 0, "effusion": 1}),
        ("Removed chest tube, pacemaker remains.", "en", {"chest_tube": 0, "pacemaker": 1}),
        ("Pneumothorax can no longer be seen.", "en", {"pneumothorax": 0}),
        ("No effusion, possible pneumonia.", "en", {"effusion": 0, "pneumonia": -1}),
        ("No effusion, possibly pneumonia or edema.", "en", {"effusion": 0, "pneumonia": -1, "edema": -1}),
        ("No pneumothorax, tiny effusion.", "en", {"pneumothorax": 0, "effusion": 1}),
        ("No pneumothorax, small effusion, or edema.", "en", {"pneumothorax": 0, "effusion": 0, "edema": 0}),
        ("No effusion, lungs clear.", "en", {"effusion": 0, "clear": 1}),
        ("No pneumothorax, effusion now small.", "en", {"pneumothorax": 0, "effusion": 1}),
        ("No pneumothorax, effusion decreased.", "en", {"pneumothorax": 0, "effusion": 1}),
        ("No effusion without pneumonia.", "en", {"effusion": 0, "pneumonia": 0}),
        ("Tip in the stomach, pneumothorax not seen.", "en", {"tip": 1, "pneumothorax": 0}),
        ("Nodule in the lung, side port not seen.", "en", {"nodule": 1}),
        ("Edema improved, effusion not seen.", "en", {"edema": 1, "effusion": 0}),
        ("Edema, nodule, effusion not seen.", "en", {"edema": 1, "nodule": 1, "effusion": 0}),
        ("Edema, nodule, and effusion are not seen.", "en", {"edema": 0, "nodule": 0, "effusion": 0}),
        ("Clear lungs, effusion not seen.", "en", {"clear": 1, "effusion": 0}),
        ("No new effusion.", "en", {"effusion": 0}),
        ("No increase in effusion.", "en", {"effusion": 1}),
        ("No increase, effusion.", "en", {"effusion": 0}),
        ("Effusion has not improved.", "en", {"effusion": 1}),
        ("Pneumonia cannot be excluded.", "en", {"pneumonia": -1}),
        ("No effusion: edema.", "en", {"effusion": 0, "edema": 1}),
        ("Opacity which is not present.", "en", {"opacity": 0}),
        ("Sem derrame, possível pneumonia.", "pt", {"effusion": 0, "pneumonia": -1}),
        ("Sem pneumotórax, pequeno derrame.", "pt", {"pneumothorax": 0, "effusion": 1}),
        ("Derrame não identificado.", "pt", {"effusion": 0}),
        ("Não há derrame nem edema.", "pt", {"effusion": 0, "edema": 0}),
        ("Dreno retirado.", "pt", {"chest_tube": 0}),
    ],
)
def test_what_reaches_which_finding(text, language, expected):
    found = {
        min(mention.term.meaning.names): mention.polarity
        for sentence in sentences(text, language)
        for mention in mentions(sentence)
    }
    assert found == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Edema vs. Effusion. Clear.", ["Edema vs. Effusion.", "Clear."]),
        ("1. Edema. 2. Clear.", ["1. Edema.", "2. Clear."]),
        ("Line one\n\nLine two", ["Line one", "Line two"]),
        ("Line one\nand two", ["Line one\nand two"]),
        ("Edema // Clear", ["Edema", "Clear"]),
        ("Seen by Dr. Silva. Clear.", ["Seen by Dr. Silva.", "Clear."]),
        ("Edema? Yes.", ["Edema? Yes."]),
        ("Edema? VAP? Unknown.", ["Edema?", "VAP?", "Unknown."]),
        ("A: clear\n- Edema\n- Effusion", ["A: clear", "- Edema", "- Effusion"]),
        ("Clear.Edema. then", ["Clear.Edema. then"]),
        ("Edema ca. 3 cm. Clear.", ["Edema ca. 3 cm.", "Clear."]),
    ],
)
def test_where_a_text_is_parted(text, expected):
    assert [sentence.text for sentence in sentences(text, "en")] == expected


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("2.5 m", "en", [("length", 2500.0)]),
        ("2.5 cm", "en", [("length", 25.0)]),
        ("1.5 L", "en", [("volume", 1500.0)]),
        ("1,200.5 mL", "en", [("volume", 1200.5)]),
        ("1.200,5 mL", "pt", [("volume", 1200.5)]),
        ("1,234,567.5", "en", [(None, 1234567.5)]),
        ("1,2,3", "en", [(None, 123.0)]),
        ("1.234", "en", [(None, 1.234)]),
        ("1,234", "en", [(None, 1234.0)]),
        ("1.234", "pt", [(None, 1234.0)]),
        ("1,5", "pt", [(None, 1.5)]),
        ("2 x 3 cm", "en", [("length", 20.0), ("length", 30.0)]),
        ("2-3-4 cm", "en", [("length", 20.0), ("length", 30.0), ("length", 40.0)]),
        ("2 vs. 3 cm", "en", [("length", 20.0), ("length", 30.0)]),
        ("2 or 3 days", "en", [(None, 2.0), ("day", 3.0)]),
        ("12F", "en", [("french", 12.0)]),
        ("45F", "en", [("year", 45.0)]),
        ("120F", "en", [("year", 120.0)]),
        ("16:40", "en", [("clock", 1000.0)]),
        ("12:15 am", "en", [("clock", 15.0)]),
        ("25:30", "en", [(None, 25.0), (None, 30.0)]),
        ("das 15h", "pt", [("clock", 900.0)]),
        ("às 15h", "pt", [("clock", 900.0)]),
        ("às 3h15 da tarde", "pt", [("clock", 915.0)]),
        ("0530", "en", [("clock", 330.0)]),
        ("5/march", "en", [(None, 5.0), ("month of the year", 3.0)]),
        ("march 5", "en", [("month of the year", 3.0), (None, 5.0)]),
        ("in march", "en", [("month of the year", 3.0)]),
        ("a march", "en", []),
        ("two lungs", "en", [(None, 2.0)]),
        ("both lungs", "en", []),
        ("third rib", "en", []),
        ("1. 3 cm", "en", [("length", 30.0)]),
    ],
)
def test_what_a_number_means(text, language, expected):
    found = [quantity for quantity in quantities(text, language) if quantity.required]
    assert [measure for quantity in found for measure in quantity.measures] == expected


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("less than 3 cm", "en", "most"),
        ("no more than 3 cm", "en", "most"),
        ("at least 3 cm", "en", "least"),
        ("nothing less than 3 cm", "en", "least"),
        ("> 3 cm", "en", "least"),
        ("menor que 3 cm", "pt", "most"),
        ("até 3 cm", "pt", "most"),
        ("não menos de 3 cm", "pt", "least"),
        ("não superiores a 3 cm", "pt", "most"),
        ("3 cm", "pt", None),
    ],
)
def test_what_is_said_to_be_the_most_or_the_least(text, language, expected):
    (quantity,) = quantities(text, language)
    assert bound(text, quantity, language) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("_ and __ and XX", ["_"]), ("___ and XXX and xxx and axxx", ["_", "x", "x"])]
)
def test_marks_of_deidentification(text, expected):
    assert [kind for kind, _ in deidentified(text)] == expected
