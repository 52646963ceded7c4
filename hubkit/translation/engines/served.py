"""What a server says of the model that it serves: software, revision, precision, and how long a context may be."""

from __future__ import annotations

import http.client
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from hubkit.artifacts.translator import Served
from hubkit.translation.engines.private_http import Client

SOFTWARE = {"vllm": "vLLM", "sglang": "SGLang", "llamacpp": "llama.cpp"}
"""The servers that say who they are in /v1/models, as its `owned_by`, and their names."""

PRECISION_OF_FILE = re.compile(r"(?i)(?:^|[-_.])(I?Q\d+(?:_[A-Z0-9]+)*|BF16|F16|F32)(?=[-.]|$)")
"""The precision in the name of a GGUF file, such as gemma-3-27b-it-Q4_K_M.gguf."""

COMMIT = re.compile(r"[0-9a-f]{40}")


def ask_server(client: Client, model: str, command: Sequence[str] = ()) -> Served | None:
    """Ask a server what it serves; None where it is not reachable.

    Args:
        client: speaks with it.
        model: the name that requests use.
        command: the command line that started it, where hubkit did.

    Raises:
        HubkitError: the host is not one that corpus text may go to, or it redirects.
    """
    try:
        listed = _get(client, "/models")
        entry = _entry(listed.get("data"), model)
        kind = str(entry.get("owned_by"))
        asked = {"vllm": _vllm, "sglang": _sglang, "llamacpp": _llamacpp}.get(kind, _unnamed)
        served = asked(client, entry)
    except (OSError, http.client.HTTPException):
        return None
    return _as_started(served.model_copy(update={"model": _last_part(served.model)}), command)


def _vllm(client: Client, entry: Mapping[str, Any]) -> Served:
    version = _text(_get(client, "//version").get("version"))
    name = _text(entry.get("root")) or _text(entry.get("id"))
    context = _positive(entry.get("max_model_len"))
    return Served(software=_named("vllm", version), model=name, context=context)


def _sglang(client: Client, entry: Mapping[str, Any]) -> Served:
    told = _get(client, "//get_server_info") or _get(client, "//server_info")
    info = told or _get(client, "//get_model_info")
    dtype = _text(info.get("dtype"))
    precision = _text(info.get("quantization")) or (None if dtype == "auto" else dtype)
    return Served(
        software=_named("sglang", _text(info.get("version"))),
        model=_text(info.get("model_path")) or _text(entry.get("id")),
        revision=_text(info.get("revision")),
        precision=precision,
        context=_positive(entry.get("max_model_len")) or _positive(info.get("context_length")),
    )


def _llamacpp(client: Client, entry: Mapping[str, Any]) -> Served:
    props = _get(client, "//props")
    path = _text(props.get("model_path")) or _text(entry.get("id"))
    in_name = PRECISION_OF_FILE.search(_last_part(path) or "")
    precision = _text(props.get("model_ftype")) or (in_name[1].upper() if in_name else None)
    settings = props.get("default_generation_settings")
    context = _positive(settings.get("n_ctx")) if isinstance(settings, Mapping) else None
    build = _text(props.get("build_info"))
    # A library that was built outside its repository calls itself "b0-unknown".
    software = _named("llamacpp", None if build and build.endswith("-unknown") else build)
    return Served(software=software, model=path, precision=precision, context=context)


def _unnamed(client: Client, entry: Mapping[str, Any]) -> Served:
    """`transformers serve` and others, which list models alone; the first as NAME@REVISION."""
    name, _, revision = (_text(entry.get("id")) or "").partition("@")
    context = _positive(entry.get("max_model_len"))
    return Served(model=name or None, revision=revision or None, context=context)


def _as_started(served: Served, command: Sequence[str]) -> Served:
    """Fill in what the server did not say and the command line that started it does."""
    given = dict(pairwise(command)) | dict(
        word.partition("=")[::2] for word in command if word.startswith("--") and "=" in word
    )
    dtype = given.get("--dtype")
    precision = given.get("--quantization") or given.get("-q") or (None if dtype in (None, "auto") else dtype)
    told = {"revision": given.get("--revision"), "precision": precision}
    return served.model_copy(update={name: getattr(served, name) or value for name, value in told.items()})


def known_commit(revision: str | None) -> str | None:
    """A revision that is a commit: a branch's name would say nothing of what was served."""
    return revision if revision and COMMIT.fullmatch(revision) else None


def _entry(listed: Any, model: str) -> Mapping[str, Any]:
    """The model of that name in a list of /v1/models; where there is none, the only one."""
    entries = [entry for entry in listed if isinstance(entry, Mapping)] if isinstance(listed, list) else []
    named = [entry for entry in entries if str(entry.get("id")).partition("@")[0] == model]
    found = named or (entries if len(entries) == 1 else [])
    return found[0] if found else {}


def _get(client: Client, path: str) -> Mapping[str, Any]:
    reply = client.request("GET", path)
    return reply.value if reply.status == 200 and isinstance(reply.value, Mapping) else {}


def _named(kind: str, version: str | None) -> str:
    return f"{SOFTWARE[kind]} {version}" if version else SOFTWARE[kind]


def _last_part(name: str | None) -> str | None:
    """The name of a folder or file without its path, which is this machine's own; a name on the Hub as it is."""
    if name and (name.count("/") > 1 or name.startswith(("/", ".", "~"))):
        return name.rstrip("/").rpartition("/")[2]
    return name


def _text(value: Any) -> str | None:
    return value[:200] if isinstance(value, str) and value else None


def _positive(value: Any) -> int | None:
    return value if isinstance(value, int) and value > 0 else None
