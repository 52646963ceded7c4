"""`hubkit sensitivity` from end to end: with a random tiny model here, with the demo's in `make long`."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import forked
import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from tiny_vision import fill_workspace, tiny_config

pytest.importorskip("statsmodels", reason="needs the extra [evidence]")

import hubkit.generation.generate as generation
import hubkit.sensitivity.scores as scoring
import hubkit.sensitivity.sensitivity as sensitivity
from hubkit.artifacts.sensitivity import SensitivityResults, read_sensitivity, results_path
from hubkit.cli import cli
from hubkit.config import ReleaseConfig, parse_config, write_config
from hubkit.demo.config import ENCODER_LAYERS, MODELS
from hubkit.errors import HubkitError, UsageError
from hubkit.sensitivity.answers import answer_design
from hubkit.sensitivity.design import Design, make_design
from hubkit.sensitivity.prompts import Prompt
from hubkit.sensitivity.results import _cube
from hubkit.sensitivity.screen import result_lines
from hubkit.sensitivity.sensitivity import measure_sensitivity
from hubkit.stages import STAGES
from hubkit.workspace import Workspace, read_table, write_table

PROMPTS = '[prompts]\na = "Descreva as imagens"\nb = "Faça o laudo"\n'

TEST_STUDIES = range(14, 18)
"""The ids of the test studies of `fill_workspace`, after 5 of train and 8 of validate."""

CELLS = 3 + 3 * 2
"""Three prompts, the set one among them: zero-shot, and few-shot with two draws."""


def tables(root: Path, vision_model: Path) -> ReleaseConfig:
    (root / "prompts.toml").write_text(PROMPTS, encoding="utf-8")
    encoders = {
        name.replace("-", "_"): {"model": str(MODELS[name]), "layer": ENCODER_LAYERS}
        for name in ("bertimbau", "xlm-roberta")
    }
    base = tiny_config(vision_model).model_dump(mode="json", exclude_unset=True)
    sensitivity = {"prompts": str(root / "prompts.toml"), "draws": 2, "fraction": 1.0}
    return parse_config(
        {**base, "scoring": {**encoders, "resamples": 50, "error_profile": True}, "sensitivity": sensitivity}
    )


def invented(root: Path) -> Workspace:
    workspace = fill_workspace(root / "work", train=5, validate=8, test=4)
    table = read_table(workspace.studies)
    english = [{**row, "findings": f"Study {row['study_id']} has a nodule."} for row in table.to_pylist()]
    write_table(workspace.studies, pa.Table.from_pylist(english, table.schema))
    return workspace


@pytest.fixture(scope="module")
def made(vision_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[ReleaseConfig, Workspace]:
    root = tmp_path_factory.mktemp("sensitivity")
    config, workspace = tables(root, vision_model), invented(root)
    measure_sensitivity(config, workspace)
    return config, workspace


@pytest.fixture
def copied(made: tuple[ReleaseConfig, Workspace], tmp_path: Path) -> Workspace:
    """The workspace before anything was measured."""
    ignored = shutil.ignore_patterns("sensitivity")
    return Workspace(shutil.copytree(made[1].root, tmp_path / "work", ignore=ignored))


def bytes_of(workspace: Workspace) -> dict[str, bytes]:
    """The results and the plots."""
    return {path.name: path.read_bytes() for path in workspace.sensitivity.iterdir() if path.is_file()}


def test_every_combination_is_answered_scored_and_reported(made: tuple[ReleaseConfig, Workspace]) -> None:
    found = read_sensitivity(made[1])
    assert (found.studies, found.patients, found.split, found.test_split) == (8, 8, "validate", "not read")
    assert [prompt.name for prompt in found.prompts] == ["a", "b", "set"]
    # Seed 43 draws the example that 42 does.
    assert (found.set_prompt, found.draw_seeds, found.shots) == ("set", [42, 44], 1)
    assert found.left_out == {"lora": "no adapter is trained"}
    assert {name: one.combinations for name, one in found.conditions.items()} == {"zero_shot": 3, "few_shot": 6}
    for condition, one in found.conditions.items():
        assert set(one.measures) == {"bertimbau f1", "xlm-roberta f1", "errors per report"}
        sources = {"prompt", "patient", "residual"} | ({"draw", "prompt:draw"} if condition == "few_shot" else set())
        for measure in one.measures.values():
            assert set(measure.components) == sources
            assert sum(component.share for component in measure.components.values()) == pytest.approx(1)
            for name, mean in measure.prompts.items():
                assert mean.low <= mean.value <= mean.high
                assert sum(measure.draws[name]) / len(measure.draws[name]) == pytest.approx(mean.value)


def test_each_combination_keeps_the_batch_size_that_was_measured_for_it(
    made: tuple[ReleaseConfig, Workspace], copied: Workspace
) -> None:
    config, _ = made
    unset = config.generation.model_copy(update={"batch_size": None})
    measured = config.model_copy(update={"generation": unset})
    design = make_design(measured, copied)._replace(conditions=("zero_shot",))
    answer_design(measured, copied, design)
    answers = copied.sensitivity / "answers"
    assert [path.name for path in answers.iterdir() if path.is_file()] == []
    assert len(list(answers.glob("*/batch-size-zero_shot.json"))) == len(design.prompts)


def test_the_scores_are_those_of_the_answers(made: tuple[ReleaseConfig, Workspace]) -> None:
    """The answers that are kept, scored once more by the published function."""
    from bertscore_ptbr.bertscore_ptbr import bertscore

    config, workspace = made
    rows: dict[str, list[dict[str, Any]]] = {}
    for path in (workspace.sensitivity / "answers").glob("*/parts/*.json"):
        rows.setdefault(path.parent.parent.name, []).extend(json.loads(path.read_text(encoding="utf-8"))["rows"])
    assert len(rows) == CELLS
    pairs = [(row["generated"], row["reference"]) for those in rows.values() for row in those]
    encoder = {"model_type": config.scoring.bertimbau.model, "num_layers": ENCODER_LAYERS}
    f1 = bertscore([one for one, _ in pairs], [other for _, other in pairs], setup="bertimbau", **encoder)["f1"]
    found = read_sensitivity(workspace)
    means = [
        value
        for one in found.conditions.values()
        for values in one.measures["bertimbau f1"].draws.values()
        for value in values
    ]
    assert sum(means) / CELLS == pytest.approx(sum(f1) / len(f1), abs=1e-5)


def test_the_screen_has_80_columns_and_says_that_the_test_split_was_not_read(
    made: tuple[ReleaseConfig, Workspace],
) -> None:
    lines = result_lines(read_sensitivity(made[1]))
    assert max(map(len, lines)) <= 80
    assert lines[-3:-1] == [
        "With 8 patients (fewer than 30) bootstrap intervals are too narrow.",
        "The test split has no part in this: no test study was asked about or scored.",
    ]
    assert "LoRA is left out: no adapter is trained" in lines
    assert "3 prompts, 2 draws of 1 few-shot: 9 combinations, 72 reports" in lines


def test_one_of_a_kind_is_counted_in_the_singular(made: tuple[ReleaseConfig, Workspace]) -> None:
    found = read_sensitivity(made[1])
    few = {"studies": 1, "patients": 1, "draw_seeds": found.draw_seeds[:1]}
    assert result_lines(found.model_copy(update=few))[:2] == [
        "1 validation study, one of each patient, of 1 patient",
        "3 prompts, 1 draw of 1 few-shot: 9 combinations, 9 reports",
    ]


def test_no_text_of_the_corpus_and_no_id_is_in_the_results(made: tuple[ReleaseConfig, Workspace]) -> None:
    workspace = made[1]
    text = results_path(workspace).read_text(encoding="utf-8")
    translations = read_table(workspace.training_translations)["translation"].to_pylist()
    assert [one for one in translations if one in text] == []
    assert not {"study_id", "subject_id"} & set(text.split('"'))


def test_plots_are_of_every_measure(made: tuple[ReleaseConfig, Workspace]) -> None:
    names = {"bertimbau-f1", "xlm-roberta-f1", "errors-per-report"}
    assert set(bytes_of(made[1])) == {
        "sensitivity.json",
        *(f"{name}.{kind}" for name in names for kind in ("png", "svg")),
    }
    svg = bytes_of(made[1])["bertimbau-f1.svg"].decode()
    assert all(f">{word}</text>" in svg for word in ("zero-shot", "few-shot", "set (set)", "patient", "residual"))


def test_plots_of_a_former_run_are_removed_and_its_figures_before_them(
    made: tuple[ReleaseConfig, Workspace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the error profile there are no errors to plot."""
    workspace = Workspace(shutil.copytree(made[1].root, tmp_path / "work"))
    plain = made[0].scoring.model_copy(update={"error_profile": False})
    config = made[0].model_copy(update={"scoring": plain})
    kept = set(bytes_of(workspace))

    def cut_off(folder: Path, found: SensitivityResults) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(sensitivity, "draw_plots", cut_off)
        with pytest.raises(KeyboardInterrupt):
            measure_sensitivity(config, workspace)
    assert set(bytes_of(workspace)) == kept - {"sensitivity.json"}
    measure_sensitivity(config, workspace)
    assert set(bytes_of(workspace)) == kept - {"errors-per-report.png", "errors-per-report.svg"}


def test_means_of_many_scores_are_exact() -> None:
    prompts = (Prompt("a", "a", True), Prompt("b", "b", False))
    design = Design((None,) * 3000, 3000, prompts, (), ("zero_shot",), {})  # type: ignore[arg-type]
    row = np.full(3000, 0.1, np.float32)
    cube = _cube(design, "zero_shot", {"f1": dict.fromkeys(design.all_cells(), row)}, "f1")
    assert cube.shape == (2, 1, 3000)
    assert cube.mean() == pytest.approx(float(row[0]), rel=1e-12)


def test_the_test_split_has_no_part_in_it(made: tuple[ReleaseConfig, Workspace], copied: Workspace) -> None:
    """Other test studies, test images that are none, and generations and scores that cannot be read: the same bytes."""
    config, _ = made
    for path in (copied.studies, copied.translations, copied.training_translations):
        table = read_table(path)
        rows = [
            {**row, **{name: "other" for name in ("translation", "report", "findings") if row.get(name)}}
            if row["study_id"] in TEST_STUDIES
            else row
            for row in table.to_pylist()
        ]
        write_table(path, pa.Table.from_pylist(rows, table.schema))
    for study in TEST_STUDIES:
        for image in copied.images.glob(f"image-{study}-*"):
            image.write_bytes(b"no image")
    for path in (copied.generations("zero_shot"), copied.generations("lora"), copied.summary):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"not a table")
    measure_sensitivity(config, copied)
    assert bytes_of(copied) == bytes_of(made[1])


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How many studies models answered, and how many pairs encoders scored."""
    counts = {"answered": 0, "scored": 0}
    answer, score = generation.answer, scoring.score_pairs

    def counting_answer(loaded: Any, settings: Any, batch: Any, *others: Any) -> Any:
        counts["answered"] += len(batch)
        return answer(loaded, settings, batch, *others)

    def counting_score(config: Any, setup: str, predictions: Any, *others: Any) -> Any:
        counts["scored"] += len(predictions)
        return score(config, setup, predictions, *others)

    monkeypatch.setattr(generation, "answer", counting_answer)
    monkeypatch.setattr(scoring, "score_pairs", counting_score)
    return counts


@pytest.mark.parametrize(("part", "after"), [("answer", 7), pytest.param("score_pairs", 3, marks=pytest.mark.long)])
def test_a_run_that_was_killed_goes_on_with_what_is_missing(
    made: tuple[ReleaseConfig, Workspace],
    copied: Workspace,
    counted: dict[str, int],
    part: str,
    after: int,
) -> None:
    config, whole = made
    module = generation if part == "answer" else scoring
    real, left = getattr(module, part), [after]

    def killed(*arguments: Any) -> Any:
        if not left[0]:
            os.kill(os.getpid(), 9)
        left[0] -= 1
        return real(*arguments)

    def cut_off() -> None:
        setattr(module, part, killed)
        measure_sensitivity(config, copied)

    assert forked.exit_code(forked.start(cut_off)) == -9
    assert not results_path(copied).exists()
    kept = [json.loads(path.read_text()) for path in (copied.sensitivity / "answers").glob("*/parts/*.json")]
    answered = sum(len(one["rows"]) for one in kept)
    scored = 8 * len(list((copied.sensitivity / "scores").glob("*.npy")))
    # Batches of one or two studies with as many images.
    assert (answered, scored) == ((11, 0) if part == "answer" else (8 * CELLS, 24))
    measure_sensitivity(config, copied)
    in_all = 8 * len(list((copied.sensitivity / "scores").glob("*.npy")))
    assert counted == {"answered": 8 * CELLS - answered, "scored": in_all - scored}
    assert bytes_of(copied) == bytes_of(whole)
    measure_sensitivity(config, copied)
    assert counted == {"answered": 8 * CELLS - answered, "scored": in_all - scored}


@pytest.mark.long
def test_another_prompt_costs_its_own_combinations_alone(
    made: tuple[ReleaseConfig, Workspace], tmp_path: Path, counted: dict[str, int]
) -> None:
    config, workspace = made
    workspace = Workspace(shutil.copytree(workspace.root, tmp_path / "work"))
    more = tmp_path / "more.toml"
    more.write_text(PROMPTS + 'c = "Escreva o laudo"\n', encoding="utf-8")
    fewer = {"prompts": more, "fraction": 1.0}
    found = measure_sensitivity(
        config.model_copy(update={"sensitivity": config.sensitivity.model_copy(update=fewer)}), workspace
    )
    assert [prompt.name for prompt in found.prompts] == ["a", "b", "c", "set"]
    assert counted["answered"] == 8 * (1 + 2)


def test_no_stage_of_a_release_knows_it() -> None:
    """Settings of its own change no digest, and no stage is called like it."""
    plain = ReleaseConfig()
    other = parse_config(
        {"sensitivity": {"prompts": "p.toml", "draws": 9, "conditions": ["zero_shot"], "fraction": 0.5}}
    )
    assert {stage.name: other.digest(stage.settings) for stage in STAGES} == {
        stage.name: plain.digest(stage.settings) for stage in STAGES
    }
    assert "sensitivity" not in {stage.name for stage in STAGES}


def run(config: ReleaseConfig, workspace: Workspace, root: Path) -> Any:
    (root / "hubkit.toml").write_text(write_config(config), encoding="utf-8")
    return CliRunner().invoke(
        cli, ["sensitivity", "--config", str(root / "hubkit.toml"), "--workspace", str(workspace.root)]
    )


def test_the_command_prints_the_tables(
    made: tuple[ReleaseConfig, Workspace], tmp_path: Path, counted: dict[str, int]
) -> None:
    config, workspace = made
    done = run(config, workspace, tmp_path)
    assert done.exit_code == 0
    assert done.stdout.splitlines()[:-1] == result_lines(read_sensitivity(workspace))
    assert done.stdout.endswith(f"written: {workspace.sensitivity} (sensitivity.json, plots)\n")
    assert counted == {"answered": 0, "scored": 0}


def test_without_the_extra_the_error_names_the_command_and_no_model_is_loaded(
    made: tuple[ReleaseConfig, Workspace], copied: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "statsmodels"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "statsmodels", None)
    done = run(made[0], copied, tmp_path)
    assert isinstance(done.exception, UsageError)
    assert "the package statsmodels is missing" in str(done.exception)
    assert "[evidence]" in str(done.exception)
    assert not copied.sensitivity.exists()


@pytest.mark.parametrize("conditions", [["zero_shot", "few_shot", "lora"], ["zero_shot", "few_shot"]])
def test_another_base_than_the_adapters_is_refused(
    made: tuple[ReleaseConfig, Workspace], copied: Workspace, conditions: list[str]
) -> None:
    """Also where the adapter is not tried: the base would be loaded at its revision, and reported by its name."""
    fewer = made[0].sensitivity.model_copy(update={"conditions": conditions})
    copied.adapter.mkdir()
    recipe = {"format": 1, "base_model": {"name": "other/base", "revision": "abc"}}
    (copied.adapter / "hubkit_generation.json").write_text(json.dumps(recipe), encoding="utf-8")
    with pytest.raises(HubkitError, match="was trained on other/base"):
        measure_sensitivity(made[0].model_copy(update={"sensitivity": fewer}), copied)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fraction": 0}, "sensitivity.fraction"),
        ({"draws": 0}, "sensitivity.draws"),
        ({"conditions": []}, "sensitivity.conditions"),
        ({"conditions": ["lora", "lora"]}, "sensitivity.conditions: names a condition twice"),
        ({"conditions": ["best"]}, "sensitivity.conditions"),
        ({"prompt": "x"}, "unknown key sensitivity.prompt"),
    ],
)
def test_settings_that_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_config({"sensitivity": settings})


def test_a_file_of_prompts_lies_next_to_the_settings(tmp_path: Path) -> None:
    from hubkit.config import load_config

    (tmp_path / "hubkit.toml").write_text('[sensitivity]\nprompts = "mine.toml"\n', encoding="utf-8")
    assert load_config(tmp_path / "hubkit.toml").sensitivity.prompts == tmp_path / "mine.toml"


@pytest.mark.long
def test_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo until its scores, then the command as the guide has it: under three minutes of processor."""
    import subprocess

    hubkit, root = str(Path(sys.executable).with_name("hubkit")), tmp_path / "demo"
    # Until its scores: before them the encoders are not in the cache.
    subprocess.run([hubkit, "release", "--demo", "--until", "score", "--workspace", str(root)], check=True)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(root / "demo" / "hf-home")}
    before = os.times()
    command = [hubkit, "sensitivity", "--config", str(root / "demo" / "hubkit.toml"), "--workspace", str(root)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    assert spent < 180
    found: SensitivityResults = read_sensitivity(Workspace(root))
    assert {name: one.combinations for name, one in found.conditions.items()} == {
        "zero_shot": 5,
        "few_shot": 15,
        "lora": 5,
    }
    # The base answers the set question in English, and others in Portuguese; the adapter learnt the set one.
    zero_shot, lora = (found.conditions[name].measures["bertimbau f1"] for name in ("zero_shot", "lora"))
    assert zero_shot.choice.prompt != "study-inference"
    assert zero_shot.choice.lead.low > 0.1
    assert zero_shot.components["prompt"].share > lora.components["prompt"].share
    assert done.stdout.splitlines()[:-1] == result_lines(found)
