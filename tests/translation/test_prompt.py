from __future__ import annotations

import pytest

from hubkit.config import Translation
from hubkit.tables import SECTIONS
from hubkit.translation.prompt import RULES, Prompt

TEXT = "No focal opacity.\nHeart is 12.5 cm wide. ___"


@pytest.mark.parametrize("section", [*SECTIONS, "report"])
def test_the_user_message_is_the_text_alone(section):
    system, user = Prompt.of(Translation()).messages(section, TEXT)
    assert system == {"role": "system", "content": f"{Translation().prompt}\n{RULES}"}
    assert user == {"role": "user", "content": TEXT}


def test_the_rules_can_be_left_out_as_in_the_original_study():
    system, _ = Prompt.of(Translation(rules=False)).messages("findings", TEXT)
    assert system["content"] == "Você é um assistente médico que traduz relatórios de raio-x para o português."


def test_context_and_finding_stand_between_the_shared_part_and_the_text():
    plain = Prompt.of(Translation()).messages("findings", TEXT)
    asked = Prompt.of(Translation()).messages("findings", TEXT, context="Cough.", finding="negação acrescentada")
    assert asked[0] == plain[0]
    content = asked[1]["content"]
    assert content.endswith(TEXT)
    assert content.index("Cough.") < content.index("negação acrescentada") < content.index("ACHADOS")


def test_the_digest_follows_the_prompt():
    digests = {Prompt.of(Translation(**change)).digest() for change in ({}, {"rules": False}, {"prompt": "Traduza."})}
    assert len(digests) == 3
    assert Prompt.of(Translation(model="other")).digest() == Prompt.of(Translation()).digest()
