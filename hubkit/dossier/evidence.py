"""Follows a pointer to its values: in a file of the workspace, in hubkit.toml, in the terms of the corpus."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal, NamedTuple

from hubkit.artifacts.manifest import read_manifest
from hubkit.artifacts.memorisation import read_memorisation
from hubkit.artifacts.model import Model, to_json
from hubkit.artifacts.receipt import read_receipt
from hubkit.artifacts.recipe import RECIPE, read_decoding, read_recipe
from hubkit.artifacts.revision import read_revision
from hubkit.artifacts.scores import read_summary
from hubkit.artifacts.selection import read_selection
from hubkit.artifacts.training import TRAINING, read_training
from hubkit.artifacts.translator import read_translator
from hubkit.artifacts.verification import read_verification
from hubkit.config import ReleaseConfig
from hubkit.dossier.guidelines import Pointer
from hubkit.dossier.readers import READERS
from hubkit.dossier.stage_states import StageState, stage_states
from hubkit.stages import STAGES
from hubkit.terms.kinds import terms_of
from hubkit.workspace import Workspace


class EvidenceFile(NamedTuple):
    """A file of the workspace that pointers may name: which stage writes it, and how it is read."""

    stage: str
    read: Callable[[Workspace], Model | None]


FILES = {
    "studies/selection.json": EvidenceFile("read", read_selection),
    "translations/translator.json": EvidenceFile("translate", read_translator),
    "revised/revision.json": EvidenceFile("revise", read_revision),
    f"adapter/{RECIPE}": EvidenceFile("finetune", lambda workspace: read_recipe(workspace.adapter)),
    f"adapter/{TRAINING}": EvidenceFile("finetune", lambda workspace: read_training(workspace.adapter)),
    "generations/decoding.json": EvidenceFile("generate", read_decoding),
    "scores/summary.json": EvidenceFile("score", read_summary),
    "audit/memorisation.json": EvidenceFile("audit", read_memorisation),
    "receipt.json": EvidenceFile("push", read_receipt),
    "verification.json": EvidenceFile("verify", read_verification),
    **{
        f"manifests/{stage.name}.json": EvidenceFile(stage.name, partial(read_manifest, stage=stage.name))
        for stage in STAGES
    },
}
"""By path below the workspace."""

SETTINGS_OF = {
    "release": "package",
    "corpus": "read",
    "translation": "translate",
    "finetuning": "finetune",
    "generation": "generate",
    "scoring": "score",
    "audit": "audit",
    "packaging": "package",
    "hub": "package",
    "custody": "package",
    # No stage but this one holds an adapter to the bound.
    "audit.max_verbatim": "package",
}
"""By table or setting of hubkit.toml, the stage that has to have run under it before its values describe a release."""


EMPTY: tuple[Any, ...] = (None, "", [], {}, ())
"""Values that say nothing. False and 0 say something."""


class Row(NamedTuple):
    """What a pointer came to.

    Attributes:
        says: what the value is.
        value: as people read it; None where there is none.
        where: the file and key.
        remark: why there is no value, or what to know of it; empty where nothing is wrong.
        lacks: why there is no value, where that is not that nothing was done.
    """

    says: str
    value: str | None
    where: str
    remark: str = ""
    lacks: Literal["", "authors", "certainty"] = ""


class Evidence:
    """The evidence of a workspace. Files are read once; a value that nobody vouches for is not given.

    Raises:
        HubkitError: a file is damaged, or a newer hubkit wrote it.
    """

    def __init__(self, config: ReleaseConfig, workspace: Workspace):
        self.config, self.workspace = config, workspace
        self.states: dict[str, StageState] = stage_states(config, workspace)
        terms = terms_of(config.corpus)
        known = {name: value for name, value in terms._asdict().items() if name not in terms.unstated}
        self._read: dict[str, Any] = {
            "hubkit.toml": config.model_dump(mode="json", by_alias=True),
            "terms": known,
        }
        self._computed_values: dict[str, str | None] = {}

    def follow(self, pointer: Pointer) -> Row:
        """The value of a pointer, or why there is none."""
        if pointer.fact is not None:
            return Row(pointer.says, pointer.fact, str(pointer.see))
        if pointer.reader is not None:
            return self._computed(pointer, pointer.reader)
        file, key = str(pointer.file), str(pointer.key)
        if file == "hubkit.toml":
            return self._setting(pointer, key)
        if file == "terms":
            return self._of_terms(pointer, key)
        return self._of_file(pointer, file, key)

    def _computed(self, pointer: Pointer, name: str) -> Row:
        reader = READERS[name]
        where = f"{reader.where} (computed)"
        states = [self.states[stage] for stage in reader.stages]
        for state in states:
            if state.manifest is None:
                return Row(pointer.says, None, where, _missing(state.name))
            if state.changed or (reader.settings and state.other_settings):
                return _withheld(pointer, where, state)
        if name not in self._computed_values:
            self._computed_values[name] = reader.compute(self.config, self.workspace)
        value = self._computed_values[name]
        if value is None:
            return Row(pointer.says, None, where, reader.without)
        return Row(pointer.says, value, where, "; ".join(state.problem for state in states if state.problem))

    def _setting(self, pointer: Pointer, key: str) -> Row:
        table, _, name = key.partition(".")
        where = f"hubkit.toml: [{table}] {name}"
        state = self.states[SETTINGS_OF.get(key, SETTINGS_OF[table])]
        if state.manifest and state.other_settings:
            return _withheld(pointer, where, state)
        remark = "" if state.manifest else f"planned: `{state.name}` has not run"
        return _row(pointer, self._read["hubkit.toml"], key, where, remark, "not set")

    def _of_terms(self, pointer: Pointer, key: str) -> Row:
        state = self.states["read"]
        where = f"hubkit.toml: [corpus] kind (its terms: {key})"
        if state.manifest and state.other_settings:
            return _withheld(pointer, where, state)
        remark = "" if state.manifest else "planned: `read` has not run"
        row = _row(pointer, self._read["terms"], key, where, remark, "only the authors know it of this corpus")
        return row if row.value is not None else row._replace(lacks="authors")

    def _of_file(self, pointer: Pointer, file: str, key: str) -> Row:
        where, known = f"{file}: {key}", FILES[file]
        state = self.states[known.stage]
        if state.manifest is None:
            return Row(pointer.says, None, where, _missing(known.stage))
        if state.covers(file):
            return _withheld(pointer, where, state)
        if not (self.workspace.root / file).exists():
            return Row(pointer.says, None, where, f"`{known.stage}` left no such file")
        if file not in self._read:
            model = known.read(self.workspace)
            self._read[file] = {} if model is None else to_json(model)
        # A manifest says what its stage did, also where hubkit.toml or the inputs are others now.
        return _row(pointer, self._read[file], key, where, state.problem or "", "not recorded")


def _missing(stage: str) -> str:
    return f"not done: `{stage}` has not run (hubkit {stage})"


def _withheld(pointer: Pointer, where: str, state: StageState) -> Row:
    remark = f"not certain: {state.problem} (hubkit {state.name})"
    return Row(pointer.says, None, where, remark, "certainty")


def _row(pointer: Pointer, values: Any, key: str, where: str, remark: str, without: str) -> Row:
    hits = list(_at(values, key.split(".")))
    if pointer.count:
        hits = [(label, len(value)) for label, value in hits]
    # A file has no key for what was not set.
    if pointer.empty is not None and all(value in EMPTY for _, value in hits):
        return Row(pointer.says, pointer.empty, where, remark)
    hits = [(label, value) for label, value in hits if value not in EMPTY]
    if not hits:
        return Row(pointer.says, None, where, without)
    shown = [f"{label}: {plain(value)}" if label else plain(value) for label, value in hits]
    return Row(pointer.says, "; ".join(shown), where, remark)


def _at(values: Any, path: list[str], label: str = "") -> Iterator[tuple[str, Any]]:
    """The values at a path, each labelled with the entry that `*` stood for; none where the path leads nowhere."""
    if not path:
        yield label, values
        return
    first, rest = path[0], path[1:]
    if first == "*" and isinstance(values, dict):
        for name, value in values.items():
            yield from _at(value, rest, f"{label} {name}".strip())
    elif first == "*" and isinstance(values, list):
        for value in values:
            yield from _at(value, rest, label)
    elif isinstance(values, dict) and first in values:
        yield from _at(values[first], rest, label)


def plain(value: Any) -> str:
    """A value for people: an interval as "0.9 (0.8 to 1)", six digits at most, no quotes and braces."""
    if isinstance(value, dict):
        middle = value.get("mean", value.get("value"))
        if middle is not None and {"low", "high"} <= value.keys():
            return f"{plain(middle)} ({plain(value['low'])} to {plain(value['high'])})"
        return ", ".join(f"{name} {plain(item)}" for name, item in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value)) or "none"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
