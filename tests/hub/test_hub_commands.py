"""`hubkit hub serve` and `hubkit push --dry-run`, as programs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from huggingface_hub import HfApi
from loopback import forked_hub
from small_dist import small_config, small_dist

from hubkit.cli import cli
from hubkit.config import ReleaseConfig, load_config, write_config
from hubkit.hub import identity
from hubkit.localhub import LocalHub

HUBKIT = Path(sys.executable).with_name("hubkit")

PUSHED = "push: 3 repos at release-"


def test_serve_prints_what_clients_need_and_ends_when_interrupted(tmp_path: Path) -> None:
    command = [HUBKIT, "hub", "serve", "--root", tmp_path / "hub", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = ""
        while "UNGRANTED" not in said:
            said += process.stdout.readline()
        values = dict(re.findall(r"export (\w+)=(\S+)", said))
        assert HfApi(endpoint=values["HF_ENDPOINT"], token=values["HF_TOKEN"]).whoami()["name"] == "maintainer"
        assert HfApi(endpoint=values["HF_ENDPOINT"], token=values["HUBKIT_GRANTED_TOKEN"]).whoami()["name"] == "reader"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0


def test_a_port_that_is_taken(hub: LocalHub, tmp_path: Path) -> None:
    port = hub.url.rpartition(":")[2]
    command = [HUBKIT, "hub", "serve", "--root", tmp_path / "hub", "--port", port]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(f"hubkit: port {port} cannot be used")
    assert len(done.stderr.splitlines()) == 1


def saved(folder: Path, config: ReleaseConfig) -> ReleaseConfig:
    """The settings as a command reads them: paths are those of the file's folder."""
    (folder / "hubkit.toml").write_text(write_config(config))
    return load_config(folder / "hubkit.toml")


@pytest.mark.parametrize("arguments", [("push", "--dry-run"), ("push",)])
def test_push_as_a_program(hub: LocalHub, tmp_path: Path, arguments: tuple[str, ...], own_home: Path) -> None:
    config = saved(tmp_path, small_config("program" if len(arguments) == 1 else "dry", endpoint=hub.url))
    small_dist(tmp_path / "work", config)
    places = ["--config", tmp_path / "hubkit.toml", "--workspace", tmp_path / "work"]
    done = subprocess.run(
        [HUBKIT, *arguments, *places], env={**os.environ, "HF_HOME": str(own_home)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    api = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    exists = api.repo_exists(config.hub.repo("dataset"), repo_type="dataset")
    assert exists is ("--dry-run" not in arguments)
    if not exists:
        assert re.search(r"add +\d+ B  data/default/test-00000-of-00001\.parquet  \(new\)", done.stdout)


@pytest.mark.parametrize("arguments", [("push", "--dry-run"), ("push",)])
def test_only_what_was_packaged_is_pushed(hub: LocalHub, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    config = saved(tmp_path, small_config("altered"))
    workspace = small_dist(tmp_path / "work", config)
    (workspace.dist / "metric" / "app.py").write_text("FEW_SHOT = 'a report'\n")
    command = [*arguments, "--config", str(tmp_path / "hubkit.toml"), "--workspace", str(tmp_path / "work")]
    for version, reason in (("1.0.0", "dist changed"), ("1.0.1", "settings changed")):
        saved(tmp_path, small_config("altered", version))
        done = CliRunner().invoke(cli, command)
        assert done.exit_code == 1
        # A dry run lists it among what would stop the push; a push ends with it.
        assert f"{workspace.dist}: is out of date: {reason} (run: hubkit package)" in f"{done.output}{done.exception}"
    assert not HfApi(endpoint=hub.url).repo_exists(config.hub.repo("metric"), repo_type="space")


def test_what_was_rehearsed_is_not_taken_for_pushed(
    hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stage is done for one Hub, and not for another; `hubkit push` itself always looks."""
    config = saved(tmp_path, small_config("again"))
    small_dist(tmp_path / "work", config)
    places = ["--config", str(tmp_path / "hubkit.toml"), "--workspace", str(tmp_path / "work")]

    def push(on: LocalHub) -> str:
        own = {"HF_ENDPOINT": on.url, "HF_TOKEN": on.tokens["owner"]}
        for name, value in (own | {"HUBKIT_UNGRANTED_TOKEN": on.tokens["ungranted"]}).items():
            monkeypatch.setenv(name, value)
        # Each push is a command of its own, which knows nobody yet.
        monkeypatch.setattr(identity, "_KNOWN", {})
        done = CliRunner().invoke(cli, ["push", *places])
        assert done.exception is None, done.exception
        return done.output

    assert PUSHED in push(hub)
    with forked_hub(tmp_path / "other") as other:
        assert PUSHED in push(other)
        assert HfApi(endpoint=other.url, token=other.tokens["owner"]).list_repo_refs(config.hub.repo("adapter")).tags
    assert PUSHED in push(hub)
