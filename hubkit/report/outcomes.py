"""What each stage left in the workspace, in a few words: the end of its line, and of `hubkit status`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hubkit.artifacts.memorisation import read_memorisation
from hubkit.artifacts.receipt import read_receipt
from hubkit.artifacts.recipe import read_decoding
from hubkit.artifacts.revision import read_revision
from hubkit.artifacts.scores import read_summary
from hubkit.artifacts.selection import read_selection
from hubkit.artifacts.thoughts import read_thoughts, total_thoughts
from hubkit.artifacts.training import TRAINING, read_training
from hubkit.artifacts.translator import read_translator
from hubkit.artifacts.verification import read_verification
from hubkit.checks.hunspell import WORD_LIST
from hubkit.models.thinking import thoughts_told
from hubkit.screen import counted
from hubkit.tables import CONDITIONS, SETUP_NAMES
from hubkit.workspace import Workspace, read_table


def outcome(stage: str, workspace: Workspace) -> str | None:
    """What a stage made, as "300 studies, 480 images"; None where it is not there, or not of a kind that is counted."""
    describe = _OUTCOMES.get(stage)
    try:
        return describe(workspace) if describe else None
    except FileNotFoundError:
        return None


def statuses(workspace: Workspace) -> Counter[str]:
    """How many rows of translations.parquet are ok, flagged and failed.

    Raises:
        FileNotFoundError: nothing is translated yet.
    """
    found = workspace.translations if workspace.translations.exists() else workspace.machine_translations
    return Counter(_column(found, "status"))


def _read(workspace: Workspace) -> str | None:
    if not workspace.selection.exists():
        return None
    selection = read_selection(workspace)
    shown = "no images" if selection.images.text_only else counted(selection.images.prepared, "image")
    return f"{counted(sum(selection.sizes.values()), 'study')}, {shown}"


def _translate(workspace: Workspace) -> str:
    found = Counter(_column(workspace.machine_translations, "status"))
    off = ", checked without a word list" if "none" in _word_lists(workspace) else ""
    counted_thoughts = read_thoughts(workspace)
    thought = thoughts_told(counted_thoughts) if counted_thoughts else ""
    more = f", {thought}" if thought else ""
    by = _server(workspace)
    return f"{counted(found.total(), 'section')}, {found['flagged']} flagged, {found['failed']} failed{off}{more}{by}"


def _server(workspace: Workspace) -> str:
    """Which servers translated, and in which precision as far as is known; "" for the engine in this process."""
    translator = read_translator(workspace)
    if translator.engine != "openai":
        return ""
    software = ", ".join(dict.fromkeys(one.software or "an unnamed server" for one in translator.served))
    precision = ", ".join(one or "unknown precision" for one in translator.precisions)
    return f", by {software} ({precision})"


def _word_lists(workspace: Workspace) -> list[str]:
    """The word lists with which the translations were checked, on record since there is a check that reads one."""
    metadata = read_table(workspace.machine_translations, ["status"]).schema.metadata or {}
    held: bytes = metadata.get(WORD_LIST.encode(), b"")
    return held.decode().split(",")


def _revise(workspace: Workspace) -> str | None:
    if not workspace.revision.exists():
        return None
    found = read_revision(workspace)
    stale = f", {counted(found.stale, 'correction')} of texts that changed" if found.stale else ""
    return f"{counted(found.corrected, 'correction')}, {counted(found.left_out, 'section')} left out{stale}"


def _finetune(workspace: Workspace) -> str | None:
    if not (workspace.adapter / TRAINING).exists():
        return None
    training = read_training(workspace.adapter)
    best = f", best at {training.best_step}" if training.best_step is not None else ""
    return f"adapter of {counted(training.steps or 0, 'step')}{best}"


def _generate(workspace: Workspace) -> str:
    rows = sum(len(_column(workspace.generations(condition), "study_id")) for condition in CONDITIONS)
    # Generations of an earlier version say nothing of thoughts.
    thoughts = read_decoding(workspace).thoughts.values() if workspace.decoding.exists() else ()
    thought = thoughts_told(total_thoughts(thoughts))
    return f"{counted(rows, 'report')} in {len(CONDITIONS)} conditions" + (f", {thought}" if thought else "")


def _score(workspace: Workspace) -> str | None:
    if not workspace.summary.exists():
        return None
    summary = read_summary(workspace)
    lora = summary.conditions["lora"]
    shown = [f"{lora.figure(f'{setup} f1').value:.3f} ({name})" for setup, name in SETUP_NAMES.items()]
    return f"{counted(summary.n, 'study')}, F1 of LoRA {', '.join(shown)}"


def _audit(workspace: Workspace) -> str:
    if not workspace.memorisation.exists():
        raise FileNotFoundError(workspace.memorisation)
    found = read_memorisation(workspace)
    auc, longest = found.strongest(), found.longest
    told = "attack by losses: too few studies" if auc is None else f"attack by losses: AUC {auc:.2f}"
    return told if longest is None else f"{told}, longest run repeated {counted(longest, 'word')}"


def _package(workspace: Workspace) -> str:
    sizes = [path.stat().st_size for path in workspace.dist.rglob("*") if path.is_file()]
    return f"{counted(len(sizes), 'file')}, {sum(sizes) / 1e6:,.1f} MB"


def _push(workspace: Workspace) -> str | None:
    receipt = read_receipt(workspace)
    return f"{counted(len(receipt.repos), 'repo')} at {receipt.tag}" if receipt else None


def _verify(workspace: Workspace) -> str:
    if not workspace.verification.exists():
        raise FileNotFoundError(workspace.verification)
    counts = read_verification(workspace).counts
    return "checks: " + ", ".join(f"{count} {result}" for result, count in counts.items() if count)


_OUTCOMES: dict[str, Callable[[Workspace], str | None]] = {
    "read": _read,
    "translate": _translate,
    "revise": _revise,
    "finetune": _finetune,
    "generate": _generate,
    "score": _score,
    "audit": _audit,
    "package": _package,
    "push": _push,
    "verify": _verify,
}


def _column(path: Path, name: str) -> list[Any]:
    if not path.exists():
        raise FileNotFoundError(path)
    column: list[Any] = read_table(path, [name])[name].to_pylist()
    return column
