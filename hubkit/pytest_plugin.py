"""A pytest fixture for others: a Hub on loopback (docs/localhub.md, "Test your own code against it").

pytest imports this module at its start, in every project of an environment that has hubkit: it imports nothing else
until a test asks for the fixture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from hubkit.localhub import LocalHub

_SCOPE = "hubkit_hub_scope"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting for how many tests share a Hub."""
    parser.addini(_SCOPE, "which tests share a Hub: function, class, module, package or session", default="function")


def _scope(fixture_name: str, config: pytest.Config) -> Any:
    return config.getini(_SCOPE)


@pytest.fixture(scope=_scope)
def hubkit_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    """A Hub on loopback in a process of its own, empty, without limits on requests.

    `url` is its address, `owner` the namespace that repos can be created in. `tokens` has one each of the `owner`, of
    `granted`, who was accepted for every gated repo, and of `ungranted`, who was not. Whoever sends none is a stranger.
    """
    from hubkit.localhub import Cast, serve

    try:
        with serve(tmp_path_factory.mktemp("hub"), cast=Cast(window=None)) as hub:
            yield hub
    except ModuleNotFoundError as error:
        from hubkit.distribution import install_hint

        pytest.fail(f"the fixture hubkit_hub needs {error.name} ({install_hint('hub')})", pytrace=False)
