"""Words of a translation that are none, where a word list is installed."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from hubkit.checks import check
from hubkit.checks.hunspell import VARIABLE, word_list
from hubkit.cli import cli
from hubkit.errors import HubkitError


def unknown(source: str, translation: str) -> list[str]:
    found = [flag for flag in check(source, translation) if flag.name == "unknown_word"]
    return [translation[slice(*flag.translation_span)] for flag in found]


@pytest.mark.parametrize(
    ("source", "translation", "expected"),
    [
        ("Mild cardiomegaly.", "Cardiomegalia leve.", []),
        ("Mild cardiomegaly.", "Cardiogalia leve.", ["Cardiogalia"]),
        ("Effusion and another word.", "Derrame e outras palavras.", []),
        ("Effusion and another word.", "Derrame e outras palabrras.", ["palabrras"]),
        # A word of the source is no Portuguese, unless it is a name or an abbreviation.
        ("Streaky edema.", "Edema streaky.", ["streaky"]),
        ("Dobhoff tube.", "Sonda de Dobhoff.", []),
        ("Edema on STIR.", "Edema em STIR.", []),
        # So is one item in capitals among others, and a word with capitals inside.
        ("Edema. AFB?", "Edema e outras. BAAR?", []),
        ("Sonar: edema.", "eFASTO: edema.", []),
        # What is formed from a word of the source is not in every dictionary.
        ("Xanthogranulomatous nodule.", "Nódulo xantogranulomatoso.", []),
        ("Xanthogranulomatous nodule.", "Nódulo xantogranudoso.", ["xantogranudoso"]),
        # A word that the lexicon knows has its renderings there: what only begins alike is none.
        ("Edema after a fracture.", "Edema após fractorra.", ["fractorra"]),
        # A prefix before a word, and its doubled consonant.
        ("Word in front.", "Antepalavra, retropalavra.", ["Antepalavra"]),
        # A long word with the ending of an operation; a short one may be a wrong word that ends so.
        ("Edema.", "Edema após vesiculectomia.", []),
        ("Edema.", "Edema após xifoplectomia.", ["xifoplectomia"]),
        # Parts of compounds, short words and numbers are left alone.
        ("Edema.", "Edema zyx-palavra.", []),
        ("Edema.", "Edema zyx.", []),
        # Accents count, and typed as marks of their own they are the same.
        ("Lung word.", "Palavra e visa\u0303o.", []),
        ("EDEMA.", "EDEMA PALAVRA.", []),
        ("EDEMA.", "EDEMA PALABRRA.", ["PALABRRA"]),
    ],
)
def test_words_that_are_none(small_words, source, translation, expected):
    assert unknown(source, translation) == expected


def test_it_is_an_error_and_shows_where(small_words):
    (flag,) = (flag for flag in check("Mild cardiomegaly.", "Cardiogalia leve.") if flag.name == "unknown_word")
    assert flag == ("unknown_word", "error", None, (0, 11))


def test_without_a_word_list_nothing_is_unknown(no_words):
    assert unknown("Mild cardiomegaly.", "Cardiogalia leve.") == []


def test_a_variable_that_names_no_dictionary_is_an_error(no_words, monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "pt_BR.dic"))
    word_list.cache_clear()
    with pytest.raises(HubkitError, match="cannot be read") as raised:
        check("Mild cardiomegaly.", "Cardiogalia leve.")
    assert VARIABLE in raised.value.hint


@pytest.mark.parametrize(("words", "listed"), [("small_words", True), ("no_words", False)])
def test_the_command_says_once_which_words_it_knows(words, listed, request, tmp_path):
    request.getfixturevalue(words)
    pairs = tmp_path / "pairs.jsonl"
    row = {"source": "Mild cardiomegaly.", "translation": "Cardiogalia leve."}
    pairs.write_text(f"{json.dumps(row)}\n" * 2)
    done = CliRunner().invoke(cli, ["check", str(pairs), "--json"])
    assert done.stderr.count("unknown_word") == 1
    assert ("unknown_word is off" in done.stderr) is not listed
    assert ["unknown_word" in json.loads(line)["flags"] for line in done.stdout.splitlines()] == [listed] * 2
