"""A base that thinks aloud: `generate` publishes no thought, and a reader cuts it in the same way."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_vision import fill_workspace, tiny_config

import hubkit.generation.generate as stage
from hubkit.config import ReleaseConfig
from hubkit.finetuning.finetune import finetune
from hubkit.generation.decoding import _decoded
from hubkit.models.loading import Loaded, load_vision_model
from hubkit.models.thinking import Thinking
from hubkit.report.outcomes import outcome
from hubkit.tables import CONDITIONS
from hubkit.verification import downstream
from hubkit.workspace import Workspace, read_table

START, END, STOP = "<unused94>", "<unused95>", "<end_of_turn>"


@pytest.fixture(scope="module")
def trained(vision_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = fill_workspace(tmp_path_factory.mktemp("thinking"), train=2, validate=1, test=3)
    finetune(
        tiny_config(vision_model, epochs=1, learning_rate=1e-6, quantization="fp32"),
        workspace.running("finetune", "key"),
    )
    return workspace


def chained(words: list[str]) -> Callable[..., Loaded]:
    """Load a model as `generate` does, with MedGemma's markers; it writes `words` after any prompt."""

    def load(*arguments: Any) -> Loaded:
        loaded = load_vision_model(*arguments)
        model, tokenizer = loaded.model, loaded.processor.tokenizer
        tokenizer.add_special_tokens({"additional_special_tokens": [START, END]})
        model.resize_token_embeddings(len(tokenizer))
        prompt = tokenizer("<start_of_turn>model\n", add_special_tokens=False)["input_ids"]
        tokens = [prompt[-1], *(tokenizer.convert_tokens_to_ids(word) for word in words)]
        with torch.no_grad():
            text = model.model.language_model
            for layer in text.layers:
                layer.self_attn.o_proj.weight.zero_()
                layer.mlp.down_proj.weight.zero_()
            states = text.embed_tokens.weight.float()
            head = torch.zeros_like(states)
            for before, after in zip(tokens, [*tokens[1:], tokens[-1]], strict=True):
                head[after] += states[before] / states[before].norm()
            model.lm_head.weight = torch.nn.Parameter(head.to(model.lm_head.weight.dtype))
        return loaded

    return load


def thinking_config(vision_model: Path, limit: int, budget: int) -> ReleaseConfig:
    config = tiny_config(vision_model, quantization="fp32")
    changes = {"max_new_tokens": limit, "thinking_tokens": budget}
    return config.model_copy(update={"generation": config.generation.model_copy(update=changes)})


@pytest.mark.parametrize(
    ("words", "limit", "budget", "text", "reason", "thoughts"),
    [
        ([START, "a", "b", END, "x", "y", STOP], 4, 4, "xy", "stop", (3, 12, 0)),
        ([START, "a", "b", END, "x", "y"], 2, 4, "xy", "length", (3, 12, 0)),
        ([START, "a", "b"], 2, 3, "", "length", (3, 15, 3)),
        ([START, "a", STOP], 4, 4, "", "length", (3, 6, 3)),
        (["x", "y"], 3, 4, "xyy", "length", (0, 0, 0)),
        (["x", "y", STOP], 4, 0, "xy", "stop", (0, 0, 0)),
    ],
)
def test_a_thought_is_cut_counted_and_cut_again_by_a_reader(
    trained: Workspace,
    vision_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    limit: int,
    budget: int,
    text: str,
    reason: str,
    thoughts: tuple[int, int, int],
) -> None:
    config, load = thinking_config(vision_model, limit, budget), chained(words)
    monkeypatch.setattr(stage, "load_vision_model", load)
    stage.generate(
        config, trained.running("generate", hashlib.sha256(f"{words} {limit} {budget}".encode()).hexdigest())
    )
    for condition in CONDITIONS:
        rows = read_table(trained.generations(condition)).to_pylist()
        assert [(row["generated"], row["finish_reason"]) for row in rows] == [(text, reason)] * 3
    recipe = json.loads(trained.decoding.read_text())
    counts = dict(zip(("thoughts", "tokens", "unfinished"), thoughts, strict=True))
    assert recipe["thoughts"] == dict.fromkeys(CONDITIONS, counts)
    assert (recipe["thought_markers"], recipe["thinking_tokens"]) == ([[START, END]], budget)
    assert recipe["generation_config"]["max_new_tokens"] == limit + budget
    said = capsys.readouterr().err
    assert ("thoughts of" in said, "raise [generation] thinking_tokens" in said) == (thoughts[0] > 0, thoughts[2] > 0)
    assert (f"{3 * thoughts[0]} thoughts" in (outcome("generate", trained) or "")) is (thoughts[0] > 0)

    monkeypatch.syspath_prepend(str(Path(downstream.__path__[0])))
    from check_generations import answers
    from PIL import Image

    base = load(str(vision_model), None, config.finetuning.quantization, "cpu")
    images = [[Image.open(trained.images / "image-4-0.jpg").convert("RGB")]] * 2
    asked = {**recipe, "prompt": config.generation.prompt}
    assert answers(base.model, base.processor, images, asked) == [text] * 2


S, E, A, EOS = 94, 95, 5, 1


class Tokenizer:
    def convert_tokens_to_ids(self, token: str) -> int:
        return {START: S, END: E}[token]

    def decode(self, tokens: list[int], skip_special_tokens: bool) -> str:
        return " ".join(str(token) for token in tokens if token not in (0, EOS, S, E))


@given(st.lists(st.sampled_from([S, E, A, 6, EOS]), max_size=16), st.integers(1, 6), st.integers(0, 6))
def test_a_reader_reads_any_tokens_as_generate_does(tokens: list[int], limit: int, budget: int) -> None:
    from types import SimpleNamespace

    path = Path(downstream.__path__[0])
    report = load_report(path)
    tokens = tokens[: limit + budget]
    model = SimpleNamespace(generation_config=SimpleNamespace(eos_token_id=EOS))
    loaded = Loaded(model, SimpleNamespace(tokenizer=Tokenizer()))
    thinking = Thinking(((START, END),), frozenset({S}), frozenset({E}), budget)
    recipe = {
        "thought_markers": [[START, END]],
        "thinking_tokens": budget,
        "generation_config": {"max_new_tokens": limit + budget},
    }
    assert report(Tokenizer(), tokens, recipe) == _decoded(loaded, tokens, thinking, limit)[0]


def test_a_recipe_of_before_has_no_markers() -> None:
    report = load_report(Path(downstream.__path__[0]))
    recipe = {"generation_config": {"max_new_tokens": 3}}
    assert report(Tokenizer(), [S, A, E, 7, EOS], recipe) == "5"


def load_report(folder: Path) -> Callable[..., str]:
    import sys

    sys.path.insert(0, str(folder))
    try:
        from check_generations import report
    finally:
        sys.path.remove(str(folder))
    return report
