"""Processes that `generate` starts."""

from __future__ import annotations


def test_a_process_that_is_started_runs_no_command_of_its_own() -> None:
    """A spawned process imports the main module of its parent under another name: no command may start there."""
    import runpy

    runpy.run_module("hubkit", run_name="__mp_main__")
