"""A model is loaded at the commit that is asked for, and that commit is recorded: its repo has a later one.

The later commit has other weights, another tokenizer and a configuration that does not fit, so that each file shows
where it came from. Folders have no commits: this takes a Hub.
"""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from huggingface_hub import HfApi, constants
from loopback import hub, point_clients
from safetensors.torch import load_file, save_file
from tiny_vision import build_tokenizer, fill_workspace, tiny_config

from hubkit.config import ReleaseConfig, Translation, parse_config
from hubkit.errors import HubkitError, UsageError
from hubkit.finetuning.finetune import finetune
from hubkit.generation.generate import Conditions
from hubkit.localhub import LocalHub
from hubkit.models.loading import commit_of, load_language_model, load_vision_model
from hubkit.published import published
from hubkit.scoring.bertscore import setup_scores
from hubkit.scoring.inputs import Evaluation
from hubkit.translation.engines import open_engine
from hubkit.workspace import Workspace

sys.path.insert(0, str(Path(__file__).parent / "bertscore_ptbr"))  # tiny_encoders

__all__ = ["hub"]


class Repo(NamedTuple):
    """A repo of two commits, the first of which has the tag `first`; `folder` is what the first holds."""

    name: str
    first: str
    later: str
    folder: Path

    def weight(self, model: Any) -> float:
        """By how much the weights of `model` are those of the first commit."""
        stored = load_file(self.folder / "model.safetensors")
        name, ours = next(iter(model.state_dict().items()))
        (theirs,) = [value for key, value in stored.items() if key.endswith(name) or name.endswith(key)]
        # Padding is 0 / 0.
        return float((ours.float() / theirs.float()).nanmean())


@pytest.fixture(scope="module")
def clients(hub: LocalHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HfApi]:
    """The Hub's clients of this process, which read at import where the Hub is, on the Hub on loopback."""
    home = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("HF_ENDPOINT", hub.url)
        patched.setenv("HF_TOKEN", hub.tokens["owner"])
        patched.setattr(constants, "HF_HUB_CACHE", str(home))
        point_clients(patched, hub.url)
        yield HfApi()


def publish(api: HfApi, name: str, folder: Path, misfit: dict[str, Any]) -> Repo:
    """Put `folder` on the Hub, then a commit with half the weights, another tokenizer and `misfit` in its config."""
    repo = api.create_repo(f"maintainer/{name}").repo_id
    _set(folder / "tokenizer_config.json", {"edition": "first"})
    first = api.upload_folder(repo_id=repo, folder_path=folder).oid
    api.create_tag(repo, tag="first", revision=first)
    later = shutil.copytree(folder, folder.with_name(f"{folder.name}-later"))
    halved = {key: value / 2 for key, value in load_file(later / "model.safetensors").items()}
    save_file(halved, later / "model.safetensors", metadata={"format": "pt"})
    _set(later / "tokenizer_config.json", {"edition": "later"})
    _set(later / "config.json", misfit)
    return Repo(repo, first, api.upload_folder(repo_id=repo, folder_path=later).oid, folder)


def _set(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.fixture(scope="module")
def vision(clients: HfApi, vision_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    folder = shutil.copytree(vision_model, tmp_path_factory.mktemp("repos") / "vision")
    return publish(clients, "vision", folder, {"image_token_index": 3})


@pytest.fixture(scope="module")
def bert(clients: HfApi, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    from tiny_encoders import save_bert

    folder = save_bert(tmp_path_factory.mktemp("repos") / "bert")
    return publish(clients, "bert", folder, {"num_hidden_layers": 2})


@pytest.fixture(scope="module")
def language(clients: HfApi, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    from transformers import LlamaConfig, LlamaForCausalLM

    folder, tokenizer = tmp_path_factory.mktemp("repos") / "language", build_tokenizer()
    tokenizer.chat_template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    tokenizer.save_pretrained(folder)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1}
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **sizes)).save_pretrained(folder)
    return publish(clients, "language", folder, {"edition": "later"})


def edition(tokenizer: Any) -> str:
    return tokenizer.init_kwargs["edition"]


@pytest.mark.parametrize("revision", ["commit", "tag", None])
def test_a_language_model(language: Repo, revision: str | None) -> None:
    wanted = {"commit": language.first, "tag": "first", None: None}[revision]
    model, tokenizer = load_language_model(language.name, wanted, "fp32", "cpu")
    assert language.weight(model) == pytest.approx(0.5 if revision is None else 1)
    assert getattr(model.config, "edition", "first") == edition(tokenizer) == ("first" if revision else "later")
    assert commit_of(language.name, wanted) == (language.first if revision else language.later)


def test_a_vision_model(vision: Repo) -> None:
    model, processor = load_vision_model(vision.name, vision.first, "fp32", "cpu")
    assert vision.weight(model) == pytest.approx(1)
    assert edition(processor.tokenizer) == "first"
    with pytest.raises(UsageError, match="no image token"):
        load_vision_model(vision.name, None, "fp32", "cpu")


def test_a_revision_that_is_not_there(language: Repo) -> None:
    for load in (
        lambda: load_language_model(language.name, "no", "fp32", "cpu"),
        lambda: commit_of(language.name, "no"),
    ):
        with pytest.raises(HubkitError, match=f"^{language.name}@no: has no such revision"):
            load()


def test_an_engine_translates_with_the_commit_that_it_names(language: Repo) -> None:
    settings = Translation(model=language.name, revision="first", quantization="fp32", device="cpu")
    with open_engine(settings) as engine:
        assert engine.revision == language.first
        assert language.weight(engine.model) == pytest.approx(1)
        assert edition(engine.tokenizer) == "first"


def test_the_encoder_of_the_metric(bert: Repo) -> None:
    import evaluate

    metric = evaluate.load(str(published("bertscore_ptbr") / "bertscore_ptbr.py"))
    encoder = importlib.import_module(type(metric).__module__).Encoder(bert.name, 3, "first", "cpu")
    assert bert.weight(encoder.model) == pytest.approx(1)
    assert edition(encoder.tokenizer) == "first"
    assert encoder.signature == f"model:{bert.name}|revision:{bert.first}|layer:3"


def test_scores_are_those_of_the_commit_in_the_signature(bert: Repo, tmp_path: Path) -> None:
    pairs = {"generated": {"lora": ["Há derrame pleural."]}, "references": ["Sem derrame pleural à direita."]}
    evaluation = Evaluation(np.array([1]), np.array([1]), originals=["x"], labels=[{}], **pairs)
    found = []
    for number, encoder in enumerate(({"model": bert.name, "revision": "first"}, {"model": str(bert.folder)})):
        scoring = {"bertimbau": {**encoder, "layer": 2}, "device": "cpu"}
        running = Workspace(tmp_path).running("score", str(number))
        found.append(setup_scores(parse_config({"scoring": scoring}), running, "bertimbau", evaluation))
    np.testing.assert_array_equal(found[0].scores["lora"], found[1].scores["lora"])
    assert f"|revision:{bert.first}|" in f"|{found[0].signature}|"
    assert "|revision:local|" in found[1].signature


@pytest.fixture(scope="module")
def trained(vision: Repo, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = fill_workspace(tmp_path_factory.mktemp("trained"), train=1, validate=0, test=1)
    finetune(config_of(vision, "first"), workspace.running("finetune", "key"))
    return workspace


def config_of(vision: Repo, revision: str | None) -> ReleaseConfig:
    return tiny_config(Path(vision.name), revision=revision, quantization="fp32", epochs=1, gradient_accumulation=1)


def test_an_adapter_names_the_commit_that_it_was_trained_on(vision: Repo, trained: Workspace) -> None:
    settings = json.loads((trained.adapter / "adapter_config.json").read_text())
    assert (settings["base_model_name_or_path"], settings["revision"]) == (vision.name, vision.first)
    recipe = json.loads((trained.adapter / "hubkit_generation.json").read_text())
    assert recipe["base_model"] == {"name": vision.name, "revision": vision.first}


@pytest.mark.parametrize("condition", ["zero_shot", "lora"])
def test_reports_are_generated_with_the_base_of_the_adapter(vision: Repo, trained: Workspace, condition: str) -> None:
    """Whatever the configuration names now: the repo's main branch has moved since."""
    model, processor = Conditions(config_of(vision, None), trained).model(condition)
    base = model.get_base_model() if condition == "lora" else model
    assert vision.weight(base) == pytest.approx(1)
    assert edition(processor.tokenizer) == "first"
