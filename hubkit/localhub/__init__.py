"""A Hub on loopback: rehearsals and tests of a release, with the stock clients of the real one."""

from __future__ import annotations

from hubkit.localhub.server import LocalHub, serve

__all__ = ["LocalHub", "serve"]
