"""What is on the Hub now, at the addresses of a release."""

from __future__ import annotations

from typing import NamedTuple

from hubkit.config import ReleaseConfig
from hubkit.doctor.hub import answers
from hubkit.endpoint import current_endpoint
from hubkit.errors import HubkitError
from hubkit.hub.client import connect, transport_errors
from hubkit.hub.gate import look
from hubkit.hub.plan import describe
from hubkit.hub.targets import planned_targets
from hubkit.workspace import Workspace


class Repo(NamedTuple):
    """A repo of the release.

    Attributes:
        artifact: dataset, adapter or metric.
        address: in a browser.
        state: what it is like now, as the predicate of a sentence, or why that is not known.
    """

    artifact: str
    address: str
    state: str


def target_repos(config: ReleaseConfig, workspace: Workspace) -> list[Repo]:
    """The repos of the release with what the Hub tells of each; it is not waited for where it does not answer.

    Raises:
        UsageError: there is no namespace.
    """
    endpoint = current_endpoint()
    wanted = planned_targets(config, workspace)
    unknown = None if answers(endpoint) else "not known: the Hub does not answer"
    found = []
    for target in wanted:
        state = unknown
        if state is None:
            try:
                state = describe(look(connect(), target), target)
            except HubkitError as error:
                state = f"not known: {error.what}"
            except transport_errors() as error:
                state = f"not known: the Hub broke off ({type(error).__name__})"
        found.append(Repo(target.artifact, f"{endpoint}/{target.web}", state))
    return found
