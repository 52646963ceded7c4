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
from typing import Any, cast

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
    """Two models: one gives the wrong side unless its prompt has the rules, the other translates back."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        models = [{"id": cast(Any, self.server).listed}]
        self._send(200, {"data": models} if self.path == "/v1/models" else {})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        *turns, content = (message["content"] for message in body["messages"])
        system, text = "".join(turns), content[0]["text"] if isinstance(content, list) else content.split("\n\n")[-1]
        server = cast(Any, self.server)
        server.languages.add(tuple(sorted(body.get("chat_template_kwargs", {}).items())))
        server.seen.append((body["model"], text))
        server.keys.add((body["model"], self.headers["Authorization"]))
        if text in server.refused or (TOO_LONG in text and "\n" in text):
            self._send(server.refused.get(text, 413), {})
            return
        if body["model"] == "back":
            words = re.sub(r"[^.]+\.", lambda found: _back(found[0].strip()), text)
        else:
            words = re.sub(r"[^.]+\.", lambda found: PORTUGUESE[found[0].strip()] + " ", text).strip()
            words = words if RULES in system else words.replace("esquerda", "direita")
        words, reason = server.replies.get(text, (words.strip(), "stop"))
        choice = {"message": {"content": words}, "finish_reason": reason}
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
    found.daemon_threads, found.seen, found.keys, found.languages = True, [], set(), set()
    found.refused, found.replies, found.listed = {}, {}, "back"
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
        (way.texts, way.failed, way.units_flagged, way.reports_flagged.value, way.checks.get("laterality", 0.0))
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
    assert {name: choice.way for name, choice in found.choices.items()} == {
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
    wanted = sorted(server.seen)
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
    assert 0 < len(server.seen) < len(wanted)
    measure_translation(config, workspace)
    assert sorted(server.seen) == wanted
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


WRONG_SIDE = "Há derrame pleural à direita de 6 mm. Não se observa pneumotórax."
"""What a way without rules makes of the findings of study 6."""


def refuse_all(server: Any, status: int) -> None:
    """Refuse every back-translation, of sections and of reports."""
    sentences = [*ENGLISH, *(text.replace("esquerda", "direita") for text in ENGLISH)]
    pairs = [f"{one} {other}" for one in sentences for other in sentences]
    reports = [f"{one}{line_end}{other}" for one in pairs for other in ENGLISH for line_end in (" ", "\n")]
    server.refused = dict.fromkeys([*sentences, *pairs, *reports], status)


@pytest.mark.parametrize("reply", [413, 422, ("", "stop"), (" \n", "stop"), ("There is a left", "length")])
def test_a_study_without_a_whole_back_translation_is_left_out_of_every_way(
    config: ReleaseConfig, workspace: Workspace, server: Any, reply: int | tuple[str, str]
) -> None:
    if isinstance(reply, int):
        server.refused = {WRONG_SIDE: reply}
    else:
        server.replies = {WRONG_SIDE: reply}
    # A rerun asks for that text alone, which then is the whole chunk.
    for _ in range(3):
        server.seen.clear()
        found = measure_translation(config, workspace)
        assert found.second_model is not None
        assert found.second_model.left_out == 1
        errors = [way.back_translation.per_report.value for way in found.ways if way.back_translation]
        assert errors == pytest.approx([3 / 7, 3 / 7, 0, 0, 3 / 7, 1 / 7])
    assert [text for model, text in server.seen if model == "back"] == [WRONG_SIDE]
    server.refused, server.replies = {}, {}
    whole = measure_translation(config, workspace)
    assert whole.second_model is not None
    assert whole.second_model.left_out == 0


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (422, "not one text of a chunk was translated back: HTTP 422"),
        # The longest are asked for first: that they are too long says nothing of the others.
        (413, "no study has a whole back-translation"),
    ],
)
def test_a_second_model_that_answers_nothing_is_named(
    config: ReleaseConfig, workspace: Workspace, server: Any, status: int, message: str
) -> None:
    refuse_all(server, status)
    with pytest.raises(HubkitError, match=message):
        measure_translation(config, workspace)
    assert not translation_results_path(workspace).exists()


SERVER = {"base_url": None, "serve": None}
"""Without a server."""


@pytest.mark.parametrize(
    ("update", "message"),
    [
        (SERVER, r"the engine openai has no server.*\[sensitivity.back_translation\] base_url or serve"),
        (
            {**SERVER, "serve": "vllm serve back"},
            r"\[sensitivity.back_translation\] serve: hubkit cannot know where this server listens",
        ),
    ],
)
def test_a_second_model_has_a_server_of_its_own_before_anything_is_translated(
    config: ReleaseConfig, workspace: Workspace, server: Any, update: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=f"(?s){message}"):
        measure_translation(with_second(config, **update), workspace)
    assert server.seen == []


def with_second(config: ReleaseConfig, **update: Any) -> ReleaseConfig:
    """The same configuration with other settings of the second model."""
    assert config.sensitivity.back_translation is not None
    back = config.sensitivity.back_translation.model_copy(update=update)
    other = config.sensitivity.model_copy(update={"back_translation": back})
    return config.model_copy(update={"sensitivity": other})


@pytest.mark.parametrize(
    ("key", "second_key", "sent"),
    [
        ("first", None, {("forth", "Bearer first"), ("back", None)}),
        (None, "second", {("forth", None), ("back", "Bearer second")}),
        ("first", "second", {("forth", "Bearer first"), ("back", "Bearer second")}),
    ],
)
def test_each_server_gets_its_own_key(
    config: ReleaseConfig,
    workspace: Workspace,
    server: Any,
    monkeypatch: pytest.MonkeyPatch,
    key: str | None,
    second_key: str | None,
    sent: set[tuple[str, str | None]],
) -> None:
    for variable, value in (("HUBKIT_TRANSLATION_KEY", key), ("HUBKIT_BACK_TRANSLATION_KEY", second_key)):
        monkeypatch.delenv(variable, raising=False)
        if value:
            monkeypatch.setenv(variable, value)
    measure_translation(config, workspace)
    assert server.keys == sent


def test_a_refused_key_is_named_as_that_of_the_second_model(
    config: ReleaseConfig, workspace: Workspace, server: Any
) -> None:
    refuse_all(server, 401)
    match = r"(?s)\[sensitivity.back_translation\] base_url.*HTTP 401.*HUBKIT_BACK_TRANSLATION_KEY"
    with pytest.raises(HubkitError, match=match):
        measure_translation(config, workspace)


@pytest.mark.parametrize("content", [b"", b"{", b"PAR1 cut off"])
def test_a_damaged_part_is_named(config: ReleaseConfig, workspace: Workspace, content: bytes) -> None:
    measure_translation(config, workspace)
    parts = list((workspace.sensitivity / "back-translations").rglob("part-*"))
    parts[0].write_bytes(content)
    with pytest.raises(HubkitError, match=rf"(?s){parts[0].name}.*is not a whole.*delete it") as caught:
        measure_translation(config, workspace)
    assert not [sentence for sentence in PORTUGUESE if sentence in str(caught.value)]
    parts[0].unlink()
    measure_translation(config, workspace)


def test_a_server_gets_the_languages_of_the_way_back(config: ReleaseConfig, workspace: Workspace, server: Any) -> None:
    found = measure_translation(with_second(config, template="translategemma"), workspace)
    assert found.second_model is not None
    assert found.second_model.left_out == 0
    # The translator takes a system turn, and no languages.
    assert server.languages == {(), (("source_lang_code", "pt-BR"), ("target_lang_code", "en"))}


@pytest.mark.parametrize(("listed", "revision"), [(f"back@{'a' * 40}", "a" * 40), ("back", "v2")])
def test_the_commit_of_the_second_model_is_that_of_its_engine(
    config: ReleaseConfig, workspace: Workspace, server: Any, listed: str, revision: str
) -> None:
    server.listed = listed
    for _ in range(2):
        found = measure_translation(with_second(config, revision="v2"), workspace)
        assert found.second_model is not None
        assert found.second_model.revision == revision
        # It is kept with what was translated: the second time the server is not asked.
        server.listed = "other"


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


def no_whole_report(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "report": None} for row in rows]


def no_text(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "findings": None, "impression": " "} for row in rows]


@pytest.mark.parametrize("change", [no_validation, no_text, no_whole_report])
def test_a_split_without_reports_is_refused(
    config: ReleaseConfig, workspace: Workspace, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]
) -> None:
    rows = change(read_table(workspace.studies).to_pylist())
    write_table(workspace.studies, pa.Table.from_pylist(rows, schema=STUDIES))
    with pytest.raises(HubkitError, match="the split validate has no reports"):
        measure_translation(config, workspace)


def test_a_study_without_a_whole_report_is_not_translated(config: ReleaseConfig, workspace: Workspace) -> None:
    rows = read_table(workspace.studies).to_pylist()
    cut = [{**row, "report": " "} if row["study_id"] > 1 else row for row in rows]
    write_table(workspace.studies, pa.Table.from_pylist(cut, schema=STUDIES))
    found = measure_translation(config, workspace)
    assert (found.studies, found.patients) == (1, 1)
    assert [way.texts for way in found.ways] == [2, 2, 2, 2, 1, 1]
    assert translation_lines(found)[0] == "1 validation study, one of each patient, of 1 patient"


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
