"""Are there the servers that translate, and translate back, and do they have their models?"""

from __future__ import annotations

import http.client
import shlex
import shutil
from collections.abc import Iterator

from hubkit.config import ReleaseConfig, Translation
from hubkit.doctor.findings import Finding, failed, ok, warning
from hubkit.models.folders import model_settings, public_name, unknown_models
from hubkit.sensitivity.translation.back import SECOND_MODEL, engine_settings
from hubkit.terms.kinds import terms_of
from hubkit.tokens import environment_token
from hubkit.translation.engines import TRANSLATOR, ServerTable
from hubkit.translation.engines.private_http import Client
from hubkit.translation.engines.server import program_of
from hubkit.workspace import Workspace

SECONDS = 10.0
"""How long a server may take to list its models; it loads nothing for that."""


def server(config: ReleaseConfig, workspace: Workspace) -> Iterator[Finding]:
    """The command that starts a server is found, or the server answers and offers the model.

    What is wrong with the server of the second model is a warning: no stage of a release asks it.
    """
    yield from _server("translation server", config.translation, TRANSLATOR, "translate")
    back = config.sensitivity.back_translation
    if back is not None:
        settings = engine_settings(config.translation, back)
        for found in _server("back-translation server", settings, SECOND_MODEL, "sensitivity --translation"):
            yield found._replace(status="warning") if found.status == "failed" else found


def _server(check: str, settings: Translation, table: ServerTable, command: str) -> Iterator[Finding]:
    """`command` is the one that asks the server."""
    if settings.engine != "openai":
        return
    if settings.serve is None and settings.base_url is None:
        yield failed(check, "neither a server nor a command that starts one", f"set {table.name} base_url or serve")
    elif settings.serve is not None:
        program = program_of(shlex.split(settings.serve))
        if settings.base_url is None and "{port}" not in settings.serve:
            hint = "write {port} for its port, or set base_url"
            yield failed(check, f"hubkit cannot know where the server of {table.name} serve listens", hint)
        elif shutil.which(program) is None:
            hint = f"install it, or write its full path in {table.name} serve"
            yield failed(check, f"the program {program} of {table.name} serve is not found", hint)
        else:
            yield ok(check, f"{program} is found and starts when {command} does")
    else:
        yield _offered(check, settings, table)


def _offered(check: str, settings: Translation, table: ServerTable) -> Finding:
    url, seconds = str(settings.base_url), min(SECONDS, settings.timeout)
    client = Client(url, settings.allowed_hosts, seconds, environment_token(table.key_variable), table)
    try:
        reply = client.request("GET", "/models")
    except (OSError, http.client.HTTPException) as error:
        what = f"{url} does not answer ({type(error).__name__})"
        return failed(check, what, f"start it, or set {table.name} serve to the command that does")
    if reply.status in (401, 403):
        return failed(check, f"{url} refuses the key: HTTP {reply.status}", f"set {table.key_variable}")
    listed = reply.value.get("data") if isinstance(reply.value, dict) else None
    if reply.status != 200 or not isinstance(listed, list):
        what = f"{url} does not list its models: HTTP {reply.status}"
        return warning(check, what, "check that base_url ends in /v1")
    names = sorted(str(model["id"]) for model in listed if isinstance(model, dict) and "id" in model)
    if settings.model in names:
        return ok(check, f"{url} offers {settings.model}")
    offers = ", ".join(names) or "none"
    hint = f"set {table.name} model to what it offers: {offers}; model_id says what that is on the Hub"
    return failed(check, f"{url} does not offer {settings.model}", hint)


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
