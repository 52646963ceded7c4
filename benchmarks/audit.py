"""What the audit finds, and which recipe makes the demo's adapter remember less.

    python benchmarks/audit.py recipes [--seeds 3]
    python benchmarks/audit.py known
    python benchmarks/audit.py leaks [--seeds 20] [--words 60]

    recipes   trains the demo under each of RECIPES and prints how well losses tell training from
              test studies, and the findings F1 on the test studies (means over the seeds)
    known     an adapter trained for 20 epochs without a validation split, so that the last one is
              kept, and one trained on the studies of another corpus: the first must be caught, the
              second must give .5 within its interval
    leaks     one report of --words words and two headings is repeated in 50 training studies of one
              patient, and a tiny model with random weights is trained on them: what comes back of
              it, and whether `package` would refuse the adapter

The demo's corpus is read and translated once into --folder. Each line goes to results.jsonl in that
folder as soon as it is measured, and is not measured a second time. A recipe takes some 50 seconds of
processor time a seed, a leak some 20.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import shutil
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from tiny_vision import build_vision_model, fill_workspace, tiny_config

from hubkit.artifacts.memorisation import Memorisation, check_bounds, read_memorisation
from hubkit.audit.audit import audit
from hubkit.audit.verbatim import words_of
from hubkit.config import ReleaseConfig
from hubkit.corpus.read import read
from hubkit.demo.config import MODELS, demo_config
from hubkit.demo.corpus import write_corpus
from hubkit.errors import HubkitError
from hubkit.finetuning.finetune import finetune
from hubkit.generation.decoding import answer, batches
from hubkit.generation.generate import Conditions
from hubkit.metrics.agreement import agreement
from hubkit.models.quiet import quiet
from hubkit.models.samples import read_samples
from hubkit.models.thinking import thinking_of
from hubkit.tables import GENERATIONS, STUDIES, TRANSLATIONS
from hubkit.translation.revise import revise
from hubkit.translation.translate import translate
from hubkit.workspace import Workspace, read_table, write_table

RECIPES: tuple[dict[str, Any], ...] = (
    {},
    {"epochs": 3},
    {"epochs": 2},
    {"epochs": 1},
    {"epochs": 8},
    {"dropout": 0.1},
    {"dropout": 0.3},
    {"dropout": 0.5},
    {"r": 8, "alpha": 8},
    {"r": 4, "alpha": 4},
    {"r": 2, "alpha": 2},
    {"learning_rate": 2e-3},
    {"learning_rate": 1e-3},
    {"learning_rate": 1e-3, "r": 4, "alpha": 4},
    {"learning_rate": 1e-3, "r": 2, "alpha": 2},
    {"learning_rate": 5e-4},
)
"""Changes to the demo's settings: 4 epochs, dropout 0, rank and alpha 16, learning rate 4e-3."""

LEARNED = {"epochs": 20, "patience": 0}

REPEATED = 50
"""Training studies that get the same report."""

WORDS = 60
"""Words of that report, unless others are asked for: more than the bound, after the first words that are given."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("recipes", "known", "leaks"))
    parser.add_argument("--folder", type=Path, default=Path("audit-benchmark"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--words", type=int, default=WORDS, help="of the report that is planted")
    options = parser.parse_args()
    results = Results(options.folder)
    if options.part == "leaks":
        leaks(results, options.seeds, options.words)
    else:
        {"recipes": recipes, "known": known}[options.part](results, options.seeds)


class Results:
    """What was measured, by what was asked; kept in a file."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.path = folder / "results.jsonl"
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        self.known = {json.dumps(row["asked"]): row for row in map(json.loads, lines)}

    def get(self, asked: Mapping[str, Any]) -> dict[str, Any] | None:
        return self.known.get(json.dumps(asked))

    def add(self, asked: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
        row = {"asked": asked, **found, "processor_seconds": round(processor_seconds())}
        self.known[json.dumps(asked)] = row
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)
        return row


def recipes(results: Results, seeds: int) -> None:
    """Train and audit under each recipe, and print a line for each."""
    base = corpus(results.folder, 0)
    rows = []
    for recipe in RECIPES:
        found = [_recipe(results, base, recipe, seed) for seed in range(seeds)]
        rows.append((recipe, found))
    print("recipe | strongest AUC (each seed) | findings F1 (each seed) | evaluation loss")
    for recipe, found in rows:
        named = ", ".join(f"{name} {value}" for name, value in recipe.items()) or "the demo's"
        print(" | ".join([named, *[_means(found, key) for key in ("auc", "f1", "eval_loss")]]))


def _recipe(results: Results, base: Workspace, recipe: Mapping[str, Any], seed: int) -> dict[str, Any]:
    asked = {"part": "recipes", "recipe": recipe, "seed": seed}
    known_row = results.get(asked)
    if known_row is not None:
        return known_row
    workspace, config = trained(results.folder, base, recipe, seed)
    found = audited(config, workspace)
    row = {"auc": found.strongest(), "aucs": _aucs(found), "f1": findings_f1(workspace), **_training(workspace)}
    shutil.rmtree(workspace.root)
    return results.add(asked, row)


def known(results: Results, seeds: int) -> None:
    """An adapter that learned its studies by heart, and one that never saw them."""
    base = corpus(results.folder, 0)
    cases: tuple[tuple[str, int, dict[str, Any]], ...] = (("20 epochs", 0, LEARNED), ("other studies", 1, {}))
    for name, source, changes in cases:
        for seed in range(seeds):
            asked = {"part": "known", "what": name, "seed": seed}
            if results.get(asked) is not None:
                continue
            workspace, config = trained(
                results.folder, corpus(results.folder, source), changes, seed, validated=not changes
            )
            # The adapter of the other corpus is audited on the studies of the first.
            target = fresh(results.folder, base)
            shutil.copytree(workspace.adapter, target.adapter)
            generate(config, target)
            found = audited(config, target)
            results.add(asked, {"auc": found.strongest(), "aucs": _aucs(found), **_training(workspace)})
            shutil.rmtree(workspace.root)
            shutil.rmtree(target.root)


def leaks(results: Results, seeds: int, words: int) -> None:
    """One report in many studies of one patient: is it found, and would the adapter be refused?"""
    model = results.folder / "tiny"
    if not model.exists():
        build_vision_model(model)
    for seed in range(seeds):
        asked = {"part": "leaks", "seed": seed, "words": words}
        if results.get(asked) is None:
            workspace = fill_workspace(fresh_folder(results.folder), train=REPEATED + 14, validate=0, test=12)
            workspace = workspace.running("benchmark", "key")
            plant(workspace, seed, words)
            config = leaking(model, seed)
            finetune(config, workspace)
            generate(config, workspace)
            found = audited(config, workspace, completions=8)
            by = {kind: one.longest for kind, one in found.extraction.items()}
            row = {"longest": found.longest, "whole": found.whole, "by": by, "refused": _refused(config, found)}
            results.add(asked, row)
            shutil.rmtree(workspace.root)
    rows = [results.known[json.dumps({"part": "leaks", "seed": seed, "words": words})] for seed in range(seeds)]
    print(f"refused: {sum(row['refused'] for row in rows)} of {len(rows)}")


def leaking(model: Path, seed: int) -> ReleaseConfig:
    """Settings under which a tiny model learns by heart."""
    learns = {"epochs": 12, "batch_size": 8, "gradient_accumulation": 1, "learning_rate": 2e-2, "r": 32, "dropout": 0}
    config = tiny_config(model, **learns, quantization="fp32", patience=0, eval_steps=1000, save_steps=1000)
    generation = config.generation.model_copy(update={"max_new_tokens": 300, "batch_size": 16})
    release = config.release.model_copy(update={"seed": 42 + seed})
    return config.model_copy(update={"generation": generation, "release": release})


def corpus(folder: Path, seed: int) -> Workspace:
    """A workspace with the demo's corpus of a seed, read and translated."""
    workspace = Workspace(folder / f"corpus-{seed}" / "work").running("benchmark", "key")
    if not workspace.revision.exists():
        config = settings(folder, seed)
        if not config.corpus.root.exists():
            write_corpus(config.corpus.root, seed=seed)
        for stage in (read, translate, revise):
            stage(config, workspace)
    return workspace


def settings(folder: Path, seed: int, changes: Mapping[str, Any] | None = None) -> ReleaseConfig:
    """The demo's settings with the models from their folders."""
    models = {name: (str(path), None) for name, path in MODELS.items()}
    config = demo_config(folder / f"corpus-{seed}" / "files", "http://127.0.0.1:9", "lab", models)
    tuned = config.finetuning.model_copy(update={"model_id": "maintainer/vision", "quantization": "fp32"})
    return config.model_copy(update={"finetuning": tuned.model_copy(update=dict(changes or {}))})


def trained(
    folder: Path, base: Workspace, changes: Mapping[str, Any], seed: int, validated: bool = True
) -> tuple[Workspace, ReleaseConfig]:
    """A fresh workspace with an adapter, and the answers to the test studies with it.

    Args:
        validated: whether there is a validation split, by whose loss the best adapter is kept; else it is the last.
    """
    config = settings(folder, 0, changes)
    config = config.model_copy(update={"release": config.release.model_copy(update={"seed": 42 + seed})})
    workspace = fresh(folder, base)
    if not validated:
        studies = read_table(workspace.studies).to_pylist()
        kept = [row for row in studies if row["split"] != "validate"]
        write_table(workspace.studies, pa.Table.from_pylist(kept, schema=STUDIES))
    finetune(config, workspace)
    generate(config, workspace)
    return workspace, config


def fresh_folder(folder: Path) -> Path:
    return next(path for number in range(1_000_000) if not (path := folder / f"run-{number}").exists())


def fresh(folder: Path, base: Workspace) -> Workspace:
    """A copy of what comes before the training."""
    root = fresh_folder(folder)
    for name in ("studies", "translations", "revised"):
        shutil.copytree(base.root / name, root / name)
    return Workspace(root).running("benchmark", "key")


@quiet()
def generate(config: ReleaseConfig, workspace: Workspace) -> None:
    """Answer the test studies with the adapter alone: the stage would answer without it as well."""
    test = read_samples(workspace, "test", config.generation.reference).kept
    loaded = Conditions(config, workspace).model("lora")
    thinking = thinking_of(loaded.processor.tokenizer, 0)
    rows = []
    for batch in batches(test, 32):
        said = answer(loaded, config.generation, batch, [], config.release.seed, thinking)
        rows += [
            {
                "subject_id": sample.subject_id,
                "study_id": sample.study_id,
                "condition": "lora",
                "reference": sample.reference,
                "generated": one.text,
                "finish_reason": one.finish_reason,
            }
            for sample, one in zip(batch, said, strict=True)
        ]
    rows.sort(key=lambda row: row["study_id"])
    write_table(workspace.generations("lora"), pa.Table.from_pylist(rows, schema=GENERATIONS))


def audited(config: ReleaseConfig, workspace: Workspace, completions: int = 0) -> Memorisation:
    changed = config.audit.model_copy(update={"completions": completions})
    audit(config.model_copy(update={"audit": changed}), workspace)
    return read_memorisation(workspace)


def findings_f1(workspace: Workspace) -> float:
    """Micro F1 of the findings in the answers, against the labels of the test studies."""
    said = read_table(workspace.generations("lora"), ["study_id", "generated"]).to_pylist()
    studies = read_table(workspace.studies, ["study_id", "labels"]).to_pylist()
    labels = {row["study_id"]: row["labels"] or {} for row in studies}
    found = agreement([row["generated"] for row in said], [labels[row["study_id"]] for row in said])
    return found.micro.over_all()


def plant(workspace: Workspace, seed: int, length: int) -> None:
    """Give REPEATED training studies of one patient the same report, of `length` words in an order that no other has;
    the other studies get words of their own."""
    rows = read_table(workspace.training_translations).to_pylist()
    studies = read_table(workspace.studies).to_pylist()
    draw = random.Random(seed)
    chosen = {row["study_id"] for row in studies if row["split"] == "train"} - set(range(REPEATED + 1, 10_000))
    words = sorted({word for row in rows for word in words_of(row["translation"])})
    planted = {section: " ".join(draw.choices(words, k=length // 2)) for section in ("findings", "impression")}
    rows = [
        row
        | {
            "translation": planted[row["section"]]
            if row["study_id"] in chosen
            else " ".join(draw.choices(words, k=length // 2))
        }
        for row in rows
    ]
    for path in (workspace.translations, workspace.training_translations):
        write_table(path, pa.Table.from_pylist(rows, schema=TRANSLATIONS))
    studies = [row | ({"subject_id": 100} if row["study_id"] in chosen else {}) for row in studies]
    write_table(workspace.studies, pa.Table.from_pylist(studies, schema=STUDIES))


def _refused(config: ReleaseConfig, found: Memorisation) -> bool:
    try:
        check_bounds(config.audit, found)
    except HubkitError:
        return True
    return False


def _aucs(found: Memorisation) -> dict[str, list[float]]:
    told = found.membership.train_test if found.membership else {}
    return {name: [round(value, 3) for value in (one.value, one.low, one.high)] for name, one in told.items()}


def _training(workspace: Workspace) -> dict[str, Any]:
    training = json.loads((workspace.adapter / "training.json").read_text(encoding="utf-8"))
    return {name: training[name] for name in ("eval_loss", "best_step", "steps")}


def _means(found: Sequence[Mapping[str, Any]], key: str) -> str:
    values = list(_numbers(found, key))
    return f"{statistics.mean(values):.3f} ({', '.join(f'{value:.3f}' for value in values)})"


def _numbers(found: Sequence[Mapping[str, Any]], key: str) -> Iterator[float]:
    for row in found:
        yield float(row[key])


def processor_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


if __name__ == "__main__":
    main()
