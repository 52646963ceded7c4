"""Is there a server that can translate, and does it have the model?"""

from __future__ import annotations

import http.client
import shlex
import shutil
from collections.abc import Iterator

from hubkit.config import ReleaseConfig
from hubkit.doctor.findings import Finding, failed, ok, warning
from hubkit.models.folders import model_settings, public_name, unknown_models
from hubkit.terms.kinds import terms_of
from hubkit.tokens import environment_token
from hubkit.translation.engines import TRANSLATOR
from hubkit.translation.engines.private_http import Client
from hubkit.translation.engines.server import program_of
from hubkit.workspace import Workspace

CHECK = "translation server"

SECONDS = 10.0
"""How long a server may take to list its models; it loads nothing for that."""


def server(config: ReleaseConfig, workspace: Workspace) -> Iterator[Finding]:
    """The command that starts the server is found, or the server answers and offers the model."""
    settings = config.translation
    if settings.engine != "openai":
        return
    if settings.serve is None and settings.base_url is None:
        yield failed(CHECK, "neither a server nor a command that starts one", "set [translation] base_url or serve")
    elif settings.serve is not None:
        program = program_of(shlex.split(settings.serve))
        if settings.base_url is None and "{port}" not in settings.serve:
            hint = "write {port} for its port, or set base_url"
            yield failed(CHECK, "hubkit cannot know where the server of [translation] serve listens", hint)
        elif shutil.which(program) is None:
            hint = "install it, or write its full path in [translation] serve"
            yield failed(CHECK, f"the program {program} of [translation] serve is not found", hint)
        else:
            yield ok(CHECK, f"{program} is found and starts when translate does")
    else:
        yield _offered(config)


def _offered(config: ReleaseConfig) -> Finding:
    settings, variable = config.translation, TRANSLATOR.key_variable
    client = Client(
        str(settings.base_url), settings.allowed_hosts, min(SECONDS, settings.timeout), environment_token(variable)
    )
    try:
        reply = client.request("GET", "/models")
    except (OSError, http.client.HTTPException) as error:
        what = f"{settings.base_url} does not answer ({type(error).__name__})"
        return failed(CHECK, what, "start it, or set [translation] serve to the command that does")
    if reply.status in (401, 403):
        return failed(CHECK, f"{settings.base_url} refuses the key: HTTP {reply.status}", f"set {variable}")
    listed = reply.value.get("data") if isinstance(reply.value, dict) else None
    if reply.status != 200 or not isinstance(listed, list):
        what = f"{settings.base_url} does not list its models: HTTP {reply.status}"
        return warning(CHECK, what, "check that base_url ends in /v1")
    names = sorted(str(model["id"]) for model in listed if isinstance(model, dict) and "id" in model)
    if settings.model in names:
        return ok(CHECK, f"{settings.base_url} offers {settings.model}")
    offers = ", ".join(names) or "none"
    hint = f"set [translation] model to what it offers: {offers}; model_id says what that is on the Hub"
    return failed(CHECK, f"{settings.base_url} does not offer {settings.model}", hint)


def folders(config: ReleaseConfig, workspace: Workspace) -> Iterator[Finding]:
    """A model that is a folder says which public model it is: cards and adapter name it."""
    unknown = unknown_models(config)
    for setting in model_settings(config):
        check, name = f"public name, {setting.table}", public_name(setting.model, setting.model_id)
        if setting in unknown:
            what = f"the folder {setting.model} does not say which public model it holds: cards would call it {name}"
            found = failed if terms_of(config.corpus).credentialed else warning
            yield found(check, what, f'set [{setting.table}] model_id = "OWNER/NAME"')
        elif name != setting.model:
            yield ok(check, f"cards call it {name}")
