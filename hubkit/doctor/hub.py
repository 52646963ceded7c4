"""Does the Hub know us, may we use the base models, and may the release go there?"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from hubkit.config import ReleaseConfig
from hubkit.doctor.findings import Finding, failed, from_error, ok, warning
from hubkit.endpoint import current_endpoint, trusted_certificates
from hubkit.errors import HubkitError
from hubkit.hub import identity
from hubkit.hub.client import connect
from hubkit.hub.gate import ungranted_token
from hubkit.models.folders import public_name
from hubkit.own_hub import is_own_hub
from hubkit.terms.kinds import terms_of
from hubkit.terms.policy import check_destination, name_warning
from hubkit.tokens import hub_token
from hubkit.workspace import Workspace

SECONDS = 10
"""How long a Hub may take to answer at all."""

TRAINED_ON_MIMIC = "medgemma"
"""Models of this family were trained on MIMIC-CXR, as far as their cards tell."""


class Model(NamedTuple):
    """A model that a stage loads."""

    stage: str
    name: str
    revision: str | None


def models_of(config: ReleaseConfig) -> list[Model]:
    """The models of the configured release, by the stages that load them."""
    listed = [Model("finetune, generate", config.finetuning.model, config.finetuning.revision)]
    if config.translation.engine == "transformers":
        listed.insert(0, Model("translate", config.translation.model, config.translation.revision))
    encoders = (config.scoring.bertimbau, config.scoring.xlm_roberta)
    return listed + [Model("score", encoder.model, encoder.revision) for encoder in encoders]


def served_model(config: ReleaseConfig) -> Model | None:
    """The model that a server serves for us, where the settings say what it is on the Hub."""
    settings = config.translation
    name = public_name(settings.model, settings.model_id)
    if settings.engine != "openai" or "/" not in name:
        return None
    return Model("the translation server", name, settings.revision)


def account(config: ReleaseConfig, workspace: Workspace) -> Iterator[Finding]:
    """What `push` asks of both tokens and of the namespace before it changes anything, in its own words."""
    endpoint = current_endpoint()
    # A token that cannot be sent is refused before anything is asked.
    hub_token()
    if not answers(endpoint):
        yield failed("Hub account", f"{endpoint} does not answer", "check the network and HF_ENDPOINT")
        return
    try:
        api = connect()
        name = identity.whoami(api)["name"]
    except HubkitError as error:
        yield from_error("Hub account", error)
        return
    yield ok("Hub account", f"{name} at {endpoint}")
    checks: dict[str, Callable[[], object]] = {
        "Hub names": lambda: identity.check_names(config),
        "Hub token": lambda: identity.check_token(config, api),
        "Hub namespace": lambda: identity.check_namespace(config, api),
        "Hub gate": lambda: identity.check_outsider(config, api, ungranted_token(config.hub.waive_ungranted_probe)),
    }
    for subject, check in checks.items():
        try:
            check()
        except HubkitError as error:
            yield from_error(subject, error)
            if subject == "Hub names":
                return


def terms(config: ReleaseConfig, workspace: Workspace) -> Iterator[Finding]:
    """The corpus's terms let the release go where it is to go."""
    endpoint = current_endpoint()
    try:
        check_destination(config, endpoint)
    except HubkitError as error:
        yield failed("terms", error.what, error.hint)
        return
    if is_own_hub(endpoint):
        yield ok("terms", f"hubkit started {endpoint} on this machine")
    else:
        yield ok("terms", f"{terms_of(config.corpus).licence}; what is made from it goes to {endpoint}")


def names(config: ReleaseConfig, workspace: Workspace) -> Iterator[Finding]:
    """The repos are named as the corpus's owners ask of what is derived from it."""
    found = name_warning(config)
    if found:
        yield warning("names", found, "set them, or leave them: push warns only while they are at their defaults")


def models(config: ReleaseConfig, workspace: Workspace) -> Iterator[Finding]:
    """Each model is on this machine, or its repo lets us in; that of a server is only looked at."""
    for model in models_of(config):
        if Path(model.name).is_dir():
            yield ok(f"model for {model.stage}", f"{model.name} is a folder of this machine")
        else:
            yield _reached(model)
    served = served_model(config)
    if served is not None and answers(current_endpoint()):
        found = _reached(served)
        # The server may have its files from elsewhere, so that this stops nothing.
        yield found._replace(status="warning") if found.status == "failed" else found


def _reached(model: Model) -> Finding:
    """Whether the repo of a model lets us in, and has its revision."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, HFValidationError, RepositoryNotFoundError

    api, check = HfApi(endpoint=current_endpoint()), f"model for {model.stage}"
    if not answers(api.endpoint):
        return failed(check, f"{model.name}: {api.endpoint} does not answer", "check the network and HF_ENDPOINT")
    try:
        api.auth_check(model.name)
        api.model_info(model.name, revision=model.revision)
    except GatedRepoError:
        page = f"{api.endpoint}/{model.name}"
        return failed(check, f"{model.name} is gated and not granted to you", f"accept its licence: {page}")
    except (RepositoryNotFoundError, HFValidationError):
        return failed(check, f"{model.name} is no repo that you can see", "check the name, or run: hf auth login")
    except HfHubHTTPError as error:
        return failed(check, f"{model.name}: the Hub answers {error.response.status_code}", "check its revision")
    return ok(check, f"{model.name} lets you in")


def training_data(config: ReleaseConfig, workspace: Workspace) -> Iterator[Finding]:
    """Whether the base model was trained on the very corpus that it is scored on, as its card tells."""
    name, kind = config.finetuning.model, config.corpus.kind
    known_as = terms_of(config.corpus).known_as
    if not known_as:
        return
    card = _card(name, config.finetuning.revision)
    hint = "say so wherever the scores are quoted"
    if any(word in card for word in known_as):
        yield warning("training data", f"the card of {name} names {kind}: scores may not be on unseen images", hint)
    elif TRAINED_ON_MIMIC in name.lower() and kind == "mimic-cxr":
        what = f"{name} was trained on {kind}, as far as we know: scores are not on unseen images"
        yield warning("training data", what, hint)
    elif not card:
        yield warning("training data", f"the card of {name} cannot be read", f"look whether it names {kind}")
    else:
        yield ok("training data", f"the card of {name} does not name {kind}")


@functools.cache
def answers(endpoint: str) -> bool:
    """Whether the Hub answers at all: its clients would try for minutes."""
    import httpx

    try:
        httpx.head(endpoint, timeout=SECONDS, verify=trusted_certificates())
    except httpx.TransportError:
        return False
    return True


def _card(name: str, revision: str | None) -> str:
    """The model card in lower case; "" where it cannot be fetched."""
    from huggingface_hub import hf_hub_download

    path = Path(name) / "README.md"
    try:
        if not Path(name).is_dir():
            offline = not answers(current_endpoint())
            path = Path(hf_hub_download(name, "README.md", revision=revision, local_files_only=offline))
        return path.read_text(encoding="utf-8", errors="replace").lower()
    except (OSError, ValueError):
        # No card, no network, no access (errors of the Hub's client are OSErrors), or a name that is none.
        return ""
