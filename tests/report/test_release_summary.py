"""What a release says before it runs, while it stands, and at its end."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from scoring_workspace import build_workspace

from hubkit.artifacts.receipt import PushedRepo, Receipt, write_receipt
from hubkit.artifacts.scores import BertScore, Rules, Spread, Summary, SystemFigures, write_summary
from hubkit.cli import cli
from hubkit.cli._options import print_step
from hubkit.config import ReleaseConfig, parse_config
from hubkit.doctor import estimates
from hubkit.localhub import LocalHub
from hubkit.release import Step, record
from hubkit.report.forecast import forecast
from hubkit.report.outcomes import outcome
from hubkit.report.status import status
from hubkit.report.summary import next_lines, print_summary, program, researcher_lines
from hubkit.screen import counted
from hubkit.stages import STAGES
from hubkit.tables import SETUPS
from hubkit.workspace import Workspace, write_json


def test_the_defaults_come_to_the_figures_of_the_guide() -> None:
    config = ReleaseConfig()
    assert str(estimates.translation_hours(config, 2398 * 150)) == "0.1 to 0.67 h"
    assert estimates.download_gb(config) == {
        "google/medgemma-27b-text-it": 54,
        "google/medgemma-4b-it": 8,
        "neuralmind/bert-base-portuguese-cased": 0.4,
        "xlm-roberta-large": 2.2,
    }
    # 960 studies x 4 epochs; 12 evaluations of 473: 96 to 282 PFLOP.
    assert str(estimates.training_hours(config, 960, 473)) == "0.12 to 2 h"


@pytest.mark.parametrize(
    ("model", "size"),
    [
        ("google/medgemma-27b-text-it", 27),
        ("google/gemma-3-270m", 0.27),
        ("Qwen/Qwen2.5-1.5B-Instruct", 1.5),
        ("google/medgemma_4b", 4),
        ("maintainer/vision", None),
        ("/models/v2b3c", None),
        ("xlm-roberta-large", None),
        ("model-4bit", None),
    ],
)
def test_a_models_size_is_read_off_its_name(model: str, size: float | None) -> None:
    assert estimates.billions(model) == size


def test_a_part_without_push_does_not_ask_the_hub(tmp_path: Path) -> None:
    steps = [step for step in plan_of("read") if step.stage.name != "push"]
    assert not [line for line in forecast(ReleaseConfig(), Workspace(tmp_path), steps) if line.startswith("repos")]


def plan_of(*running: str) -> list[Step]:
    return [Step(stage, "run" if stage.name in running else "skip", "why") for stage in STAGES]


@pytest.mark.parametrize(
    ("settings", "running", "wanted", "absent"),
    [
        ({}, STAGES, ["960 train, 473 validate, 965 test", "about 8,393 sections, about 359,700 tokens"], []),
        ({"translation": {"units": "report"}}, STAGES, ["about 2,398 sections"], []),
        ({"corpus": {"subset": "all"}}, STAGES, ['all of the corpus ([corpus] subset = "all")'], ["time", "translate"]),
        ({"finetuning": {"model": "a/b"}}, STAGES, ["finetune, generate: not known", "and 1 model of unknown"], []),
        ({}, ("package", "push"), ["dataset", "the Hub does not answer"], ["time", "models", "translate "]),
        ({"hub": {"namespace": ""}}, STAGES, ["repos      [hub] namespace: is missing"], []),
        ({"custody": {"adapter_custody": "physionet"}}, STAGES, ["metric"], ["adapter   "]),
    ],
)
def test_a_dry_run_says_what_it_comes_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict, running: tuple, wanted: list, absent: list
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    config = parse_config({"hub": {"namespace": "lab"}} | settings)
    names = [getattr(stage, "name", stage) for stage in running]
    said = list(forecast(config, Workspace(tmp_path), plan_of(*names)))
    assert [text for text in wanted if not any(text in line for line in said)] == [], said
    assert [text for text in absent if any(line.startswith(text) for line in said)] == [], said


def test_what_is_there_is_counted_and_not_estimated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    workspace = build_workspace(tmp_path)
    write_json(workspace.selection, {"sizes": {"train": 12, "validate": 0, "test": 12}})
    said = list(forecast(ReleaseConfig(), workspace, plan_of("translate")))
    assert said[0] == "studies    12 train, 0 validate, 12 test"
    # Of 29 sections four texts are distinct: 92 characters, 3.5 a token.
    assert re.fullmatch(r"translate  29 sections, 4 of them different, about \d\d tokens", said[1])
    said = list(forecast(ReleaseConfig(), workspace, plan_of("score")))
    assert "translated 29 sections, 0 flagged, 0 failed" in said


@pytest.mark.parametrize(
    ("runs", "version", "endpoint", "warned"),
    [
        (("package",), "1.0.0", "http://127.0.0.1:9", True),
        (("package",), "1.1.0", "http://127.0.0.1:9", False),
        (("package",), "1.0.0", "https://hub.example", False),
        (("push",), "1.0.0", "http://127.0.0.1:9", False),
    ],
)
def test_a_version_that_is_taken_is_said_before_hours_are_spent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs: tuple[str, ...], version: str, endpoint: str, warned: bool
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    workspace, config = build_workspace(tmp_path), parse_config({**CONFIG, "release": {"version": version}})
    pushed = PushedRepo(id="maintainer/d-ext", type="dataset", tag="release-1.0.0", commit="0" * 40, files={})
    write_receipt(workspace, Receipt(endpoint=endpoint, repos={"dataset": pushed}))
    line = "version    release-1.0.0 is on this Hub already: set another [release] version, or push stops"
    assert (line in list(forecast(config, workspace, plan_of(*runs)))) is warned


@pytest.mark.parametrize(
    ("number", "what", "text"), [(1, "study", "1 study"), (2000, "study", "2,000 studies"), (0, "repo", "0 repos")]
)
def test_numbers_have_their_noun(number: int, what: str, text: str) -> None:
    assert counted(number, what) == text


@pytest.mark.parametrize(
    ("counts", "failed", "line"),
    [
        ({"passed": 10, "not run": 0}, [], "verify: up to date\n"),
        (
            {"passed": 1, "not run": 9},
            [],
            "verify: up to date; checks: 1 passed, 9 not run (to repeat: hubkit release --from verify)\n",
        ),
        (
            {"passed": 1, "failed": 1, "not run": 9},
            ["signed"],
            "verify: up to date; checks: 1 passed, 1 failed, 9 not run; failed: signed "
            "(to check it again: hubkit verify --public-key KEY)\n",
        ),
    ],
)
def test_checks_that_did_not_pass_are_not_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], counts: dict[str, int], failed: list[str], line: str
) -> None:
    checks = [{"check": name, "result": "failed", "detail": ""} for name in failed]
    checks.append({"check": "pinned_code", "result": "passed", "detail": ""})
    readers = [{"reader": "hubkit", "checks": checks}]
    write_json(tmp_path / "verification.json", {"format": 2, "counts": counts, "readers": readers})
    print_step(Workspace(tmp_path), Step(STAGES[-1], "skip", "up to date"), 0.0)
    assert capsys.readouterr().out == line


def test_outcomes_of_what_is_not_there(tmp_path: Path) -> None:
    assert [outcome(stage.name, Workspace(tmp_path)) for stage in STAGES if stage.name != "package"] == [None] * 9


CONFIG = {"hub": {"namespace": "maintainer", "dataset": "d-ext", "adapter": "a-ext", "metric": "m"}}


def test_status_says_what_is_stale_flagged_and_on_the_hub(
    tmp_path: Path,
    hub: LocalHub,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_TOKEN", hub.tokens["owner"])
    workspace, config = build_workspace(tmp_path / "work"), parse_config(CONFIG)
    translate = next(stage for stage in STAGES if stage.name == "translate")
    write_json(workspace.machine_checks, {})
    record(translate, config, workspace, translate.key(config, workspace), 0.0)
    job = workspace.root / "partial" / "translate-1" / "slurm-4" / "job.json"
    write_json(job, {"job": "77"})
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "squeue").write_text(
        "#!/bin/sh\nprintf '77_0 RUNNING None\\n77_1 PENDING JobHeldUser\\n77_2 RUNNING None\\n'\n"
    )
    (tools / "squeue").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    with workspace.lock():
        said = list(status(config, workspace))
    assert said[0] == f"workspace  {workspace.root} (a hubkit works in it now)"
    assert "read       not done yet" in said
    when = "1970-01-01"
    expected = f"done {when}, perhaps stale: an earlier stage has to run; 29 sections, 0 flagged, 0 failed"
    assert f"translate  {expected}" in said
    assert "finetune   not done yet" in said
    assert "flagged    0 flagged and 0 failed of 29 sections (0.0%); side by side: hubkit report" in said
    assert "jobs       Slurm job 77: 1 pending (JobHeldUser), 2 running" in said
    assert "pushed     nothing from this workspace" in said
    assert f"dataset    {hub.url}/datasets/maintainer/d-ext: is new; private until its gate is proven" in said
    assert "nothing runs in it" in next(status(config, workspace))


def test_status_without_a_corpus_a_namespace_or_a_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    Path("hubkit.toml").write_text('[corpus]\nroot = "none"\n')
    shown = CliRunner().invoke(cli, ["status"])
    assert (shown.exit_code, shown.exception) == (0, None)
    assert "read       not done yet" in shown.output
    assert "repos      [hub] namespace: is missing" in shown.output


@pytest.fixture
def released(tmp_path: Path) -> Workspace:
    """What the end of a release is printed from."""
    workspace = Workspace(tmp_path)
    spread = Spread(mean=0.9, low=0.8, high=1.0, median=0.9, min=0.1, max=1.0, sd=0.1)
    setup = BertScore(precision=spread, recall=spread, f1=spread, truncated=0, empty=0)
    figures = dict.fromkeys(("clinical micro", "clinical macro"), spread.interval)
    found = SystemFigures(bertscore=dict.fromkeys(SETUPS, setup), metrics=figures, findings={})
    summary = Summary(
        n=60,
        patients=36,
        confidence=0.95,
        resamples=10,
        seed=1,
        signatures={},
        differences=[],
        conditions=dict.fromkeys(("zero_shot", "lora", "flipped"), found),
        rules=Rules(texts=1, whole_texts=1, values=1, micro=1, macro=1, labels={}),
    )
    write_summary(workspace, summary)
    write_json(workspace.adapter / "hubkit_generation.json", {"base_model": {"name": "lab/base", "revision": "0" * 40}})
    repos = {"dataset": "datasets/", "adapter": "", "metric": "spaces/"}
    at = {"tag": "release-1.0.0", "commit": "0" * 40, "files": {}}
    pushed = {
        name: PushedRepo(id=name, type="dataset", url=f"https://hub.example/{kind}lab/{name}", **at)
        for name, kind in repos.items()
    }
    write_receipt(workspace, Receipt(endpoint="https://hub.example", repos=pushed))
    return workspace


def test_the_end_of_a_release_fits_into_80_columns(released: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    print_summary(parse_config(CONFIG), released, Path("my settings.toml"), released.report)
    said = capsys.readouterr().out
    # What the base had seen is marked in the table and said below it.
    assert re.search(r"^† google/medgemma-4b-it was trained on MIMIC-CXR before \(", said, re.MULTILINE)
    assert "LoRA †            0.900 [0.800, 1.000] 0.900 [0.800, 1.000] 0.900 [0.800, 1.000]" in said
    assert "https://hub.example/spaces/lab/metric" in said
    assert f"hubkit status --config 'my settings.toml' --workspace {released.root}" in said
    assert said.endswith(f"\n    file://{released.root}/report.html\n")
    lines = [line for line in said.splitlines() if not re.search(r"https?://|file://|--workspace", line)]
    assert max(len(line.rstrip()) for line in lines) <= 80


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({}, {"load_dataset", "PeftModel", "AutoModelForImageTextToText", "evaluate"}),
        ({"custody": {"adapter_custody": "physionet"}}, {"load_dataset", "evaluate"}),
        ({"custody": {"mode": "sealed"}}, {"load_dataset", "evaluate"}),
        ({"custody": {"mode": "sealed"}, "hub": {**CONFIG["hub"], "space": "none"}}, {"load_dataset"}),
    ],
)
def test_what_a_researcher_types_is_complete(released: Workspace, settings: dict, names: set[str]) -> None:
    """Every name that a line uses was imported or made by a line before."""
    code = "\n".join(researcher_lines(parse_config(CONFIG | settings), released))
    compile(code, "lines", "exec")
    imported = set(re.findall(r"^(?:from \w+ )?import (\w+)$", code, flags=re.MULTILINE))
    assert imported == names
    assert ("hubkit unseal maintainer/d-ext --revision release-1.0.0" in code) is (
        settings.get("custody", {}).get("mode") == "sealed"
    )


def test_the_commands_that_come_next_need_no_options_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = next_lines(Workspace(Path("work")), Path("hubkit.toml"))
    assert [line for line in lines if not line.startswith("#")] == ["hubkit access list", "hubkit status"]
    assert json.dumps(lines).count("--") == 0


@pytest.mark.parametrize(
    ("called", "on_the_path", "shown"),
    [
        (".venv/bin/hubkit", False, ".venv/bin/hubkit"),
        (".venv/bin/hubkit", True, "hubkit"),
        ("/opt/tools/hubkit", False, "/opt/tools/hubkit"),
        ("/opt/my tools/hubkit", False, "'/opt/my tools/hubkit'"),
        ("-c", False, "hubkit"),
    ],
)
def test_commands_are_shown_as_they_can_be_typed(
    called: str, on_the_path: bool, shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    script = tmp_path / ".venv" / "bin" / "hubkit"
    script.parent.mkdir(parents=True)
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(script.parent) if on_the_path else "/nowhere")
    monkeypatch.setattr(sys, "argv", [called])
    assert program() == shown
    assert next_lines(Workspace(Path("work")), Path("hubkit.toml"))[1] == f"{shown} access list"
