"""The page of the Space: paste or upload pairs of texts, see their scores and where each comes from.

    pip install -r requirements.txt gradio && python app.py

Nothing that is pasted or uploaded is kept: there is no log of inputs, an uploaded file is deleted once it is read, and
Gradio's history of runs, which would store them in the visitor's browser, is off.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from page_texts import TEXTS
from pairs import Pairs, Refused, link, pasted, read_pairs

import bertscore_ptbr

MAX_PAIRS = 200
MAX_CHARACTERS = 5000
"""What the page takes at once, on a machine that visitors share; long lists belong on one of your own."""
BLOCK = 24
"""Tokens of a reference side by side: what fits a window of 1,200 pixels. A report of 300 tokens was 13,495 wide."""

COLUMNS = ["prediction", "reference", "precision", "recall", "F1"]
EXAMPLE = (
    "Não há derrame pleural.\nCoração de tamanho normal.",
    "Derrame pleural pequeno à direita.\nA área cardíaca é normal.",
)
DELIMITERS = {"Português": ";", "English": ","}
"""What separates the fields of a CSV file where Excel speaks the language: where a comma is in numbers, it cannot."""

CSS = """.heat td, .heat th {padding: 2px 6px; font-size: 13px; font-weight: normal; white-space: nowrap}
.heat tr > :first-child {position: sticky; left: 0; background: var(--background-fill-primary)}
.heat {overflow-x: auto; margin-bottom: 12px} .heat .best {outline: 2px solid #D55E00; outline-offset: -2px}
#heat summary {cursor: pointer; padding: 4px 0} #heat > div {max-height: 75vh; overflow-y: auto}
#means code {white-space: pre-wrap; overflow-wrap: anywhere}
.download {display: inline-block; padding: 6px 12px; border: 1px solid currentColor; border-radius: 6px}"""
LAUNCH: dict[str, Any] = {
    "css": CSS,
    "max_file_size": "2mb",
    "footer_links": ["gradio"],
    "run_history": False,
    "enable_monitoring": False,
}


Shown = tuple[list[list[str]], str, str, str]
"""The rows of the table, the means with their signature, the alignment of the first pair, and the link to a file."""


def score_pasted(prediction: str, reference: str, by_line: bool, setup: str, language: str) -> Shown:
    """Score what was pasted into the two boxes: a pair, or a pair a line."""
    return _shown(lambda: pasted(prediction, reference, by_line), setup, language)


def score_file(path: str, setup: str, language: str) -> Shown:
    """Score the pairs of a file with the columns `prediction` and `reference`, and delete it."""
    file = Path(path)
    try:
        content = file.read_bytes()
    finally:
        file.unlink()
    return _shown(lambda: read_pairs(content, file.suffix), setup, language)


def _shown(pairs: Callable[[], Pairs], setup: str, language: str) -> Shown:
    """What the page shows for these pairs. A refusal takes the place of an earlier result."""
    try:
        return score(pairs(), setup, language)
    except Refused as error:
        said = TEXTS[language]
        return [], said["refused"].format(message=said[error.reason].format(*error.values)), "", ""


def score(pairs: Pairs, setup: str, language: str) -> Shown:
    """Score pairs of texts.

    Raises:
        Refused: they are more or longer than the page takes.
    """
    said = TEXTS[language]
    if not 0 < len(pairs) <= MAX_PAIRS:
        raise Refused("pairs", len(pairs), MAX_PAIRS)
    if any(len(text) > MAX_CHARACTERS for pair in pairs for text in pair):
        raise Refused("long", MAX_CHARACTERS)
    predictions, references = (list(side) for side in zip(*pairs, strict=True))
    found = bertscore_ptbr.BERTScorePTBR().compute(predictions=predictions, references=references, setup=setup)
    columns = [found[name] for name in ("precision", "recall", "f1")]
    scored = zip(pairs, found["empty"], *columns, strict=True)
    # The score of an empty text is 0 by definition, and says nothing about a text.
    rows = [
        [*pair, *((said["empty"],) * 3 if empty else (f"{score:.4f}" for score in scores))]
        for pair, empty, *scores in scored
    ]
    means = [sum(column) / len(column) for column in columns]
    counts = {"truncated": sum(found["truncated"]), "empty": sum(found["empty"])}
    summary = f"{said['means'].format(*means, **counts)}\n\n`{found['signature']}`"
    return (
        rows,
        summary,
        heat_map(*pairs[0], setup, language),
        link(rows, COLUMNS, said["download"], DELIMITERS[language]),
    )


def heat_map(prediction: str, reference: str, setup: str, language: str) -> str:
    """Tables of cosines, tokens of the prediction down and of the reference across; the best of each row is framed.

    A reference of more than `BLOCK` tokens goes on in tables below, which open by a click. A metric takes one call at a
    time, and the page may serve several visitors: each call here makes its own.
    """
    if not prediction.strip() or not reference.strip():
        return f"<p>{TEXTS[language]['empty']}</p>"
    aligned = bertscore_ptbr.BERTScorePTBR().align(prediction, reference, setup=setup)
    blocks = []
    for first in range(0, len(aligned["reference"]), BLOCK):
        last = min(first + BLOCK, len(aligned["reference"]))
        table = _table(aligned, first, last, TEXTS[language]["corner"])
        title = TEXTS[language]["block"].format(first=first + 1, last=last)
        blocks.append(f"<details><summary>{title}</summary>{table}</details>" if first else table)
    return f"<div>{''.join(blocks)}</div>"


def _table(aligned: dict[str, Any], first: int, last: int, corner: str) -> str:
    cosine = aligned["cosine"]
    low, high = float(cosine.min()), max(float(cosine.max()), float(cosine.min()) + 1e-6)
    head = "".join(f"<th scope='col'>{html.escape(token)}</th>" for token in aligned["reference"][first:last])
    body = []
    for token, row in zip(aligned["prediction"], cosine, strict=True):
        shown, best = row[first:last].tolist(), float(row.max())
        cells = "".join(_cell(value, (value - low) / (high - low), value == best) for value in shown)
        body.append(f"<tr><th scope='row'>{html.escape(token)}</th>{cells}</tr>")
    return f"<div class='heat'><table><tr><th>{corner}</th>{head}</tr>{''.join(body)}</table></div>"


def show_pair(setup: str, language: str, event: gr.SelectData) -> str:
    """The alignment of the row that was clicked."""
    prediction, reference = event.row_value[:2]
    return heat_map(prediction, reference, setup, language)


def build(repository: str = "<namespace>/bertscore_ptbr") -> gr.Blocks:
    """Put the page together.

    Args:
        repository: the Space's own name, for the line that loads the metric elsewhere.
    """
    said = TEXTS["Português"]
    with gr.Blocks(title="BERTScore PT-BR", analytics_enabled=False, delete_cache=(60, 60)) as page:
        language = gr.Radio(list(TEXTS), value="Português", label="Idioma / Language", elem_id="language")
        welcome = gr.Markdown(said["welcome"].format(repository=repository), elem_id="welcome")
        setup = gr.Radio(list(bertscore_ptbr.SETUPS), value="bertimbau", label=said["setup"])
        with gr.Row():
            prediction = gr.Textbox(EXAMPLE[0], lines=6, max_lines=20, label=said["prediction"], elem_id="prediction")
            reference = gr.Textbox(EXAMPLE[1], lines=6, max_lines=20, label=said["reference"], elem_id="reference")
        by_line = gr.Checkbox(label=said["by_line"], info=said["by_line_info"], elem_id="by-line")
        with gr.Row():
            button = gr.Button(said["score"], variant="primary", elem_id="score")
            upload = gr.UploadButton(said["upload"], file_types=[".csv", ".jsonl", ".xlsx"], elem_id="upload")
        files = gr.Markdown(said["files"])
        means = gr.Markdown(elem_id="means")
        download = gr.HTML(elem_id="download")
        table = gr.Dataframe(
            headers=COLUMNS,
            # Else a long text pushes the scores out of sight, and a phone sets them a digit a line.
            column_widths=["320px", "320px", "95px", "95px", "95px"],
            interactive=False,
            wrap=True,
            max_height=400,
            elem_id="table",
            label=said["table"],
        )
        explained = gr.Markdown(said["heat"])
        heat = gr.HTML(elem_id="heat")
        outputs = [table, means, heat, download]
        entered = [prediction, reference, by_line, setup, language]
        button.click(score_pasted, entered, outputs, api_visibility="private")
        upload.upload(score_file, [upload, setup, language], outputs, api_visibility="private")
        table.select(show_pair, [setup, language], heat, api_visibility="private")

        def speak(chosen: str) -> list[Any]:
            texts = TEXTS[chosen]
            labels = [gr.update(label=texts[name]) for name in ("setup", "prediction", "reference", "table")]
            return [
                texts["welcome"].format(repository=repository),
                *labels,
                gr.update(label=texts["by_line"], info=texts["by_line_info"]),
                texts["score"],
                gr.update(label=texts["upload"]),
                texts["files"],
                texts["heat"],
            ]

        spoken = [welcome, setup, prediction, reference, table, by_line, button, upload, files, explained]
        language.change(speak, language, spoken, api_visibility="private")
    return page  # type: ignore[no-any-return]  # gradio is typed in part


def _cell(value: float, share: float, best: bool) -> str:
    # From white to dark blue: one hue, so that it reads without colour vision and in print.
    shade = "#{:02x}{:02x}{:02x}".format(*(round(255 + share * (dark - 255)) for dark in (8, 48, 107)))
    colour = "white" if share > 0.55 else "black"
    frame = " class='best'" if best else ""
    return f"<td{frame} style='background:{shade};color:{colour}'>{value:.2f}</td>"


if __name__ == "__main__":
    import os

    build(os.environ.get("SPACE_ID", "<namespace>/bertscore_ptbr")).launch(**LAUNCH)
