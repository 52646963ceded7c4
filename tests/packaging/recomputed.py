"""Every figure of a release, computed a second time from the tables of its workspace.

Nothing here comes from `hubkit.packaging`, and of `hubkit.scoring` only the flipping of negations: a figure that is
wrong there differs from the one here. Resamples are drawn as the cards say: over subjects, with the release's seed.
"""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from sacrebleu.metrics import BLEU, CHRF

import hubkit
from hubkit.clinical.labels import labels
from hubkit.error_profile.profile import has, profile
from hubkit.scoring.baselines import flip_negations

LABELS = (
    *("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Enlarged Cardiomediastinum", "Fracture", "Lung Lesion"),
    *("Lung Opacity", "No Finding", "Pleural Effusion", "Pleural Other", "Pneumonia", "Pneumothorax"),
    "Support Devices",
)
CONDITIONS = ("zero_shot", "few_shot", "lora")
SYSTEMS = (*CONDITIONS, "commonest", "reference", "flipped")
SETUPS = ("bertimbau", "xlm-roberta")
MEASURES = ("precision", "recall", "f1")
COMPARED = (("few_shot", "zero_shot"), ("lora", "zero_shot"), ("lora", "commonest"))
TESTED = ("bertimbau f1", "xlm-roberta f1", "chrf++", "bleu", "clinical micro", "clinical macro")

KINDS = ("missed", "invented", "side", "place", "severity", "size", "trend", "certainty", "devices")
PROFILED = ("errors per report", "reports without error", *(f"errors {kind}" for kind in KINDS))
"""The metrics of the error profile, whose tests are a family of their own."""

Figure = tuple[float, float, float]
"""A value and both ends of its interval."""


class Recomputed:
    """The figures of a workspace.

    Args:
        work: the folder of the workspace.
        yardsticks: BERTScore of the yardsticks by (setup, system), studies x 3; scores.parquet holds the conditions.
        resamples, seed, confidence: as configured.
    """

    def __init__(
        self,
        work: Path,
        yardsticks: Mapping[tuple[str, str], np.ndarray],
        resamples: int,
        seed: int,
        confidence: float,
    ):
        self.work = work
        self.yardsticks = yardsticks
        self.resamples, self.seed, self.confidence = resamples, seed, confidence
        self.studies = sorted(self.rows("studies/studies.parquet"), key=lambda row: row["study_id"])
        self.translations = self.rows("revised/translations.parquet")
        self.test = [row for row in self.studies if row["split"] == "test"]
        self.rules = tomllib.loads((Path(hubkit.__file__).parent / "clinical" / "accuracy.toml").read_text())

    def rows(self, name: str) -> list[dict[str, Any]]:
        return pq.read_table(self.work / name).to_pylist()

    @cached_property
    def generated(self) -> dict[str, list[str]]:
        """The reports of every system, by study."""
        rows = {name: self.rows(f"generations/{name}.parquet") for name in CONDITIONS}
        by_study = {name: {row["study_id"]: row for row in rows[name]} for name in CONDITIONS}
        references = [by_study["lora"][study["study_id"]]["reference"] for study in self.test]
        return {
            **{
                name: [found[study["study_id"]]["generated"] for study in self.test] for name, found in by_study.items()
            },
            "commonest": [self._commonest()] * len(self.test),
            "reference": references,
            "flipped": [flip_negations(text) for text in references],
        }

    def _commonest(self) -> str:
        failed = {row["study_id"] for row in self.translations if row["status"] == "failed"}
        texts: Counter[str] = Counter()
        for study in self.studies:
            if study["split"] == "train" and study["study_id"] not in failed:
                own = {
                    row["section"]: row["translation"]
                    for row in self.translations
                    if row["study_id"] == study["study_id"]
                }
                texts[f"ACHADOS: {own['findings']}\n\nIMPRESSÃO: {own['impression']}"] += 1
        most = max(texts.values())
        return min(text for text, count in texts.items() if count == most)

    def values(self, setup: str, system: str) -> np.ndarray:
        """BERTScore of every test study, studies x (precision, recall, F1)."""
        if system not in CONDITIONS:
            return self.yardsticks[setup, system]
        rows = [
            row for row in self.rows("scores/scores.parquet") if (row["setup"], row["condition"]) == (setup, system)
        ]
        return np.array([[row[name] for name in MEASURES] for row in sorted(rows, key=lambda row: row["study_id"])])

    def named(self, system: str) -> np.ndarray:
        """Studies x labels: whether the report names the finding, as present or uncertain."""
        found = [labels(text, "pt") for text in self.generated[system]]
        return np.array([[said.get(label, 0) != 0 for label in LABELS] for said in found])

    @cached_property
    def true(self) -> np.ndarray:
        return np.array([[(row["labels"] or {}).get(label) in (1, -1) for label in LABELS] for row in self.test])

    @cached_property
    def measures(self) -> dict[tuple[str, str], Callable[[np.ndarray], float]]:
        """By system and measure, a function from how often each study counts to the figure."""
        found: dict[tuple[str, str], Callable[[np.ndarray], float]] = {}
        for system in SYSTEMS:
            for name, by_study in self.parts(system).items():
                found[system, name] = lambda times, name=name, by_study=by_study: VALUES.get(name, _mean)(
                    (by_study * times.reshape(-1, *[1] * (by_study.ndim - 1))).sum(axis=0)
                )
            split = self.parts(system)["clinical macro"]
            found[system, "clinical macro"] = lambda times, split=split: _macro(
                (split * times.reshape(-1, 1, 1)).sum(axis=0), split.sum(axis=0)
            )
        return found

    @cached_property
    def errors(self) -> dict[str, list[list[tuple[str, str]]]]:
        """By system the errors of each study, as kind and finding; what has no CheXpert label is "Other"."""
        references = self.generated["reference"]
        return {
            system: [
                [(error.dimension, error.label or "Other") for error in profile(reference, text)]
                for reference, text in zip(references, texts, strict=True)
            ]
            for system, texts in self.generated.items()
        }

    @cached_property
    def profiled_findings(self) -> dict[str, int]:
        """By finding that a reference has or a system errs about, the number of references that have it."""
        counted = Counter(label or "Other" for text in self.generated["reference"] for label in has(text))
        wrong = {label for those in self.errors.values() for found in those for _, label in found}
        names = [*(label for label in LABELS if label != "No Finding"), "Other"]
        return {name: counted[name] for name in names if counted[name] or name in wrong}

    def error_parts(self, system: str) -> dict[str, np.ndarray]:
        """What each study adds to the figures of the error profile: errors, and one study."""
        found = self.errors[system]
        counts = {
            "errors per report": [len(those) for those in found],
            "reports without error": [not those for those in found],
            **{f"errors {kind}": [sum(one == kind for one, _ in those) for those in found] for kind in KINDS},
            **{
                f"about {name}": [sum(one == name for _, one in those) for those in found]
                for name in self.profiled_findings
            },
        }
        return {
            name: np.stack([np.array(column, float), np.ones(len(found))], axis=1) for name, column in counts.items()
        }

    def parts(self, system: str) -> dict[str, np.ndarray]:
        """By measure, what each study adds to a figure of a system."""
        ones, said = np.ones(len(self.test)), self.named(system)
        counts = np.stack([said & self.true, said ^ self.true], axis=-1).astype(float)
        texts, references = self.generated[system], [self.generated["reference"]]
        return {
            **{
                f"{setup} {measure}": np.stack([self.values(setup, system)[:, at].astype(float), ones], axis=1)
                for setup in SETUPS
                for at, measure in enumerate(MEASURES)
            },
            "chrf++": np.array(CHRF_PP._extract_corpus_statistics(texts, references), dtype=float),
            "bleu": np.array(BLEU_13A._extract_corpus_statistics(texts, references), dtype=float),
            "clinical micro": counts,
            "clinical macro": np.concatenate([counts, self.true[:, :, None]], axis=-1),
            **self.error_parts(system),
        }

    @cached_property
    def subjects(self) -> list[int]:
        return sorted({row["subject_id"] for row in self.test})

    def by_study(self, of_subject: np.ndarray) -> np.ndarray:
        """What was drawn for each subject, for each of its studies."""
        drawn = dict(zip(self.subjects, of_subject, strict=True))
        return np.array([drawn[row["subject_id"]] for row in self.test])

    @cached_property
    def draws(self) -> list[np.ndarray]:
        """How often each study is in each resample of subjects."""
        count = len(self.subjects)
        drawn = np.random.default_rng(self.seed).multinomial(count, [1 / count] * count, size=self.resamples)
        return [self.by_study(times) for times in drawn]

    def figure(self, system: str, measure: str, against: str | None = None) -> Figure:
        """A figure, or the difference between two systems, with the percentile interval around it."""

        def value(times: np.ndarray) -> float:
            other = self.measures[against, measure](times) if against else 0.0
            return self.measures[system, measure](times) - other

        resampled = sorted(value(times) for times in self.draws)
        tail = (1 - self.confidence) / 2
        return value(np.ones(len(self.test))), _between(resampled, tail), _between(resampled, 1 - tail)

    def within(self, system: str, measure: str, group: np.ndarray) -> tuple[Figure, Figure, float]:
        """A figure over a group of studies, its difference from the others, and the bootstrap's p value of that."""
        found = self.measures[system, measure]
        drawn = [times for times in self.draws if (times * group).any() and (times * ~group).any()]
        inside = [found(times * group) for times in self.draws if (times * group).any()]
        moved = [found(times * group) - found(times * ~group) for times in drawn]
        whole, tail = np.ones(len(self.test)), (1 - self.confidence) / 2
        values = (found(whole * group), found(whole * group) - found(whole * ~group))
        figures = [
            (value, _between(sorted(those), tail), _between(sorted(those), 1 - tail))
            for value, those in zip(values, (inside, moved), strict=True)
        ]
        least = min(sum(value <= 0 for value in moved), sum(value >= 0 for value in moved))
        return figures[0], figures[1], min(1.0, 2 * (least + 1) / (len(moved) + 1))

    @cached_property
    def adjusted(self) -> dict[tuple[str, str, str], float]:
        """P values of the tested differences: subjects change sides by coin, then Holm over each family."""
        size = (self.resamples, len(self.subjects))
        coins = [self.by_study(coin) == 1 for coin in np.random.default_rng(self.seed).integers(0, 2, size=size)]
        families = [
            {(*pair, name): self._p_value(*pair, name, coins) for pair in COMPARED for name in names}
            for names in (TESTED, PROFILED)
        ]
        return {
            key: min(1.0, max((len(p) - sum(q < r for q in p.values())) * r for r in p.values() if r <= own))
            for p in families
            for key, own in p.items()
        }

    def _p_value(self, system: str, against: str, name: str, coins: list[np.ndarray]) -> float:
        one, other = self.parts(system)[name], self.parts(against)[name]

        def apart(swapped: np.ndarray) -> float:
            changed = swapped.reshape(-1, *[1] * (one.ndim - 1))
            left, right = np.where(changed, other, one), np.where(changed, one, other)
            value = VALUES.get(name, _mean)
            return abs(value(left.sum(axis=0)) - value(right.sum(axis=0)))

        observed = apart(np.zeros(len(self.test), dtype=bool))
        reached = sum(apart(coin) >= observed - 1e-9 for coin in coins)
        return (reached + 1) / (self.resamples + 1)

    def f1(self, system: str, label: str) -> float:
        said, true = self.named(system)[:, LABELS.index(label)], self.true[:, LABELS.index(label)]
        return 2 * int((said & true).sum()) / max(1, int(said.sum() + true.sum()))

    @property
    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.work / "adapter" / "log_history.jsonl").read_text().splitlines()]


CHRF_PP, BLEU_13A = CHRF(word_order=2), BLEU(force=True)


def _mean(sums: np.ndarray) -> float:
    return float(sums[0] / sums[1])


def _micro(counts: np.ndarray) -> float:
    right, wrong = counts[:, 0].sum(), counts[:, 1].sum()
    return float(2 * right / (2 * right + wrong)) if right else 0.0


def _macro(counts: np.ndarray, split: np.ndarray | None = None) -> float:
    """The mean over the labels of the split; a label that is neither had nor named in a resample counts as there."""
    split = counts if split is None else split
    kept = [(one if one[:2].any() else whole) for one, whole in zip(counts, split, strict=True) if whole[2]]
    return float(np.mean([2 * right / (2 * right + wrong) for right, wrong, _ in kept])) if kept else 0.0


VALUES: dict[str, Callable[[np.ndarray], float]] = {
    **{f"{setup} {measure}": _mean for setup in SETUPS for measure in MEASURES},
    "chrf++": lambda sums: CHRF_PP._compute_score_from_stats([int(count) for count in sums]).score,
    "bleu": lambda sums: BLEU_13A._compute_score_from_stats([int(count) for count in sums]).score,
    "clinical micro": _micro,
    "clinical macro": _macro,
}
"""From what the studies add up to, to the figure."""


def _between(ordered: list[float], share: float) -> float:
    """The value at a share of the way through ordered values, between neighbours in proportion."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])
