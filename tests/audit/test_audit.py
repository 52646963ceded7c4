"""The stage `audit` on a random tiny model: an adapter that learned its studies by heart, and one of other studies."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from tiny_vision import SENTENCES, fill_workspace, tiny_config

import hubkit.audit.completions as completions
import hubkit.audit.losses as losses
from hubkit.audit.audit import audit, load
from hubkit.audit.completions import BEAMS, Probe, answers, first_words, in_black, probes
from hubkit.audit.continuations import continuations
from hubkit.audit.losses import split_losses
from hubkit.audit.verbatim import words_of
from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.finetuning.collator import Collator
from hubkit.finetuning.finetune import finetune
from hubkit.generation.decoding import batches
from hubkit.models.samples import Sample, read_samples
from hubkit.release import check_before, record
from hubkit.stages import STAGES
from hubkit.tables import GENERATIONS, STUDIES, TRANSLATIONS
from hubkit.workspace import Workspace, read_table, write_table

SIZES = {"train": 24, "validate": 4, "test": 20}
PLANTED = range(1, 9)
"""Studies of one patient that have the same report."""


def fill(root: Path, seed: int, **sizes: int) -> Workspace:
    """Studies whose reports are words drawn by `seed`, so that nothing but memory gives them."""
    workspace = fill_workspace(root, **SIZES | sizes)
    words = sorted({word.strip(".").lower() for sentence in SENTENCES for word in sentence.split()})
    generator = random.Random(seed)
    rows = read_table(workspace.training_translations).to_pylist()
    for row in rows:
        row["translation"] = " ".join(generator.choices(words, k=8)).capitalize() + "."
    planted = {row["section"]: row["translation"] for row in rows if row["study_id"] == PLANTED[0]}
    rows = [row | ({"translation": planted[row["section"]]} if row["study_id"] in PLANTED else {}) for row in rows]
    for path in (workspace.translations, workspace.training_translations):
        write_table(path, pa.Table.from_pylist(rows, schema=TRANSLATIONS))
    studies = read_table(workspace.studies).to_pylist()
    for study in studies:
        study["subject_id"] = 100 if study["study_id"] in PLANTED else study["subject_id"]
    write_table(workspace.studies, pa.Table.from_pylist(studies, schema=STUDIES))
    made = [{"subject_id": 100, "study_id": 29, "condition": "lora", "generated": "Dr. Fulano viu em 12/03/2019."}]
    write_table(workspace.generations("lora"), pa.Table.from_pylist(made, schema=GENERATIONS))
    return workspace


def configured(model: Path, **settings: Any) -> ReleaseConfig:
    learns = {"epochs": 40, "batch_size": 8, "gradient_accumulation": 1, "learning_rate": 2e-2, "r": 32, "dropout": 0}
    config = tiny_config(model, **learns, quantization="fp32", patience=0, eval_steps=120, save_steps=120)
    generation = config.generation.model_copy(update={"max_new_tokens": 60, "batch_size": 10})
    changed = config.audit.model_copy(update={"completions": 24, "first_words": 3, **settings})
    return config.model_copy(update={"generation": generation, "audit": changed})


@pytest.fixture(scope="module")
def trained(vision_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = fill(tmp_path_factory.mktemp("audited"), seed=1)
    finetune(configured(vision_model), workspace.running("finetune", "key"))
    return workspace


@pytest.fixture(scope="module")
def found(vision_model: Path, trained: Workspace) -> dict[str, Any]:
    audit(configured(vision_model), trained.running("audit", "key"))
    values: dict[str, Any] = json.loads(trained.memorisation.read_text(encoding="utf-8"))
    return values


def test_an_adapter_that_learned_by_heart_is_caught(found: dict[str, Any]) -> None:
    told = found["membership"]["train_test"]
    assert told["difference"]["value"] >= 0.9
    assert told["difference"]["low"] > 0.8
    assert told["base"]["low"] < 0.5 < told["base"]["high"]
    assert found["membership"]["studies"] == SIZES
    assert found["membership"]["shared_texts"] == {"train": 0, "validate": 0, "test": 0}


def test_a_report_that_was_repeated_comes_back_word_for_word(found: dict[str, Any]) -> None:
    # ACHADOS, eight words, IMPRESSÃO, eight words.
    assert found["extraction"]["own"]["longest"] == 18
    # From its first three words the rest follows without its images.
    assert found["extraction"]["first_words"]["longest"] >= 15
    # With the report itself before each word no wrong word ends the repetition for good.
    assert found["extraction"]["every_word"]["longest"] >= 15
    blind = [found["extraction"][kind]["longest"] for kind in ("first_words", "black", "every_word")]
    assert found["longest"] == max(blind)
    assert found["whole"] == found["extraction"]["black"]["whole"]
    assert found["extraction"]["own"]["trained"]["16"] > 0
    texts = {kind: made["texts"] for kind, made in found["extraction"].items()}
    # Blind probes are answered greedily and with beams.
    assert texts == {"first_words": 48, "black": 48, "other": 24, "own": 24, "every_word": 24}


def test_every_word_is_what_greedy_decoding_writes_next(trained: Workspace, vision_model: Path, tmp_path: Path) -> None:
    config = configured(vision_model)
    loaded, seen = load(config, trained), read_samples(trained, "train", "findings_impression").kept[:12]
    collator = Collator(loaded.processor, config.generation.prompt, None)
    continued = continuations(loaded, collator, seen, 5, tmp_path)
    compared = 0
    for sample, text in zip(seen, continued, strict=True):
        report, said = words_of(sample.reference), words_of(text)
        for count in (2, 5, 8) if len(said) == len(report) else ():
            begun, black = first_words(sample.reference, count), in_black(sample.images, tmp_path / "images")
            asked = [Probe(sample.study_id, "first_words", black, begun)]
            (answer,) = answers(loaded, config.generation, asked, tmp_path / f"{sample.study_id}-{count}")[
                "first_words"
            ]
            right = next((at for at in range(count, len(report)) if said[at] != report[at]), len(report))
            assert words_of(answer)[: right - count] == report[count:right]
            compared += right - count
    assert compared > 100


def test_beams_are_searched(trained: Workspace, vision_model: Path, tmp_path: Path) -> None:
    config = configured(vision_model)
    loaded, strange = load(config, trained), read_samples(trained, "test", "findings_impression").kept
    asked = [probe for probe in probes(strange, strange, 4, tmp_path / "images") if probe.kind == "first_words"]
    said = answers(loaded, config.generation, asked, tmp_path / "answers")["first_words"]
    greedy, searched = said[::2], said[1::2]
    assert {probe.beams for probe in asked[1::2]} == {BEAMS}
    assert sum(one != other for one, other in zip(greedy, searched, strict=True)) > len(strange) / 2
    # Each batch is kept, and nothing is asked twice.
    assert answers(loaded, config.generation, asked[::-1], tmp_path / "answers")["first_words"] == said[::-1]


def test_probes_that_are_alike_are_asked_once(
    trained: Workspace, vision_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configured(vision_model)
    loaded, seen = load(config, trained), read_samples(trained, "train", "findings_impression").kept
    asked = [probe for probe in probes(seen, seen, 4, tmp_path / "images") if probe.kind == "black"]
    answer, batches_asked = completions._answer, []
    monkeypatch.setattr(completions, "_answer", lambda *given: batches_asked.append(len(given[2])) or answer(*given))
    said = answers(loaded, config.generation, asked, tmp_path / "answers")["black"]
    # One and two black images, each greedily and with beams.
    assert batches_asked == [1, 1, 1, 1]
    assert len(said) == 2 * len(seen)
    assert len(set(said)) <= 4


def test_generated_reports_are_searched_for_identifiers(found: dict[str, Any]) -> None:
    counted = found["identifiers"]
    assert (counted["texts"], counted["dates"], counted["names"], counted["ids"]) == (1 + 7 * 24, 1, 1, 0)


def test_no_file_of_it_holds_text(trained: Workspace, found: dict[str, Any]) -> None:
    folder = trained.memorisation.parent
    assert sorted(path.name for path in folder.iterdir()) == ["membership.png", "membership.svg", "memorisation.json"]
    said = [row["translation"].lower().strip(".").split() for row in read_table(trained.translations).to_pylist()]
    pairs = {" ".join(words[at : at + 2]) for words in said for at in range(len(words) - 1)}
    for path in (trained.memorisation, folder / "membership.svg"):
        text = path.read_text(encoding="utf-8").lower()
        assert [pair for pair in pairs if pair in text] == []


def test_the_loss_is_the_one_of_training(trained: Workspace, vision_model: Path) -> None:
    config = configured(vision_model)
    validate = read_samples(trained, "validate", "findings_impression").kept
    loaded = load(config, trained)
    collator = Collator(loaded.processor, config.generation.prompt, None)
    measured = split_losses(loaded, collator, validate, 3, trained.root / "alone", "validate")
    # One batch holds all four in training, whose loss is the mean over tokens; each report has its own count of them.
    batch = collator([{"study_id": one.study_id, "images": one.images, "answer": one.reference} for one in validate])
    tokens = (batch["labels"] != -100).sum(dim=1).numpy()
    history = [json.loads(line) for line in trained.log_history.read_text(encoding="utf-8").splitlines()]
    (logged,) = [entry["eval_loss"] for entry in history if "eval_loss" in entry]
    assert np.average(measured.adapter, weights=tokens) == pytest.approx(logged, rel=1e-3)


def test_an_adapter_of_other_studies_tells_nothing(trained: Workspace, vision_model: Path, tmp_path: Path) -> None:
    strangers = fill(tmp_path / "strangers", seed=2)
    shutil.copytree(trained.adapter, strangers.adapter)
    audit(configured(vision_model, completions=0), strangers.running("audit", "key"))
    found = json.loads(strangers.memorisation.read_text(encoding="utf-8"))
    assert found["longest"] is None
    for score in found["membership"]["train_test"].values():
        assert score["low"] <= 0.5 <= score["high"]


def test_an_adapter_of_other_studies_sharpens_the_attack(
    trained: Workspace, vision_model: Path, tmp_path: Path, found: dict[str, Any]
) -> None:
    other = tmp_path / "other"
    shutil.copytree(trained.adapter, other)
    config = configured(vision_model, completions=0, reference_adapter=other)
    audit(config, trained.running("audit", "reference"))
    told = json.loads(trained.memorisation.read_text(encoding="utf-8"))["membership"]["train_test"]
    # The same adapter once more: what it knows cancels out.
    assert told["reference"]["value"] == 0.5
    assert told["loss"] == found["membership"]["train_test"]["loss"]


def test_it_goes_on_where_it_was_cut_off(
    trained: Workspace, vision_model: Path, found: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # It is cut off among the losses: of what is repeated, that no batch is asked for twice has a test of its own.
    config, running = configured(vision_model, completions=0), trained.running("audit", "cut")
    compute, asked = losses._losses, []

    def cut_off(loaded: Any, batch: Any, adapter: str) -> list[float]:
        asked.append(adapter)
        if len(asked) == 5:
            raise KeyboardInterrupt
        return compute(loaded, batch, adapter)

    monkeypatch.setattr(losses, "_losses", cut_off)
    with pytest.raises(KeyboardInterrupt):
        audit(config, running)
    before, asked[:] = len(asked), [""] * 10
    audit(config, running)
    # Two batches of the training split were done under base and adapter each.
    every = 2 * sum(len(batches(read_samples(trained, split, "findings_impression").kept, 10)) for split in SIZES)
    assert (before, len(asked) - 10) == (5, every - 4)
    assert json.loads(trained.memorisation.read_text(encoding="utf-8"))["membership"] == found["membership"]


def test_a_split_without_validation_studies_is_left_out(
    trained: Workspace, vision_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = Workspace(shutil.copytree(trained.root, tmp_path / "work"))
    drop(workspace, "validate", SIZES["validate"])
    audit(configured(vision_model, completions=0), workspace.running("audit", "key"))
    assert capsys.readouterr().err.count("no validation studies: training is compared with test studies alone\n") == 1
    found = json.loads(workspace.memorisation.read_text(encoding="utf-8"))["membership"]
    assert (set(found["studies"]), found["train_validate"]) == ({"train", "test"}, None)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda work: shutil.rmtree(work.adapter), "hubkit finetune"),
        (lambda work: work.generations("lora").unlink(), "hubkit"),
        (lambda work: next(work.images.iterdir()).unlink(), "the prepared image is missing.*hubkit read"),
    ],
)
def test_what_is_missing_is_named(
    trained: Workspace, vision_model: Path, tmp_path: Path, spoil: Callable[[Workspace], None], message: str
) -> None:
    workspace = Workspace(shutil.copytree(trained.root, tmp_path / "work"))
    spoil(workspace)
    # Under a key of its own: what another test computed would be found, and its images not looked at.
    with pytest.raises(HubkitError, match=message):
        audit(configured(vision_model, completions=1), workspace.running("audit", "missing"))


def test_too_few_studies_are_measured_by_what_is_repeated_alone(
    trained: Workspace, vision_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = Workspace(shutil.copytree(trained.root, tmp_path / "work"))
    shutil.rmtree(workspace.memorisation.parent, ignore_errors=True)
    drop(workspace, "test", 11)
    audit(configured(vision_model, completions=1), workspace.running("audit", "key"))
    assert json.loads(workspace.memorisation.read_text(encoding="utf-8"))["membership"] is None
    assert [path.name for path in workspace.memorisation.parent.iterdir()] == ["memorisation.json"]
    assert "train and test need 10 studies each" in capsys.readouterr().err


def test_a_corpus_that_changed_since_training_is_not_audited(
    trained: Workspace, vision_model: Path, tmp_path: Path
) -> None:
    workspace, config = Workspace(shutil.copytree(trained.root, tmp_path / "work")), configured(vision_model)
    (stage,) = (stage for stage in STAGES if stage.name == "finetune")
    record(stage, config, workspace, stage.key(config, workspace), 0.0)
    check_before("audit", config, workspace)
    drop(workspace, "train", 1)
    with pytest.raises(HubkitError, match=r"adapter: is out of date: inputs changed \(run: hubkit finetune\)$"):
        check_before("audit", config, workspace)


def test_an_adapter_of_another_base_is_refused(trained: Workspace, vision_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "no adapter"
    folder.mkdir()
    with pytest.raises(HubkitError, match=r"\[audit\] reference_adapter: is not an adapter of this base"):
        audit(configured(vision_model, reference_adapter=folder), trained.running("audit", "other"))


def drop(workspace: Workspace, split: str, count: int) -> None:
    rows = read_table(workspace.studies).to_pylist()
    gone = {row["study_id"] for row in [row for row in rows if row["split"] == split][:count]}
    kept = [row for row in rows if row["study_id"] not in gone]
    write_table(workspace.studies, pa.Table.from_pylist(kept, schema=STUDIES))


@pytest.mark.parametrize(
    ("text", "count", "begun"),
    [
        ("ACHADOS: Sem derrame. IMPRESSÃO: Normal.", 2, "ACHADOS: Sem"),
        ("Um, dois, três.", 8, "Um"),
        ("Normal.", 8, ""),
        ("", 8, ""),
    ],
)
def test_what_an_answer_begins_with(text: str, count: int, begun: str) -> None:
    assert first_words(text, count) == begun


def test_what_is_shown(tmp_path: Path) -> None:
    image, strange = tmp_path / "own.png", tmp_path / "strange.png"
    for path, value in ((image, 90), (strange, 120)):
        Image.new("RGB", (32, 32), (value,) * 3).save(path)
    sample = Sample(1, 5, (image, image), "Um dois três quatro")
    asked = probes([sample], [Sample(2, 6, (strange,), "")], 2, tmp_path / "black")
    assert [(probe.kind, probe.begun, probe.beams) for probe in asked] == [
        *[("first_words", "Um dois", 1), ("black", "", 1), ("first_words", "Um dois", 2), ("black", "", 2)],
        *[("other", "", 1), ("own", "", 1)],
    ]
    assert [len(probe.images) for probe in asked] == [2, 2, 2, 2, 1, 2]
    with Image.open(asked[1].images[0]) as black:
        assert (black.size, black.getextrema()) == ((32, 32), ((0, 0),) * 3)
    assert (asked[4].images, asked[5].images) == ((strange,), (image, image))
