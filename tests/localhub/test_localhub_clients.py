"""Stock clients, each pinned, do on the Hub on loopback what people do with them: docs/localhub.md has the table.

The first run installs them, so most run with `make long` alone. A client's acts are a script of `clients/`.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from huggingface_hub import HfApi

from hubkit.localhub import Cast, LocalHub, serve

SCRIPTS = Path(__file__).with_name("clients")
KEPT = Path(sys.prefix).resolve() / "versions"
"""Where clients are installed, once."""

HUGGINGFACE_HUB = ("0.23.5", "0.27.1", "0.30.2", "0.36.2", "1.0.1", "1.10.0", "2.0.0", "2.4.0")
TABLES = ("huggingface_hub==2.4.0", "pandas==3.1.1", "pyarrow==26.0.1", "dask[dataframe]==2026.8.0", "duckdb==2.0.1")
# With torch and transformers as they are installed for a release.
SENTENCES = (
    *("sentence-transformers==6.2.0", "scikit-learn==1.9.1"),
    *("joblib==1.6.0", "threadpoolctl==3.8.0", "narwhals==2.29.0", "cloudpickle==3.1.3"),
)
JAVASCRIPT = "@huggingface/hub@2.17.5"


def install(name: str, *command: str) -> Path:
    """A folder for a client, in which the command was run once."""
    key = hashlib.sha256(json.dumps([command, sys.version]).encode()).hexdigest()[:8]
    home = KEPT / f"{name}-{key}"
    if not (home / ".ready").exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        subprocess.run([part.format(home=home) for part in command], cwd=home, check=True)
        (home / ".ready").touch()
    return home


def packages(name: str, *requirements: str) -> Path:
    """A folder of Python packages."""
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-warn-conflicts", "--target", "{home}")
    return install(name, *pip, *requirements)


def faults(hub: LocalHub, folder: Path, *command: str, **own: str) -> dict[str, str]:
    """What went wrong by act; a script has to have come to its end."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    of_hub = {"HF_ENDPOINT": hub.url, "HF_TOKEN": hub.tokens["owner"], "OWNER": hub.tokens["owner"]}
    quiet = {"HF_HOME": str(folder), "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    environment = {**kept, **of_hub, **quiet, "TOKENS": json.dumps(hub.tokens), **own}
    found = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr[-3000:]
    acts = json.loads(found.stdout.splitlines()[-1])
    assert len(acts) > 3
    return {name: fault for name, fault in acts.items() if fault}


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[LocalHub]:
    """A Hub that no other test has written to."""
    with serve(tmp_path / "hub", cast=Cast(window=None)) as hub:
        yield hub


@pytest.mark.long
@pytest.mark.parametrize("xet", [True, False], ids=["xet", "lfs"])
@pytest.mark.parametrize("version", HUGGINGFACE_HUB)
def test_huggingface_hub(fresh: LocalHub, tmp_path: Path, package_index: None, version: str, xet: bool) -> None:
    place = packages(f"huggingface_hub-{version}", f"huggingface_hub=={version}", "hf_xet==1.8.0")
    script = str(SCRIPTS / "acts_of_huggingface_hub.py")
    own = {"PYTHONPATH": str(place), "HF_HUB_DISABLE_XET": str(int(not xet))}
    # Without what else is installed here: an old client takes an old fsspec.
    assert faults(fresh, tmp_path, sys._base_executable, script, **own) == {}


@pytest.mark.long
def test_tables(fresh: LocalHub, tmp_path: Path, package_index: None) -> None:
    place = packages("tables", *TABLES)
    script = str(SCRIPTS / "acts_of_tables.py")
    assert faults(fresh, tmp_path, sys._base_executable, script, PYTHONPATH=str(place)) == {}


@pytest.mark.long
def test_transformers_and_sentence_transformers(fresh: LocalHub, tmp_path: Path, package_index: None) -> None:
    place = packages("sentence-transformers", "--no-deps", *SENTENCES)
    script = str(SCRIPTS / "acts_of_pushes.py")
    assert faults(fresh, tmp_path, sys.executable, script, PYTHONPATH=str(place)) == {}


@pytest.mark.long
@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is missing")
def test_huggingface_js(fresh: LocalHub, tmp_path: Path, package_index: None) -> None:
    place = install("huggingface-js", "npm", "install", "--silent", "--prefix", "{home}", JAVASCRIPT)
    script = shutil.copy(SCRIPTS / "acts_of_huggingface_js.mjs", place)
    assert faults(fresh, tmp_path, "node", str(script)) == {}


@pytest.mark.parametrize(
    "command",
    [
        ("curl", "--silent", "--fail", "--continue-at", "-", "--output", "part", "--header"),
        ("wget", "--quiet", "--continue", "--output-document=part", "--header"),
    ],
    ids=["curl", "wget"],
)
def test_a_download_is_resumed(hub: LocalHub, tmp_path: Path, command: tuple[str, ...]) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is missing")
    owner = HfApi(endpoint=hub.url, token=hub.tokens["owner"])
    repo = owner.create_repo(f"maintainer/{command[0]}").repo_id
    content = random.Random(0).randbytes(3_000_000)
    owner.upload_file(path_or_fileobj=content, path_in_repo="a.bin", repo_id=repo)
    owner.update_repo_settings(repo, gated="manual")
    address = f"{hub.url}/{repo}/resolve/main/a.bin?download=true"
    for who, expected in (("ungranted", None), ("granted", content)):
        (tmp_path / "part").write_bytes(content[:1_000_000])
        own = {**os.environ, "no_proxy": "127.0.0.1"}
        asked = [*command, f"Authorization: Bearer {hub.tokens[who]}", address]
        found = subprocess.run(asked, cwd=tmp_path, env=own, capture_output=True)
        assert (found.returncode == 0) == (expected is not None)
        if expected is not None:
            assert (tmp_path / "part").read_bytes() == expected
    assert [line["status"] for line in hub.log() if str(line["path"]) == f"/{repo}/resolve/main/a.bin"] == [403, 206]
    assert httpx.head(address, headers={"Authorization": f"Bearer {hub.tokens['granted']}"}).status_code == 200
