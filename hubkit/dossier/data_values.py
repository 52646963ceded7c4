"""Values of the dossier that are computed from what goes in: the corpus, the prompts, the translations. None is text of
the corpus."""

from __future__ import annotations

from collections import Counter

import pyarrow.parquet as pq

from hubkit.artifacts.recipe import read_base, read_recipe
from hubkit.artifacts.selection import read_selection
from hubkit.artifacts.subgroups import read_subgroups
from hubkit.artifacts.translator import read_translator
from hubkit.config import ReleaseConfig
from hubkit.packaging.effort import COMPUTING, efforts
from hubkit.packaging.populations import view_counts
from hubkit.packaging.table_counts import label_counts, split_sizes
from hubkit.tables import SPLITS
from hubkit.terms.exposure import statements
from hubkit.terms.kinds import terms_of
from hubkit.translation.prompt import Prompt
from hubkit.workspace import Workspace


def translation_prompt(config: ReleaseConfig, workspace: Workspace) -> str:
    """What the translator reads in addition to the text."""
    prompt = Prompt.of(config.translation)
    if prompt.template == "translategemma":
        return "none: the model's own template, with the languages en and pt-BR"
    return f"{prompt.system} (in the {prompt.template} turn)"


def translation_requests(config: ReleaseConfig, workspace: Workspace) -> str:
    """The user turns of a translation: at first, and where a further attempt names what was wrong."""
    prompt, context = Prompt.of(config.translation), "(the rest of the report)" if config.translation.context else None
    first = prompt.messages("findings", "(the text)", context)
    if prompt.template == "translategemma":
        return "the text alone, each time"
    turns = [first[-1]["content"].removeprefix(prompt.system)]
    if config.translation.retries:
        again = prompt.messages("findings", "(the text)", context, "(what the checks found)")
        turns.append(again[-1]["content"].removeprefix(prompt.system))
    return "; again: ".join(" ".join(turn.split()) for turn in turns)


def prompt_lengths(config: ReleaseConfig, workspace: Workspace) -> str:
    """How long the prompts are without texts and images."""
    question, prompt = read_recipe(workspace.adapter).prompt or "", Prompt.of(config.translation)
    translator = 0 if prompt.template == "translategemma" else len(prompt.system)
    return f"question {len(question)} characters, prompt of the translator {translator} characters"


def corpus_version(config: ReleaseConfig, workspace: Workspace) -> str | None:
    """The configured version, of a corpus that has versions."""
    return config.corpus.version if terms_of(config.corpus).parents else None


def contents_of_splits(config: ReleaseConfig, workspace: Workspace) -> str:
    """Studies, patients and images of each split."""
    return "; ".join(
        f"{part.name}: {part.studies} studies of {part.subjects} patients, {part.images} images"
        for part in split_sizes(workspace)
    )


def exposures(config: ReleaseConfig, workspace: Workspace) -> str:
    """Which models had seen the corpus before, as far as their makers say it."""
    base = read_base(workspace.adapter).name
    translators = [served.model for served in read_translator(workspace).served if served.model]
    return " ".join(statements(base, translators, terms_of(config.corpus)).sentences).lstrip("†‡ ")


def shared_patients(config: ReleaseConfig, workspace: Workspace) -> str:
    """How many patients have studies in more than one split."""
    splits: dict[int, set[str]] = {}
    for batch in pq.ParquetFile(workspace.studies).iter_batches(columns=["subject_id", "split"]):
        for subject, split in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            splits.setdefault(subject, set()).add(split)
    shared = sum(len(found) > 1 for found in splits.values())
    return f"{shared} of {len(splits)} patients have studies in more than one split"


def translation_hardware(config: ReleaseConfig, workspace: Workspace) -> str | None:
    """What translated, or that it was a server or a cluster, of which hubkit knows no hardware."""
    found = next(effort for effort in efforts(config, workspace) if effort.work == COMPUTING["translate"])
    return found.hardware or found.unknown or None


def sections_by_status(config: ReleaseConfig, workspace: Workspace) -> str:
    """How many translated sections passed the checks, were flagged, or failed."""
    counts = Counter(pq.read_table(workspace.translations, columns=["status"])["status"].to_pylist())
    return ", ".join(f"{count} {status}" for status, count in sorted(counts.items(), key=lambda at: (-at[1], at[0])))


def missing_sections(config: ReleaseConfig, workspace: Workspace) -> str:
    """How many studies lack each section."""
    names = ["indication", "comparison", "findings", "impression"]
    studies, lacking = 0, Counter(dict.fromkeys(names, 0))
    # The columns hold the reports: all of them at once would fill the memory of a laptop.
    for batch in pq.ParquetFile(workspace.studies).iter_batches(columns=names):
        studies += batch.num_rows
        lacking.update({name: batch.column(name).null_count for name in names})
    counts = ", ".join(f"{name} {lacking[name]}" for name in names)
    return f"of {studies} studies without the section: {counts}"


def views(config: ReleaseConfig, workspace: Workspace) -> str:
    """Images by view, in the order of the splits."""
    counts = [f"{row.view} " + "/".join(map(str, row.images)) for row in view_counts(workspace)]
    return f"{'/'.join(SPLITS)}: {', '.join(counts)}" if counts else "no images"


def positive_labels(config: ReleaseConfig, workspace: Workspace, split: str) -> str | None:
    """Studies of a split with each label; where subgroups are asked for, a small count is withheld as on the card."""
    counts = {label: found.positive for label, found in read_selection(workspace).labels.get(split, {}).items()}
    withheld = _withheld_labels(config, workspace, split)
    return (
        "; ".join(f"{label}: {'withheld' if label in withheld else count}" for label, count in counts.items()) or None
    )


def _withheld_labels(config: ReleaseConfig, workspace: Workspace, split: str) -> set[str]:
    found, scoring = read_subgroups(workspace), config.scoring
    # Without scores the setting holds, so that no count is shown before it.
    planned = scoring.subgroup_minimum if scoring.subgroups else None
    minimum = found.minimum if found else planned
    place = SPLITS.index(split)
    return {label for label, counts in label_counts(workspace, minimum) if counts[place] is None}
