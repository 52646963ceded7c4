"""A workspace as the stages before packaging leave it, with invented studies, and the corpus that it came from."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from hubkit.artifacts.memorisation import Memorisation, write_memorisation
from hubkit.artifacts.recipe import RECIPE, write_decoding
from hubkit.artifacts.scores import write_summary
from hubkit.artifacts.training import TRAINING
from hubkit.audit.identifiers import identifiers
from hubkit.audit.membership import Losses, compare
from hubkit.audit.verbatim import Report, Runs, counted
from hubkit.config import ReleaseConfig, parse_config
from hubkit.models.recipe import decoding
from hubkit.scoring.bertscore import SetupScores
from hubkit.scoring.inputs import read_evaluation
from hubkit.scoring.score import scores_table
from hubkit.scoring.summary import summarise
from hubkit.tables import CHEXPERT_LABELS, CONDITIONS, GENERATIONS, SETUPS, STUDIES, TRANSLATIONS
from hubkit.workspace import Workspace, write_json, write_table, write_text

FIRST_SUBJECT, FIRST_STUDY = 10_000_100, 50_000_700
PAIRS = (
    ("The heart is normal in size.", "O coração tem tamanho normal."),
    ("There is a small left pleural effusion.", "Há um pequeno derrame pleural à esquerda."),
    ("No pneumothorax.", "Sem pneumotórax."),
    ("A line ends in the superior vena cava.", "Um cateter termina na veia cava superior."),
    ("The right base is opaque.", "A base direita está opaca."),
    ("Lungs are clear.", "Os pulmões estão limpos."),
)


def release_config(root: Path, **tables: dict[str, Any]) -> ReleaseConfig:
    """A configuration for the invented corpus below `root`."""
    return parse_config({"corpus": {"root": str(root)}, "hub": {"namespace": "lab"}, **tables})


def build_release(root: Path, studies: int = 40, seed: int = 7) -> Workspace:
    """Write corpus/ (reports and images) and work/ (what the stages before packaging write) below `root`."""
    workspace = Workspace(root / "work").running("package", "0" * 64)
    rows, translations = [], []
    for number in range(studies):
        row, portuguese = _study(number, random.Random(f"{seed}-{number}"), studies)
        rows.append(row)
        translations += [_translated(row, section, text) for section, text in portuguese.items()]
        _write_corpus(root / "corpus", row)
    write_table(workspace.studies, pa.Table.from_pylist(rows, schema=STUDIES))
    write_json(workspace.selection, {"sizes": {}, "catalogue": {"other_studies": []}})
    write_table(workspace.translations, pa.Table.from_pylist(translations, schema=TRANSLATIONS))
    write_json(
        workspace.revision, {"corrected": 0, "stale": 0, "left_out": 0, "flagged": "publish", "test_studies": []}
    )
    write_table(workspace.checks, pa.Table.from_pylist(translations, schema=TRANSLATIONS))
    _write_results(workspace, [row for row in rows if row["split"] == "test"], translations)
    _write_adapter(workspace)
    _write_audit(workspace)
    return workspace


def _study(number: int, rng: random.Random, studies: int) -> tuple[dict[str, Any], dict[str, str]]:
    subject, study = FIRST_SUBJECT + number // 2, FIRST_STUDY + 3 * number
    said = rng.sample(PAIRS, 3)
    report = " FINAL REPORT\n INDICATION:  Cough, study no. {}.\n\n FINDINGS:  {}\n {}\n\n IMPRESSION:  {}\n".format(
        number, *(english for english, _ in said)
    )
    row = {
        "subject_id": subject,
        "study_id": study,
        "split": "train" if number < studies // 2 else "validate" if number < 3 * studies // 4 else "test",
        "indication": f"Cough, study no. {number}.",
        "findings": f"{said[0][0]} {said[1][0]}",
        "impression": said[2][0],
        "report": report,
        "images": [
            {
                "dicom_id": f"{study:08x}-{view}",
                "view": view,
                "path": f"files/p{str(subject)[:2]}/p{subject}/s{study}/{study:08x}-{view}.jpg",
            }
            for view in ("PA", "LATERAL")[: 1 + number % 2]
        ],
        "labels": {label: rng.choice((1, 0, -1, None)) for label in CHEXPERT_LABELS},
    }
    portuguese = {
        "indication": f"Tosse, exame número {number}.",
        "findings": f"{said[0][1]} {said[1][1]}",
        "impression": said[2][1],
    }
    return row, portuguese


def _translated(row: dict[str, Any], section: str, text: str) -> dict[str, Any]:
    failed = row["study_id"] == FIRST_STUDY and section == "impression"
    flagged = row["study_id"] == FIRST_STUDY + 3 and section == "findings"
    return {
        "study_id": row["study_id"],
        "section": section,
        "source": row[section],
        "translation": None if failed else text,
        "model": "google/medgemma-27b-text-it",
        "revision": "abc123",
        "prompt": "d" * 64,
        "attempts": 1,
        "output_tokens": 12,
        "finish_reason": "error" if failed else "stop",
        "status": "failed" if failed else "flagged" if flagged else "ok",
        "flags": ["negation_added", "side_changed"] if flagged else [],
        "reused": False,
    }


def _write_corpus(root: Path, row: dict[str, Any]) -> None:
    study = root / Path(row["images"][0]["path"]).parent
    study.mkdir(parents=True)
    study.with_name(f"{study.name}.txt").write_text(row["report"])
    for image in row["images"]:
        Image.new("L", (16, 16), row["study_id"] % 256).save(root / image["path"])


def _write_results(workspace: Workspace, rows: list[dict[str, Any]], translations: list[dict[str, Any]]) -> None:
    findings = {row["study_id"]: row["translation"] for row in translations if row["section"] == "findings"}
    ids = [{name: row[name] for name in ("subject_id", "study_id")} for row in rows]
    for place, condition in enumerate(CONDITIONS):
        generated = [
            {
                **study,
                "condition": condition,
                "reference": f"ACHADOS: {findings[study['study_id']]}",
                "generated": PAIRS[(place + number) % len(PAIRS)][1],
                "finish_reason": "stop",
            }
            for number, study in enumerate(ids)
        ]
        write_table(workspace.generations(condition), pa.Table.from_pylist(generated, schema=GENERATIONS))
    write_decoding(workspace, decoding(release_config(workspace.root), 8, {}))
    _write_scores(workspace)


def _write_scores(workspace: Workspace) -> None:
    """Invented scores, summed up by the scoring stage's own code."""
    config = release_config(workspace.root, scoring={"resamples": 20})
    evaluation = read_evaluation(config, workspace)
    setups = {}
    for setup in SETUPS:
        rng = np.random.default_rng(len(setup))
        scores = {name: rng.random((len(evaluation.studies), 3), "float32") for name in evaluation.generated}
        none = dict.fromkeys(scores, np.zeros(len(evaluation.studies), bool))
        setups[setup] = SetupScores(f"invented-{setup}", scores, none, none)
    write_table(workspace.scores / "scores.parquet", scores_table(evaluation, setups))
    write_summary(workspace, summarise(config, evaluation, setups))


def _write_adapter(workspace: Workspace) -> None:
    write_json(workspace.adapter / "adapter_config.json", {"base_model_name_or_path": "google/medgemma-4b-it", "r": 16})
    (workspace.adapter / "adapter_model.safetensors").write_bytes(bytes(8))
    base = {"name": "google/medgemma-4b-it", "revision": "cafe12"}
    write_json(workspace.adapter / RECIPE, {"base_model": base, "few_shot_study_ids": [FIRST_STUDY + 6]})
    write_json(workspace.adapter / TRAINING, {"settings": release_config(workspace.root).finetuning.deciding()})
    entries = [
        {"step": 1, "loss": 2.5},
        {"step": 1, "eval_loss": 2.25, "eval_entropy": 0.75, "eval_mean_token_accuracy": 0.5},
        {"step": 2, "loss": 1.5},
        {"step": 2, "eval_loss": 1.25, "eval_entropy": 0.5, "eval_mean_token_accuracy": 0.625},
    ]
    write_text(workspace.log_history, "".join(json.dumps(entry) + "\n" for entry in entries))


def invented_losses() -> dict[str, Losses]:
    """Losses of training, validation and test studies, each of a patient of its own."""
    rng = np.random.default_rng(5)
    sizes = {"train": 130, "validate": 112, "test": 120}
    return {name: Losses(np.arange(size), 2 + rng.random(size), rng.random(size)) for name, size in sizes.items()}


def _write_audit(workspace: Workspace) -> None:
    """Invented losses and answers, summed up by the audit's own code."""
    losses = invented_losses()
    templates = {name: np.arange(len(found.base)) < 3 for name, found in losses.items()}
    known = [Report(" ".join(f"palavra{n}" for n in range(40)), 1, True)]
    told = {"first_words": 9, "black": 12, "every_word": 15, "other": 21, "own": 40}
    runs = Runs(known)
    texts = {kind: [" ".join(f"palavra{n}" for n in range(count)), "curto"] for kind, count in told.items()}
    found = Memorisation(
        confidence=0.95,
        membership=compare(losses, templates, 40, 0.95, seed=3),
        extraction={kind: counted(said, runs) for kind, said in texts.items()},
        longest=21,
        identifiers=identifiers(["Visto em 01/02/2003.", "Dr. Fulano", "___", "__ ___", "10000101"], [10000101]),
    )
    write_memorisation(workspace, found)
