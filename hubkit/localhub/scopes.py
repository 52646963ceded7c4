"""What a fine-grained token may do: permissions on a user, an organisation or a single repo.

The shape is that of `auth.accessToken.fineGrained` in the answer of whoami-v2. It is not documented; several clients
read it so. Tokens by role: hub-docs, security-tokens.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from hubkit.errors import UsageError

READ, WRITE, PROPOSE, COLLECT = "repo.content.read", "repo.write", "discussion.write", "collection.write"

PERMISSIONS = (
    READ,
    WRITE,
    PROPOSE,
    COLLECT,
    "repo.access.read",
    "collection.read",
)
"""Those that have a meaning on this Hub."""

REPOS = {"models": "model", "datasets": "dataset", "spaces": "space"}


class Scopes(NamedTuple):
    """What a fine-grained token may do.

    Attributes:
        gated: whether it may read public gated repos that its user has access to.
        granted: permissions by entity: a namespace, or `datasets/namespace/name`.
    """

    gated: bool
    granted: dict[str, list[str]]

    def allow(self, permission: str, namespace: str, repo: str | None = None) -> bool:
        """Whether `permission` is granted on a namespace, or on a repo given as `datasets/namespace/name`."""
        held = {*self.granted.get(namespace, ()), *(self.granted.get(repo, ()) if repo else ())}
        # Whoever may write contents may read them.
        return permission in held or (permission == READ and WRITE in held)

    def shown(self, users: Iterable[str]) -> dict[str, Any]:
        """The scopes as whoami tells them."""
        known = set(users)
        scoped = []
        for entity, permissions in self.granted.items():
            kind, _, name = entity.partition("/")
            if name:
                shown = {"_id": entity, "type": REPOS[kind], "name": name}
            else:
                shown = {"_id": entity, "type": "user" if entity in known else "org", "name": entity}
            scoped.append({"entity": shown, "permissions": permissions})
        return {"canReadGatedRepos": self.gated, "global": [], "scoped": scoped}


def parse_scope(text: str) -> tuple[str, list[str]]:
    """Entity and permissions in `lab=repo.content.read,repo.write` or `datasets/lab/reports=repo.content.read`.

    Raises:
        UsageError: the entity has another form, or a permission is unknown.
    """
    entity, _, rest = text.partition("=")
    kind, *named = entity.split("/")
    if not kind or (named and (kind not in REPOS or len(named) != 2 or not all(named))):
        raise UsageError(
            f"a scope cannot be on {entity!r}", hint="name a user, an organisation, or a repo as datasets/NAME/REPO"
        )
    permissions = rest.split(",")
    unknown = [name for name in permissions if name not in PERMISSIONS]
    if unknown:
        raise UsageError(f"there is no permission {unknown[0]!r}", hint=f"use some of {', '.join(PERMISSIONS)}")
    return entity, permissions
