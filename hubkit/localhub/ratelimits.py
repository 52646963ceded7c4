"""How often an account or an address may ask: hub-docs, rate-limits.md."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable
from typing import NamedTuple

from hubkit.localhub.errors import Refusal

WINDOW = 300
"""Seconds: "All quotas are calculated over 5-minute fixed windows"."""

HOUR = 3600  # seconds


class Allowance(NamedTuple):
    """How an account stands in a bucket after a request.

    Attributes:
        left: requests that the window still allows; negative after one too many.
        reset: whole seconds until the window ends.
    """

    bucket: str
    limit: int
    left: int
    reset: int
    window: int

    @property
    def headers(self) -> dict[str, str]:
        # The form is that of rate-limits.md, "HTTP Headers"; huggingface_hub reads it in parse_ratelimit_headers.
        return {
            "RateLimit": f'"{self.bucket}";r={max(self.left, 0)};t={self.reset}',
            "RateLimit-Policy": f'"fixed window";"{self.bucket}";q={self.limit};w={self.window}',
        }


class RateLimits:
    """Counts requests in fixed windows.

    Args:
        window: seconds; the real Hub's are WINDOW.
        clock: seconds since the epoch.
    """

    def __init__(self, window: int = WINDOW, clock: Callable[[], float] = time.time):
        self.window, self.clock = window, clock
        self._counts: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._number = -1
        self._commits: dict[str, list[float]] = {}

    def count(self, who: str, bucket: str, limit: int) -> Allowance:
        """Count a request of `who`, a user's name or an address."""
        number, into = divmod(self.clock(), self.window)
        if number != self._number:
            self._number = int(number)
            self._counts.clear()
        self._counts[who, bucket] += 1
        reset = math.ceil(self.window - into)
        return Allowance(bucket, limit, limit - self._counts[who, bucket], reset, self.window)

    def count_commit(self, user: str, limit: int | None) -> None:
        """Count a commit of `user`.

        Raises:
            Refusal: they made `limit` in the last hour (429).
        """
        if limit is None:
            return
        now = self.clock()
        made = [then for then in self._commits.get(user, []) if then > now - HOUR]
        if len(made) >= limit:
            raise too_many_commits()
        self._commits[user] = [*made, now]


def bucket_of(path: str) -> str | None:
    """The bucket that a request counts in; None for those that the real Hub leaves to its storage."""
    if path.startswith("/lfs/"):
        return None
    if "/resolve/" in path:
        return "resolvers"
    return "api" if path.startswith("/api/") or path.endswith("/info/lfs/objects/batch") else "pages"


def too_many(allowance: Allowance) -> Refusal:
    # Wording: OpenHUTB/hutb#3329.
    return Refusal(
        429,
        f"We had to rate limit you, you hit the quota of {allowance.limit} {allowance.bucket} requests per"
        f" {allowance.window // 60} minutes period. Upgrade to a PRO user or Team/Enterprise organization account"
        " (https://hf.co/pricing) to get higher limits. See https://huggingface.co/docs/hub/rate-limits",
    )


def too_many_commits() -> Refusal:
    # Wording: huggingface/datasets#6257. No header says when: the limit is on an action, not on requests.
    return Refusal(429, "You have exceeded our hourly quotas for action: commit. We invite you to retry later.")
