"""Refuses every connection that leaves this machine, and notes it: in the tests' process and in those that they start.

Python imports this module at its start where this folder is in PYTHONPATH. conftest.py fails a run that noted a
connection: what a library does in a thread, and forgives when it fails, would go unseen otherwise. A name that is
looked up gets the answer of a machine without a network, and the run goes on.
"""

from __future__ import annotations

import errno
import gc
import ipaddress
import os
import socket
import sys
from typing import Any

NOTES = "HUBKIT_TESTS_CONNECTIONS"
"""The variable with the file that attempts are noted in; without it nothing is refused."""

LOOK_UP = "socket.getaddrinfo"

CLOUD = {"169.254.169.254:80", "metadata.google.internal"}
"""Where a machine of a cloud learns what it is, without leaving it. The head of each Ray asks, whatever it is told
(ray/_common/usage/usage_lib.py, get_cloud_from_metadata_requests), in a process named dashboard.py: refused as well,
but no fault of a test."""

NAMES = {"", "localhost", "ip6-localhost", socket.gethostname(), socket.gethostname().partition(".")[0]}
"""Names that need no look-up beyond this machine."""


def _is_here(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host in NAMES or host.endswith(".localhost")
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_loopback or address.is_unspecified:
        return True
    # Ray, Slurm and gloo speak with this machine by an address of its own.
    with socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True


def _text(host: Any) -> str:
    return host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "")


def _leads_out(event: str, arguments: tuple[Any, ...]) -> str | None:
    if event == LOOK_UP:
        host = _text(arguments[0])
        # A number is looked up nowhere.
        return None if host[:1].isdigit() or ":" in host or _is_here(host) else host
    if event in ("socket.connect", "socket.sendto"):
        opened, address = arguments
        # Datagrams that are connected are not sent: libraries learn the address of this machine so.
        quiet = event == "socket.connect" and opened.type & socket.SOCK_DGRAM
        if isinstance(address, tuple) and not quiet and not _is_here(_text(address[0])):
            return f"{_text(address[0])}:{address[1]}"
    return None


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if not event.startswith("socket."):
        return
    place = _leads_out(event, arguments)
    if place is None:
        return
    what = "look-up of" if event == LOOK_UP else "connection to"
    test, program = os.environ.get("PYTEST_CURRENT_TEST", "between tests"), os.path.basename(sys.argv[0] or "-c")
    if (program, place) not in {("dashboard.py", known) for known in CLOUD}:
        with open(os.environ.get(NOTES) or os.devnull, "a", encoding="utf-8") as notes:
            notes.write(f"{what} {place} ({test}, {program})\n")
    if event == LOOK_UP:
        raise socket.gaierror(socket.EAI_NONAME, f"tests stay on this machine, and {place} is elsewhere")
    raise OSError(errno.ENETUNREACH, f"tests stay on this machine, and {place} is elsewhere")


if os.environ.get(NOTES):
    sys.addaudithook(_refuse)

    # A million objects that PyTorch and the rest make stay for good: searching them for garbage while they are imported
    # takes a twelfth of the time.
    gc.set_threshold(100_000)
