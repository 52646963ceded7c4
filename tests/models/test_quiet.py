"""What libraries say while a model is loaded does not come through; what hubkit says does."""

from __future__ import annotations

import logging
import sys
import warnings

import pytest
from transformers.utils import logging as transformers_logging

from hubkit.demo.config import MODELS
from hubkit.models.loading import load_language_model, load_vision_model
from hubkit.models.quiet import CHATTY, LOADING_REPORT, quiet


@pytest.mark.parametrize(("load", "name"), [(load_language_model, "translator"), (load_vision_model, "vision")])
def test_loading_a_model_says_nothing(load, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    transformers_logging.enable_progress_bar()
    load(str(MODELS[name]), None, "fp32", "cpu")
    assert capfd.readouterr() == ("", "")


def test_chatter_is_hidden_and_comes_back(capfd: pytest.CaptureFixture[str]) -> None:
    transformers_logging.enable_progress_bar()
    before = {name: logging.getLogger(name).level for name in (*CHATTY, LOADING_REPORT)}
    with quiet(LOADING_REPORT):
        for name in before:
            logging.getLogger(name).warning("install these kernels")
        list(transformers_logging.tqdm(range(3), desc="Loading weights"))
        warnings.warn("is deprecated", FutureWarning, stacklevel=1)
        assert capfd.readouterr() == ("", "")
        logging.getLogger(CHATTY[0]).error("out of memory")
        print("hubkit speaks", file=sys.stderr)
    said = capfd.readouterr().err
    assert "hubkit speaks" in said
    assert {name: logging.getLogger(name).level for name in before} == before
    list(transformers_logging.tqdm(range(3), desc="Loading weights"))
    assert "Loading weights" in capfd.readouterr().err


def test_bars_that_were_off_stay_off() -> None:
    transformers_logging.disable_progress_bar()
    try:
        with quiet():
            pass
        assert not transformers_logging.is_progress_bar_enabled()
    finally:
        transformers_logging.enable_progress_bar()
