"""What each stage takes as the corpus grows: seconds, processor time, peak memory and bytes, by synthetic studies.

    python benchmarks/scale.py [--studies 2398 22000] [--stages translate revise package sealed score]

Prints a JSON object a line, one for each stage and size. Each stage runs in a process of its own, by the function that
`hubkit release` calls. `translate` finds every unit translated: it reads, checks and writes. Studies are sentences of
the demo's grammar, 90 words a report, and some 1.4 % of them are test studies, as in MIMIC-CXR. `score` finds
the pairs of BERTScore scored, since its encoders take the same memory for any corpus.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hubkit.artifacts.scores import write_summary
from hubkit.artifacts.training import TRAINING
from hubkit.config import ReleaseConfig, parse_config
from hubkit.demo.config import ENCODER_LAYERS, MODELS
from hubkit.demo.grammar import sample_sentence
from hubkit.tables import CHEXPERT_LABELS, CONDITIONS, GENERATIONS, SECTIONS, SETUPS, STUDIES, TRANSLATIONS
from hubkit.translation.checkpoints import PART
from hubkit.translation.units import read_sections
from hubkit.workspace import Workspace, write_json, write_table, write_text

KEY = "0" * 64
"""Stands for the digest of settings and inputs."""

PARTS = "parts"
STAGES = ("translate", "revise", "package", "sealed", "score")
SENTENCES, SEED, BATCH = 2000, 7, 10_000
TEST_SHARE, VALIDATION_SHARE = 0.0136, 0.008
"""MIMIC-CXR's split: 3,089 test and 1,808 validation studies of 227,835, by these shares."""


class Study(NamedTuple):
    """A row of studies.parquet, and its sections in Portuguese."""

    row: dict[str, Any]
    translated: dict[str, str]


def main() -> None:
    arguments = _arguments()
    # Spawned: a fork would begin with the peak of its parent.
    context = multiprocessing.get_context("spawn")
    for studies in arguments.studies:
        with tempfile.TemporaryDirectory() as folder:
            build(Path(folder), studies)
            for stage in arguments.stages:
                receiving, sending = context.Pipe(duplex=False)
                process = context.Process(target=_measure, args=(stage, Path(folder), sending))
                process.start()
                sending.close()
                print(json.dumps({"studies": studies, "stage": stage, **receiving.recv()}), flush=True)
                process.join()


def _measure(stage: str, root: Path, sending: Any) -> None:
    config, workspace = settings(root, stage), Workspace(root / "work").running(stage, KEY)
    run = {"translate": _translate, "revise": _revise, "package": _package, "sealed": _package, "score": _score}[stage]
    run(config, workspace, warm=True)
    started, cpu, before = time.perf_counter(), time.process_time(), _peak()
    written = run(config, workspace)
    sending.send(
        {
            "seconds": round(time.perf_counter() - started, 1),
            "cpu_seconds": round(time.process_time() - cpu, 1),
            "peak_mb": _peak(),
            "imports_mb": before,
            "written_mb": round(sum(path.stat().st_size for path in written) / 1e6, 1),
        }
    )


def _peak() -> int:
    """The most memory that this process has had, in MB. `getrusage` would count what its parent had."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 // 10**6


def _translate(config: ReleaseConfig, workspace: Workspace, warm: bool = False) -> list[Path]:
    from hubkit.translation.translate import translate

    if warm:
        return []
    home = _translated(workspace)
    home.studies.parent.mkdir(parents=True)
    home.studies.symlink_to(workspace.studies)
    translate(config, home)
    return [home.machine_translations, home.machine_checks]


def _revise(config: ReleaseConfig, workspace: Workspace, warm: bool = False) -> list[Path]:
    """Revise what the benchmark translated before."""
    from hubkit.translation.revise import revise

    home = _translated(workspace)
    if not warm:
        revise(config, home)
    return [] if warm else [home.translations, home.training_translations, home.checks]


def _translated(workspace: Workspace) -> Workspace:
    return Workspace(workspace.root / "translated", workspace.root / PARTS)


def _package(config: ReleaseConfig, workspace: Workspace, warm: bool = False) -> list[Path]:
    import datasets  # noqa: F401 - what packaging loads in the end, but no part of what grows

    from hubkit.packaging.package import package

    if warm:
        return []
    package(config, workspace)
    return list((workspace.dist / "dataset").rglob("*.parquet"))


def _score(config: ReleaseConfig, workspace: Workspace, warm: bool = False) -> list[Path]:
    from hubkit.scoring.score import score

    if not warm:
        score(config, workspace)
    return [workspace.scores / "scores.parquet"] if not warm else []


def settings(root: Path, stage: str) -> ReleaseConfig:
    """A release of the synthetic corpus below `root`."""
    encoders = {
        name.replace("-", "_"): {"model": str(MODELS[name]), "layer": ENCODER_LAYERS}
        for name in ("bertimbau", "xlm-roberta")
    }
    return parse_config(
        {
            "corpus": {"kind": "demo", "root": str(root / "corpus")},
            "hub": {"namespace": "lab", "space": "none"},
            # The adapter is not packaged: it does not grow, and would need an audit.
            "custody": {"mode": "sealed" if stage == "sealed" else "gated", "adapter_custody": "physionet"},
            "translation": {"max_flagged": 1.0, "flagged": "publish", "rules": False},
            "scoring": {**encoders, "device": "cpu", "resamples": 2000},
        }
    )


def build(root: Path, studies: int) -> None:
    """Write below `root` the corpus, and in work/ what the stages before the measured ones leave, a batch at a time."""
    workspace = Workspace(root / "work")
    tables = {workspace.studies: STUDIES, workspace.machine_translations: TRANSLATIONS}
    tables |= {
        workspace.translations: TRANSLATIONS,
        **{workspace.generations(name): GENERATIONS for name in CONDITIONS},
    }
    seen: set[str] = set()
    (root / "corpus").mkdir()
    with zipfile.ZipFile(root / "corpus" / "mimic-cxr-reports.zip", "w", zipfile.ZIP_DEFLATED) as reports:
        for path in tables:
            path.parent.mkdir(parents=True, exist_ok=True)
        writers = {path: pq.ParquetWriter(path, schema, compression="zstd") for path, schema in tables.items()}
        for batch in _batches(studies):
            for study in batch:
                row = study.row
                folder = f"files/p{row['subject_id'] // 10**6}/p{row['subject_id']}"
                reports.writestr(f"{folder}/s{row['study_id']}.txt", row["report"])
            studies_table = pa.Table.from_pylist([study.row for study in batch], STUDIES)
            translated = pa.Table.from_pylist([row for study in batch for row in _translations(study)], TRANSLATIONS)
            writers[workspace.studies].write_table(studies_table)
            _write_parts(workspace.root / PARTS, studies_table, translated, seen)
            for path in (workspace.machine_translations, workspace.translations):
                writers[path].write_table(translated)
            for condition in CONDITIONS:
                rows = [_generation(study, condition) for study in batch if study.row["split"] == "test"]
                writers[workspace.generations(condition)].write_table(pa.Table.from_pylist(rows, GENERATIONS))
        for writer in writers.values():
            writer.close()
    _write_rest(workspace, root)


def _batches(studies: int) -> Iterator[list[Study]]:
    rng = random.Random(SEED)
    pairs = [sample_sentence(rng)[:2] for _ in range(SENTENCES)]
    for first in range(0, studies, BATCH):
        yield [_study(number, studies, pairs, rng) for number in range(first, min(first + BATCH, studies))]


def _study(number: int, studies: int, pairs: list[tuple[str, str]], rng: random.Random) -> Study:
    subject, study = 10_000_000 + int(number * 9_999_999 / studies) // 3 * 3, 50_000_000 + 40 * number
    drawn = {"indication": 1, "findings": 6, "impression": 2}
    said = {name: [rng.choice(pairs) for _ in range(count)] for name, count in drawn.items()}
    english = {name: " ".join(pair[0] for pair in found) for name, found in said.items()}
    english["findings"] = f"Study {number}. {english['findings']}"
    report = " FINAL REPORT\n" + "\n\n".join(f" {name.upper()}:  {text}\n" for name, text in english.items())
    place = rng.random()
    split = "test" if place < TEST_SHARE else "validate" if place < TEST_SHARE + VALIDATION_SHARE else "train"
    images = [
        {"dicom_id": image, "view": view, "path": f"files/p{subject // 10**6}/p{subject}/s{study}/{image}.jpg"}
        for view in ("PA", "LATERAL")[: rng.choice((1, 2, 2))]
        for image in ["-".join(f"{rng.getrandbits(32):08x}" for _ in range(5))]
    ]
    row = {
        "subject_id": subject,
        "study_id": study,
        "split": split,
        **english,
        "report": report,
        "images": images,
        "labels": {label: rng.choices((1, 0, -1, None), (10, 5, 5, 80))[0] for label in CHEXPERT_LABELS},
    }
    return Study(row, {name: " ".join(pair[1] for pair in found) for name, found in said.items()})


def _translations(study: Study) -> Iterator[dict[str, Any]]:
    for section, text in study.translated.items():
        yield {
            "study_id": study.row["study_id"],
            "section": section,
            "source": study.row[section],
            "translation": text,
            "model": "stand-in",
            "revision": None,
            "prompt": "d" * 64,
            "attempts": 1,
            "output_tokens": len(text) // 4,
            "finish_reason": "stop",
            "status": "ok",
            "flags": [],
            "reused": False,
        }


def _generation(study: Study, condition: str) -> dict[str, Any]:
    text = f"ACHADOS: {study.translated['findings']}\n\nIMPRESSÃO: {study.translated['impression']}"
    ids = {name: study.row[name] for name in ("subject_id", "study_id")}
    return {**ids, "condition": condition, "reference": text, "generated": text[::2], "finish_reason": "stop"}


def _write_parts(folder: Path, studies: pa.Table, translated: pa.Table, seen: set[str]) -> None:
    """The checkpoints of a translation that is through."""
    folder.mkdir(exist_ok=True)
    sections = read_sections(studies, SECTIONS, context=False, memory=True)
    keys = [sections.units[number].key for number in sections.numbers]
    columns = {name: translated[name] for name in PART.names if name in translated.column_names and name != "flags"}
    rows = pa.table({"unit": keys, **columns}).to_pylist()
    rows = [{**row, "flags": []} for row in {row["unit"]: row for row in rows}.values() if row["unit"] not in seen]
    seen.update(row["unit"] for row in rows)
    name = f"part-{studies['study_id'][0].as_py()}.parquet"
    write_table(folder / name, pa.Table.from_pylist(rows, PART))


def _write_rest(workspace: Workspace, root: Path) -> None:
    """What the stages write that does not grow with the corpus, and a summary of scores for the cards."""
    from hubkit.artifacts.recipe import RECIPE, write_decoding
    from hubkit.models.recipe import decoding
    from hubkit.scoring.bertscore import SetupScores
    from hubkit.scoring.inputs import read_evaluation
    from hubkit.scoring.score import scores_table
    from hubkit.scoring.summary import summarise

    config = settings(root, "score").model_copy(
        update={"scoring": parse_config({"scoring": {"resamples": 20}}).scoring}
    )
    write_json(workspace.selection, {"sizes": {}, "catalogue": {"other_studies": []}})
    base = {"name": "stand-in", "revision": "cafe12"}
    write_json(workspace.adapter / "adapter_config.json", {"base_model_name_or_path": base["name"], "r": 16})
    (workspace.adapter / "adapter_model.safetensors").write_bytes(bytes(8))
    write_json(workspace.adapter / RECIPE, {"base_model": base, "few_shot_study_ids": []})
    write_json(workspace.adapter / TRAINING, {"settings": config.finetuning.deciding()})
    write_text(workspace.log_history, json.dumps({"step": 1, "loss": 1.5, "eval_loss": 1.25}) + "\n")
    write_decoding(workspace, decoding(config, 8, {}))
    evaluation = read_evaluation(config, workspace)
    setups = {}
    for setup in SETUPS:
        scores = {name: np.full((len(evaluation.studies), 3), 0.5, "float32") for name in evaluation.generated}
        none = dict.fromkeys(scores, np.zeros(len(evaluation.studies), bool))
        # BERTScore is there, as where a run continues: its encoders do not grow with the corpus.
        stacked = {"scores": np.concatenate(list(scores.values())), "empty": np.concatenate(list(none.values()))}
        kept = workspace.running("score", KEY).partial / f"{setup}.npz"
        np.savez(kept, **stacked, truncated=stacked["empty"], signature=f"invented-{setup}")
        setups[setup] = SetupScores(f"invented-{setup}", scores, none, none)
    write_table(workspace.scores / "scores.parquet", scores_table(evaluation, setups))
    write_summary(workspace, summarise(config, evaluation, setups))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, nargs="+", default=[2_398, 22_000, 227_835])
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES)
    return parser.parse_args()


if __name__ == "__main__":
    main()
