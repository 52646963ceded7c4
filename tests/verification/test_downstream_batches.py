"""Which batches a reader generates again."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubkit.verification import downstream

IMAGES = {1: ["a"], 2: ["b"], 3: ["c"], 4: ["d"], 5: ["e", "f"]}


@pytest.mark.parametrize(
    ("others", "sample", "missing", "taken"),
    [
        ([], 9, "", [[1, 2], [3, 4], [5]]),
        ([], 2, "", [[1, 2]]),
        ([], 3, "", [[1, 2], [3, 4]]),
        ([], 9, "b", [[3, 4], [5]]),
        ([[1], [2]], 9, "", [[3, 4], [5], [1], [2]]),
        ([[1], [2]], 9, "b", [[3, 4], [5], [1]]),
    ],
)
def test_batches_are_those_of_the_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, others: list[list[int]], sample: int, missing: str, taken: list
) -> None:
    monkeypatch.syspath_prepend(str(Path(downstream.__path__[0])))
    from check_generations import batches

    for name in {name for names in IMAGES.values() for name in names} - {missing}:
        (tmp_path / name).touch()
    assert batches(IMAGES, 2, others, sample, tmp_path) == taken
