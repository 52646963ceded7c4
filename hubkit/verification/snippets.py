"""The code on the cards of a release that may be run as pasted: what hubkit itself would have written there.

A card can be edited by whoever may write to its repo. So a snippet is run only where it equals hubkit's
own rendering to the byte, and where the code of the release that it runs is hubkit's own as well. The
values that go into the rendering come from the release, and are checked before they become code.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from hubkit import __version__, pins
from hubkit.artifacts.recipe import RECIPE
from hubkit.artifacts.release_record import RECORD
from hubkit.custody import READER
from hubkit.hub.client import retried
from hubkit.hub.targets import CARD
from hubkit.packaging.cards import render
from hubkit.packaging.code_digests import LOADER, METRIC, WRITTEN, reader_source
from hubkit.published import published
from hubkit.verification.discovery import ARTIFACTS, OnHub

if TYPE_CHECKING:
    from huggingface_hub import HfApi

KINDS = {artifact: kind for kind, artifact in ARTIFACTS.items()}

BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)

REPO = re.compile(r"[\w.-]+(/[\w.-]+)?", re.ASCII)
REVISION = re.compile(r"[\w.-]+", re.ASCII)
"""What a name and a revision may look like: neither can end the string that it stands in."""

FITS = ("stretch", "pad")


class Snippet(NamedTuple):
    """A piece of code on a card.

    Attributes:
        artifact: whose card it stands on.
        template: in dataset_card/snippets/.
        runs: the files of the release that it runs, by their names in `own_files`.
    """

    artifact: str
    template: str
    runs: tuple[str, ...] = ()


SNIPPETS = {
    "snippet_open": Snippet("dataset", "open", ("reader",)),
    "snippet_load": Snippet("dataset", "load"),
    "snippet_join": Snippet("dataset", "join", ("loader",)),
    "snippet_metric": Snippet("dataset", "metric", ("metric",)),
    "snippet_generate": Snippet("adapter", "generate"),
    "snippet_space": Snippet("metric", "space", ("metric",)),
    "snippet_space_scores": Snippet("metric", "space_scores", ("metric",)),
}
"""By the name of their check, in the order in which a reader pastes them."""


class Found(NamedTuple):
    """The code of the snippets that may be run, and of the others why they may not; by check."""

    code: dict[str, str]
    reasons: dict[str, str]


def find_snippets(api: HfApi, release: OnHub) -> Found:
    """Compare the code on the cards with hubkit's own rendering."""
    cards = {artifact: _text(api, release, artifact, CARD) or "" for artifact in release.repos}
    code: dict[str, str] = {}
    reasons: dict[str, str] = {}
    record = _json(_text(api, release, next(iter(release.repos)), RECORD))
    recipe = _json(_text(api, release, "adapter", RECIPE)) if "adapter" in release.repos else None
    facts = snippet_facts(release.tag, record, recipe)
    own = _own_files(api, release, cards.get("dataset", "")) if facts else {}
    for check, snippet in SNIPPETS.items():
        if snippet.artifact not in release.repos:
            reasons[check] = f"no {snippet.artifact} was named"
        elif facts is None:
            reasons[check] = f"{RECORD} or {RECIPE} is missing, or is not as hubkit writes it"
        elif "metric" in snippet.runs and "metric" not in facts["repos"]:
            reasons[check] = "metric not published: the release has no repo for it"
        else:
            text = _rendered(snippet, facts, cards[snippet.artifact])
            strange = [name for name in snippet.runs if not own.get(name)]
            if text not in BLOCK.findall(cards[snippet.artifact]):
                reasons[check] = f"the card has not this code as hubkit {__version__} writes it"
            elif strange:
                reasons[check] = f"the {strange[0]} that it runs is not pinned, or not that of hubkit {__version__}"
            else:
                code[check] = text
    return Found(code, reasons)


def snippet_facts(tag: str, record: Any, recipe: Any) -> dict[str, Any] | None:
    """What the templates of the snippets ask for; None where a value is not what hubkit writes.

    Args:
        tag: the release's.
        record, recipe: what the release says of itself, and its adapter; the latter is None where none was named.
    """
    try:
        setup, repos = record["scoring"]["setups"]["bertimbau"], record["repos"]
        bertimbau = SimpleNamespace(
            model=_checked(REPO, setup["model"]), layer=int(setup["layer"]), revision=_revision(setup["revision"])
        )
        config = SimpleNamespace(
            custody=SimpleNamespace(mode=record["custody"]), scoring=SimpleNamespace(bertimbau=bertimbau)
        )
        reader = SimpleNamespace(path=f"loader/{READER}", sha256=_sha256(reader_source().encode()))
        facts: dict[str, Any] = {
            "repos": {artifact: _checked(REPO, repo) for artifact, repo in repos.items()},
            "names": {"dataset": repos["dataset"].rpartition("/")[2]},
            "release": SimpleNamespace(tag=_checked(REVISION, tag)),
            "code": {"reader": reader},
            "config": config,
        }
        if recipe is not None:
            base = recipe["base_model"]
            facts["base"] = SimpleNamespace(name=_checked(REPO, base["name"]), revision=_revision(base["revision"]))
            config.corpus = SimpleNamespace(fit=FITS[FITS.index(recipe["images"]["fit"])])
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return facts


def _revision(value: str | None) -> str | None:
    return None if value is None else _checked(REVISION, value)


def _json(text: str | None) -> Any:
    try:
        return json.loads(text or "")
    except (ValueError, RecursionError):
        return {}


def _checked(pattern: re.Pattern[str], value: str) -> str:
    if not pattern.fullmatch(value):
        raise ValueError
    return value


def _rendered(snippet: Snippet, facts: Mapping[str, Any], card: str) -> str:
    """A snippet as hubkit writes it, with the commits that its card names."""
    template = published("dataset_card") / "snippets" / f"{snippet.template}.py.jinja"
    return pins.fill_code(render(template, facts), pins.parts(card), pins.commits(card))


def _own_files(api: HfApi, release: OnHub, card: str) -> dict[str, bool]:
    """Of the reader, the loader and the metric, whether the bytes at the commit on the card and at the tag, of which a
    snippet takes either, are hubkit's own."""
    commits, found = pins.commits(card), {}
    for digest in pins.code(card):
        artifact = next((name for name, repo in release.repos.items() if repo == digest.repo), None)
        if artifact is None or artifact not in commits:
            continue
        name = {LOADER: "loader", READER: "reader"}.get(Path(digest.path).name, "metric")
        revisions = {commits[artifact], release.commits[artifact]}
        texts = [_text(api, release, artifact, digest.path, revision) for revision in revisions]
        found[name] = all(text is not None and _is_own(name, text) for text in texts)
    return found


def _is_own(name: str, text: str) -> bool:
    if name == "reader":
        return text == reader_source()
    if name == "metric":
        return text == (published("bertscore_ptbr") / METRIC).read_text(encoding="utf-8")
    return _unwritten(text) == _unwritten((published("loading_script") / LOADER).read_text(encoding="utf-8"))


def _unwritten(loader: str) -> str:
    """A loader without the values that `package` writes into it; one that is not a literal stays, and differs."""

    def without(line: re.Match[str]) -> str:
        try:
            ast.literal_eval(line["value"])
        except (ValueError, SyntaxError):
            return line[0]
        return f"{line['name']} = "

    return re.sub(rf"^(?P<name>{'|'.join(WRITTEN)}) = (?P<value>.*)$", without, loader, flags=re.MULTILINE)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _text(api: HfApi, release: OnHub, artifact: str, name: str, revision: str | None = None) -> str | None:
    path = _fetched(api, release.repos[artifact], KINDS[artifact], name, revision or release.commits[artifact])
    try:
        return None if path is None else path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return None


@retried("{repo}")
def _fetched(api: HfApi, repo: str, kind: str, path: str, revision: str) -> Path | None:
    from huggingface_hub.errors import RemoteEntryNotFoundError, RevisionNotFoundError

    try:
        return Path(api.hf_hub_download(repo, path, repo_type=kind, revision=revision))
    except (RemoteEntryNotFoundError, RevisionNotFoundError):
        return None
