"""Where the prompt stands in a request, and whether a model's own chat template takes it there."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from hubkit.config import Translation, parse_config
from hubkit.errors import UsageError
from hubkit.translation.engines import open_engine
from hubkit.translation.engines.base import Answer, Request
from hubkit.translation.engines.chat_template import SAMPLE, check_template
from hubkit.translation.prompt import Prompt

END = "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
TURNS = "{% for m in messages %}<start_of_turn>{{ m.role }}\n{{ m.content | trim }}<end_of_turn>\n{% endfor %}" + END
GEMMA_2 = "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}" + TURNS
DEAF = (
    "{% for m in messages if m.role == 'user' %}<start_of_turn>user\n{{ m.content }}<end_of_turn>\n{% endfor %}" + END
)
# As TranslateGemma's: one user item with the languages, and an instruction of its own.
TRANSLATEGEMMA = (
    "{% if messages[0].role != 'user' %}{{ raise_exception('must start with a user prompt') }}{% endif %}"
    "{% if messages[0].content is string %}{{ raise_exception('User role must provide one item') }}{% endif %}"
    "{% set item = messages[0].content[0] %}<start_of_turn>user\nTranslate from {{ item.source_lang_code }} to "
    "{{ item.target_lang_code }}:\n\n{{ item.text }}<end_of_turn>\n" + END
)

NO_SYSTEM = "takes no system turn"
TAKEN = [
    (TURNS, "system", None),
    (TURNS, "user", None),
    (GEMMA_2, "system", NO_SYSTEM),
    (GEMMA_2, "user", None),
    (DEAF, "system", NO_SYSTEM),
    (DEAF, "user", None),
    (TRANSLATEGEMMA, "system", NO_SYSTEM),
    (TRANSLATEGEMMA, "user", "does not take requests of template 'user'"),
    (TRANSLATEGEMMA, "translategemma", None),
    (GEMMA_2, "translategemma", None),
    (None, "system", "has no chat template"),
]


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_model)


@pytest.mark.parametrize(("template", "setting", "fault"), TAKEN)
def test_a_template_that_does_not_take_the_request_is_told_at_the_start(
    tokenizer: Any, template: str | None, setting: Any, fault: str | None
) -> None:
    tokenizer.chat_template = template
    table = Translation(model="a/model", template=setting)
    if fault is None:
        check_template(tokenizer, table.model, Prompt.of(table))
    else:
        with pytest.raises(UsageError, match=fault):
            check_template(tokenizer, table.model, Prompt.of(table))


def test_the_languages_reach_the_template_of_translategemma(tokenizer: Any) -> None:
    tokenizer.chat_template = TRANSLATEGEMMA
    sample = Prompt.of(Translation(template="translategemma")).messages("findings", SAMPLE)
    written = tokenizer.apply_chat_template(sample, tokenize=False)
    assert written == f"<start_of_turn>user\nTranslate from en to pt-BR:\n\n{SAMPLE}<end_of_turn>\n"


def test_the_engine_in_this_process_answers_through_translategemmas_template(tiny_model: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    folder = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = TRANSLATEGEMMA
    tokenizer.save_pretrained(folder)
    settings = Translation(model=str(folder), quantization="fp32", device="cpu", template="translategemma")
    with open_engine(settings) as engine:
        ((_, answer),) = engine.answer([Request(Prompt.of(settings).messages("findings", SAMPLE), 4)])
        assert isinstance(answer, Answer)
        assert answer.tokens in range(1, 5)
        served = engine.served
        assert (served.model, served.precision, served.revision) == ("model", "fp32", None)
        assert str(served.software).startswith("transformers ")
    with pytest.raises(UsageError, match=NO_SYSTEM):
        open_engine(settings.model_copy(update={"template": "system"}))


def test_the_prompt_stands_before_the_text_in_a_user_turn() -> None:
    table = Translation(template="user", prompt="Traduza.", rules=False)
    assert Prompt.of(table).messages("findings", SAMPLE) == [{"role": "user", "content": f"Traduza.\n\n{SAMPLE}"}]


def test_a_template_changes_the_digest_of_the_prompt_and_the_default_changes_no_stage() -> None:
    tables = [Translation(template=setting) for setting in ("system", "user", "translategemma")]
    assert len({Prompt.of(table).digest() for table in tables}) == 3
    plain, named = (parse_config({"translation": table}) for table in ({}, {"template": "system"}))
    assert plain.digest(("translation",)) == named.digest(("translation",))
    assert plain.digest(("translation",)) != parse_config({"translation": {"template": "user"}}).digest(
        ("translation",)
    )
