"""The script's function scores without `evaluate` and `datasets`, and as the metric does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from forked import exit_code, start

from hubkit.published import published

BOTH = ("evaluate", "datasets")

WITHOUT = """
import importlib.util, json, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("evaluate", "datasets"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
folder, encoder, layer = sys.argv[1:]
sys.path.insert(0, folder)
from bertscore_ptbr import BERTScorePTBR, bertscore

found = bertscore(["Sem derrame.", ""], ["Há derrame.", "Sem edema."], model_type=encoder, num_layers=int(layer))
try:
    BERTScorePTBR()
except ImportError as error:
    found["refused"] = str(error)
print(json.dumps({**found, "loaded": [name for name in ("evaluate", "datasets") if name in sys.modules]}))
"""


def score_without(command: list[str], output: Path, fresh: bool) -> None:
    """Run WITHOUT in a Python of its own, or in a process forked from this one that forgets the two packages."""
    if fresh:
        with output.open("w") as written:
            subprocess.run([sys.executable, "-c", WITHOUT, *command], stdout=written, check=True)
        return

    def forget_and_run() -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] in (*BOTH, "bertscore_ptbr")]:
            del sys.modules[name]
        sys.argv = ["-c", *command]
        exec(WITHOUT, {})

    assert exit_code(start(forget_and_run, output)) == 0, output.read_text()


@pytest.mark.parametrize("fresh", [False, pytest.param(True, marks=pytest.mark.long)])
def test_without_evaluate_it_scores_as_the_metric(
    metric: Any, encoders: dict[str, tuple[str, int]], tmp_path: Path, fresh: bool
) -> None:
    encoder, layer = encoders["bert"]
    score_without([str(published("bertscore_ptbr")), encoder, str(layer)], tmp_path / "output", fresh)
    found = json.loads((tmp_path / "output").read_text().splitlines()[-1])
    texts = {"predictions": ["Sem derrame.", ""], "references": ["Há derrame.", "Sem edema."]}
    expected = metric.compute(**texts, model_type=encoder, num_layers=layer)
    assert found.pop("refused") == "evaluate is not installed: pip install evaluate, or call bertscore()"
    assert found.pop("loaded") == []
    assert found == {**expected, **{name: pytest.approx(expected[name]) for name in ("precision", "recall", "f1")}}


@pytest.mark.parametrize(
    ("predictions", "references", "error"),
    [
        (["a"], [], "there are 1 predictions and 0 references"),
        ("a", ["a"], "predictions is a str, and has to be a list of texts"),
        (["a"], [None], "references[0] is a NoneType, and has to be a str"),
    ],
)
def test_it_refuses_what_the_metric_refuses(predictions: Any, references: Any, error: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(published("bertscore_ptbr")))
        # The folder of the same name may have been imported already, as a package without files.
        patch.delitem(sys.modules, "bertscore_ptbr", raising=False)
        from bertscore_ptbr import bertscore
    with pytest.raises((TypeError, ValueError)) as raised:
        bertscore(predictions, references)
    assert str(raised.value) == error
