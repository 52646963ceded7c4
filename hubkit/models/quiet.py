"""Keep the libraries' own chatter out of what hubkit prints."""

from __future__ import annotations

import contextlib
import logging
import sys
import warnings
from collections.abc import Iterator

CHATTY = ("bitsandbytes", "transformers.trainer", "transformers.trainer_utils", "peft")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hide deprecation warnings that libraries address to one another, and progress bars where there is no terminal."""
    from transformers.utils import logging as transformers_logging

    levels = {name: logging.getLogger(name).level for name in CHATTY}
    bars = transformers_logging.is_progress_bar_enabled()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        for name in CHATTY:
            logging.getLogger(name).setLevel(logging.ERROR)
        if not sys.stderr.isatty():
            transformers_logging.disable_progress_bar()
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
            if bars:
                transformers_logging.enable_progress_bar()
