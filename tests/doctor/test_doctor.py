"""`hubkit doctor`: what it finds on a machine that can, and on machines that cannot."""

from __future__ import annotations

import datetime
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from loopback import forked_hub

from hubkit.cli import cli
from hubkit.config import ReleaseConfig, parse_config
from hubkit.doctor import corpus, hub, machine, memory, needs, shapes, training
from hubkit.doctor.findings import Finding
from hubkit.errors import HubkitError
from hubkit.hub.client import connect
from hubkit.hub.gate import ungranted_token
from hubkit.hub.identity import check_identity, check_outsider
from hubkit.localhub import LocalHub
from hubkit.localhub.accounts import Accounts
from hubkit.localhub.scopes import Scopes
from hubkit.terms.access_check import HINT, OFFICIAL
from hubkit.workspace import Workspace, write_json

sys.path.insert(0, str(Path(__file__).parents[1] / "corpus"))
import corpus_trees as trees

GEMMA_3_4B = {
    "architectures": ["Gemma3ForConditionalGeneration"],
    "model_type": "gemma3",
    "mm_tokens_per_image": 256,
    "text_config": {
        "model_type": "gemma3_text",
        "hidden_size": 2560,
        "intermediate_size": 10240,
        "num_hidden_layers": 34,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "vocab_size": 262208,
    },
    "vision_config": {
        "model_type": "siglip_vision_model",
        "hidden_size": 1152,
        "intermediate_size": 4304,
        "num_hidden_layers": 27,
        "num_attention_heads": 16,
        "image_size": 896,
        "patch_size": 14,
        "vision_use_head": False,
    },
}
"""The shape of google/gemma-3-4b-it, from its public configuration; that of MedGemma 4B is the same."""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "work")


@pytest.fixture
def gemma(tmp_path: Path) -> Path:
    write_json(tmp_path / "gemma/config.json", GEMMA_3_4B)
    return tmp_path / "gemma"


@pytest.fixture
def local_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    with forked_hub(tmp_path / "hub") as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("HF_TOKEN", running.tokens["owner"])
        monkeypatch.setenv("HUBKIT_UNGRANTED_TOKEN", running.tokens["ungranted"])
        yield running


def statuses(found: Iterator[Finding]) -> dict[str, str]:
    return {finding.check: finding.status for finding in found}


def test_a_whole_corpus(tmp_path: Path, workspace: Workspace) -> None:
    trees.write_corpus(tmp_path / "corpus", trees.studies())
    found = list(corpus.corpus(trees.config(tmp_path / "corpus"), workspace))
    assert {finding.check: finding.status for finding in found} == dict.fromkeys(
        ("licence", "corpus", "images", "disk, images"), "ok"
    )
    assert found[1].what == "mimic-cxr, 12 studies with a report, 12 of them are taken"
    assert found[2].what == "24 of 24 are there"


def test_a_corpus_with_gaps(tmp_path: Path, workspace: Workspace) -> None:
    listed = trees.studies()
    trees.write_corpus(tmp_path / "corpus", [*listed[1:], listed[0]._replace(text=None)])
    trees.image_path(tmp_path / "corpus", listed[3], 0).unlink()
    found = list(corpus.corpus(trees.config(tmp_path / "corpus"), workspace))
    warnings = {finding.check: finding.what for finding in found if finding.status == "warning"}
    assert warnings == {"corpus": "studies without report: 1", "images": "21 of 22 are there"}
    (fetched,) = (finding for finding in found if finding.check == "disk, images to fetch")
    assert "about 0.0 GiB needed" in fetched.what, "one image of 1.5 MB"


def test_fewer_than_half_of_the_images_stop_read_and_so_doctor(tmp_path: Path, workspace: Workspace) -> None:
    trees.write_corpus(tmp_path / "corpus", trees.studies())
    there = sorted((tmp_path / "corpus").rglob("*.jpg"))
    for gone, status in ((len(there) // 2, "warning"), (len(there) // 2 + 1, "failed"), (len(there), "warning")):
        for path in there[:gone]:
            path.unlink(missing_ok=True)
        found = statuses(corpus.corpus(trees.config(tmp_path / "corpus"), workspace))
        assert found["images"] == status, f"{gone} of {len(there)} are missing"


def test_text_only_stops_nothing_unless_images_were_asked_for(tmp_path: Path, workspace: Workspace) -> None:
    trees.write_texts(tmp_path / "corpus", trees.studies())
    trees.write_tables(tmp_path / "corpus", trees.studies())
    without = trees.config(tmp_path / "corpus")
    asked_for = trees.config(tmp_path / "corpus", images=str(tmp_path / "corpus"))
    assert statuses(corpus.corpus(without, workspace))["images"] == "warning"
    assert statuses(corpus.corpus(asked_for, workspace))["images"] == "failed"


def test_no_corpus(tmp_path: Path, workspace: Workspace) -> None:
    found = corpus.corpus(trees.config(tmp_path / "nowhere"), workspace)
    assert next(found).check == "licence"
    # 377,110 images of 1.5 MB, since the whole corpus is taken: as much as PhysioNet states.
    assert "about 526.8 GiB needed" in next(found).what
    with pytest.raises(HubkitError, match="the corpus folder is missing"):
        next(found)


@pytest.mark.parametrize(
    ("days", "status", "what"),
    [
        (0, "ok", "ada to mimic-cxr/2.1.0"),
        (90, "ok", "90 days ago"),
        (91, "failed", "91 days"),
        (-2, "failed", "in the future"),
    ],
)
def test_the_access_check_ages(
    tmp_path: Path, workspace: Workspace, today: datetime.date, days: int, status: str, what: str
) -> None:
    day = today - datetime.timedelta(days=days)
    record = {"date": day.isoformat(), "user": "ada", "project": "mimic-cxr/2.1.0", "url": OFFICIAL}
    write_json(workspace.access_check, record)
    (found,) = corpus.access(trees.config(tmp_path), workspace)
    assert found.status == status
    assert what in found.what


@pytest.mark.parametrize("record", [None, "", "{}", '{"date": "soon"}', "[]"])
def test_no_access_check(tmp_path: Path, workspace: Workspace, record: str | None) -> None:
    if record is not None:
        workspace.access_check.write_text(record)
    (found,) = corpus.access(trees.config(tmp_path), workspace)
    assert (found.status, found.hint) == ("failed", HINT)
    assert not list(corpus.access(trees.config(tmp_path, kind="openi"), workspace))


def test_gemma_is_counted_without_weights(gemma: Path) -> None:
    config = shapes.model_config(str(gemma), None)
    # 4,300,079,472 is what the Hub shows for google/gemma-3-4b-it.
    assert shapes.parameters(config) == 4_300_079_472
    model = shapes.on_meta(config)
    assert shapes.weight_bytes(model, "bf16") == 2 * 4_300_079_472
    # In NF4: 3.2 G parameters of linear layers at 0.516 bytes, the embedding, the vision tower and norms in bf16.
    assert shapes.weight_bytes(model, "nf4") == pytest.approx(3.85e9, rel=0.02)


def test_memory_is_compared_with_what_there_is(gemma: Path, workspace: Workspace) -> None:
    encoder = {"model": str(gemma / "missing"), "layer": 12}
    values = {"model": str(gemma), "device": "cpu"}
    config = parse_config(
        {
            "translation": {"engine": "openai"},
            "finetuning": values,
            "generation": {"device": "cpu"},
            "scoring": {"bertimbau": encoder, "xlm_roberta": encoder},
        }
    )
    found = {finding.check: finding for finding in memory.memory(config, workspace)}
    assert set(found) == {"memory, finetune", "memory, generate", "memory, score"}
    assert found["memory, finetune"].status in ("warning", "failed")
    assert "3.6 of weights" in found["memory, finetune"].what
    assert found["memory, score"].status == "warning"
    assert "cannot be fetched" in found["memory, score"].what


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"trainer": {"nonsense": 1}}, "[finetuning.trainer] nonsense: SFTConfig has no such key"),
        ({"trainer": {"lr_scheduler_kwargs": {"nope": 1}}}, "unexpected keyword argument 'nope'"),
        ({"schedule": "downhill"}, "downhill is not a valid SchedulerType"),
        ({"sweep": {"model": ["x"]}}, "[finetuning.sweep] model: cannot be swept"),
    ],
)
def test_settings_that_no_trainer_takes(workspace: Workspace, table: dict[str, object], said: str) -> None:
    with pytest.raises(HubkitError, match=re.escape(said)):
        list(training.training(parse_config({"finetuning": table}), workspace))


def test_settings_that_a_trainer_takes(workspace: Workspace) -> None:
    sound = parse_config({"finetuning": {"trainer": {"weight_decay": 0.1}, "sweep": {"r": [4, 8]}}})
    assert statuses(training.training(sound, workspace)) == {"training": "ok"}


def test_modules_that_the_base_does_not_have(gemma: Path, workspace: Workspace) -> None:
    config = parse_config({"finetuning": {"model": str(gemma), "target_modules": ["xyz"]}})
    with pytest.raises(HubkitError, match=r"Target modules \{'xyz'\} not found"):
        list(needs.finetune(config, shapes.device_of("cpu")))


def test_weights_are_what_a_loaded_model_takes(vision_model: Path) -> None:
    from hubkit.models.loading import load_vision_model

    loaded = load_vision_model(str(vision_model), None, "fp32", "cpu").model
    counted = shapes.weight_bytes(shapes.on_meta(shapes.model_config(str(vision_model), None)), "fp32")
    assert counted == loaded.get_memory_footprint(return_buffers=False)


def release(hub_models: str, **tables: dict[str, object]) -> ReleaseConfig:
    encoder = {"model": hub_models, "layer": 1}
    return parse_config(
        {
            "translation": {"engine": "openai"},
            "finetuning": {"model": hub_models},
            "scoring": {"bertimbau": encoder, "xlm_roberta": encoder},
            "hub": {"namespace": "maintainer"},
            **tables,
        }
    )


def test_the_account_on_the_hub(local_hub: LocalHub, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert statuses(hub.account(release("a/b"), workspace)) == {"Hub account": "ok"}
    elsewhere = release("a/b", hub={"namespace": "somebody"})
    assert statuses(hub.account(elsewhere, workspace)) == {"Hub account": "ok", "Hub namespace": "failed"}
    monkeypatch.delenv("HUBKIT_UNGRANTED_TOKEN")
    assert statuses(hub.account(release("a/b"), workspace)) == {"Hub account": "ok", "Hub gate": "failed"}
    monkeypatch.setenv("HF_TOKEN", "hf_unknown")
    (found,) = hub.account(release("a/b"), workspace)
    assert (found.status, "hf_unknown" in found.line()) == ("failed", False)


@pytest.mark.parametrize(
    ("space", "scopes", "second", "check", "words"),
    [
        ("static", None, None, "Hub token", "the token of maintainer may only read"),
        (
            "static",
            Scopes(granted={"maintainer": ["repo.content.read"]}, gated=True),
            None,
            "Hub token",
            "no write access",
        ),
        ("gradio", Scopes(granted={"maintainer": ["repo.write"]}, gated=True), None, "Hub token", "has a free account"),
        (
            "static",
            Scopes(granted={"maintainer": ["repo.write"]}, gated=True),
            False,
            "Hub gate",
            "may not read gated repos",
        ),
    ],
)
def test_doctor_and_push_have_the_same_words(
    local_hub: LocalHub,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    space: str,
    scopes: Scopes | None,
    second: bool | None,
    check: str,
    words: str,
) -> None:
    accounts = Accounts(local_hub.root)
    role = "read" if scopes is None else "write"
    monkeypatch.setenv("HF_TOKEN", accounts.mint("maintainer", role, scopes=scopes))
    if second is not None:
        monkeypatch.setenv("HUBKIT_UNGRANTED_TOKEN", accounts.mint("outsider", scopes=Scopes(second, {})))
    config = release("a/b", hub={"namespace": "maintainer", "space": space})
    with pytest.raises(HubkitError, match=words) as refused:
        check_identity(config, connect())
        check_outsider(config, connect(), ungranted_token(None))
    found = [finding for finding in hub.account(config, workspace) if finding.status == "failed"]
    assert [(finding.check, finding.line()) for finding in found] == [(check, f"failed   {check}: {refused.value}")]


def test_gated_base_models(local_hub: LocalHub, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import HfApi

    api = HfApi(endpoint=local_hub.url, token=local_hub.tokens["owner"])
    api.create_repo("maintainer/base")
    api.update_repo_settings("maintainer/base", gated="manual")
    assert statuses(hub.models(release("maintainer/base"), workspace)) == {
        "model for finetune, generate": "ok",
        "model for score": "ok",
        # This Hub has no model of that name; the server may have it all the same.
        "model for the translation server": "warning",
    }
    monkeypatch.setenv("HF_TOKEN", local_hub.tokens["ungranted"])
    found = list(hub.models(release("maintainer/base"), workspace))
    assert [finding.status for finding in found] == ["failed", "failed", "failed", "warning"]
    assert found[0].hint == f"accept its licence: {local_hub.url}/maintainer/base"
    assert statuses(hub.models(release("maintainer/none"), workspace))["model for score"] == "failed"


def test_a_hub_that_does_not_answer(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_TOKEN", "hf_any")
    assert statuses(hub.account(release("a/b"), workspace)) == {"Hub account": "failed"}
    assert set(statuses(hub.models(release("a/b"), workspace)).values()) == {"failed"}


@pytest.mark.parametrize(
    ("kind", "endpoint", "consent", "status"),
    [
        # An address on loopback may be a tunnel; a Hub that hubkit started is another matter.
        ("mimic-cxr", "http://127.0.0.1:9", False, "failed"),
        ("mimic-cxr", "own", False, "ok"),
        ("mimic-cxr", "http://192.0.2.1", False, "failed"),
        ("mimic-cxr", "http://192.0.2.1", True, "ok"),
        ("openi", "http://127.0.0.1:9", False, "failed"),
        ("openi", "own", False, "ok"),
        ("openi", "http://192.0.2.1", True, "failed"),
    ],
)
def test_terms(
    workspace: Workspace,
    local_hub: LocalHub,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    endpoint: str,
    consent: bool,
    status: str,
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", local_hub.url if endpoint == "own" else endpoint)
    word = {"physionet_consent": {"who": "PhysioNet", "when": "2026-01-01", "what": "a gated repo"}} if consent else {}
    (found,) = hub.terms(parse_config({"corpus": {"kind": kind}, "hub": word}), workspace)
    assert found.status == status


@pytest.mark.parametrize(
    ("folder", "card", "status"),
    [
        ("base", "Trained on MIMIC-CXR and others.", "warning"),
        ("base", "Trained on web text.", "ok"),
        ("base", None, "warning"),
        ("medgemma-4b-it", "Says nothing.", "warning"),
    ],
)
def test_training_data(tmp_path: Path, workspace: Workspace, folder: str, card: str | None, status: str) -> None:
    (tmp_path / folder).mkdir()
    if card is not None:
        (tmp_path / folder / "README.md").write_text(card)
    (found,) = hub.training_data(release(str(tmp_path / folder)), workspace)
    assert found.status == status


def test_packages_and_disk(gemma: Path, workspace: Workspace) -> None:
    assert statuses(machine.packages(release("a/b"), workspace)) == {"packages": "ok"}
    assert statuses(machine.disk(release(str(gemma)), workspace)) == {
        "disk, tables and adapter": "ok",
        "disk, models": "ok",
    }
    assert machine.room("disk", workspace.root / "not/yet", 2**60).status == "failed"


def test_without_a_word_list_the_checks_know_fewer_errors(workspace: Workspace) -> None:
    (found,) = machine.words(release("a/b"), workspace)
    assert (found.check, found.status) == ("word list", "warning")
    assert "hunspell" in found.what


def test_the_command_line(gemma: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    settings = tmp_path / "hubkit.toml"
    settings.write_text(
        f'[corpus]\nroot = "nowhere"\n[translation]\nengine = "openai"\n[finetuning]\nmodel = "{gemma}"\n'
        f'[scoring]\nbertimbau = {{model = "{gemma}", layer = 1}}\nxlm_roberta = {{model = "{gemma}", layer = 1}}\n'
    )
    arguments = ["doctor", "--config", str(settings), "--workspace", str(tmp_path / "work")]
    told = CliRunner().invoke(cli, [*arguments, "--json"], catch_exceptions=False)
    assert told.exit_code == 1
    findings = [json.loads(line) for line in told.stdout.splitlines() if line.startswith("{")]
    assert all(finding.keys() == {"check", "status", "what", "hint"} for finding in findings)
    by_check = {finding["check"]: finding for finding in findings}
    assert by_check["corpus"]["status"] == "failed"
    assert by_check["corpus"]["hint"] == "set [corpus] root, or run: hubkit fetch"
    assert by_check["packages"]["status"] == "ok"
    assert by_check["training"]["status"] == "ok"
