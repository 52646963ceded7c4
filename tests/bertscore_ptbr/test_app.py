"""The Space's page, without a browser: what it computes, refuses and leaves behind."""

from __future__ import annotations

import re
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from hubkit.published import published


@pytest.fixture
def app(encoders, monkeypatch):
    """The page's module with a tiny encoder for each setup, imported as the Space imports it.

    Gradio comes with it: to import that takes seconds, and only the worker that runs these tests has to.
    """
    monkeypatch.syspath_prepend(str(published("bertscore_ptbr")))
    for name in ("app", "bertscore_ptbr"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import app

    setups = {"bertimbau": encoders["bert"], "xlm-roberta": encoders["xlm-roberta"]}
    monkeypatch.setattr(sys.modules["bertscore_ptbr"], "SETUPS", setups)
    yield app
    for name in ("app", "bertscore_ptbr"):
        sys.modules.pop(name, None)


def test_pasted_pairs_get_a_table_and_a_heat_map(app, metric, encoders):
    rows, means, heat = app.score_pasted("Sem derrame.\nNormal\n", "Há derrame.\nNormal", "bertimbau")
    assert [row[:2] for row in rows] == [["Sem derrame.", "Há derrame."], ["Normal", "Normal"]]
    assert rows[1][2:] == ["1.0000"] * 3
    model, layer = encoders["bert"]
    expected = metric.compute(
        predictions=["Sem derrame."], references=["Há derrame."], model_type=model, num_layers=layer
    )
    assert float(rows[0][4]) == pytest.approx(expected["f1"][0], abs=1e-4)
    assert "0 cut at the maximum length, 0 with an empty text" in means
    assert "bertscore_ptbr|model:bert|" in means
    shown = app.bertscore_ptbr.BERTScorePTBR().align("Sem derrame.", "Há derrame.", setup="bertimbau")
    assert heat.count("<td") == len(shown["prediction"]) * len(shown["reference"])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "prediction,reference\nSem derrame.,Há derrame.\n"),
        ("a.csv", '\ufeffid,prediction,reference\n1,"Sem derrame.",Há derrame.\n'),
        ("a.jsonl", '{"prediction": "Sem derrame.", "reference": "Há derrame."}\r\n\n'),
    ],
)
def test_an_uploaded_file_is_scored_and_deleted(app, tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    rows, _, _ = app.score_file(str(path), "xlm-roberta")
    assert [row[:2] for row in rows] == [["Sem derrame.", "Há derrame."]]
    assert not path.exists()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"a,b\nsegredo,c\n", "needs the columns prediction and reference"),
        ("a.jsonl", b"segredo", "neither CSV nor JSON Lines"),
        ("a.jsonl", b"[1]", "needs the columns"),
        ("a.jsonl", b'{"prediction": 3, "reference": "segredo"}', "A prediction or reference is no text"),
        ("a.csv", b"prediction;reference\nsegredo;b\n", "needs the columns prediction and reference"),
        ("a.csv", b"\xff\xfesegredo", "is not UTF-8 text"),
        ("a.csv", b"prediction,reference\n", "There are 0 pairs"),
        ("a.csv", b"prediction,reference\n" + b"a,b\n" * 201, "There are 201 pairs; this page takes 1 to 200"),
        ("a.csv", b"prediction,reference\n" + b"a" * 6000 + b",b\n", "longer than 5000 characters"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_and_deleted(app, tmp_path, name, content, says):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(app.gr.Error) as caught:
        app.score_file(str(path), "bertimbau")
    assert says in caught.value.message
    assert "segredo" not in caught.value.message
    assert not caught.value.print_exception
    assert not path.exists()


def test_a_line_separator_within_a_text_ends_no_row(app):
    assert app.read_pairs('{"prediction": "a\u2028b", "reference": null}', ".jsonl") == [("a\u2028b", "")]


def test_unequal_numbers_of_lines_are_refused(app):
    with pytest.raises(app.gr.Error) as caught:
        app.score_pasted("a\nb", "a", "bertimbau")
    assert caught.value.message == "There are 2 predictions and 1 references."


def test_visitors_at_the_same_time_get_their_own_texts(app):
    """A metric collects texts between add and compute: one shared by two threads breaks."""
    texts = [[f"Derrame {visitor} {at}" for at in range(20)] for visitor in range(8)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda lines: app.score_pasted("\n".join(lines), "\n".join(lines), "bertimbau"), texts))
    for lines, (rows, _, _) in zip(texts, found, strict=True):
        assert [row[0] for row in rows] == lines
        assert {row[4] for row in rows} == {"1.0000"}
    assert sys.modules["bertscore_ptbr"].ENCODERS.cache_info().misses == 1


def test_markup_in_a_text_is_shown_and_not_run(app):
    assert "<script" not in app.heat_map("<script>alert(1)</script>", "<b>", "bertimbau")


def test_the_page_says_where_restricted_text_does_not_belong(app):
    page = app.build("someone/bertscore_ptbr")
    shown = [block.value for block in page.blocks.values() if isinstance(block, app.gr.Markdown)]
    assert "Do not enter restricted text here" in shown[0]
    assert 'evaluate.load("someone/bertscore_ptbr")' in shown[0]
    assert page.delete_cache == (60, 60)
    assert not page.analytics_enabled
    assert all(dependency.api_visibility == "private" for dependency in page.fns.values())


def test_requirements_name_what_the_space_imports():
    folder = published("bertscore_ptbr")
    named = set(re.findall(r"^([\w-]+)", (folder / "requirements.txt").read_text(), flags=re.MULTILINE))
    imported = {
        name
        for script in ("bertscore_ptbr.py", "app.py")
        for name in re.findall(r"^(?:import|from) (\w+)", (folder / script).read_text(), flags=re.MULTILINE)
    }
    given = {*sys.stdlib_module_names, "gradio", "bertscore_ptbr"}  # the Space's image brings Gradio
    assert imported - given <= named
