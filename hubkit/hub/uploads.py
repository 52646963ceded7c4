"""What stops the upload of a file, as a refusal or a silence of the Hub: each library wraps it in a way of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

from hubkit.errors import HubkitError
from hubkit.hub.client import STUMBLES, Stumble, refusal, transport_errors

_OF_CARD = "Invalid metadata in README.md."
_OF_LFS = "LFS batch API returned errors:"
_OF_FILE = "Error while uploading"
"""How huggingface_hub begins what a Hub says against a card and against a file of LFS, and that a file was not sent."""

_UNREADABLE = re.compile(r"[Mm]alformed response|is improperly formatted")
"""What huggingface_hub says of answers that are of another form than the Hub's."""

_OF_XET = re.compile(r"HTTP status client error \((\d{3})")
"""hf_xet raises a ConnectionError for every status."""


@contextmanager
def uploading(repo: str) -> Iterator[None]:
    """Raise what stops a commit as a step of `hubkit.hub.client` knows it.

    Raises:
        HubkitError: the Hub refuses a file, or does not accept the metadata of the card.
        Stumble: asking again can help.
    """
    from huggingface_hub.errors import HfHubHTTPError

    try:
        yield
    except (json.JSONDecodeError, HfHubHTTPError):
        raise
    except RuntimeError as error:
        if not str(error).startswith(_OF_FILE):
            raise
        reason = error.__cause__
        known: tuple[type[Exception], ...] = (HubkitError, HfHubHTTPError, OSError, *transport_errors())
        if isinstance(reason, known):
            raise reason from None
        raise Stumble(f"{error} {reason}") from None
    except ConnectionError as error:
        found = _OF_XET.search(str(error))
        if found and int(found[1]) not in STUMBLES:
            raise refusal(int(found[1]), "", repo) from None
        raise
    except ValueError as error:
        said = str(error)
        # The client has the card looked at before it sends anything.
        if said.startswith(_OF_CARD):
            raise refused_card(repo, said) from None
        if said.startswith(_OF_LFS):
            raise refusal(None, said.removeprefix(_OF_LFS), repo) from None
        if _UNREADABLE.search(said):
            raise Stumble(f"the Hub's answer cannot be read: {said}") from None
        raise


def refused_card(repo: str, said: str) -> HubkitError:
    """The HubkitError for a card that the Hub does not accept."""
    what = f"the Hub does not accept it: {' '.join(said.split())}"
    return HubkitError(what, where=f"{repo}/README.md", hint="correct the card")
