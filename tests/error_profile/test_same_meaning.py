"""Ways to say the same of a finding or organ have no error against each other, and one against a normal report."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from hubkit.error_profile.profile import profile

BLOCKS = [
    [line for line in block.splitlines() if not line.startswith("#")]
    for block in Path(__file__).with_name("same_meaning.txt").read_text(encoding="utf-8").split("\n\n")
    if not block.startswith("#")
]

KINDS = {block[0]: block for block in BLOCKS}


def test_the_blocks_are_whole() -> None:
    assert len(BLOCKS) == len(KINDS) == 72
    assert all(len(block) > 3 and len({*block}) == len(block) for block in BLOCKS)


@pytest.mark.parametrize("first", KINDS)
def test_ways_to_say_the_same_have_no_error(first: str) -> None:
    pairs = itertools.permutations(KINDS[first], 2)
    assert [pair for pair in pairs if profile(*pair)] == []


NORMAL = ("Coração de tamanho normal.", "Pulmões limpos.", "Seios costofrênicos livres.", "Sem pneumotórax.")


@pytest.mark.parametrize(
    "first",
    [
        "Cardiomegalia.",
        "Volumoso derrame pleural à esquerda.",
        "Volumoso pneumotórax à direita.",
        "Consolidação no lobo inferior direito.",
        "Fratura da clavícula esquerda.",
        "Massa no hilo esquerdo.",
        "Edema pulmonar.",
        "Pneumoperitônio.",
        "Enfisema subcutâneo à direita.",
        "Cavitação no lobo superior direito.",
        "Dreno torácico à direita.",
        "Linfonodomegalias hilares.",
        "PICC à esquerda com ponta na junção cavoatrial.",
        "Possível pneumonia no lobo inferior esquerdo.",
    ],
)
def test_each_way_is_missed_where_a_report_is_normal(first: str) -> None:
    """No way to say it is read as nothing, and none is answered by normal organs."""
    assert [one for one in KINDS[first] if not profile(one, " ".join(NORMAL))] == []
