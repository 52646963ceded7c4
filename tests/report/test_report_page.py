"""`hubkit report`: one page that holds everything, runs nothing, and takes every text as text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scoring_workspace import build_workspace

from hubkit.artifacts.scores import Interval
from hubkit.artifacts.subgroups import Division, Subgroup, SubgroupFigure, Subgroups, write_subgroups
from hubkit.cli import cli
from hubkit.config import ReleaseConfig, parse_config
from hubkit.report.contents import MOST_PAIRS, _spread, training
from hubkit.report.marks import Piece, Span, marked
from hubkit.report.page import content_policy, write_page
from hubkit.stages import STAGES
from hubkit.tables import CHECKS, CHEXPERT_LABELS, SETUPS, SPLITS
from hubkit.workspace import Workspace, read_table, write_json, write_table

HOSTILE = (
    "</script><script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "</div></body><svg onload=alert(1)>",
    "\"' onmouseover='alert(1)' {{ 7 * 7 }} {% raw %} &lt;b&gt; &amp;",
    "<!-- --><style>@import url(http://192.0.2.1/x)</style>",
    "]]><iframe srcdoc='x'>\u202e",
)
VOID = {"meta", "img"}


class Page(HTMLParser):
    """A page as a browser takes it apart: its elements, its texts, and whether what opens is closed."""

    def __init__(self, path: Path):
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.marks: list[str] = []
        self.open: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "mark":
            self.marks.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if "mark" in self.open:
            self.marks[-1] += data

    @property
    def said(self) -> str:
        return "".join(self.texts)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def filled(root: Path) -> Workspace:
    """A workspace with hostile texts in every place that text of a corpus or of a model comes from."""
    workspace = build_workspace(root)
    for name, columns in {
        workspace.generations("lora"): ("generated", "reference"),
        workspace.generations("zero_shot"): ("generated",),
    }.items():
        rows = read_table(name).to_pylist()
        for at, row in enumerate(rows):
            row |= {column: f"{HOSTILE[at % len(HOSTILE)]} {column}" for column in columns}
        write_table(name, pa.Table.from_pylist(rows, read_table(name).schema))
    rows = read_table(workspace.translations).to_pylist()
    flags = []
    for at, (row, text) in enumerate(zip(rows, HOSTILE, strict=False)):
        row |= {"status": "failed" if at == 2 else "flagged", "source": f"No {text}", "translation": f"Com {text}"}
        row["translation"] = None if at == 2 else row["translation"]
        spans = {"source_start": 0, "source_end": 2, "translation_start": 0, "translation_end": 3}
        ids = {"study_id": row["study_id"], "section": row["section"]}
        flags.append({**ids, "check": "negation_dropped", "severity": "error", **spans})
        nowhere = dict.fromkeys(spans)
        flags.append({**ids, "check": f"odd {text}", "severity": "warning", **nowhere})
    write_table(workspace.translations, pa.Table.from_pylist(rows, read_table(workspace.translations).schema))
    write_table(workspace.checks, pa.Table.from_pylist(flags, CHECKS))
    studies = read_table(workspace.studies)
    pictures = studies.to_pylist()
    for row in pictures:
        row["images"] = [{"dicom_id": f"d{row['study_id']}", "view": "PA", "path": "x.jpg"}]
    write_table(workspace.studies, pa.Table.from_pylist(pictures, studies.schema))
    workspace.images.mkdir()
    for row in pictures[:-1]:  # that of the last study is missing
        Image.new("RGB", (896, 896)).save(workspace.images / f"d{row['study_id']}.jpg")
    return workspace


def test_every_text_goes_in_as_text(tmp_path: Path) -> None:
    workspace = filled(tmp_path / "work")
    config = parse_config({"release": {"title": HOSTILE[0]}})
    page = Page(write_page(config, workspace))
    allowed = {
        *("html", "head", "meta", "title", "style", "body", "header", "main", "section", "nav", "a", "h1", "h2", "h3"),
        *("h4", "p", "div", "ul", "li", "table", "caption", "thead", "tbody", "tr", "th", "td", "figure", "figcaption"),
        *("img", "mark"),
    }
    assert {tag for tag, _ in page.tags} <= allowed
    attributes = {name for _, found in page.tags for name in found}
    assert not {name for name in attributes if name.startswith("on") or name in ("style", "srcdoc", "srcset")}
    for text in HOSTILE:
        assert text in page.said, "it is lost, or was taken for something else"
    assert "49" not in re.findall(r"onmouseover='alert\(1\)' (\S+)", page.said)
    assert page.said.count("alert(1)") >= 15


def test_nothing_is_loaded_run_or_sent(tmp_path: Path) -> None:
    page = Page(write_page(ReleaseConfig(), filled(tmp_path / "work")))
    policies = [tag["content"] for tag in page.all("meta") if tag.get("http-equiv") == "Content-Security-Policy"]
    (style,) = [text for text in page.texts if ":root" in text]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policies == [
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    ]
    assert content_policy(style) == policies[0]
    sources = [str(image["src"]) for image in page.all("img")]
    assert len(sources) >= 5
    assert all(source.startswith(("data:image/png;base64,", "data:image/jpeg;base64,")) for source in sources)
    assert all(str(link["href"]).startswith("#") for link in page.all("a"))
    assert {str(link["href"])[1:] for link in page.all("a")} == {part["id"] for part in page.all("section")}
    assert "url(" not in style
    assert "@import" not in style
    assert [tag for tag, _ in page.tags].index("meta") < [tag for tag, _ in page.tags].index("style")


def test_flagged_pairs_show_what_the_checks_point_at(tmp_path: Path) -> None:
    page = Page(write_page(ReleaseConfig(), filled(tmp_path / "work")))
    assert page.marks == ["No", "Com", "No", "Com", "No", *["No", "Com"] * 3], "a failed one has no translation"
    assert {mark["title"] for mark in page.all("mark")} == {"negation_dropped"}
    assert "Flagged pairs, 6 of 6" in page.said
    assert re.search(r"negation_dropped\s+error\s+6\s", re.sub(r"\s+", " ", " ".join(page.texts)))


def test_small_counts_are_shown_whole_and_the_page_says_so(tmp_path: Path) -> None:
    workspace = build_workspace(tmp_path / "work")
    labels = {"test": {"Edema": {"positive": 1, "uncertain": 2}}}
    write_json(workspace.selection, {"sizes": {"train": 40, "validate": 20, "test": 20}, "labels": labels})
    for subgroups, said in (
        ([], "Counts on this page are whole, however small."),
        (["view"], "Counts on this page are whole, however small; cards withhold those below 20."),
    ):
        scoring = {"subgroups": subgroups, "subgroup_minimum": 20}
        page = Page(write_page(parse_config({"scoring": scoring}), workspace))
        assert "1 / 2" in page.texts
        assert said in page.said


def test_it_is_for_its_owner_alone_and_no_stage_takes_it(tmp_path: Path) -> None:
    workspace = filled(tmp_path / "work")
    path = write_page(ReleaseConfig(), workspace)
    assert path == workspace.root / "report.html"
    assert path.stat().st_mode & 0o777 == 0o600
    for stage in STAGES:
        for taken in (*stage.inputs(workspace), *stage.outputs(workspace)):
            assert path != taken
            assert taken not in path.parents


@pytest.mark.parametrize("kind", ["empty", "read alone"])
def test_what_is_not_there_yet_says_which_command_makes_it(tmp_path: Path, kind: str, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("hubkit.toml").write_text("")
    workspace = Workspace(tmp_path / "work")
    if kind == "read alone":
        labels = {split: {label: {"positive": 1, "uncertain": 0} for label in CHEXPERT_LABELS} for split in SPLITS}
        images = {"text_only": True, "prepared": 0, "broken": [], "missing": []}
        values = {"sizes": dict.fromkeys(SPLITS, 4), "labels": labels, "reports": {"no_findings": 2}, "images": images}
        write_json(workspace.selection, values)
    shown = CliRunner().invoke(cli, ["report"], catch_exceptions=False)
    assert shown.output == f"file://{workspace.report} (holds text of the corpus: keep it here)\n"
    page = Page(workspace.report)
    stages = ["translate", "finetune", "score", "generate", *(["read"] if kind == "empty" else [])]
    assert all(f"hubkit {stage}" in page.said for stage in stages)
    assert ("no findings: 2" in page.said) is (kind != "empty")


def test_a_damaged_file_is_one_line(tmp_path: Path, monkeypatch, capsys) -> None:
    workspace = filled(tmp_path / "work")
    workspace.checks.write_bytes(b"not Parquet")
    (tmp_path / "hubkit.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(cli, ["report"])
    assert str(workspace.checks) in str(shown.exception)
    assert not workspace.report.exists()


@pytest.mark.parametrize(
    ("text", "spans", "pieces"),
    [
        ("abcdef", [], [("abcdef", ())]),
        ("abcdef", [(0, 2, "x")], [("ab", ("x",)), ("cdef", ())]),
        ("abcdef", [(1, 4, "x"), (2, 6, "y")], [("a", ()), ("b", ("x",)), ("cd", ("x", "y")), ("ef", ("y",))]),
        ("abcdef", [(None, None, "x"), (4, 99, "y"), (-3, 1, "z")], [("a", ("z",)), ("bcd", ()), ("ef", ("y",))]),
        ("abcdef", [(3, 3, "x"), (5, 2, "y"), (7, 9, "z")], [("abcdef", ())]),
        ("", [(0, 3, "x")], []),
    ],
)
def test_texts_are_cut_where_spans_begin_and_end(text: str, spans: list, pieces: list) -> None:
    assert marked(text, [Span(*span) for span in spans]) == [Piece(*piece) for piece in pieces]


ends = st.none() | st.integers(-5, 40)


@given(st.text(max_size=30), st.lists(st.builds(Span, ends, ends, st.sampled_from("xyz")), max_size=6))
def test_pieces_together_are_the_text(text: str, spans: list[Span]) -> None:
    pieces = marked(text, spans)
    assert "".join(piece.text for piece in pieces) == text
    assert all(piece.text for piece in pieces)
    at = 0
    for piece in pieces:
        for offset in range(at, at + len(piece.text)):
            over = {s.check for s in spans if s.start is not None and s.end is not None and s.start <= offset < s.end}
            assert set(piece.checks) == over
        at += len(piece.text)


@pytest.mark.parametrize(
    ("count", "chosen"), [(0, []), (1, [0]), (3, [0, 1, 2]), (6, [0, 1, 2, 3, 4, 5]), (100, [0, 1, 49, 50, 98, 99])]
)
def test_samples_come_from_both_ends_and_the_middle(count: int, chosen: list[int]) -> None:
    assert sorted(_spread(list(range(count)))) == chosen


def test_of_many_flagged_pairs_the_first_are_shown(tmp_path: Path) -> None:
    workspace = filled(tmp_path / "work")
    schema = read_table(workspace.translations).schema
    row = {**dict.fromkeys(schema.names), "section": "findings", "status": "flagged", "source": "a", "translation": "b"}
    rows = [{**row, "study_id": number} for number in range(MOST_PAIRS + 5)]
    write_table(workspace.translations, pa.Table.from_pylist(rows, schema))
    page = Page(write_page(ReleaseConfig(), workspace))
    assert f"Flagged pairs, {MOST_PAIRS} of {MOST_PAIRS + 5}" in page.said


def test_samples_are_of_studies_that_were_scored(tmp_path: Path) -> None:
    """A study whose reference was left out has no score: it is neither the worst nor the best."""
    workspace = filled(tmp_path / "work")
    scored = read_table(workspace.generations("lora"))["study_id"].to_pylist()[2:]
    rows = [{"study_id": study, "condition": "lora", "setup": SETUPS[0], "f1": 0.5} for study in scored]
    write_table(workspace.scores / "scores.parquet", pa.Table.from_pylist(rows))
    said = Page(write_page(ReleaseConfig(), workspace)).said
    assert {int(study) for study in re.findall(r"^study (\d+)$", said, re.MULTILINE)} <= set(scored)


def test_the_training_is_said_in_words(tmp_path: Path) -> None:
    workspace = filled(tmp_path / "work")
    settings = ReleaseConfig().finetuning.deciding() | {"modules_to_save": [], "target_modules": ["q_proj", "v_proj"]}
    made = {"eval_loss": 0.3459717333, "trainable_parameters": 155648, "studies": {"train": 188, "validate": 38}}
    workspace.adapter.mkdir(exist_ok=True)
    write_json(workspace.adapter / "training.json", made | {"settings": settings})
    said = training(workspace) or {}
    assert {name: said[name] for name in said if name in {*WORDS}} == WORDS


WORDS = {
    "eval loss": "0.345972",
    "trainable parameters": "155,648",
    "studies": "train 188, validate 38",
    "learning_rate": "0.0002",
    "gradient_checkpointing": "yes",
    "target_modules": "q_proj, v_proj",
    "modules_to_save": "none",
    "trainer": "none",
}


def test_scores_stand_beside_what_was_generated(tmp_path: Path) -> None:
    workspace = filled(tmp_path / "work")
    tests = read_table(workspace.generations("lora"))["study_id"].to_pylist()
    rows = [
        {"study_id": study, "condition": "lora", "setup": SETUPS[0], "f1": at / 100} for at, study in enumerate(tests)
    ]
    write_table(workspace.scores / "scores.parquet", pa.Table.from_pylist(rows))
    said = Page(write_page(ReleaseConfig(), workspace)).said
    assert re.findall(r"LoRA \((0\.\d+)\)", said) == ["0.000", "0.010", "0.050", "0.060", "0.100", "0.110"]
    assert json.dumps(said).count("zero-shot (") == 0


def test_subgroups_stand_below_the_scores(tmp_path: Path) -> None:
    workspace = filled(tmp_path / "work")
    assert "Subgroups" not in Page(write_page(ReleaseConfig(), workspace)).said
    figure = SubgroupFigure(condition="lora", measure="clinical micro", figure=Interval(value=0.5, low=0.25, high=0.75))
    group = Subgroup(name="male", studies=30, patients=29, figures=(figure,))
    sex = Division(name="sex", title="Sex", note="By MIMIC-IV", groups=(group,), withheld=("female",))
    numbers = {"n": 60, "patients": 58, "minimum": 20, "confidence": 0.95, "resamples": 9, "seed": 1, "tests": 0}
    write_subgroups(workspace, Subgroups(**numbers, divisions=(sex,), findings=(), findings_of_errors=()))
    path = write_page(ReleaseConfig(), workspace)
    said = Page(path).said
    assert "Sex. By MIMIC-IV. Withheld: female." in said
    assert "Figures of 60 studies of 58 patients, with 95% intervals" in said
    names, figures = ["male", "LoRA †"], ["30", "29", "0.500 [0.250,\u00a00.750]"]
    cells = [f"<td>{name}</td>" for name in names] + [f'<td class="figure">{cell}</td>' for cell in figures]
    row = "".join(cells)
    assert row in path.read_text(encoding="utf-8")
