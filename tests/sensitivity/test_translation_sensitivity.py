"""`hubkit sensitivity --translation`: with a server on loopback here, with the demo's translator in `make long`."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import forked
import pyarrow as pa
import pytest
from click.testing import CliRunner

from hubkit.artifacts.model import read_model
from hubkit.artifacts.translation_sensitivity import TranslationSensitivity, translation_results_path
from hubkit.cli import cli
from hubkit.config import ReleaseConfig, Translation, parse_config, write_config
from hubkit.error_profile.profile import profile
from hubkit.errors import HubkitError, UsageError
from hubkit.sensitivity.translation.design import list_ways
from hubkit.sensitivity.translation.measure import measure_translation
from hubkit.sensitivity.translation.screen import translation_lines
from hubkit.stages import STAGES
from hubkit.tables import STUDIES
from hubkit.translation.prompt import RULES
from hubkit.translation.worker import Worker
from hubkit.workspace import Workspace, read_table, write_table

PORTUGUESE = {
    "The lungs are clear.": "Os pulmões estão limpos.",
    "No pneumothorax is seen.": "Não se observa pneumotórax.",
    "No acute disease.": "Sem doença aguda.",
    **{
        f"There is a left pleural effusion of {size} mm.": f"Há derrame pleural à esquerda de {size} mm."
        for size in range(20)
    },
}
ENGLISH = {portuguese: english for english, portuguese in PORTUGUESE.items()}

TOO_LONG = " 4 mm"
"""A whole report with this is refused, as a server refuses what is longer than its context."""

WAYS = ["sections", "sections+context", "sections+rules", "sections+rules+context", "report", "report+rules"]


class Pair(BaseHTTPRequestHandler):
    """Two models: one gives the wrong side unless it is told the rules, the other translates back."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._send(200, {})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        system, asked = (message["content"] for message in body["messages"])
        text = asked.split("\n\n")[-1]
        self.server.seen.append((body["model"], text))  # type: ignore[attr-defined]
        if text in self.server.refused or (TOO_LONG in text and "\n" in text):  # type: ignore[attr-defined]
            self._send(413, {})
            return
        if body["model"] == "back":
            words = re.sub(r"[^.]+\.", lambda found: _back(found[0].strip()), text)
        else:
            words = re.sub(r"[^.]+\.", lambda found: PORTUGUESE[found[0].strip()] + " ", text).strip()
            words = words if RULES in system else words.replace("esquerda", "direita")
        choice = {"message": {"content": words.strip()}, "finish_reason": "stop"}
        self._send(200, {"choices": [choice], "usage": {"completion_tokens": 9}})

    def _send(self, status: int, value: Any) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: Any) -> None:
        return


def _back(sentence: str) -> str:
    if "direita" in sentence:
        return ENGLISH[sentence.replace("direita", "esquerda")].replace("left", "right") + " "
    return ENGLISH[sentence] + " "


@pytest.fixture
def server() -> Iterator[Any]:
    found: Any = ThreadingHTTPServer(("127.0.0.1", 0), Pair)
    found.daemon_threads, found.seen, found.refused = True, [], set()
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield found
    found.shutdown()
    found.server_close()


@pytest.fixture
def config(server: Any) -> ReleaseConfig:
    url = f"http://127.0.0.1:{server.server_port}/v1"
    back = {"engine": "openai", "model": "back", "base_url": url}
    return parse_config(
        {
            "corpus": {"kind": "demo"},
            "translation": {"engine": "openai", "model": "forth", "base_url": url, "rules": False, "checkpoint": 4},
            "scoring": {"resamples": 50},
            "sensitivity": {"fraction": 1.0, "back_translation": back},
        }
    )


def fill(root: Path) -> Workspace:
    """Studies 1 to 8 are of validate, and every second one has an effusion; 9 to 12 are of train and test."""
    workspace = Workspace(root)
    rows = []
    for study in range(1, 13):
        first = f"There is a left pleural effusion of {study} mm." if study % 2 == 0 else "The lungs are clear."
        findings, impression = f"{first} No pneumothorax is seen.", "No acute disease."
        split = "validate" if study <= 8 else ("train", "test")[study % 2]
        texts = {"findings": findings, "impression": impression, "report": f"{findings}\n{impression}"}
        rows.append({"subject_id": 100 + study, "study_id": study, "split": split, "images": [], **texts})
    write_table(workspace.studies, pa.Table.from_pylist(rows, schema=STUDIES))
    return workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return fill(tmp_path / "work")


def written(workspace: Workspace) -> TranslationSensitivity:
    return read_model(TranslationSensitivity, "translation_sensitivity", translation_results_path(workspace), "")


def test_every_way_is_tried_and_checked_and_translated_back(config: ReleaseConfig, workspace: Workspace) -> None:
    found = measure_translation(config, workspace)
    assert found == written(workspace)
    assert (found.studies, found.patients, found.split, found.test_split) == (8, 8, "validate", "not read")
    assert [way.name for way in found.ways] == WAYS
    assert found.set_way == "sections"
    # Wrong sides in the four reports with an effusion; as whole reports, one of these has no translation.
    table = [
        (way.asked, way.failed, way.units_flagged, way.reports_flagged.value, way.checks.get("laterality", 0.0))
        for way in found.ways
    ]
    assert table == [
        (16, 0, 0.25, 0.5, 0.5),
        (16, 0, 0.25, 0.5, 0.5),
        (16, 0, 0.0, 0.0, 0.0),
        (16, 0, 0.0, 0.0, 0.0),
        (8, 1, 0.5, 0.5, 0.375),
        (8, 1, 0.125, 0.125, 0.0),
    ]
    errors = [
        (way.back_translation.per_report.value, way.back_translation.by_dimension["side"])
        for way in found.ways
        if way.back_translation
    ]
    assert errors == [(0.5, 0.5), (0.5, 0.5), (0.0, 0.0), (0.0, 0.0), (0.5, 0.375), (0.125, 0.0)]
    assert {name: choice.prompt for name, choice in found.choices.items()} == {
        "reports flagged": "sections+rules",
        "errors after back-translation": "sections+rules",
    }
    lead = found.choices["reports flagged"].lead
    assert lead.value == -0.5
    assert lead.low <= -0.5 <= lead.high < 0


def test_the_screen_has_80_columns(config: ReleaseConfig, workspace: Workspace) -> None:
    lines = translation_lines(measure_translation(config, workspace))
    assert max(map(len, lines)) <= 80
    assert "*1 sections                    16    25.0%       0   50.0% [12.5%, 87.5%]" in [
        re.sub(r"\[.*\]", "[12.5%, 87.5%]", line) for line in lines
    ]
    assert any(line.split() == ["laterality", "50.0%", "50.0%", "0.0%", "0.0%", "37.5%", "0.0%"] for line in lines)
    assert any(line.split() == ["side", "0.50", "0.50", "0.00", "0.00", "0.38", "0.00"] for line in lines)
    assert "The test split has no part in this: none of its reports was translated." in lines


def test_no_text_and_no_id_is_in_the_results_and_no_other_split_is_sent(
    config: ReleaseConfig, workspace: Workspace, server: Any
) -> None:
    measure_translation(config, workspace)
    text = translation_results_path(workspace).read_text(encoding="utf-8")
    sentences = [*PORTUGUESE, *ENGLISH]
    assert [sentence for sentence in sentences if sentence in text] == []
    assert not {"study_id", "subject_id"} & set(text.split('"'))
    sizes = {int(size) for _, sent in server.seen for size in re.findall(r"(\d+) mm", sent)}
    assert sizes == {2, 4, 6, 8}
    before = translation_results_path(workspace).read_bytes()
    rows = [
        {**row, "findings": "Other.", "report": "Other."} if row["split"] != "validate" else row
        for row in read_table(workspace.studies).to_pylist()
    ]
    write_table(workspace.studies, pa.Table.from_pylist(rows, schema=STUDIES))
    measure_translation(config, workspace)
    assert translation_results_path(workspace).read_bytes() == before


def test_a_run_that_was_killed_goes_on_with_what_is_missing(
    config: ReleaseConfig, workspace: Workspace, tmp_path: Path, server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fill(tmp_path / "whole")
    measure_translation(config, whole)
    asked = sorted(server.seen)
    server.seen.clear()
    run_on, left = Worker.run_on, [2]

    def killed(self: Worker, *arguments: Any) -> None:
        if not left[0]:
            os.kill(os.getpid(), 9)
        left[0] -= 1
        run_on(self, *arguments)

    def cut_off() -> None:
        monkeypatch.setattr(Worker, "run_on", killed)
        measure_translation(config, workspace)

    assert forked.exit_code(forked.start(cut_off)) == -9
    assert not translation_results_path(workspace).exists()
    assert 0 < len(server.seen) < len(asked)
    measure_translation(config, workspace)
    assert sorted(server.seen) == asked
    assert translation_results_path(workspace).read_bytes() == translation_results_path(whole).read_bytes()
    server.seen.clear()
    measure_translation(config, workspace)
    # What failed is asked for again, as `hubkit translate` does; nothing else is.
    assert {text for _, text in server.seen} == {
        "There is a left pleural effusion of 4 mm. No pneumothorax is seen.\nNo acute disease."
    }


def test_without_a_second_model_there_is_no_back_translation(
    config: ReleaseConfig, workspace: Workspace, server: Any
) -> None:
    plain = config.sensitivity.model_copy(update={"back_translation": None})
    found = measure_translation(config.model_copy(update={"sensitivity": plain}), workspace)
    assert found.second_model is None
    assert [way.back_translation for way in found.ways] == [None] * 6
    assert {model for model, _ in server.seen} == {"forth"}
    assert not any("back-translation" in line for line in translation_lines(found))


def test_a_study_without_a_whole_back_translation_is_left_out_of_every_way(
    config: ReleaseConfig, workspace: Workspace, server: Any
) -> None:
    server.refused = {"Há derrame pleural à direita de 6 mm. Não se observa pneumotórax."}
    found = measure_translation(config, workspace)
    assert found.second_model is not None
    assert found.second_model.left_out == 1
    errors = [way.back_translation.per_report.value for way in found.ways if way.back_translation]
    assert errors == pytest.approx([3 / 7, 3 / 7, 0, 0, 3 / 7, 1 / 7])


def test_a_second_model_that_answers_nothing_is_named(config: ReleaseConfig, workspace: Workspace, server: Any) -> None:
    server.refused = {*ENGLISH} | {text.replace("esquerda", "direita") for text in ENGLISH}
    server.refused |= {f"{one} {other}" for one in server.refused for other in server.refused}
    whole = {f"{one}\n{other}" for one in server.refused for other in ENGLISH}
    server.refused |= whole | {text.replace("\n", " ") for text in whole}
    with pytest.raises(HubkitError, match="not one text of a chunk was translated back"):
        measure_translation(config, workspace)
    assert not translation_results_path(workspace).exists()


def test_a_second_model_has_a_server_of_its_own(config: ReleaseConfig, workspace: Workspace) -> None:
    second = config.sensitivity.back_translation
    assert second is not None
    back = second.model_copy(update={"base_url": None})
    other = config.sensitivity.model_copy(update={"back_translation": back})
    with pytest.raises(UsageError, match="the engine openai has no server"):
        measure_translation(config.model_copy(update={"sensitivity": other}), workspace)


@pytest.mark.parametrize(
    ("settings", "ways"),
    [
        ({}, WAYS),
        ({"template": "user"}, WAYS),
        ({"template": "translategemma"}, ["sections", "report"]),
    ],
)
def test_ways_that_the_model_cannot_tell_apart_are_tried_once(settings: dict[str, Any], ways: list[str]) -> None:
    assert [way.name for way in list_ways(Translation(**settings))] == ways


@pytest.mark.parametrize(
    ("settings", "set_way"),
    [
        ({"rules": True}, "sections+rules"),
        ({"rules": True, "context": True}, "sections+rules+context"),
        ({"units": "report", "context": True}, "report"),
    ],
)
def test_the_set_way_is_that_of_the_release(
    config: ReleaseConfig, workspace: Workspace, settings: dict[str, Any], set_way: str
) -> None:
    translation = config.translation.model_copy(update=settings)
    assert measure_translation(config.model_copy(update={"translation": translation}), workspace).set_way == set_way


def test_a_credentialed_corpus_needs_its_access_check(config: ReleaseConfig, workspace: Workspace, server: Any) -> None:
    credentialed = config.model_copy(update={"corpus": config.corpus.model_copy(update={"kind": "mimic-cxr"})})
    with pytest.raises(HubkitError, match="access"):
        measure_translation(credentialed, workspace)
    assert server.seen == []


def no_validation(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "split": "train"} for row in rows]


def no_text(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "findings": None, "impression": " "} for row in rows]


@pytest.mark.parametrize("change", [no_validation, no_text])
def test_a_split_without_reports_is_refused(
    config: ReleaseConfig, workspace: Workspace, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]
) -> None:
    rows = change(read_table(workspace.studies).to_pylist())
    write_table(workspace.studies, pa.Table.from_pylist(rows, schema=STUDIES))
    with pytest.raises(HubkitError, match="the split validate has no reports"):
        measure_translation(config, workspace)


@pytest.mark.parametrize(
    ("back", "message"),
    [
        ({}, "sensitivity.back_translation.model"),
        ({"model": " "}, "sensitivity.back_translation.model"),
        ({"model": "m", "rules": True}, "unknown key sensitivity.back_translation.rules"),
        ({"model": "m", "engine": "vllm"}, "sensitivity.back_translation.engine"),
        ("m", "sensitivity.back_translation: takes a table with model"),
    ],
)
def test_settings_of_the_second_model_that_are_refused(back: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_config({"sensitivity": {"back_translation": back}})


def test_a_second_model_changes_no_digest_of_a_stage() -> None:
    plain, other = ReleaseConfig(), parse_config({"sensitivity": {"back_translation": {"model": "m"}}})
    assert {stage.name: other.digest(stage.settings) for stage in STAGES} == {
        stage.name: plain.digest(stage.settings) for stage in STAGES
    }


def test_the_command_prints_the_tables(config: ReleaseConfig, workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "hubkit.toml").write_text(write_config(config), encoding="utf-8")
    options = ["--config", str(tmp_path / "hubkit.toml"), "--workspace", str(workspace.root)]
    done = CliRunner().invoke(cli, ["sensitivity", "--translation", *options])
    assert done.exit_code == 0
    path = translation_results_path(workspace)
    lines = [*translation_lines(written(workspace)), f"written: {path}"]
    assert done.stdout.splitlines() == lines
    assert {file.stat().st_mode & 0o077 for file in workspace.sensitivity.rglob("*")} == {0}


@pytest.mark.parametrize(
    ("reference", "generated", "errors"),
    [
        ("There is a left pleural effusion.", "A pleural effusion is seen on the left.", []),
        ("There is a left pleural effusion.", "There is a right pleural effusion.", ["side"]),
        ("There is a small pleural effusion.", "There is a large pleural effusion.", ["severity"]),
        ("No pneumothorax. Clear lungs.", "There is a pneumothorax. Clear lungs.", ["invented"]),
        ("Right pneumothorax is unchanged.", "The lungs are clear.", ["missed"]),
        ("The pneumothorax has increased.", "The pneumothorax has decreased.", ["trend"]),
        ("Definite pneumonia.", "Possible pneumonia.", ["certainty"]),
        # What is inferred counts as possible, in English as in Portuguese.
        ("Opacity consistent with pneumonia.", "Opacity, possibly pneumonia.", []),
        ("Opacity reflecting atelectasis.", "Opacity, possibly atelectasis.", []),
    ],
)
def test_errors_of_english_reports(reference: str, generated: str, errors: list[str]) -> None:
    assert [error.dimension for error in profile(reference, generated, "en")] == errors


@pytest.mark.long
def test_the_demo(tmp_path: Path) -> None:
    """The demo until its translations, then the command as the guide has it: under three minutes of processor."""
    import subprocess

    hubkit, root = str(Path(sys.executable).with_name("hubkit")), tmp_path / "demo"
    subprocess.run([hubkit, "release", "--demo", "--until", "translate", "--workspace", str(root)], check=True)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(root / "demo" / "hf-home")}
    before = os.times()
    command = [hubkit, "sensitivity", "--translation", "--config", str(root / "demo" / "hubkit.toml")]
    subprocess.run([*command, "--workspace", str(root)], env=environment, check=True)
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    assert spent < 180
    found = written(Workspace(root))
    assert [way.name for way in found.ways] == WAYS
    # It was trained on single sections without context.
    shares = {way.name: way.reports_flagged.value for way in found.ways}
    assert shares["sections"] < 0.2 < 0.8 < shares["sections+context"]
