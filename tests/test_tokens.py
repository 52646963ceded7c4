"""A token that cannot be sent is refused where it is read, without a character of it, and none goes out in clear."""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit.config import Translation
from hubkit.doctor import hub as doctor
from hubkit.endpoint import use_endpoint
from hubkit.errors import HubkitError, UsageError
from hubkit.hub.client import be_patient, connect
from hubkit.hub.gate import UNGRANTED_TOKEN, ungranted_token
from hubkit.sensitivity.translation.back import SECOND_MODEL
from hubkit.tokens import check_account, check_token, environment_token
from hubkit.translation.engines import TRANSLATOR, check_server, open_engine
from hubkit.translation.engines.private_http import Client
from hubkit.workspace import Workspace

PACKAGE = Path(__file__).parents[1] / "hubkit"

BAD = ["hf_s3cr€t", "hf_s3cret\nX-Header: 1", "hf_s3cret\n", " hf_s3cret", "hf_s3cret hf_other", "hf_s3cret\udcff"]


def look_at_the_account() -> None:
    from hubkit.config import parse_config

    list(doctor.account(parse_config({}), Workspace(Path("work"))))


SERVED = Translation(engine="openai", base_url="http://127.0.0.1:9/v1")

READERS: dict[str, list[Callable[[], object]]] = {
    "HF_TOKEN": [connect, lambda: use_endpoint(None), look_at_the_account],
    "HUGGING_FACE_HUB_TOKEN": [connect, lambda: use_endpoint(None), look_at_the_account],
    UNGRANTED_TOKEN: [lambda: ungranted_token(None), lambda: ungranted_token("waived")],
    "HUBKIT_GRANTED_TOKEN": [lambda: environment_token("HUBKIT_GRANTED_TOKEN")],
    TRANSLATOR.key_variable: [lambda: open_engine(SERVED)],
    SECOND_MODEL.key_variable: [
        lambda: open_engine(SERVED, table=SECOND_MODEL),
        lambda: check_server(SERVED, SECOND_MODEL),
    ],
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in READERS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")


@pytest.mark.parametrize("token", BAD, ids=ascii)
@pytest.mark.parametrize("variable", READERS)
def test_a_token_that_cannot_be_sent_is_refused_unseen(
    monkeypatch: pytest.MonkeyPatch, variable: str, token: str
) -> None:
    monkeypatch.setenv(variable, token)
    for read in READERS[variable]:
        with pytest.raises(UsageError, match=rf"^{variable}: the token .* cannot be sent") as caught:
            read()
        assert not re.search(r"s3cr|€|X-Header|\n", str(caught.value))


@pytest.mark.parametrize("content", ["hf_s3cr€t".encode(), b"hf_s3cret\xff", b"hf_s3cret\x00"])
def test_so_is_a_stored_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes) -> None:
    from huggingface_hub import constants

    (tmp_path / "token").write_bytes(content)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    for read in (connect, look_at_the_account):
        with pytest.raises(UsageError, match="stored token") as caught:
            read()
        assert "s3cr" not in str(caught.value)


@given(st.text(min_size=1))
def test_what_passes_can_be_sent(text: str) -> None:
    with contextlib.suppress(HubkitError):
        check_token(text, "X")
        assert not re.search(rb"[^!-~]", text.encode("ascii"))
    with contextlib.suppress(HubkitError):
        check_account("ada", text, "X")
        assert not re.search(rb"[\x00-\x1f\x7f]", text.encode("latin-1"))


def test_tokens_are_read_in_one_place() -> None:
    """Read a token or key of the environment with hubkit.tokens, which refuses one that cannot be sent."""
    # The leak guard looks for them in files; the processes of verify import nothing of hubkit; the password of a
    # private key is sent nowhere.
    elsewhere = {"tokens.py", "leakguard/credentials.py", "hub/sign.py"}
    readers = set()
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                call = ast.unparse(node)
                if re.match(r"(os\.environ\.get|os\.getenv|get_token)\(", call) and (
                    re.search(r"TOKEN|KEY", call) or call == "get_token()"
                ):
                    readers.add(name)
    assert {name for name in readers if not name.startswith("verification/downstream/")} == elsewhere


def test_a_hub_that_names_an_address_in_clear_gets_no_token_sent_there(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.utils import build_hf_headers, get_session

    be_patient()
    headers = build_hf_headers(token="hf_s3cret")
    with pytest.raises(
        UsageError, match=r"http://192\.0\.2\.7:8000 is not on this machine and not encrypted"
    ) as caught:
        get_session().post("http://192.0.2.7:8000/verify", headers=headers)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("endpoint", ["http://hub.invalid", "http://192.0.2.7:8000"])
def test_every_command_refuses_a_hub_in_clear(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    for speak in (lambda: use_endpoint(None), connect):
        with pytest.raises(UsageError, match=r"^HF_ENDPOINT: .* not encrypted"):
            speak()


def test_the_key_of_a_server_goes_over_plain_http_to_this_machine_alone() -> None:
    client = Client("http://10.255.255.1:8000/v1", ["10.255.255.1"], timeout=0.01, key="s3cret")
    with pytest.raises(UsageError, match="would get the key over plain http") as caught:
        client.request("POST", "/chat/completions", {})
    assert "s3cret" not in str(caught.value)
