"""A real Slurm for the session, and the fixtures of the tests of translation."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest
from cluster import PROGRAMS, Cluster

TRANSLATION = Path(__file__).parents[1] / "translation"
sys.path.append(str(TRANSLATION))

_spec = importlib.util.spec_from_file_location("translation_fixtures", TRANSLATION / "conftest.py")
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
make_workspace, studies, moody = _module.make_workspace, _module.studies, _module.moody


@pytest.fixture(scope="session")
def running_cluster(tmp_path_factory):
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    missing = [name for name in PROGRAMS if shutil.which(name, path=path) is None]
    if missing:
        pytest.fail(f"{', '.join(missing)} missing: apt-get install slurm-wlm munge")
    found = Cluster(tmp_path_factory.mktemp("slurm"))
    try:
        found.start()
        yield found
    finally:
        found.stop()


@pytest.fixture
def cluster(running_cluster, monkeypatch):
    """The cluster, without a job."""
    monkeypatch.setenv("SLURM_CONF", running_cluster.environment["SLURM_CONF"])
    yield running_cluster
    running_cluster.clear()
