"""What an account is: its plan, and what its owner has set for its repos and for tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, get_args

from hubkit.errors import UsageError

TokenPolicy = Literal["any", "fine-grained", "approval"]


class Plan(NamedTuple):
    """What an account has paid for.

    Attributes:
        limits: requests in five minutes, by bucket.
        compute: whether it may create Spaces that run something.
    """

    limits: Mapping[str, int]
    compute: bool


def _plan(api: int, resolvers: int, pages: int, compute: bool) -> Plan:
    return Plan({"api": api, "resolvers": resolvers, "pages": pages}, compute)


# Limits: hub-docs, rate-limits.md, "Rate limit Tiers". Spaces: hub-docs, spaces-overview.md, the warning at its top.
ANONYMOUS = _plan(500, 3_000, 100, compute=False)
PLANS = {
    "free": _plan(1_000, 5_000, 200, compute=False),
    "pro": _plan(2_500, 12_000, 400, compute=True),
    "team": _plan(3_000, 20_000, 400, compute=True),
    "enterprise": _plan(6_000, 50_000, 600, compute=True),
    "enterprise-plus": _plan(10_000, 100_000, 1_000, compute=True),
    "academia": _plan(3_000, 20_000, 400, compute=True),
}

DEFAULT_PLAN = "free"


class Settings(NamedTuple):
    """What is set for a user or an organisation.

    Attributes:
        plan: one of PLANS.
        hide_requesters: whether lists of access requests leave out the people.
        hide_small_files: whether strangers before a gate see neither `oid` nor size of files that git holds itself.
        tokens: which tokens of members may reach the repos of an organisation.
        quota: bytes that may be stored in large files; None sets no limit.
        commits: how many an hour; None sets no limit.
    """

    plan: str = DEFAULT_PLAN
    hide_requesters: bool = False
    # Whether the real Hub shows them is not known: no document says so.
    hide_small_files: bool = False
    tokens: TokenPolicy = "any"
    quota: int | None = None
    # The real Hub has such a limit and does not document it: hub-docs, rate-limits.md, "Granular user action".
    commits: int | None = None


def parse_account(text: str) -> tuple[str, dict[str, Any]]:
    """Name and settings in `NAME:plan=team,hide-requesters,commits=100`.

    Raises:
        UsageError: a setting is unknown or has another type.
    """
    name, _, rest = text.partition(":")
    values: dict[str, Any] = {}
    for part in filter(None, rest.split(",")):
        key, has_value, value = part.partition("=")
        values[key.replace("-", "_")] = value if has_value else True
    return name, {key: _checked(key, value) for key, value in values.items()}


def _checked(key: str, value: Any) -> Any:
    shapes = {"plan": tuple(PLANS), "tokens": get_args(TokenPolicy)}
    if key in shapes and value in shapes[key]:
        return value
    if key in ("hide_requesters", "hide_small_files") and value is True:
        return value
    if key in ("quota", "commits") and isinstance(value, str) and value.isdecimal():
        return int(value)
    shown = key.replace("_", "-") if value is True else f"{key.replace('_', '-')}={value}"
    raise UsageError(
        f"an account has no setting {shown!r}",
        hint=f"plan={'|'.join(PLANS)}, tokens={'|'.join(get_args(TokenPolicy))}, hide-requesters, hide-small-files,"
        " quota=BYTES or commits=NUMBER",
    )
