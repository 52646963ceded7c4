"""What the report of a workspace shows, read from its files; a part whose stage has not run is None or empty."""

from __future__ import annotations

import base64
import io
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, NamedTuple

from hubkit.artifacts.manifest import read_manifest
from hubkit.artifacts.model import to_json
from hubkit.artifacts.review_results import Disagreement, read_results, results_files
from hubkit.artifacts.scores import read_summary
from hubkit.artifacts.selection import LabelCounts, read_selection
from hubkit.artifacts.subgroups import read_subgroups
from hubkit.artifacts.training import TRAINING, read_training
from hubkit.config import ReleaseConfig
from hubkit.progress import duration
from hubkit.report.marks import Piece, Span, marked
from hubkit.report.outcomes import outcome
from hubkit.review.summary import summary_lines
from hubkit.scoring.subgroup_tables import subgroup_grids
from hubkit.scoring.tables import Grid, grids
from hubkit.stages import STAGES
from hubkit.tables import CHEXPERT_LABELS, CONDITIONS, SETUPS, SPLITS, SYSTEM_NAMES
from hubkit.terms.exposure import configured_statements
from hubkit.workspace import Workspace, read_table

MOST_PAIRS = 200
"""Flagged pairs that the page shows: more are not read by anybody, and a browser has to hold them."""

SAMPLES = 6
"""Studies with their images: a third each from the low end, the middle and the high end of the scores."""

IMAGE_SIDE = 448
"""Pixels of an image on the page: half of what the models see, about 25 kB."""


class Figure(NamedTuple):
    """A picture on the page: what it is called, and its bytes as a data: address."""

    name: str
    address: str


class SelectionTable(NamedTuple):
    """The studies that were taken.

    Attributes:
        sizes: studies of each split.
        labels: the counts of each label, by split in the order of `sizes`.
        odd: how many reports and images are odd, by what is odd.
    """

    sizes: list[tuple[str, int]]
    labels: dict[str, list[LabelCounts]]
    odd: dict[str, int]


class Pair(NamedTuple):
    """A flagged translation next to its source, with what the checks point at."""

    study_id: int
    section: str
    status: str
    checks: list[str]
    source: list[Piece]
    translation: list[Piece]


class Sample(NamedTuple):
    """A test study: its images, the reference, and each condition's text with its BERTScore F1, where there is one."""

    study_id: int
    images: list[Figure]
    reference: str
    generated: list[tuple[str, str, float | None]]


def stages(workspace: Workspace) -> list[tuple[str, str, str, str]]:
    """Name, day, time taken and outcome of each stage that ran."""
    found = []
    for stage in STAGES:
        manifest = read_manifest(workspace, stage.name)
        if manifest:
            row = (manifest.started[:16].replace("T", " "), duration(manifest.seconds or 0))
            found.append((stage.name, *row, outcome(stage.name, workspace) or ""))
    return found


def versions(workspace: Workspace) -> list[tuple[str, list[str]]]:
    """Each package with the versions that stages ran with: more than one where it was updated between them."""
    found: dict[str, list[str]] = defaultdict(list)
    for stage in STAGES:
        manifest = read_manifest(workspace, stage.name)
        for package, version in manifest.versions.items() if manifest else ():
            if version not in found[package]:
                found[package].append(version)
    return sorted(found.items())


def selection(workspace: Workspace) -> SelectionTable | None:
    """Sizes of the splits, positive and uncertain studies of each label, and what was odd about reports and images."""
    if not workspace.selection.exists():
        return None
    found = read_selection(workspace)
    cells = {label: [found.counts(split, label) for split in SPLITS] for label in CHEXPERT_LABELS}
    odd = {name.replace("_", " "): count for name, count in found.reports.items()}
    images = {"missing": found.images.missing, "broken": found.images.broken}
    odd |= {f"images {name}": len(paths) for name, paths in images.items() if paths}
    return SelectionTable([(split, found.sizes[split]) for split in SPLITS], cells, odd)


def checks(workspace: Workspace) -> list[tuple[str, str, int]]:
    """Each check that found something, its severity, and in how many sections; errors and the most frequent first."""
    if not workspace.checks.exists():
        return []
    rows = read_table(workspace.checks).to_pylist()
    counts = Counter(
        (severity, check)
        for severity, check, _, _ in {(row["severity"], row["check"], row["study_id"], row["section"]) for row in rows}
    )
    return [
        (check, severity, count)
        for (severity, check), count in sorted(counts.items(), key=lambda at: (at[0][0], -at[1]))
    ]


def flagged(workspace: Workspace) -> tuple[list[Pair], int]:
    """The first flagged or failed translations with their spans, and how many there are."""
    if not (workspace.translations.exists() and workspace.checks.exists()):
        return [], 0
    import pyarrow.compute as pc

    found: dict[tuple[int, str], list[dict[str, Any]]] = defaultdict(list)
    for flag in read_table(workspace.checks).to_pylist():
        found[flag["study_id"], flag["section"]].append(flag)
    translations = read_table(workspace.translations)
    doubtful = translations.filter(pc.not_equal(translations["status"], "ok")).to_pylist()
    machine = _machine_texts(workspace)
    pairs = []
    for row in doubtful[:MOST_PAIRS]:
        key = row["study_id"], row["section"]
        flags = found[key]
        source, translation = (
            marked(text or "", [Span(flag[f"{side}_start"], flag[f"{side}_end"], flag["check"]) for flag in flags])
            for side, text in (
                ("source", row["source"]),
                (
                    "translation",
                    row["translation"] if row["status"] == "failed" else row["translation"] or machine.get(key),
                ),
            )
        )
        names = sorted({flag["check"] for flag in flags})
        pairs.append(Pair(row["study_id"], row["section"], row["status"], names, source, translation))
    return pairs, len(doubtful)


def _machine_texts(workspace: Workspace) -> dict[tuple[int, str], str | None]:
    """What the machine wrote, also where it is left out of the release."""
    if not workspace.machine_translations.exists():
        return {}
    rows = read_table(workspace.machine_translations, ["study_id", "section", "translation"]).to_pylist()
    return {(row["study_id"], row["section"]): row["translation"] for row in rows}


def tables(config: ReleaseConfig, workspace: Workspace) -> list[Grid]:
    """The tables of scores, with the mark of what the base had seen of the corpus before."""
    if not workspace.summary.exists():
        return []
    return grids(read_summary(workspace), configured_statements(config).systems)


def subgroups(config: ReleaseConfig, workspace: Workspace) -> tuple[str, list[Grid]]:
    """What to know of the scores of subgroups, and their tables; empty where none were asked for."""
    found = read_subgroups(workspace)
    if found is None:
        return "", []
    return found.note, subgroup_grids(found, configured_statements(config).systems)


def training(workspace: Workspace) -> dict[str, str] | None:
    """The settings and the outcome of the training."""
    if not (workspace.adapter / TRAINING).exists():
        return None
    values = to_json(read_training(workspace.adapter))
    kept = ("steps", "best_step", "eval_loss", "trainable_parameters", "studies")
    settings: dict[str, Any] = values["settings"]
    made = {name.replace("_", " "): values[name] for name in kept if name in values}
    return {name: _plain(value) for name, value in (made | settings).items()}


def _plain(value: Any) -> str:
    """A value of training.json for people: no quotes and braces, six digits at most."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value)) or "none"
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def plots(folder: Path) -> list[Figure]:
    """The plots of a stage."""
    return [Figure(path.stem, _address(path.read_bytes(), "png")) for path in sorted(folder.glob("*.png"))]


def reviews(workspace: Workspace) -> list[tuple[str, list[str], list[Disagreement]]]:
    """Of each review whose results were collected: its name, its figures as lines, and where readers differ."""
    found = []
    for path in results_files(workspace):
        results = read_results(path.parent)
        found.append((path.parent.name, list(summary_lines(results)), list(results.disagreements[:MOST_PAIRS])))
    return found


def samples(workspace: Workspace) -> list[Sample]:
    """Test studies from both ends and the middle of the adapter's scores."""
    if not (workspace.studies.exists() and all(workspace.generations(name).exists() for name in CONDITIONS)):
        return []
    import pyarrow as pa
    import pyarrow.compute as pc

    said: dict[int, dict[str, dict[str, Any]]] = defaultdict(dict)
    for condition in CONDITIONS:
        for row in read_table(workspace.generations(condition)).to_pylist():
            said[row["study_id"]][condition] = row
    scores = _f1(workspace)
    # A study whose reference was left out has no score, and so no place between the low and the high end.
    scored = [study for study in said if (study, "lora") in scores] or list(said)
    ordered = sorted(scored, key=lambda study: (scores.get((study, "lora"), 0.0), study))
    chosen = _spread(ordered)
    listed = read_table(workspace.studies, ["study_id", "images"])
    shown = listed.filter(pc.is_in(listed["study_id"], pa.array(chosen, pa.int64()))).to_pylist()
    images = {row["study_id"]: row["images"] or [] for row in shown}
    return [
        Sample(
            study,
            [figure for image in images.get(study, []) if (figure := _image(workspace.images, image["dicom_id"]))],
            next(iter(said[study].values()))["reference"] or "",
            [
                (SYSTEM_NAMES[name], said[study][name]["generated"] or "", scores.get((study, name)))
                for name in CONDITIONS
                if name in said[study]
            ],
        )
        for study in chosen
    ]


def _spread(ordered: list[int]) -> list[int]:
    third = SAMPLES // 3
    middle = max(len(ordered) // 2 - third // 2, 0)
    chosen = [*ordered[:third], *ordered[middle : middle + third], *ordered[-third:]]
    return list(dict.fromkeys(chosen))


def _f1(workspace: Workspace) -> dict[tuple[int, str], float]:
    path = workspace.scores / "scores.parquet"
    if not path.exists():
        return {}
    rows = read_table(path, ["study_id", "condition", "setup", "f1"]).to_pylist()
    return {(row["study_id"], row["condition"]): row["f1"] for row in rows if row["setup"] == SETUPS[0]}


def _image(folder: Path, dicom_id: str) -> Figure | None:
    from PIL import Image

    path = folder / f"{dicom_id}.jpg"
    if not path.exists():
        return None
    held = io.BytesIO()
    with Image.open(path) as image:
        image.thumbnail((IMAGE_SIDE, IMAGE_SIDE))
        image.save(held, "JPEG", quality=85)
    return Figure(dicom_id, _address(held.getvalue(), "jpeg"))


def _address(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
