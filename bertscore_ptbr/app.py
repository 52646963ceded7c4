"""The page of the Space: paste or upload pairs of texts, see their scores and where each comes from.

    pip install -r requirements.txt gradio && python app.py

Nothing that is pasted or uploaded is kept: there is no log of inputs, an uploaded file is deleted once it is read, and
Gradio's history of runs, which would store them in the visitor's browser, is off.
"""

from __future__ import annotations

import csv
import html
import io
import json
from pathlib import Path
from typing import Any

import gradio as gr

import bertscore_ptbr

MAX_PAIRS = 200
MAX_CHARACTERS = 5000
"""What the page takes at once, on a machine that visitors share; long lists belong on one of your own."""
COLUMNS = ["prediction", "reference", "precision", "recall", "F1"]
EXAMPLE = (
    "Não há derrame pleural.\nCoração de tamanho normal.",
    "Derrame pleural pequeno à direita.\nA área cardíaca é normal.",
)
WELCOME = """# BERTScore for reports in Brazilian Portuguese
`bertimbau` compares Portuguese with Portuguese, `xlm-roberta` also with an English original.

**Do not enter restricted text here**, such as reports from MIMIC-CXR or of your patients: this page runs on a shared
machine. Nothing is kept, but the place for such text is your own machine, with the same code:
`evaluate.load("{repository}")`."""
CSS = """.heat td, .heat th {padding: 2px 6px; font-size: 13px; font-weight: normal; white-space: nowrap}
.heat tr > :first-child {position: sticky; left: 0; background: var(--background-fill-primary)}
#means code {white-space: pre-wrap; overflow-wrap: anywhere}
.heat {overflow-x: auto} .heat .best {outline: 2px solid #D55E00; outline-offset: -2px}"""
LAUNCH: dict[str, Any] = {
    "css": CSS,
    "max_file_size": "2mb",
    "footer_links": ["gradio"],
    "run_history": False,
    "enable_monitoring": False,
}


def score_pasted(predictions: str, references: str, setup: str) -> tuple[list[list[Any]], str, str]:
    """Score texts that stand one in a line; blank lines at the end do not count."""
    return score(list(zip(*_lines(predictions, references), strict=True)), setup)


def score_file(path: str, setup: str) -> tuple[list[list[Any]], str, str]:
    """Score the pairs of a CSV or JSON Lines file with the columns `prediction` and `reference`."""
    file = Path(path)
    try:
        content = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise _refused("The file is not UTF-8 text.") from None
    finally:
        file.unlink()
    return score(read_pairs(content, file.suffix), setup)


def read_pairs(content: str, suffix: str) -> list[tuple[str, str]]:
    """The pairs in the text of a file whose name ends with `suffix`."""
    try:
        if suffix == ".jsonl":  # split at line feeds alone: a text may hold other separators of lines
            rows: Any = [json.loads(line) for line in content.split("\n") if line.strip()]
        else:
            rows = csv.DictReader(io.StringIO(content))
        pairs = [(row["prediction"] or "", row["reference"] or "") for row in rows]
    except (KeyError, TypeError):
        raise _refused("The file needs the columns prediction and reference.") from None
    except (csv.Error, json.JSONDecodeError):
        raise _refused("The file is neither CSV nor JSON Lines.") from None
    if not all(isinstance(text, str) for pair in pairs for text in pair):
        raise _refused("A prediction or reference is no text.")
    return pairs


def score(pairs: list[tuple[str, str]], setup: str) -> tuple[list[list[Any]], str, str]:
    """The rows of the table, the means with their signature, and the alignment of the first pair."""
    if not 0 < len(pairs) <= MAX_PAIRS:
        raise _refused(f"There are {len(pairs)} pairs; this page takes 1 to {MAX_PAIRS}.")
    if any(len(text) > MAX_CHARACTERS for pair in pairs for text in pair):
        raise _refused(f"A text is longer than {MAX_CHARACTERS} characters.")
    predictions, references = (list(side) for side in zip(*pairs, strict=True))
    found = bertscore_ptbr.BERTScorePTBR().compute(predictions=predictions, references=references, setup=setup)
    columns = [found[name] for name in ("precision", "recall", "f1")]
    rows = [[*pair, *(f"{score:.4f}" for score in scores)] for pair, *scores in zip(pairs, *columns, strict=True)]
    means = [sum(column) / len(column) for column in columns]
    facts = f"{sum(found['truncated'])} cut at the maximum length, {sum(found['empty'])} with an empty text"
    summary = "**Means:** precision {:.4f}, recall {:.4f}, F1 {:.4f}".format(*means)
    return rows, f"{summary} ({facts})\n\n`{found['signature']}`", heat_map(*pairs[0], setup)


def heat_map(prediction: str, reference: str, setup: str) -> str:
    """A table of cosines, tokens of the prediction down and of the reference across; the best of each row is framed.

    A metric takes one call at a time, and the page may serve several visitors: each call here makes its own.
    """
    aligned = bertscore_ptbr.BERTScorePTBR().align(prediction, reference, setup=setup)
    cosine = aligned["cosine"]
    low, high = float(cosine.min()), max(float(cosine.max()), float(cosine.min()) + 1e-6)
    head = "".join(f"<th scope='col'>{html.escape(token)}</th>" for token in aligned["reference"])
    body = []
    for token, row in zip(aligned["prediction"], cosine, strict=True):
        cells = "".join(_cell(value, (value - low) / (high - low), value == row.max()) for value in row.tolist())
        body.append(f"<tr><th scope='row'>{html.escape(token)}</th>{cells}</tr>")
    return f"<div class='heat'><table><tr><th>prediction ↓ reference →</th>{head}</tr>{''.join(body)}</table></div>"


def show_pair(setup: str, event: gr.SelectData) -> str:
    """The alignment of the row that was clicked."""
    prediction, reference = event.row_value[:2]
    return heat_map(prediction, reference, setup)


def build(repository: str = "<namespace>/bertscore_ptbr") -> gr.Blocks:
    """Put the page together.

    Args:
        repository: the Space's own name, for the line that loads the metric elsewhere.
    """
    with gr.Blocks(title="BERTScore PT-BR", analytics_enabled=False, delete_cache=(60, 60)) as page:
        gr.Markdown(WELCOME.format(repository=repository))
        setup = gr.Radio(list(bertscore_ptbr.SETUPS), value="bertimbau", label="Setup")
        with gr.Row():
            predictions = gr.Textbox(EXAMPLE[0], lines=5, label="Predictions, one a line", elem_id="predictions")
            references = gr.Textbox(EXAMPLE[1], lines=5, label="References, one a line", elem_id="references")
        with gr.Row():
            pasted = gr.Button("Score", variant="primary", elem_id="score")
            upload = gr.UploadButton("Score a CSV or JSON Lines file", file_types=[".csv", ".jsonl"], elem_id="upload")
        means = gr.Markdown(elem_id="means")
        table = gr.Dataframe(
            headers=COLUMNS,
            column_widths=["35%", "35%", "10%", "10%", "10%"],  # else a long text pushes the scores out of sight
            interactive=False,
            wrap=True,
            elem_id="table",
            label="Scores (click a row to see its tokens)",
        )
        gr.Markdown(
            "### Where the score comes from: cosine of each token with each\n"
            "Framed: the best match of each token of the prediction; their mean is the precision. The marks at both "
            "ends can be matched, and count for nothing."
        )
        heat = gr.HTML(elem_id="heat")
        outputs = [table, means, heat]
        pasted.click(score_pasted, [predictions, references, setup], outputs, api_visibility="private")
        upload.upload(score_file, [upload, setup], outputs, api_visibility="private")
        table.select(show_pair, setup, heat, api_visibility="private")
    return page  # type: ignore[no-any-return]  # gradio is typed in part


def _lines(predictions: str, references: str) -> tuple[list[str], list[str]]:
    left, right = predictions.rstrip().split("\n"), references.rstrip().split("\n")
    if len(left) != len(right):
        raise _refused(f"There are {len(left)} predictions and {len(right)} references.")
    return left, right


def _cell(value: float, share: float, best: bool) -> str:
    # From white to dark blue: one hue, so that it reads without colour vision and in print.
    shade = "#{:02x}{:02x}{:02x}".format(*(round(255 + share * (dark - 255)) for dark in (8, 48, 107)))
    colour = "white" if share > 0.55 else "black"
    frame = " class='best'" if best else ""
    return f"<td{frame} style='background:{shade};color:{colour}'>{value:.2f}</td>"


def _refused(message: str) -> gr.Error:
    return gr.Error(message, print_exception=False)  # a traceback in the Space's log could show a text


if __name__ == "__main__":
    import os

    build(os.environ.get("SPACE_ID", "<namespace>/bertscore_ptbr")).launch(**LAUNCH)
