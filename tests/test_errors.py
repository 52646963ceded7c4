"""A HubkitError is one line that says what, where and a hint."""

from __future__ import annotations

import pickle

import pytest

from hubkit.errors import HubkitError, UsageError


@pytest.mark.parametrize(
    ("error", "line", "exit_code"),
    [
        (HubkitError("it broke"), "it broke", 1),
        (HubkitError("is missing", where="a.csv"), "a.csv: is missing", 1),
        (UsageError("unknown key", where="hubkit.toml", hint="see docs"), "hubkit.toml: unknown key (see docs)", 2),
    ],
)
def test_an_error_is_one_line_and_survives_another_process(error: HubkitError, line: str, exit_code: int) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (str(error), error.exit_code) == (line, exit_code)
    assert (type(copy), str(copy)) == (type(error), line)
