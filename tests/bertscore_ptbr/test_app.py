"""The Space's page, without a browser: what it computes, refuses and leaves behind."""

from __future__ import annotations

import base64
import codecs
import csv
import io
import re
import sys
from concurrent.futures import ThreadPoolExecutor

import openpyxl
import pytest

from hubkit.published import published

MODULES = ("app", "pairs", "page_texts", "bertscore_ptbr")


@pytest.fixture
def app(encoders, monkeypatch):
    """The page's module with a tiny encoder for each setup, imported as the Space imports it.

    Gradio comes with it: to import that takes seconds, and only the worker that runs these tests has to.
    """
    monkeypatch.syspath_prepend(str(published("bertscore_ptbr")))
    for name in MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    import app

    setups = {"bertimbau": encoders["bert"], "xlm-roberta": encoders["xlm-roberta"]}
    monkeypatch.setattr(sys.modules["bertscore_ptbr"], "SETUPS", setups)
    yield app
    for name in MODULES:
        sys.modules.pop(name, None)


def downloaded(link: str) -> list[list[str]]:
    """The rows of the CSV file in a link."""
    data = re.search(r'href="data:text/csv;base64,([^"]*)"', link)
    assert data is not None
    content = base64.b64decode(data[1])
    assert content.startswith(codecs.BOM_UTF8)
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=";"))


def test_two_reports_of_several_lines_are_one_pair(app, metric, encoders):
    texts = ("Sem derrame.\nCoração normal.", "Há derrame.\n\nCoração normal.")
    rows, means, heat, link = app.score_pasted(*texts, False, "bertimbau", "Português")
    assert [row[:2] for row in rows] == [list(texts)]
    model, layer = encoders["bert"]
    expected = metric.compute(predictions=[texts[0]], references=[texts[1]], model_type=model, num_layers=layer)
    assert float(rows[0][4]) == pytest.approx(expected["f1"][0], abs=1e-4)
    assert "(0 cortados no tamanho máximo; 0 com um texto vazio" in means
    assert "bertscore_ptbr|model:bert|" in means
    shown = app.bertscore_ptbr.BERTScorePTBR().align(*texts, setup="bertimbau")
    assert heat.count("<td") == len(shown["prediction"]) * len(shown["reference"])
    assert downloaded(link) == [app.COLUMNS, *rows]


def test_a_pair_a_line_where_it_is_asked_for(app):
    rows, means, _, _ = app.score_pasted("Sem derrame.\nNormal\n", "Há derrame.\nNormal", True, "bertimbau", "English")
    assert [row[:2] for row in rows] == [["Sem derrame.", "Há derrame."], ["Normal", "Normal"]]
    assert rows[1][2:] == ["1.0000"] * 3
    assert "0 cut at the maximum length; 0 with an empty text" in means


def test_an_empty_text_is_called_empty(app):
    rows, means, heat, _ = app.score_pasted("Normal.", " ", False, "bertimbau", "Português")
    assert rows == [["Normal.", "", "vazio", "vazio", "vazio"]]
    assert "1 com um texto vazio, que conta como 0" in means
    assert heat == "<p>vazio</p>"


def test_a_long_reference_is_folded_into_blocks(app):
    text = "derrame pleural " * 30
    heat = app.heat_map(text, text, "bertimbau", "English")
    assert max(block.count("<th scope='col'>") for block in heat.split("<table>")) == app.BLOCK
    assert heat.count("<details>") == heat.count("<table>") - 1 > 0
    tokens = len(app.bertscore_ptbr.BERTScorePTBR().align(text, text, setup="bertimbau")["reference"])
    assert heat.count("<td") == tokens**2
    assert heat.count("class='best'") >= tokens


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "prediction,reference\nSem derrame.,Há derrame.\n"),
        ("a.csv", '\ufeffid,prediction,reference\n1,"Sem derrame.",Há derrame.\n'),
        ("a.csv", 'prediction;reference\n"Sem derrame.";Há derrame.\n'),
        ("A.CSV", "id\tprediction\treference\n1\tSem derrame.\tHá derrame.\n"),
        ("a.jsonl", '{"prediction": "Sem derrame.", "reference": "Há derrame."}\r\n\n'),
    ],
)
def test_an_uploaded_file_is_scored_and_deleted(app, tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    rows, _, _, _ = app.score_file(str(path), "xlm-roberta", "Português")
    assert [row[:2] for row in rows] == [["Sem derrame.", "Há derrame."]]
    assert not path.exists()


def test_an_uploaded_sheet_is_scored_and_deleted(app, tmp_path):
    path = tmp_path / "pares.xlsx"
    book = openpyxl.Workbook()
    for row in (["id", "prediction", "reference"], [1, "Sem derrame.", "Há derrame."], [None, None, None]):
        book.active.append(row)
    book.save(path)
    rows, _, _, _ = app.score_file(str(path), "bertimbau", "Português")
    assert [row[:2] for row in rows] == [["Sem derrame.", "Há derrame."]]
    assert not path.exists()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"a,b\nsegredo,c\n", "needs the columns prediction and reference"),
        ("a.jsonl", b"segredo", "not CSV, Excel or JSON Lines"),
        ("a.xlsx", b"segredo", "not CSV, Excel or JSON Lines"),
        ("a.jsonl", b"[1]", "needs the columns"),
        ("a.jsonl", b'{"prediction": 3, "reference": "segredo"}', "A prediction or reference is no text"),
        ("a.csv", b"\xff\xfesegredo", "is not UTF-8 text"),
        ("a.csv", b"prediction,reference\n", "There are 0 pairs"),
        ("a.csv", b"prediction,reference\n" + b"a,b\n" * 201, "There are 201 pairs; this page takes 1 to 200"),
        ("a.csv", b"prediction,reference\n" + b"a" * 6000 + b",b\n", "longer than 5000 characters"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_and_deleted(app, tmp_path, name, content, says):
    """The refusal stands where a result stood: nobody takes an earlier one for this file's."""
    path = tmp_path / name
    path.write_bytes(content)
    rows, means, heat, link = app.score_file(str(path), "bertimbau", "English")
    assert (rows, heat, link) == ([], "", "")
    assert means.startswith("**Not scored.**")
    assert says in means
    assert "segredo" not in means
    assert not path.exists()


def test_a_line_separator_within_a_text_ends_no_row(app):
    content = '{"prediction": "a\u2028b", "reference": null}'.encode()
    assert app.read_pairs(content, ".jsonl") == [("a\u2028b", "")]


@pytest.mark.parametrize(
    ("texts", "by_line", "says"),
    [
        (("a\nb", "a"), True, "Há 2 textos avaliados e 1 referências."),
        ((" ", "\n"), False, "Os dois textos estão vazios."),
    ],
)
def test_boxes_that_do_not_fit_are_refused(app, texts, by_line, says):
    assert app.score_pasted(*texts, by_line, "bertimbau", "Português")[1] == f"**Não calculado.** {says}"


def test_a_cell_that_begins_like_a_formula_is_text_in_a_sheet(app):
    _, _, _, link = app.score_pasted("=1+1", "-a", False, "bertimbau", "Português")
    assert downloaded(link)[1][:2] == ["'=1+1", "'-a"]


def test_visitors_at_the_same_time_get_their_own_texts(app):
    """A metric collects texts between add and compute: one shared by two threads breaks."""
    texts = [[f"Derrame {visitor} {at}" for at in range(20)] for visitor in range(8)]

    def scored(lines):
        return app.score_pasted("\n".join(lines), "\n".join(lines), True, "bertimbau", "English")

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(scored, texts))
    for lines, (rows, _, _, _) in zip(texts, found, strict=True):
        assert [row[0] for row in rows] == lines
        assert {row[4] for row in rows} == {"1.0000"}
    assert sys.modules["bertscore_ptbr"].ENCODERS.cache_info().misses == 1


def test_both_languages_say_the_same_things(app):
    portuguese, english = app.TEXTS.values()
    assert portuguese.keys() == english.keys()
    for name, text in portuguese.items():
        fields = [sorted(set(re.findall(r"\{(\w+)", said))) for said in (text, english[name])]
        assert fields[0] == fields[1], name


def test_markup_in_a_text_is_shown_and_not_run(app):
    assert "<script" not in app.heat_map("<script>alert(1)</script>", "<b>", "bertimbau", "English")


def test_the_page_says_where_restricted_text_does_not_belong(app):
    page = app.build("someone/bertscore_ptbr")
    shown = [block.value for block in page.blocks.values() if isinstance(block, app.gr.Markdown)]
    assert "Não cole aqui textos restritos" in shown[0]
    assert 'evaluate.load("someone/bertscore_ptbr")' in shown[0]
    assert page.delete_cache == (60, 60)
    assert not page.analytics_enabled
    assert all(dependency.api_visibility == "private" for dependency in page.fns.values())


def test_requirements_name_what_the_space_imports():
    folder = published("bertscore_ptbr")
    named = set(re.findall(r"^([\w-]+)", (folder / "requirements.txt").read_text(), flags=re.MULTILINE))
    imported = {
        name
        for script in ("bertscore_ptbr.py", *(f"{module}.py" for module in MODULES))
        for name in re.findall(r"^\s*(?:import|from) (\w+)", (folder / script).read_text(), flags=re.MULTILINE)
    }
    given = {*sys.stdlib_module_names, "gradio", *MODULES}  # the Space's image brings Gradio
    assert imported - given <= named
