"""Files of prompts: what hubkit ships, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubkit.config import Generation
from hubkit.errors import UsageError
from hubkit.sensitivity.prompts import read_prompts

SET_PROMPT = Generation().prompt


def test_five_ship_and_the_two_of_the_study_are_among_them() -> None:
    shipped = read_prompts(None, SET_PROMPT)
    assert len(shipped) == 5
    assert [(prompt.name, prompt.text, prompt.is_set) for prompt in shipped][:2] == [
        ("study-inference", SET_PROMPT, True),
        ("study-training", "Apresente o diagnóstico das imagens de radiografia, em português brasileiro", False),
    ]
    assert all("\n" not in prompt.text and "  " not in prompt.text for prompt in shipped)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('[prompts]\na = "A"\nb = "B"', [("a", False), ("b", True)]),
        ('[prompts]\na = "A"\nc = "C"', [("a", False), ("c", False), ("set", True)]),
    ],
)
def test_the_set_prompt_is_always_among_them(tmp_path: Path, text: str, found: list[tuple[str, bool]]) -> None:
    path = tmp_path / "prompts.toml"
    path.write_text(text, encoding="utf-8")
    assert [(prompt.name, prompt.is_set) for prompt in read_prompts(path, "B")] == found


WRONG = {
    "": "has no prompts",
    "[prompts]": "has no prompts",
    "prompts = 3": "has no prompts",
    "[prompts\n": "is not TOML",
    '[prompts]\na = "A"': "has 1 prompt: to compare takes two",
    '[prompts]\na = "A"\nb = ""': "[prompts] b: has no text",
    '[prompts]\na = "A"\nb = 3': "[prompts] b: has no text",
    '[prompts]\na = "A"\nb = "A"': "[prompts] b: is the text of another prompt",
    '[prompts]\na = "A"\nB = "B"': "[prompts] B: is not a name",
    '[prompts]\na = "A"\n"a name that is far too long" = "B"': "is not a name",
    '[prompts]\na = "A"\nb = "Indicação: {indication}. Faça o laudo."': "nothing fills in {indication}",
    '[prompts]\na = "A"\nb = "Exemplo: <laudo>"': "nothing fills in <laudo>",
    '[prompts]\na = "A"\nset = "C"': "[prompts] set is not the set prompt",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_file_that_cannot_be_used_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "prompts.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as error:
        read_prompts(path, "B")
    assert str(error.value).startswith(f"{path}: ")
    assert WRONG[text] in str(error.value)
    assert "\n" not in str(error.value)
    assert error.value.hint


def test_a_file_that_is_missing_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none.toml: is missing \(set \[sensitivity\] prompts"):
        read_prompts(tmp_path / "none.toml", "B")
    (tmp_path / "latin.toml").write_bytes('[prompts]\na = "Dê"'.encode("latin-1"))
    with pytest.raises(UsageError, match=r"latin.toml: cannot be read: .*UTF-8"):
        read_prompts(tmp_path / "latin.toml", "B")
