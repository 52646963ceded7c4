from __future__ import annotations

import pytest
from tiny_encoders import save_bert, save_xlm_roberta

from hubkit.published import published


@pytest.fixture(scope="session")
def encoders(tmp_path_factory):
    """Folders of tiny encoders by name, with the layer to use."""
    home = tmp_path_factory.mktemp("encoders")
    return {
        "bert": (str(save_bert(home / "bert")), 3),
        "xlm-roberta": (str(save_xlm_roberta(home / "xlm-roberta")), 2),
        "no length": (str(save_bert(home / "no-length", knows_length=False)), 4),
    }


@pytest.fixture(scope="session")
def metric():
    """The metric as a stock `evaluate` loads it."""
    import evaluate

    return evaluate.load(str(published("bertscore_ptbr") / "bertscore_ptbr.py"))
