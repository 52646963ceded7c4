"""The page of a static Space: whole in itself, and nothing on it that the public card's tables do not have."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from invented_release import build_release, release_config

from hubkit.artifacts.scores import BertScore, LabelF1, Rules, Spread, Summary, SystemFigures, read_summary
from hubkit.packaging.charts import finding_chart, score_chart
from hubkit.packaging.package import package
from hubkit.tables import SETUPS
from hubkit.workspace import Workspace

NAMES = {
    "zero_shot": "zero-shot †",
    "few_shot": "few-shot †",
    "lora": "LoRA †",
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
    scores = read_summary(packaged)
    chart = score_chart(scores, setup, {})
    results = [found.bertscore[setup].f1 for found in scores.conditions.values()]
    ticks = [
        (float(x), float(name))
        for x, name in re.findall(r'<text x="([\d.]+)" y="\d+" text-anchor="middle">([\d.-]+)</text>', chart)
    ]
    (left, lowest), (right, highest) = ticks[0], ticks[-1]

    def place(value: float) -> float:
        return left + (right - left) * (value - lowest) / (highest - lowest)

    marks = [float(x) for x in re.findall(r'<path d="M([\d.]+) [\d.]+m', chart)]
    assert marks == pytest.approx([place(f1.mean) for f1 in results], abs=0.06)
    lines = re.findall(r'<path d="M([\d.]+) [\d.]+H([\d.]+)"', chart)
    assert [[float(low), float(high)] for low, high in lines] == [
        pytest.approx([place(f1.low), place(f1.high)], abs=0.06) for f1 in results
    ]
    assert chart.split("\n")[1] == f"<title>BERTScore F1 by system, {setup}</title>"
    assert score_chart(scores, setup, NAMES) in text


def test_no_study_has_a_mark(packaged: Workspace, text: str) -> None:
    """As many shapes as the tables have figures: a point for each study would be more."""
    scores = read_summary(packaged)
    shapes = len(re.findall(r'<path d="M[\d.]+ [\d.]+m', text))
    labels = len(scores.conditions["reference"].findings)
    assert labels > 2
    assert shapes == len(SETUPS) * len(scores.conditions) + 4 * labels + 4  # the legend has a shape for each series


def test_how_to_run_the_app(text: str) -> None:
    constraints = (Path(__file__).parents[2] / "constraints.txt").read_text().splitlines()
    (version,) = re.findall(r"pip install (gradio==[\d.]+) -r requirements.txt", text)
    assert version in constraints
    assert "git clone https://huggingface.co/spaces/lab/bertscore_ptbr\ncd bertscore_ptbr\n" in text
    assert "python app.py" in text


def scored(*values: float, label: str = "Edema") -> Summary:
    mean, low, high = values
    spread = Spread(mean=mean, low=low, high=high, median=mean, min=low, max=high, sd=0.1)
    setup = BertScore(precision=spread, recall=spread, f1=spread, truncated=0, empty=0)
    named = {"zero_shot": mean, "few_shot": 0.5, "lora": 1.0, "reference": 1.0}
    return Summary(
        n=3,
        patients=3,
        confidence=0.95,
        resamples=10,
        seed=1,
        signatures={},
        differences=[],
        conditions={
            system: SystemFigures(
                bertscore={"bertimbau": setup} if system == "lora" else {},
                metrics={},
                findings={label: LabelF1(f1=f1, studies=3)},
            )
            for system, f1 in named.items()
        },
        rules=Rules(texts=1, whole_texts=1, values=1, micro=1, macro=1, labels={}),
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


@pytest.mark.parametrize("high", [1.0, 1.000004])
def test_no_axis_goes_past_the_best_score(high: float) -> None:
    chart = score_chart(scored(0.5, 0.4, high), "bertimbau", {})
    assert re.findall(r'text-anchor="middle">([\d.]+)</text>', chart) == ["0.4", "0.6", "0.8", "1"]


def test_a_name_cannot_end_its_text() -> None:
    chart = finding_chart(scored(0.5, 0.5, 0.5, label="</text><script>"), {"lora": "<b>"})
    assert "&lt;/text&gt;&lt;script&gt; (3)" in chart
    assert "&lt;b&gt;" in chart
    assert "<script>" not in chart
    Page(chart)
