"""A Hub on loopback: rehearsals and tests of a release, with the stock clients of the real one."""

from __future__ import annotations

from hubkit.localhub.server import Cast, LocalHub, serve

__all__ = ["Cast", "LocalHub", "serve"]
