"""The stage `generate`: base and adapter -> reports of the test split, under three conditions."""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from pathlib import Path

from hubkit.artifacts.generation_part import (
    GeneratedRow,
    GenerationPart,
    count_thoughts,
    read_parts,
    rows_of,
    write_part,
)
from hubkit.artifacts.recipe import read_base, read_decoding, write_decoding
from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.generation.accounts import made_with
from hubkit.generation.batch_size import ON_CPU, batch_size, fitting_size, study_bytes
from hubkit.generation.decoding import Answer, advice, answer, batches
from hubkit.generation.tasks import run_tasks
from hubkit.models.device_errors import device_errors
from hubkit.models.devices import pick_device
from hubkit.models.folders import public_name
from hubkit.models.loading import Loaded, device_name, load_vision_model
from hubkit.models.memory import free_bytes
from hubkit.models.quiet import quiet
from hubkit.models.samples import Sample, choose_examples, read_samples, require_samples
from hubkit.models.thinking import thinking_budget, thinking_of, thoughts_told
from hubkit.progress import Progress
from hubkit.tables import CONDITIONS, GENERATIONS
from hubkit.workspace import Workspace, write_table


@quiet()
def generate(config: ReleaseConfig, workspace: Workspace) -> None:
    """Answer every test study zero-shot, few-shot and with the adapter.

    Each batch is kept as soon as it is answered, so that a run that was cut off continues with the next one.
    Writes `workspace.generations(condition)`, sorted by study_id, and `workspace.decoding`.

    Raises:
        HubkitError: there is no test study, an image cannot be read, or base or adapter cannot be loaded or do not
            belong together.
    """
    check_base(config, workspace)
    test = read_samples(workspace, "test", config.generation.reference)
    require_samples(test, "test", workspace)
    if test.left_out:
        print(f"  generate: {len(test.left_out)} studies without a whole translation are left out", file=sys.stderr)
    train = read_samples(workspace, "train", config.generation.reference).kept
    examples = choose_examples(train, config.generation.shots, config.release.seed)
    if config.generation.tasks > 1:
        run_tasks(config.generation, functools.partial(_answer_share, config, workspace, test.kept, examples))
    # What tasks have answered is found and not answered again: the tables are put together in one way.
    conditions, parts = Conditions(config, workspace), {}
    for condition in CONDITIONS:
        shown = examples if condition == "few_shot" else []
        parts[condition] = answer_all(config, conditions, condition, test.kept, shown, workspace.partial / condition)
        rows = sorted(rows_of(parts[condition]), key=lambda row: row.study_id)
        _write(workspace.generations(condition), rows)
        _count(condition, rows)
    write_decoding(workspace, made_with(config, parts, test.kept))


def check_base(config: ReleaseConfig, workspace: Workspace) -> None:
    """Refuse to generate with another base than the adapter was trained on.

    Raises:
        HubkitError: names both.
    """
    settings = config.finetuning
    trained = read_base(workspace.adapter).name
    now = public_name(settings.model, settings.model_id)
    if trained != now:
        raise HubkitError(
            f"was trained on {trained}, and [finetuning] model is {now}",
            where=workspace.adapter,
            hint="run: hubkit finetune",
        )


def made_otherwise(config: ReleaseConfig, workspace: Workspace) -> str | None:
    """Why finished generations are not what the settings of the base ask for; see `Stage.differs`.

    Raises:
        HubkitError: the adapter belongs to another base.
    """
    check_base(config, workspace)
    made = read_decoding(workspace).quantization
    now = config.finetuning.quantization
    return None if made == now else f"made in {made}, and [finetuning] quantization is {now}"


class Conditions:
    """Loads the base when it is first needed, and once more, with the adapter, for the condition `lora`.

    The adapter goes on a base that has answered nothing, as a reader's will: on a CPU, bitsandbytes repacks quantised
    weights when they are first used, so a base that answered before gives other answers with the adapter.
    """

    def __init__(self, config: ReleaseConfig, workspace: Workspace):
        self.config, self.workspace = config, workspace
        self._loaded: tuple[bool, Loaded] | None = None

    def model(self, condition: str) -> Loaded:
        """The model of a condition, in evaluation mode; the one before is let go."""
        adapted = condition == "lora"
        if self._loaded is None or self._loaded[0] != adapted:
            self._loaded = None
            base = self._base()
            self._loaded = adapted, self._with_adapter(base) if adapted else base
        return self._loaded[1]

    def fitting_size(self, condition: str, images: int, shown: int, thinking_tokens: int) -> int:
        """How many studies fit next to the model of a condition; on a GPU it is loaded for that.

        Args:
            images: of a study.
            shown: examples before the question.
            thinking_tokens: tokens that a thought may have.
        """
        settings = self.config.generation
        if pick_device(settings.device) == "cpu":
            return ON_CPU
        model = self.model(condition).model
        study = study_bytes(model.config, images, shown, settings.max_new_tokens + thinking_tokens)
        return fitting_size(free_bytes(model.device), study)

    def _base(self) -> Loaded:
        settings = self.config.finetuning
        # The revision that the adapter was trained on: the repo's main branch may have moved since. Without an adapter
        # the base alone is asked, as it is configured.
        trained = self.workspace.adapter.exists()
        revision = read_base(self.workspace.adapter).revision if trained else settings.revision
        device = pick_device(self.config.generation.device)
        return load_vision_model(settings.model, revision, settings.quantization, device)

    def _with_adapter(self, base: Loaded) -> Loaded:
        from peft import PeftModel

        return Loaded(PeftModel.from_pretrained(base.model, self.workspace.adapter).eval(), base.processor)


@quiet()
def _answer_share(
    config: ReleaseConfig, workspace: Workspace, samples: list[Sample], examples: list[Sample], task: int, tasks: int
) -> None:
    """Answer the batches `task`, `task + tasks`, ... of every condition."""
    conditions = Conditions(config, workspace)
    for condition in CONDITIONS:
        shown = examples if condition == "few_shot" else []
        answer_all(config, conditions, condition, samples, shown, workspace.partial / condition, task, tasks)


def answer_all(
    config: ReleaseConfig,
    conditions: Conditions,
    condition: str,
    samples: Sequence[Sample],
    examples: Sequence[Sample],
    folder: Path,
    task: int = 0,
    tasks: int = 1,
    title: str | None = None,
) -> list[GenerationPart]:
    """Answer the batches `task`, `task + tasks`, ... of a condition that `folder` does not have yet.

    Args:
        folder: where the answers of each batch are kept as soon as they are there.
        title: what the progress is called; by default after the stage and the condition.

    Returns:
        The parts of all that `folder` has then.
    """
    quantization = config.finetuning.quantization
    # The folder's name does not change with the precision, which is in no digest.
    parts = [part for part in read_parts(folder) if part.quantization in (None, quantization)]
    done = {row.study_id for row in rows_of(parts)}
    images = max(len(sample.images) for sample in (*samples, *examples))
    lower = advice(config.generation, len(examples), images)
    base = config.finetuning
    budget = thinking_budget(config.generation.thinking_tokens, base.model, base.model_id)
    loaded: Loaded | None = None
    with device_errors(lower):
        size = batch_size(
            config.generation,
            folder.with_name(f"batch-size-{condition}.json"),
            lambda: conditions.fitting_size(condition, images, len(examples), budget),
        )
    plan = batches(samples, size)[task::tasks]
    mine = [sample.study_id for batch in plan for sample in batch]
    name = f"generate: {condition}" + (f", task {task + 1}" if tasks > 1 else "")
    with Progress(title or name, len(mine), len(done.intersection(mine))) as progress:
        for batch in plan:
            left = [sample for sample in batch if sample.study_id not in done]
            if not left:
                continue
            with device_errors(lower):
                loaded = loaded or conditions.model(condition)
                thinking = thinking_of(loaded.processor.tokenizer, budget)
                answers = answer(loaded, config.generation, left, examples, config.release.seed, thinking)
            fresh = tuple(_row(condition, sample, said) for sample, said in zip(left, answers, strict=True))
            part = GenerationPart(
                device=device_name(loaded.model.device),
                quantization=quantization,
                batches=tuple(dict.fromkeys(said.batch for said in answers)),
                markers=thinking.markers,
                thinking_tokens=thinking.budget,
                rows=fresh,
            )
            write_part(folder, part)
            parts.append(part)
            progress.advance(len(left))
    return parts


def _row(condition: str, sample: Sample, said: Answer) -> GeneratedRow:
    return GeneratedRow(
        subject_id=sample.subject_id,
        study_id=sample.study_id,
        condition=condition,
        reference=sample.reference,
        generated=said.text,
        finish_reason=said.finish_reason,
        thought_tokens=said.thought_tokens,
    )


def _write(path: Path, rows: list[GeneratedRow]) -> None:
    import pyarrow as pa

    columns = [pa.array([getattr(row, field.name) for row in rows], field.type) for field in GENERATIONS]
    write_table(path, pa.Table.from_arrays(columns, schema=GENERATIONS))


def _count(condition: str, rows: list[GeneratedRow]) -> None:
    empty = sum(not row.generated for row in rows)
    cut = sum(row.finish_reason == "length" for row in rows)
    counts = count_thoughts(rows)
    thought = thoughts_told(counts)
    if counts.unfinished:
        thought += " (raise [generation] thinking_tokens)"
    more = f"; {thought}" if thought else ""
    print(f"  generate: {condition}: {len(rows)} answers, {empty} empty, {cut} cut at the limit{more}", file=sys.stderr)
