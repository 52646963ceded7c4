"""A Ray of two raylets on this host, on loopback: run as a program it prints its address and pids, and stays.

Its processes are ended by pid.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time

import psutil

CORES = 2


def main() -> None:
    from ray.cluster_utils import Cluster

    cluster = Cluster()
    # `ray start` on Linux puts the machine's own address in the place of 127.0.0.1, whatever it is told.
    small = {"num_cpus": CORES, "object_store_memory": 80_000_000, "include_dashboard": False}
    nodes = {"head": cluster.add_node(**small), "second": cluster.add_node(**small)}
    pids = {
        name: [one.process.pid for every in node.all_processes.values() for one in every]
        for name, node in nodes.items()
    }
    print(json.dumps({"address": cluster.address, **pids}), flush=True)
    sys.stdin.read()
    cluster.shutdown()


def kill(pids):
    """End processes, and what they started."""
    family = []
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            family += [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(family, timeout=20)


def wait_until(condition, what, seconds=180):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.2)


if __name__ == "__main__":
    main()
