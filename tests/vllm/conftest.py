"""A real vLLM for the session, and the fixtures of the tests of translation."""

from __future__ import annotations

import http.client
import importlib.util
import socket
import sys
from pathlib import Path

import pytest
from started import Run
from vllm_server import DEMO, ENVIRONMENT, HOME, START_SECONDS, VLLM, members_of, server_of, wait_until

from hubkit.demo.corpus import sample_studies
from hubkit.translation.engines.private_http import Client

TRANSLATION = Path(__file__).parents[1] / "translation"
sys.path.append(str(TRANSLATION))

_spec = importlib.util.spec_from_file_location("translation_fixtures", TRANSLATION / "conftest.py")
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
make_workspace = _module.make_workspace

RUN = """
import sys
from hubkit.cli import main
sys.argv = ["hubkit", "translate", "--config", sys.argv[1], "--workspace", sys.argv[2]]
main()
"""


@pytest.fixture(scope="session", autouse=True)
def environment(tmp_path_factory):
    if not (HOME / ".ready").exists():
        pytest.fail("vLLM is missing: make vllm installs it")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.setenv("HF_HOME", str(tmp_path_factory.mktemp("hf")))
        yield


@pytest.fixture(scope="session")
def start_vllm(environment, tmp_path_factory):
    """A function that starts a server and waits until it is healthy."""
    started = []

    def start(context=1024, port=None):
        port = port or free_port()
        log = tmp_path_factory.mktemp("vllm") / "server.log"
        started.append(server := VLLM(port, log, context))
        client = Client(server.url)

        def healthy():
            assert server.process.poll() is None, log.read_text()[-2000:]
            try:
                return client.request("GET", "//health").status == 200
            except (OSError, http.client.HTTPException):
                return False

        wait_until(healthy, "vLLM is healthy")
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def server(start_vllm):
    return start_vllm()


@pytest.fixture(scope="session")
def demo_studies():
    """The sections of all studies of the demo: 1,066."""
    return [{section.name: section.source for section in study.report.sections} for study in sample_studies(300, 0)]


class ServedRun(Run):
    """A hubkit in a process of its own, which starts a vLLM or asks one."""

    def until(self, condition, what):
        """Wait until `condition()` is true while hubkit runs, and return what it is."""

        def holds():
            found = condition()
            assert found or self.process.poll() is None, self.output
            return found

        return wait_until(holds, what)

    def server(self):
        """The process group of the server that it started, once there is one."""
        return self.until(lambda: server_of(self.process.pid), "hubkit starts vLLM")


@pytest.fixture
def hubkit(tmp_path):
    """A function that starts `hubkit translate` on a workspace: by a server, or with the model in its process."""
    runs = []

    def start(workspace, **settings):
        engine = {"model": str(DEMO)} if not settings else {"engine": "openai", "model": "demo", **settings}
        settings = {
            "quantization": "fp32",
            "device": "cpu",
            "checkpoint": 64,
            "flagged": "publish",
            "max_flagged": 1.0,
            **engine,
        }
        lines = [
            f"{name} = {str(value).lower() if isinstance(value, bool) else repr(value)}"
            for name, value in settings.items()
        ]
        toml, script = tmp_path / f"run-{len(runs)}.toml", tmp_path / "run.py"
        toml.write_text(
            '[corpus]\nkind = "demo"\n[translation]\nrules = false\nmax_new_tokens = 256\nbatch_tokens = 8192\n'
            + "\n".join(lines)
        )
        script.write_text(RUN)
        command = [sys.executable, str(script), str(toml), str(workspace.root)]
        runs.append(ServedRun(command, tmp_path / f"run-{len(runs)}.log", 2 * START_SECONDS))
        return runs[-1]

    yield start
    for run in runs:
        group = server_of(run.process.pid)
        if run.process.poll() is None:
            run.process.kill()
            run.process.wait()
        if group:
            wait_until(lambda group=group: not members_of(group), "the server goes with its hubkit", 60)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
