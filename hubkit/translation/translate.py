"""The stage translate: studies -> translations, every section once."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hubkit.artifacts.thoughts import Thoughts, write_thoughts
from hubkit.artifacts.translator import Translator, write_translator
from hubkit.checks.hunspell import WORD_LIST
from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.floors import require, require_texts
from hubkit.models.folders import public_name
from hubkit.models.thinking import HINTS, thoughts_told
from hubkit.study_batches import study_batches, study_ids
from hubkit.tables import CHECKS, TRANSLATIONS
from hubkit.terms.policy import check_access, check_public_names
from hubkit.translation.checkpoints import PART, Done
from hubkit.translation.executors import run_worker
from hubkit.translation.limits import ROWS_PER_GROUP, check_share
from hubkit.translation.prompt import Prompt
from hubkit.translation.units import Sections, collect_sections, has_text, section_names
from hubkit.translation.worker import Worker
from hubkit.workspace import Workspace, write_table, write_tables


def translate(config: ReleaseConfig, workspace: Workspace) -> None:
    """Translate what workspace.studies holds; write workspace.machine_translations and machine_checks.

    Raises:
        HubkitError: the corpus is credentialed and no recent PhysioNet access check is on record, the engine stopped
            answering, a row is missing or doubled, fewer than half of the rows have a translation, or more than
            `translation.max_flagged` of them failed.
    """
    translation = config.translation
    check_public_names(config)
    check_access(config, workspace)
    names = section_names(translation.units)
    wanted: dict[str, list[int]] = {name: [] for name in names}
    sections = collect_sections(
        _counted(study_batches(workspace.studies, ["study_id", *names]), wanted),
        names,
        context=translation.context,
        memory=translation.memory,
    )
    with_text, studies = len(set(sections.study_ids)), len(study_ids(workspace.studies))
    require_texts(with_text, studies, translation.units == "report", workspace.studies)
    worker = Worker(translation, workspace.partial)
    # What the studies took is given back before a model is loaded.
    pa.default_memory_pool().release_unused()
    run_worker(worker, sections.units)
    done = worker.checkpoints.read()
    # Which words are unknown depends on the machine's dictionary, and so may a status: it is on record.
    record = {WORD_LIST: ",".join(done.word_lists)}
    model = public_name(translation.model, translation.model_id)
    rows = TranslatedRows(sections, done, model, Prompt.of(translation).digest())
    checks = _checks(sections, done).replace_schema_metadata(record)
    reconcile(rows.keys(), wanted)
    answered = rows.answered()
    hint = "does the model answer at all? [translation] model, base_url; then run the same command again"
    require(answered, len(rows.numbers), "sections have a translation", workspace.studies, hint)
    # A unit that failed in an earlier run and was translated since has a row of each in the parts.
    told = done.table.select(["thought_tokens", "error", "status"]).take(sorted(done.places.values()))
    _count_thoughts(told, workspace)
    _count_failures(told)
    # Failed units are asked again only while the stage is not done.
    doubtful = workspace.machine_translations.with_name("flagged.parquet")
    check_share(rows.parts("status"), rows.take, checks, translation.max_flagged, doubtful, ("failed",))
    doubtful.unlink(missing_ok=True)
    write_translator(workspace, Translator(engine=translation.engine, served=worker.checkpoints.served()))
    groups = (rows.take(numbers).replace_schema_metadata(record) for numbers in rows.groups())
    write_tables(workspace.machine_translations, TRANSLATIONS.with_metadata(record), groups)
    write_table(workspace.machine_checks, checks)


def _count_thoughts(parts: pa.Table, workspace: Workspace) -> None:
    """Say, and note for `hubkit status`, how many answers came after a thought, and how many tokens these took."""
    lengths = parts["thought_tokens"].fill_null(0)
    counts = Thoughts(
        thoughts=pc.sum(pc.greater(lengths, 0)).as_py() or 0,
        tokens=pc.sum(lengths).as_py() or 0,
        unfinished=sum(error in HINTS for error in parts["error"].drop_null().to_pylist()),
    )
    workspace.thoughts.unlink(missing_ok=True)
    if counts.thoughts:
        print(f"  translate: {thoughts_told(counts)}, in {parts.num_rows:,} distinct texts", file=sys.stderr)
        write_thoughts(workspace, counts)


def _count_failures(parts: pa.Table) -> None:
    """Say why texts have no translation."""
    failed = parts.filter(pc.equal(parts["status"], "failed"))
    causes = Counter(failed["error"].to_pylist())
    if causes:
        told = ", ".join(f"{count:,} {cause}" for cause, count in causes.most_common())
        print(f"  translate: no translation of {causes.total():,} distinct texts: {told}", file=sys.stderr)


def _counted(batches: Iterator[pa.Table], wanted: dict[str, list[int]]) -> Iterator[pa.Table]:
    """Hand batches of studies on, and note which sections of them have text."""
    for batch in batches:
        for name, studies in wanted.items():
            studies += texts_of(batch, name)
        yield batch


def texts_of(studies: pa.Table, name: str) -> list[int]:
    """The studies whose section `name` has text, in order."""
    found: list[int] = []
    for batch in studies.select(["study_id", name]).to_batches(max_chunksize=4096):
        ids, texts = (column.to_pylist() for column in batch.columns)
        found += (study for study, text in zip(ids, texts, strict=True) if has_text(text))
    return sorted(found)


def reconcile(table: pa.Table, wanted: Mapping[str, list[int]]) -> None:
    """Compare the rows of translations.parquet with the studies that have each section, as `texts_of` lists them.

    Raises:
        HubkitError: a row is missing, doubled, or of no section.
    """
    have, want = Counter[tuple[int, str]](), Counter[tuple[int, str]]()
    for name in {*wanted, *table["section"].unique().to_pylist()}:
        rows = np.sort(table["study_id"].filter(pc.equal(table["section"], name)).to_numpy())
        sections = wanted.get(name, [])
        if not np.array_equal(rows, sections):
            have.update((study, name) for study in rows.tolist())
            want.update((study, name) for study in sections)
    if have != want:
        missing, surplus = (want - have).total(), (have - want).total()
        study_id, name = next(iter((want - have) + (have - want)))
        raise HubkitError(
            f"{missing} rows are missing and {surplus} are too many, such as {name} of study {study_id}",
            where="translations.parquet",
            hint="run it again: hubkit release --from translate",
        )


class TranslatedRows:
    """A row of translations.parquet for each section whose unit is done, made when it is asked for.

    All of them would repeat the text of every unit as often as it occurs.

    Attributes:
        numbers: the number in `sections` of each row.
    """

    def __init__(self, sections: Sections, done: Done, model: str, prompt: str):
        self._sections, self._done, self._model, self._prompt = sections, done, model, prompt
        places = [done.places.get(unit.key, -1) for unit in sections.units]
        of_section = np.array(places, np.int64)[np.frombuffer(sections.numbers, np.int64)]
        self.numbers = np.flatnonzero(of_section >= 0)
        self._places = of_section[self.numbers]
        # A unit is new where it occurs first, and reused from then on.
        self._reused = np.ones(len(self.numbers), bool)
        self._reused[np.unique(self._places, return_index=True)[1]] = False

    def keys(self) -> pa.Table:
        """Study and section of each row."""
        studies = np.frombuffer(self._sections.study_ids, np.int64)[self.numbers]
        units = self._sections.units
        of_unit = pa.array([unit.section for unit in units], pa.string())
        sections = of_unit.take(pa.array(np.frombuffer(self._sections.numbers, np.int64)[self.numbers]))
        return pa.table({"study_id": studies, "section": sections})

    def parts(self, column: str) -> pa.ChunkedArray:
        """What a column of the checkpoints says of each row."""
        return self._done.table[column].combine_chunks().take(pa.array(self._places))

    def answered(self) -> int:
        """How many rows have a translation."""
        valid = self._done.table["translation"].is_valid().to_numpy()
        return int(valid[self._places].sum())

    def groups(self) -> Iterator[pa.Array]:
        """The numbers of the rows of each group of the file."""
        for start in range(0, len(self.numbers), ROWS_PER_GROUP):
            yield pa.array(range(start, min(start + ROWS_PER_GROUP, len(self.numbers))), pa.int64())

    def take(self, numbers: pa.Array) -> pa.Table:
        """The rows of these numbers."""
        chosen = numbers.to_numpy()
        sections = self.numbers[chosen].tolist()
        units = [self._sections.units[self._sections.numbers[section]] for section in sections]
        names = [name for name in PART.names if name in TRANSLATIONS.names]
        parts = self._done.table.select(names).take(pa.array(self._places[chosen]))
        columns = {
            **{name: parts[name] for name in names},
            "study_id": [self._sections.study_ids[section] for section in sections],
            "section": [unit.section for unit in units],
            "source": [unit.text for unit in units],
            "model": [self._model] * len(units),
            "prompt": [self._prompt] * len(units),
            "flags": _names(parts["flags"]),
            "reused": self._reused[chosen],
        }
        return pa.table([columns[name] for name in TRANSLATIONS.names], schema=TRANSLATIONS)


def _names(flags: pa.ChunkedArray) -> list[list[str]]:
    """The names of the checks that flagged each row, each once."""
    checks = iter(pc.struct_field(pc.list_flatten(flags), "check").to_pylist())
    return [sorted(set(islice(checks, length))) for length in pc.list_value_length(flags).to_pylist()]


def _checks(sections: Sections, done: Done) -> pa.Table:
    """A row for each flag of each section."""
    places = [done.places[unit.key] for unit in sections.units]
    flags = (
        done.table["flags"].combine_chunks().take(pa.array([places[number] for number in sections.numbers], pa.int64()))
    )
    rows = pc.list_parent_indices(flags)
    ids = pa.array(sections.study_ids, pa.int64()).take(rows)
    names = pa.array([sections.units[sections.numbers[row]].section for row in rows.to_pylist()], pa.string())
    return pa.table([ids, names, *pc.list_flatten(flags).flatten()], schema=CHECKS)
