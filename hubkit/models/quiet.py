"""Keep the libraries' own chatter out of what hubkit prints."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator

CHATTY = (
    "bitsandbytes",
    "kernels",
    "peft",
    "transformers.integrations.hub_kernels",
    "transformers.trainer",
    "transformers.trainer_utils",
)
"""Loggers that advise those who develop with a library: which kernels to install, which arguments are old."""

LOADING_REPORT = "transformers.utils.loading_report"
"""Lists weights that a model lacks or has no use for. An encoder is loaded without its head, so that this is expected
of it; of any other model it is worth reading."""


@contextlib.contextmanager
def quiet(*also: str) -> Iterator[None]:
    """Hide the bars of transformers, deprecation warnings, and advice that libraries address to one another.

    Args:
        also: further loggers of which only errors are shown.
    """
    from transformers.utils import logging as transformers_logging

    levels = {name: logging.getLogger(name).level for name in (*CHATTY, *also)}
    bars = transformers_logging.is_progress_bar_enabled()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        for name in levels:
            logging.getLogger(name).setLevel(logging.ERROR)
        # On a terminal too: they would be drawn into hubkit's own bar.
        transformers_logging.disable_progress_bar()
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
            if bars:
                transformers_logging.enable_progress_bar()
