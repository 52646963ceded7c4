"""[release], [packaging], [hub], [custody]: what is released, where, and who may open it."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from hubkit.config.values import Install, NonEmptyStr, Positive, Runtime, Table, Url
from hubkit.errors import UsageError

Artifact = Literal["dataset", "adapter", "metric"]

ARTIFACTS: tuple[Artifact, ...] = ("dataset", "adapter", "metric")
"""The parts of a release, each of which has a repo of its own."""


class Release(Table):
    """[release]: what is released, under which name."""

    version: str = Field("1.0.0", pattern=r"^\d+\.\d+\.\d+$")
    """The version of this release; its tag is release-VERSION."""
    title: str = "MIMIC-CXR PT-BR"
    """The name of the dataset on the cards."""
    seed: int = 42
    """Decides every random choice: selection, few-shot examples, training, bootstrap."""
    contact: str | None = Field(None, examples=["mimic-ptbr@hospital.example"])
    """Where people ask about the release; printed on the cards."""
    install: Install | None = Field(
        None, examples=["git+https://host.example/hubkit@0123456789abcdef0123456789abcdef01234567"]
    )
    """Where others get hubkit, for cards and messages: a wheel with #sha256=, or a commit. None: their own copy."""

    @property
    def tag(self) -> str:
        return f"release-{self.version}"


class Physionet(Table):
    """What a submission to PhysioNet says that only its authors know (author guidelines of PhysioNet)."""

    title: str = Field(
        "MIMIC-CXR-Ext-PTBR - chest X-ray reports derived from MIMIC-CXR in Brazilian Portuguese",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9 _-]*$",
        max_length=200,
    )
    """Letters, numbers, spaces, underscores and hyphens; what is derived from MIMIC has "Ext" in it."""
    slug: str = Field("mimic-cxr-ext-ptbr", pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=30)
    """The project's name in addresses."""
    release_notes: str = ""
    """What is new in this version."""
    ethics: str = ""
    """What the authors' institution says of the work: review, approval, waiver."""
    acknowledgements: str = ""
    """Who helped without being an author, and who paid."""
    conflicts_of_interest: str = ""
    """A statement, also where there is no conflict."""


class Packaging(Table):
    """[packaging]: what goes into the three repos."""

    include_source: bool = False
    """Whether the English source text is published as well."""
    authors: tuple[str, ...] = ()
    """Names for the citation."""
    license: str = "other"
    """The licence key of the cards."""
    rows_per_file: Positive = 100_000
    """Most rows in one Parquet file of the dataset."""
    funding: str = ""
    """Who paid for the work; printed on the cards."""
    location: str = ""
    """Where the machines stand and whose they are, such as "own machines, Brazil"; printed on the cards."""
    watts: Annotated[float, Field(gt=0)] | None = Field(None, examples=[700.0])
    """Power that a stage draws, for the energy on the cards; none: the power limit of its GPUs, else unknown."""
    grams_per_kwh: Annotated[float, Field(ge=0)] | None = Field(None, examples=[100.0])
    """CO2 equivalent of the electricity, for the carbon on the cards; none: unknown."""
    evaluation_framework: NonEmptyStr = "hubkit"
    """How models are scored on the dataset, as the Hub's list of evaluation frameworks names it; in eval.yaml."""
    physionet: Annotated[Physionet, Runtime] = Physionet()
    """What a submission to PhysioNet says and hubkit cannot know (hubkit physionet)."""


class Consent(Table):
    """Who agreed with PhysioNet to publish what is derived from a credentialed corpus, when, and to what."""

    who: NonEmptyStr
    """Who agreed, at PhysioNet."""
    when: datetime.date
    """The day, as YYYY-MM-DD."""
    what: NonEmptyStr
    """What was agreed to."""

    @field_validator("when", mode="before")
    @classmethod
    def _is_a_day(cls, when: Any) -> datetime.date:
        # A TOML date, or the same in quotes; pydantic itself would take a number as seconds since 1970.
        if isinstance(when, str):
            when = datetime.date.fromisoformat(when)
        if type(when) is not datetime.date:
            raise ValueError("give the day as YYYY-MM-DD")
        if when > datetime.datetime.now().astimezone().date():
            raise ValueError(f"{when} has not come yet")
        return when


class Hub(Table):
    """[hub]: where the release goes."""

    namespace: str = ""
    """The user or organisation that owns the three repos."""
    endpoint: Url | None = Field(None, examples=["https://huggingface.co"])
    """The Hub. None: HF_ENDPOINT, else the official one. Models are downloaded from it too."""
    dataset: str = "mimic-cxr-ptbr"
    """Name of the dataset repo."""
    adapter: str = "medgemma-4b-it-mimic-cxr-ptbr-lora"
    """Name of the adapter repo."""
    metric: str = "bertscore_ptbr"
    """Name of the Space that holds the metric."""
    space: Literal["static", "gradio", "none"] = "static"
    """static: one page, free for every account; gradio: the app, which takes a paid plan; none: no Space at all."""
    collection: bool = True
    """Whether the three are put into a collection."""
    pull_request: bool = False
    """Whether data goes up as a pull request."""
    physionet_consent: Consent | None = Field(
        None, examples=[{"who": "PhysioNet's editors", "when": "2025-01-31", "what": "gated publication on the Hub"}]
    )
    """PhysioNet's consent to the release; a push beyond loopback needs it."""
    waive_ungranted_probe: str | None = Field(None, examples=["there is no second account"])
    """Why the gate is not tried with a user without a grant; kept in the receipt."""
    verify_with: tuple[str, ...] = ()
    """Further versions that have to load it: "all", a set ("datasets-3.6"), or as pip names them."""

    def repo(self, artifact: Artifact) -> str:
        """The repo of a part of the release, `namespace/name`.

        Raises:
            UsageError: there is no namespace.
        """
        if not self.namespace:
            raise UsageError("is missing", where="[hub] namespace", hint="set it to your user name or organisation")
        return f"{self.namespace}/{getattr(self, artifact)}"


class Custody(Table):
    """[custody]: how access is enforced: by the Hub's gate, or sealed under the corpus itself."""

    mode: Literal["gated", "sealed"] = "gated"
    """gated: the Hub asks; sealed: only those who hold the corpus can open the text."""
    adapter_custody: Literal["gated", "physionet"] | None = Field(None, examples=["gated"])
    """Whether the adapter goes to the gated repo (the default), or to PhysioNet alone (the default with sealed)."""

    @property
    def adapter_on_hub(self) -> bool:
        return (self.adapter_custody or ("physionet" if self.mode == "sealed" else "gated")) == "gated"
