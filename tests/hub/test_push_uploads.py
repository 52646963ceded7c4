"""What stops the upload of a large file is told as a refusal or a silence of the Hub, whichever library sends it."""

from __future__ import annotations

from pathlib import Path

import pytest
from interposed import Action, Interposed, answers, rewritten
from small_dist import small_config, small_dist

from hubkit.errors import HubkitError
from hubkit.hub.client import STUMBLES, Stumble
from hubkit.hub.push import push
from hubkit.hub.uploads import uploading

FULL = b'{"objects": [{"oid": "%064d", "size": 1, "error": {"code": 403, "message": "Storage limit reached"}}]}' % 0

ALWAYS = 1000


def hang_up(asked: object) -> None:
    """The connection is closed without an answer."""


@pytest.mark.parametrize(
    ("path", "action", "says"),
    [
        ("/verify$", answers(403), r"-mimic-ext: the Hub refused \(403\).*write access"),
        (
            "/objects/batch$",
            answers(500),
            r"-mimic-ext: the Hub answered 500 \(8 attempts\).*it continues",
        ),
        ("/objects/batch$", hang_up, r"-mimic-ext: the Hub did not answer.*\(8 attempts\)"),
        ("/objects/batch$", answers(413), r"-mimic-ext: the Hub refused \(413\).*storage is used up"),
        (
            "/objects/batch$",
            answers(200, body=FULL),
            r"-mimic-ext: the Hub refused: Encountered error.*Storage limit.*plan is used up",
        ),
        ("/preupload/", answers(200, body=b'{"files": [{}]}'), r"the Hub's answer cannot be read.*\(8 attempts\)"),
    ],
)
def test_lfs_that_is_stopped(
    front: Interposed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, action: Action, says: str
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    config = small_config(f"uploads-{tmp_path.name[-4:].strip('_')}")
    front.on("POST", path, action, ALWAYS)
    with pytest.raises(HubkitError, match=says):
        push(config, small_dist(tmp_path, config))


@pytest.mark.parametrize("action", [answers(500), hang_up], ids=["500", "hung up"])
def test_an_upload_is_made_again(
    front: Interposed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: Action
) -> None:
    """The client of huggingface_hub asks six times, and gives up with an error of its own."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    config = small_config(f"uploads-again-{tmp_path.name[-4:].strip('_')}")
    rule = front.on("POST", "/verify$", action, ALWAYS)
    push(config, small_dist(tmp_path, config))
    assert len(rule.seen) >= 6


@pytest.mark.parametrize(
    ("path", "action", "says"),
    [
        ("^/v1/", answers(403), r"-mimic-ext: the Hub refused \(403\).*write access"),
        ("/xet-write-token/", answers(402), r"-mimic-ext: the Hub refused \(402\).*plan is used up"),
    ],
)
def test_xet_that_is_refused(front: Interposed, tmp_path: Path, path: str, action: Action, says: str) -> None:
    """What hf_xet asks for again is left out: how long it does so is settled once in a process."""
    config = small_config(f"uploads-xet-{tmp_path.name[-4:].strip('_')}")
    front.on("POST PUT GET", path, action, ALWAYS)
    # The Hub on loopback gives hf_xet a folder; another sends it to a server.
    front.on("GET", "/xet-write-token/", rewritten(lambda token: {**token, "casUrl": front.url}), ALWAYS)
    with pytest.raises(HubkitError, match=says):
        push(config, small_dist(tmp_path, config))


@pytest.mark.parametrize("status", [400, 401, 404, 413, *sorted(STUMBLES)])
def test_a_status_that_xet_tells_is_compared_as_others_are(status: int) -> None:
    error = ConnectionError(
        f"Network error: Request error: HTTP status client error ({status} Words), domain: http://x"
    )
    with pytest.raises(ConnectionError if status in STUMBLES else HubkitError, match=str(status)), uploading("a/b"):
        raise error


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ValueError("Invalid metadata in README.md.\n- wrong"), "^a/b/README.md: the Hub does not accept it: .*wrong"),
        (ValueError("LFS batch API returned errors:\nno room"), "^a/b: the Hub refused: no room"),
    ],
)
def test_words_alone(error: Exception, says: str) -> None:
    with pytest.raises(HubkitError, match=says), uploading("a/b"):
        raise error


@pytest.mark.parametrize(
    "error",
    [
        # What nobody expected is no refusal: it keeps its own kind and place.
        RecursionError("maximum recursion depth exceeded"),
        RuntimeError("Cannot send a request, as the client has been closed."),
        ValueError("not enough values to unpack"),
    ],
)
def test_what_is_not_the_hubs_stays_what_it_is(error: Exception) -> None:
    with pytest.raises(type(error), match=str(error)), uploading("a/b"):
        raise error


@pytest.mark.parametrize("reason", [ValueError("Malformed response"), KeyError("href"), TypeError("none")])
def test_an_answer_for_a_file_that_cannot_be_read_is_asked_for_again(reason: Exception) -> None:
    with pytest.raises(Stumble, match="Error while uploading 'x'"), uploading("a/b"):
        raise RuntimeError("Error while uploading 'x' to the Hub.") from reason
