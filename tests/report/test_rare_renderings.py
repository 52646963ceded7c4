"""Rare renderings of frequent words: what was planted comes first, and nothing else is found in a steady run."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from hubkit.config import ReleaseConfig
from hubkit.report.page import write_page
from hubkit.report.renderings import rare_renderings
from hubkit.tables import TRANSLATIONS
from hubkit.workspace import Workspace, write_table

NOUNS = {"lungs": "pulmões", "ribs": "costelas", "vessels": "vasos", "airways": "vias", "leads": "eletrodos"}
STATES = {"clear": "limpos", "normal": "normais", "unchanged": "inalterados", "visible": "visíveis"}
PLACES = {"today": "hoje", "bilaterally": "bilateralmente", "centrally": "centralmente"}


def run(planted: dict[str, tuple[str, int]], texts: int = 2000, seed: int = 0) -> Iterator[tuple[int, str, str]]:
    """A run of two sentences a text, in which some words are rendered otherwise so many times."""
    rng, left = random.Random(seed), {word: count for word, (_, count) in planted.items()}

    def word(table: dict[str, str]) -> tuple[str, str]:
        source, target = rng.choice([*table.items()])
        if left.get(source):
            left[source] -= 1
            target = planted[source][0]
        return source, target

    for study in range(texts):
        halves = []
        for _ in range(2):
            noun, state, place = word(NOUNS), word(STATES), word(PLACES)
            english = f"The {noun[0]} are {state[0]} {place[0]}."
            halves.append((english, f"{place[1]}, os {noun[1]} estão {state[1]}.".capitalize()))
        yield study, *(" ".join(half) for half in zip(*halves, strict=True))


def test_planted_renderings_come_first() -> None:
    planted = {"lungs": ("pulgas", 10), "unchanged": ("trocados", 4)}
    found = rare_renderings(run(planted))
    assert [(one.term, one.usual, one.rare, one.times) for one in found] == [
        ("lungs", "pulmões", "pulgas", 10),
        ("unchanged", "inalterados", "trocados", 4),
    ]
    assert all(one.sentences > 500 for one in found)
    # The first of them are in the first texts.
    assert all(one.study_id < 20 for one in found)


def test_a_steady_run_has_none_and_neither_has_what_is_rendered_in_two_ways() -> None:
    assert rare_renderings(run({})) == []
    assert rare_renderings(run({"lungs": ("parênquima", 300)})) == []
    assert rare_renderings([]) == []


@pytest.mark.parametrize("texts", [100, 20])
def test_of_a_word_that_is_not_frequent_nothing_is_rare(texts: int) -> None:
    assert rare_renderings(run({"lungs": ("pulgas", 1)}, texts)) == []


def test_the_same_run_gives_the_same_renderings_in_any_order() -> None:
    rows = [*run({"lungs": ("pulgas", 3), "ribs": ("costas", 3), "clear": ("claros", 2)})]
    once = rare_renderings(rows)
    assert len(once) == 3
    assert rare_renderings(rows) == once
    shuffled = random.Random(1).sample(rows, len(rows))
    assert [one[:5] for one in rare_renderings(shuffled)] == [one[:5] for one in once]
    assert rare_renderings(rows, most=1) == once[:1]


def test_texts_of_other_numbers_of_sentences_are_left_out() -> None:
    rows = [*run({"lungs": ("pulgas", 5)})]
    odd = [(9999, "The lungs are clear today. No effusion.", "Hoje, as pulgas estão limpas.")] * 30
    assert rare_renderings([*rows, *odd]) == rare_renderings(rows)


def test_the_page_shows_them_and_no_row_is_flagged_for_one(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    texts = [*run({"lungs": ("pulgas", 10)}), (5000, "No translation.", None)]
    rows = [
        {"study_id": study, "section": "findings", "source": source, "translation": translation, "status": "ok"}
        for study, source, translation in texts
    ]
    write_table(workspace.translations, pa.Table.from_pylist(rows, TRANSLATIONS))
    before = workspace.translations.read_bytes()
    page = write_page(ReleaseConfig(), workspace).read_text(encoding="utf-8")
    assert '<td>pulmões</td><td>pulgas</td><td class="number">10</td>' in page
    assert "no section is flagged for it" in page
    assert workspace.translations.read_bytes() == before
