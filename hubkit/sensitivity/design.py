"""What is tried: which validation studies, and which combinations of condition, prompt and examples.

Every combination answers the same studies, one of each patient. So the design is balanced, and the
variance of the scores can be split without a model of what is missing.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeVar

from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError, UsageError
from hubkit.models.samples import Sample, choose_examples, read_samples, require_samples
from hubkit.sensitivity.prompts import Prompt, read_prompts
from hubkit.workspace import Workspace

SPLIT = "validate"
"""The one split that is asked about. Examples are of train, as in the release; test is for the end."""


class OfPatient(Protocol):
    """A study of which patient and study are known."""

    @property
    def subject_id(self) -> int: ...

    @property
    def study_id(self) -> int: ...


Study = TypeVar("Study", bound=OfPatient)


class Draw(NamedTuple):
    """Few-shot examples, and the seed that they were drawn with."""

    seed: int
    examples: tuple[Sample, ...]


class Cell(NamedTuple):
    """A combination that is tried; without a draw no examples are shown."""

    condition: str
    prompt: Prompt
    draw: Draw | None

    @property
    def examples(self) -> tuple[Sample, ...]:
        return self.draw.examples if self.draw else ()


class Design(NamedTuple):
    """All that is tried.

    Attributes:
        samples: the studies, one of each patient, sorted by study_id.
        patients: how many patients the split has.
        prompts, draws: see there.
        conditions: those that are tried.
        left_out: those that cannot be, with the reason.
    """

    samples: tuple[Sample, ...]
    patients: int
    prompts: tuple[Prompt, ...]
    draws: tuple[Draw, ...]
    conditions: tuple[str, ...]
    left_out: dict[str, str]

    def cells(self, condition: str) -> list[Cell]:
        """The combinations of a condition: prompt by prompt, and in it draw by draw."""
        draws: Sequence[Draw | None] = self.draws if condition == "few_shot" else (None,)
        return [Cell(condition, prompt, draw) for prompt in self.prompts for draw in draws]

    def all_cells(self) -> list[Cell]:
        return [cell for condition in self.conditions for cell in self.cells(condition)]


def make_design(config: ReleaseConfig, workspace: Workspace) -> Design:
    """Choose studies, prompts and examples as configured.

    Raises:
        UsageError: a prompt cannot be used, or there are too few patients for so many combinations.
        HubkitError: a split lacks what is needed of it.
    """
    settings = config.sensitivity
    prompts = read_prompts(settings.prompts, config.generation.prompt)
    conditions, left_out = list(settings.conditions), {}
    if "lora" in conditions and not workspace.adapter.exists():
        conditions.remove("lora")
        left_out["lora"] = "no adapter is trained"
    if not conditions:
        raise UsageError(
            "only lora is listed, and no adapter is trained",
            where="[sensitivity] conditions",
            hint="run: hubkit finetune; or add zero_shot or few_shot",
        )
    found = read_samples(workspace, SPLIT, config.generation.reference)
    if not found.kept and not found.left_out:
        hint = "prompts are tried on them alone: set [corpus] subset so that validate has some, then: hubkit read"
        raise HubkitError(f"the split {SPLIT} has no studies", where=workspace.studies, hint=hint)
    require_samples(found, SPLIT, workspace)
    patients = len({sample.subject_id for sample in found.kept})
    samples = choose_studies(found.kept, settings.fraction, config.release.seed)
    draws = _draws(config, workspace) if "few_shot" in conditions else ()
    _require_patients(len(samples), patients, len(prompts), len(draws), settings.fraction)
    return Design(tuple(samples), patients, tuple(prompts), draws, tuple(conditions), left_out)


def choose_studies(kept: Sequence[Study], fraction: float, seed: int) -> list[Study]:
    """One study of each patient, and of these patients a share, rounded up; a larger share holds a smaller one."""
    by_patient: dict[int, list[Study]] = {}
    for sample in sorted(kept, key=lambda sample: (sample.subject_id, sample.study_id)):
        by_patient.setdefault(sample.subject_id, []).append(sample)
    generator = random.Random(seed)
    chosen = [generator.choice(studies) for studies in by_patient.values()]
    generator.shuffle(chosen)
    # A hair less, so that 0.07 of 100 patients are 7 and not 8.
    return sorted(chosen[: math.ceil(fraction * len(chosen) - 1e-9)], key=lambda sample: sample.study_id)


def _draws(config: ReleaseConfig, workspace: Workspace) -> tuple[Draw, ...]:
    """Draws of different examples; the first is that of the release, which has the release's seed."""
    train = read_samples(workspace, "train", config.generation.reference).kept
    shots, wanted = config.generation.shots, config.sensitivity.draws
    if not train:
        hint = 'run: hubkit translate; or leave "few_shot" out of [sensitivity] conditions'
        raise HubkitError("no train study can be an example", where=workspace.training_translations, hint=hint)
    if len(train) >= shots and math.comb(len(train), shots) < wanted:
        raise UsageError(
            f"{wanted} draws of {shots} from {len(train)} train studies cannot all differ",
            where="[sensitivity] draws",
            hint="lower it, or take more train studies: [corpus] subset",
        )
    draws: dict[frozenset[int], Draw] = {}
    seed = config.release.seed
    while len(draws) < wanted:
        examples = choose_examples(train, shots, seed)
        draws.setdefault(frozenset(sample.study_id for sample in examples), Draw(seed, tuple(examples)))
        seed += 1
    return tuple(draws.values())


def _require_patients(chosen: int, patients: int, prompts: int, draws: int, fraction: float) -> None:
    """Refuse to split variance where a condition has more combinations than patients: chance decides then."""
    cells = prompts * max(draws, 1)
    if chosen >= cells:
        return
    several = f"{prompts} prompts x {draws} draws" if draws > 1 else f"{prompts} prompts"
    enough = math.ceil(100 * cells / patients) / 100
    hint = f"set it to {enough} or more" if enough <= 1 else "take fewer prompts or draws, or more validate studies"
    raise UsageError(
        f"{fraction:g} of {patients} validate patients are {chosen}, too few for {several}",
        where="[sensitivity] fraction",
        hint=hint,
    )
