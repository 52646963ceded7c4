"""Whose turn it is to change what: one change at a time in a repo, and none while files are deleted for good.

Changes run in threads, so that the Hub goes on answering meanwhile. What they read of a repo must not change under
them: a commit that took a minute would otherwise write back the gate as it was a minute ago.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakValueDictionary


class Turns:
    """The turns of one Hub."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        # Whoever clears the disk keeps the gate shut, so that changes after it wait and those before it end.
        self._gate = asyncio.Lock()
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @asynccontextmanager
    async def change(self, *repos: str) -> AsyncIterator[None]:
        """Wait until nobody else changes these repos; others may be changed at the same time."""
        async with self._gate:
            self._running += 1
            self._idle.clear()
        try:
            async with AsyncExitStack() as held:
                # In one order for all, so that no two changes wait for each other.
                for repo in sorted({repo.lower() for repo in repos}):
                    await held.enter_async_context(self._locks.setdefault(repo, asyncio.Lock()))
                yield
        finally:
            self._running -= 1
            if self._running == 0:
                self._idle.set()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Wait until nothing is being changed, and let nothing be changed meanwhile."""
        async with self._gate:
            await self._idle.wait()
            yield
