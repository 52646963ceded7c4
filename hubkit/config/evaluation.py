"""[scoring] and [audit]: how good the reports are, and what the adapter remembers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from hubkit.config.values import Device, ModelId, Positive, Runtime, Table

SubgroupName = Literal["view", "images", "findings", "sex", "age", "prior"]

LEAST_MINIMUM = 5
"""Below it a mean is nearly that of single patients, whatever the corpus allows."""


class Encoder(Table):
    """The encoder of one BERTScore setup."""

    model: str
    """The encoder on the Hub, or a folder."""
    model_id: ModelId | None = None
    """Where a folder holds it: its name on the Hub."""
    layer: Positive
    """The layer whose states are compared, counted from 1."""
    revision: str | None = None
    """Its commit."""


class Scoring(Table):
    """[scoring]: the two BERTScore setups and the statistics."""

    bertimbau: Encoder = Encoder(model="neuralmind/bert-base-portuguese-cased", layer=12)
    """Portuguese reference against generated Portuguese."""
    xlm_roberta: Encoder = Encoder(model="xlm-roberta-large", layer=17)
    """English original against generated Portuguese."""
    idf: bool = False
    """Whether rare tokens weigh more."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Precision of the encoders; the cards use float32."""
    resamples: Positive = 10000
    """Resamples of bootstrap and randomisation."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Level of the intervals."""
    error_profile: bool = False
    """Whether clinical errors of the generated reports are counted, by kind and finding."""
    subgroups: tuple[SubgroupName, ...] = ()
    """Groups that are scored by themselves: view, images, findings, sex, age, prior."""
    subgroup_minimum: Annotated[int, Field(ge=LEAST_MINIMUM)] = 20
    """Patients, and studies, below which nothing of a group is shown; nor what it could be computed from."""
    patients: Annotated[Path | None, Runtime] = Field(None, examples=["/data/mimiciv/hosp/patients.csv.gz"])
    """MIMIC-IV's patients.csv.gz, for the subgroups sex and age. No row of it is published."""
    device: Device = "auto"
    """auto, cpu, cuda or cuda:N."""
    batch_tokens: Annotated[Positive | None, Runtime] = Field(None, examples=[8192])
    """Tokens per batch. None: 1,024 on a CPU, whose caches hold no more, and 8,192 elsewhere."""

    @field_validator("subgroups")
    @classmethod
    def _once(cls, names: tuple[SubgroupName, ...]) -> tuple[SubgroupName, ...]:
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ValueError(f"names {twice[0]} twice")
        return names

    @model_validator(mode="after")
    def _with_patients(self) -> Scoring:
        needy = [name for name in self.subgroups if name in ("sex", "age")]
        if needy and self.patients is None:
            raise ValueError(f"the subgroup {needy[0]} needs patients, the path of MIMIC-IV's patients.csv.gz")
        return self

    def encoder(self, setup: str) -> Encoder:
        return {"bertimbau": self.bertimbau, "xlm-roberta": self.xlm_roberta}[setup]


class Audit(Table):
    """[audit]: how it is measured what the adapter remembers, and how much of that may be published."""

    studies: Positive = 200
    """Studies of each split whose losses are compared."""
    completions: Annotated[int, Field(ge=0)] = 32
    """Training studies whose reports the adapter is asked to repeat; 0: none."""
    first_words: Positive = 8
    """Words of a report that it is given to begin with."""
    reference_adapter: Path | None = Field(None, examples=["/data/other-adapter"])
    """The folder of an adapter of the same base that was trained on other studies, for a stronger attack."""
    max_verbatim: Annotated[Positive | None, Runtime] = 32
    """Words of one training patient's report that the adapter may repeat; more keeps it from being packaged."""
    max_auc: Annotated[float | None, Field(gt=0.5, le=1), Runtime] = Field(None, examples=[0.6])
    """How well losses may tell training studies from test studies; none: any adapter may be packaged."""
