"""The page of a static Space: whole in itself, and nothing on it that the public card's tables do not have."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from invented_release import build_release, release_config

from hubkit.packaging.charts import finding_chart, score_chart
from hubkit.packaging.evaluation import CardScores, Interval, LabelAgreement, Result, evaluation
from hubkit.packaging.package import package
from hubkit.tables import SETUPS
from hubkit.workspace import Workspace

NAMES = {
    "zero_shot": "zero-shot",
    "few_shot": "few-shot",
    "lora": "LoRA",
    "commonest": "commonest report",
    "reference": "reference itself",
    "flipped": "reference, negations flipped",
}

VOID = {"meta", "path"}
"""Elements without an end tag on this page; SVG's own close themselves."""


class Page(HTMLParser):
    """Reads a page, and refuses one whose elements do not nest.

    Attributes:
        open: the elements that are open.
        found: name and attributes of each element.
        tables: the cells of each table, row by row.
    """

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.tables: list[list[list[str]]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("th", "td"):
            self.tables[-1][-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & {*self.open}:
            self.tables[-1][-1][-1] += data


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("page")
    workspace = build_release(root)
    package(release_config(root / "corpus"), workspace)
    return workspace


@pytest.fixture(scope="module")
def text(packaged: Workspace) -> str:
    return (packaged.dist / "metric" / "index.html").read_text(encoding="utf-8")


def test_nothing_comes_from_elsewhere_and_nothing_runs(text: str) -> None:
    page = Page(text)
    names = {name for name, _ in page.found}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "a", "form", "image", "use"}
    attributes = {name for _, given in page.found for name in given}
    assert not {name for name in attributes if name.startswith("on") or name in ("src", "href", "style", "xlink:href")}
    assert "url(" not in text
    assert "@import" not in text
    policy = [given["content"] for name, given in page.found if given.get("http-equiv") == "Content-Security-Policy"]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]
    assert {"html", "head", "body", "main", "title"} <= names


def test_the_tables_are_those_of_the_card(packaged: Workspace, text: str) -> None:
    card = (packaged.dist / "dataset" / "README.md").read_text(encoding="utf-8")
    body = card.partition("begin evaluation ")[2].partition("end evaluation")[0]
    rows = [
        [cell.strip() for cell in line.replace("`", "").strip("|").split("|")]
        for line in body.splitlines()
        if re.match(r"\| .*\d\.\d", line)
    ]
    shown = [row for table in Page(text).tables[1:] for row in table]
    # The column of the rules, and the rows of the original study, are on the card alone.
    figures = [row[:7] for row in rows if len(row) > 4]
    assert len(figures) > 2 * 6 + 6 + 10
    assert [row for row in figures if row not in shown] == []


@pytest.mark.parametrize("setup", SETUPS)
def test_marks_stand_at_their_figures(packaged: Workspace, text: str, setup: str) -> None:
    scores = evaluation(packaged)
    chart = score_chart(scores, setup, {})
    results = [row for row in scores.results if row.setup == setup]
    ticks = [
        (float(x), float(name))
        for x, name in re.findall(r'<text x="([\d.]+)" y="\d+" text-anchor="middle">([\d.-]+)</text>', chart)
    ]
    (left, lowest), (right, highest) = ticks[0], ticks[-1]

    def place(value: float) -> float:
        return left + (right - left) * (value - lowest) / (highest - lowest)

    marks = [float(x) for x in re.findall(r'<path d="M([\d.]+) [\d.]+m', chart)]
    assert marks == pytest.approx([place(row.f1.mean) for row in results], abs=0.06)
    lines = re.findall(r'<path d="M([\d.]+) [\d.]+H([\d.]+)"', chart)
    assert [[float(low), float(high)] for low, high in lines] == [
        pytest.approx([place(row.f1.low), place(row.f1.high)], abs=0.06) for row in results
    ]
    assert chart.split("\n")[1] == f"<title>BERTScore F1 by system, {setup}</title>"
    assert score_chart(scores, setup, NAMES) in text


def test_no_study_has_a_mark(packaged: Workspace, text: str) -> None:
    """As many shapes as the tables have figures: a point for each study would be more."""
    scores = evaluation(packaged)
    shapes = len(re.findall(r'<path d="M[\d.]+ [\d.]+m', text))
    named = sum(
        value is not None and value == value
        for row in scores.findings
        if row.studies
        for value in (row.f1[name] for name in ("zero_shot", "few_shot", "lora", "reference"))
    )
    assert shapes == len(scores.results) + named + 4  # the legend has a shape for each series


def test_how_to_run_the_app(text: str) -> None:
    constraints = (Path(__file__).parents[2] / "constraints.txt").read_text().splitlines()
    (version,) = re.findall(r"pip install (gradio==[\d.]+) -r requirements.txt", text)
    assert version in constraints
    assert "git clone https://huggingface.co/spaces/lab/bertscore_ptbr\ncd bertscore_ptbr\n" in text
    assert "python app.py" in text


def scored(*values: float, label: str = "Edema") -> CardScores:
    whole = Interval(*values)
    found = LabelAgreement(label, 3, {"zero_shot": values[0], "few_shot": 0.5, "lora": 1.0, "reference": 1.0}, None)
    result = Result("bertimbau", "lora", whole, whole, whole)
    return CardScores(
        studies=3,
        subjects=3,
        confidence=0.95,
        resamples=10,
        seed=1,
        results=[result],
        beside=[],
        findings=[found],
        rules={},
        differences=[],
        signatures={},
        cautions=[],
    )


@pytest.mark.parametrize(
    ("values", "shapes"),
    [
        ((0.5, 0.4, 0.6), 1),
        ((0.5, 0.5, 0.5), 1),
        ((0.0, 0.0, 0.0), 1),
        ((1.0, 1.0, 1.0), 1),
        ((-0.2, -0.9, 0.4), 1),
        ((float("nan"), 0.1, 0.2), 0),
    ],
)
def test_any_figure_can_be_drawn(values: tuple[float, float, float], shapes: int) -> None:
    chart = score_chart(scored(*values), "bertimbau", {})
    assert len(re.findall(r'<path d="M[\d.]+ [\d.]+m', chart)) == shapes
    assert "nan" not in chart
    if shapes:
        Page(chart)
        inside = [float(x) for x in re.findall(r'd="M([\d.-]+)', chart)]
        assert min(inside) >= 220
        assert max(inside) <= 720 - 24


def test_a_name_cannot_end_its_text() -> None:
    chart = finding_chart(scored(0.5, 0.5, 0.5, label="</text><script>"), {"lora": "<b>"})
    assert "&lt;/text&gt;&lt;script&gt; (3)" in chart
    assert "&lt;b&gt;" in chart
    assert "<script>" not in chart
    Page(chart)
