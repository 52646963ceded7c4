"""Two raylets on loopback for each test, and the fixtures of the tests of translation."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from raylets import kill
from started import Run

TRANSLATION = Path(__file__).parents[1] / "translation"
sys.path.append(str(TRANSLATION))

_spec = importlib.util.spec_from_file_location("translation_fixtures", TRANSLATION / "conftest.py")
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
make_workspace, studies, moody = _module.make_workspace, _module.studies, _module.moody

RUN = """
import sys
from hubkit.cli import main
sys.argv = ["hubkit", "translate", "--config", sys.argv[1], "--workspace", sys.argv[2]]
main()
"""


class Raylets(NamedTuple):
    """The address of the head, and the pids of both: of the head those of its other servers as well."""

    address: str
    head: list[int]
    second: list[int]


@pytest.fixture
def environment(monkeypatch, tmp_path_factory):
    """Loopback alone, a token of its own, files in a short path (sockets allow no long one), and no report of use."""
    home = tmp_path_factory.mktemp("ray")
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "a token of this test alone, and long enough")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    # A node that is lost is noticed after seconds and not half a minute, a head after ten and not sixty.
    monkeypatch.setenv("RAY_health_check_period_ms", "1000")
    monkeypatch.setenv("RAY_health_check_failure_threshold", "3")
    monkeypatch.setenv("RAY_gcs_rpc_server_reconnect_timeout_s", "10")


@pytest.fixture
def raylets(environment):
    command = [sys.executable, str(Path(__file__).with_name("raylets.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        line = next((line for line in started.stdout if line.startswith("{")), "")
        assert line, "Ray started"
        found = Raylets(**json.loads(line))
        yield found
        started.stdin.close()
        try:
            started.wait(30)
        except subprocess.TimeoutExpired:
            started.kill()
        kill([*found.second, *found.head])


@pytest.fixture
def hubkit(environment, tmp_path, moody):
    """A function that starts `hubkit translate` on a workspace: 4 tasks on Ray, or one here."""
    runs = []

    def start(workspace, executor="ray", address=None):
        toml, script, tasks = tmp_path / f"{executor}.toml", tmp_path / "run.py", 4 if executor == "ray" else 1
        toml.write_text(
            '[corpus]\nkind = "demo"\n[translation]\nengine = "openai"\nmodel = "capitals"\ncheckpoint = 1\n'
            f'base_url = "http://127.0.0.1:{moody.server_port}/v1"\nexecutor = "{executor}"\n'
            f"tasks = {tasks}\nworkers = {tasks}\n[translation.ray]\ncpus_per_task = 1\nmem_per_cpu_gb = 0.2\n"
        )
        script.write_text(RUN)
        if address is not None:
            os.environ["RAY_ADDRESS"] = address
        else:
            os.environ.pop("RAY_ADDRESS", None)
        command = [sys.executable, str(script), str(toml), str(workspace.root)]
        runs.append(Run(command, tmp_path / f"run-{len(runs)}.log"))
        return runs[-1]

    yield start
    os.environ.pop("RAY_ADDRESS", None)
    kill([run.process.pid for run in runs])
