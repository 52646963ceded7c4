"""`translate` on a real Ray of two raylets: undisturbed, one raylet killed midway, the head killed midway."""

from __future__ import annotations

import psutil
import pytest
from raylets import kill, wait_until

from hubkit.digests import file_digest

pytestmark = pytest.mark.ray


@pytest.fixture
def expected(make_workspace, studies, hubkit):
    alone = make_workspace(studies, "alone")
    run = hubkit(alone, "local")
    assert run.wait() == 0, run.output
    return file_digest(alone.machine_translations)


def listens(process):
    """The addresses on which a process listens; none where it has ended."""
    try:
        found = process.net_connections("inet")
    except psutil.NoSuchProcess:
        return []
    listening = [connection.laddr.ip for connection in found if connection.status == psutil.CONN_LISTEN]
    return [address.removeprefix("::ffff:") for address in listening]


def kept(workspace):
    return len(list(workspace.root.glob("partial/*/part-*.parquet")))


def test_two_raylets_write_the_same_bytes(make_workspace, studies, hubkit, expected, raylets):
    workspace = make_workspace(studies)
    run = hubkit(workspace, address=raylets.address)
    assert run.wait() == 0, run.output
    assert file_digest(workspace.machine_translations) == expected


def test_a_raylet_that_is_killed_midway_loses_nothing(make_workspace, studies, hubkit, expected, raylets, moody):
    workspace, moody.delay = make_workspace(studies), 2.0
    run = hubkit(workspace, address=raylets.address)
    wait_until(lambda: kept(workspace) >= 2, "chunks are kept")
    kill(raylets.second)
    before = kept(workspace)
    code = run.wait(300)
    assert "Traceback" not in run.output
    if code:
        # Where Ray gives up the tasks of that raylet, the next run does what they left.
        assert "units were not translated" in run.output
        asked = len(moody.seen)
        moody.delay = 0.0
        again = hubkit(workspace, address=raylets.address)
        assert again.wait() == 0, again.output
        assert len(moody.seen) - asked <= 24 - before
    assert file_digest(workspace.machine_translations) == expected


def test_a_head_that_is_killed_midway_is_named(make_workspace, studies, hubkit, expected, raylets, moody):
    workspace, moody.delay = make_workspace(studies), 2.0
    run = hubkit(workspace, address=raylets.address)
    wait_until(lambda: kept(workspace) >= 2, "chunks are kept")
    kill(raylets.head)
    assert run.wait(300) == 1, run.output
    assert "Traceback" not in run.output
    assert "RAY_ADDRESS" in run.output
    moody.delay = 0.0
    refused = hubkit(workspace, address=raylets.address)
    assert refused.wait() == 1
    assert f"RAY_ADDRESS {raylets.address}: no Ray answers" in refused.output
    again = hubkit(workspace, "local")
    assert again.wait() == 0, again.output
    assert file_digest(workspace.machine_translations) == expected


def test_a_wrong_token_is_named(make_workspace, studies, hubkit, raylets, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_TOKEN", "another token, which the cluster does not know")
    run = hubkit(make_workspace(studies), address=raylets.address)
    assert run.wait() == 1
    assert "Traceback" not in run.output
    assert f"RAY_ADDRESS {raylets.address}: Ray refuses the token" in run.output


def test_a_ray_of_our_own_listens_on_loopback_alone(make_workspace, studies, hubkit, expected, moody, monkeypatch):
    monkeypatch.delenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER")
    workspace, moody.delay = make_workspace(studies), 1.0
    run = hubkit(workspace)
    wait_until(lambda: kept(workspace) >= 2, "chunks are kept")
    listening = {
        address for process in psutil.Process(run.process.pid).children(recursive=True) for address in listens(process)
    }
    assert listening <= {"127.0.0.1", "::1"}
    assert listening
    moody.delay = 0.0
    assert run.wait() == 0, run.output
    assert file_digest(workspace.machine_translations) == expected
