"""The tables of hubkit.toml as checked, frozen models: every setting, its meaning and its one default.

A table belongs to the package of the same name. Settings marked `Runtime` say how the work is done, not what comes out:
changing one makes no stage run again.

A new setting that is not `Runtime` needs an entry in `hubkit.config.identity.ADDED`, so that it makes no
stage run again where it is left at its default. That module has the rules.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, field_validator

from hubkit.config.identity import ADDED, RELEASED, identity, named_setting
from hubkit.config.values import (
    Command,
    Device,
    Install,
    ModelId,
    NonEmptyStr,
    NonNegative,
    OneLine,
    Positive,
    Quantization,
    Runtime,
    Table,
    Url,
)
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


class Subset(Table):
    """Studies in each split, which is balanced over the 14 CheXpert labels."""

    train: Positive = 960
    validate_: Positive = Field(473, alias="validate")
    test: Positive = 965

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    def sizes(self) -> dict[str, int]:
        return {"train": self.train, "validate": self.validate_, "test": self.test}


class DeclaredTerms(Table):
    """[corpus.terms]: what a corpus of kind csv comes under, as cards say it."""

    name: Annotated[str, Field(pattern=r"^[\w(][\w .,&()/-]{0,79}$")]
    """How the corpus is called."""
    licence: Annotated[str, Field(pattern=r"^\w[\w .+-]{0,79}$")]
    """The licence of its reports, such as CC-BY-4.0."""
    citation: OneLine
    """How it is cited."""
    url: Url | Literal[""] = ""
    """Its address."""
    derivatives: bool = False
    """Whether a translation may be passed on under its licence. Without that, only a Hub on loopback gets it."""
    synthetic: bool = False
    """Whether a program made it."""
    deidentified: OneLine | None = None
    """How identifiers of patients were taken out at the source, as a sentence."""


class Corpus(Table):
    """[corpus]: where the reports and images are, and which studies are taken."""

    kind: str = "mimic-cxr"
    """The kind of corpus. One of: mimic-cxr, openi, demo, csv."""
    root: Path = Path("mimic-cxr")
    """The folder (or mimic-cxr-reports.zip, or CSV) with the reports."""
    terms: DeclaredTerms | None = Field(
        None,
        examples=[{"name": "Clinic reports", "licence": "CC-BY-4.0", "citation": "The reports of a clinic, 2026."}],
    )
    """Of kind csv: what the corpus comes under; also url, and derivatives = true if a translation may be passed on."""
    images: Path | None = Field(None, examples=["/data/mimic-cxr-jpg/2.1.0"])
    """The folder of MIMIC-CXR-JPG, or of a CSV's images, if it is not root."""
    headers: Literal["auto", "official", "any"] = "auto"
    """official: MIMIC-CXR's own rule; any: all layouts; auto: official, or without the blank that mirrors lose."""
    subset: Subset | Literal["all"] = Subset()
    """Studies in each split, balanced over the 14 CheXpert labels; or "all"."""
    max_images: Annotated[int, Field(ge=0, le=8)] = 2
    """At most so many images per study, one frontal and one lateral first."""
    image_size: Positive = 896
    """Side of the prepared square images, in pixels."""
    jpeg_quality: Annotated[int, Field(ge=1, le=100)] = 95
    """Quality of the prepared images."""
    fit: Literal["stretch", "pad"] = "stretch"
    """How an image becomes square: stretch (as in the original study) or pad."""
    workers: Annotated[int, Field(ge=0), Runtime] = 0
    """Processes that read and prepare; 0: one per core."""
    version: str = Field("2.1.0", pattern=r"^[\d.]+$")
    """The version of MIMIC-CXR and MIMIC-CXR-JPG: hubkit fetch gets it, and the cards name it."""
    physionet: Annotated[str, Runtime] = "https://physionet.org"
    """The address of PhysioNet. An access check counts only at this default."""


class Translation(Table):
    """[translation]: who translates, with which prompt, and what is accepted."""

    engine: Literal["transformers", "openai"] = "transformers"
    """transformers: in this process; openai: a server that speaks that protocol."""
    model: str = "google/medgemma-27b-text-it"
    """The translation model on the Hub, or a folder."""
    model_id: ModelId | None = Field(None, examples=["google/medgemma-27b-text-it"])
    """If model is a folder: its name on the Hub, which cards print. A renamed folder counts as the same model."""
    revision: str | None = Field(None, examples=["0123456789abcdef0123456789abcdef01234567"])
    """Its commit. None: the newest, which is then recorded."""
    quantization: Quantization = "nf4"
    """The precision of its weights."""
    prompt: str = "Você é um assistente médico que traduz relatórios de raio-x para o português."
    """The system prompt of the original study."""
    rules: bool = True
    """Whether hubkit's rules of style follow the prompt."""
    template: Literal["system", "user", "translategemma"] = "system"
    """Where the prompt stands: system turn, user turn, or nowhere (TranslateGemma: text and language codes)."""
    units: Literal["sections", "report"] = "sections"
    """The unit of translation: a section, or the whole report as in the original study."""
    context: bool = False
    """Whether the model sees the rest of the report as context."""
    max_new_tokens: Positive = 1024
    """Most tokens of a translation, and never more than 32 plus the characters of its source: loops end early."""
    thinking_tokens: NonNegative | None = Field(None, examples=[2048])
    """Tokens a thought may have before the translation; none: 2,048 for MedGemma 27B and 1.5, which think, else 0."""
    curb_thinking: bool = False
    """Whether the prompt asks for the translation without a thought."""
    memory: bool = True
    """Whether equal texts of equal sections are translated once."""
    retries: Annotated[int, Field(ge=0)] = 2
    """Further attempts at a text that a check flags."""
    flagged: Annotated[Literal["leave_out", "stop", "publish"], Runtime] = "leave_out"
    """For flagged sections that nobody accepted. leave_out: no text, training or score; publish: as any other."""
    max_flagged: Annotated[float, Field(ge=0, le=1), Runtime] = 0.02
    """The share of failed sections, and with flagged = "stop" of flagged ones too, above which the release stops."""
    corrections: Annotated[str | None, Runtime] = Field(None, examples=["corrections.csv"])
    """A file of corrections (.csv, .jsonl, .parquet or .xlsx), from `hubkit corrections export`."""
    device: Device = "auto"
    """auto, cpu, cuda or cuda:N."""
    batch_tokens: Annotated[Positive, Runtime] = 32768
    """On a CPU: most tokens of the rows in flight, counted as rows times the longest prompt with its answer."""
    page_size: Annotated[Annotated[int, Field(ge=4)] | None, Runtime] = Field(None, examples=[64])
    """Tokens a page of the cache on CUDA; none: by attention, 64 for Gemma."""
    max_batch_tokens: Annotated[Positive | None, Runtime] = Field(None, examples=[1024])
    """Tokens a batch on CUDA; none: by memory and attention, at most 1,024 without flash attention."""
    max_requests_per_batch: Annotated[Positive | None, Runtime] = Field(None, examples=[64])
    """Requests in flight on CUDA, at most; none: by attention, 64 without flash attention and 256 with it."""
    use_cuda_graph: Annotated[bool, Runtime] = False
    """Whether steps on CUDA are replayed as graphs: faster with flash attention, but capturing them can crash."""
    checkpoint: Annotated[Positive, Runtime] = 1024
    """Units between checkpoints: what a kill can cost."""
    allowed_hosts: Annotated[tuple[str, ...], Runtime] = ()
    """Private hosts that may see corpus text, in addition to loopback."""
    base_url: Annotated[Url | None, Runtime] = Field(None, examples=["http://127.0.0.1:8000/v1"])
    """The server of the engine openai, such as http://127.0.0.1:8000/v1."""
    serve: Annotated[Command | None, Runtime] = Field(
        None, examples=["vllm serve google/medgemma-27b-text-it --port {port}"]
    )
    """A command line that starts that server, with {port} and {task} filled in; hubkit starts and stops it."""
    concurrency: Annotated[Positive, Runtime] = 32
    """Requests that the server gets at the same time."""
    timeout: Annotated[float, Field(gt=0), Runtime] = 300.0
    """Seconds the server may take to answer."""
    executor: Annotated[Literal["local", "slurm", "ray"], Runtime] = "local"
    """Where the tasks run: on this machine, under Slurm or on Ray."""
    tasks: Annotated[Positive, Runtime] = 1
    """Parts that the work is cut into; more than one uses datatrove."""
    workers: Annotated[Positive, Runtime] = 1
    """Tasks that run at the same time."""
    slurm: Annotated[dict[str, Any], Runtime] = Field(default_factory=dict)
    """Options of datatrove's SlurmPipelineExecutor: time, partition, gpus_per_task, mem_per_cpu_gb and others."""
    ray: Annotated[dict[str, Any], Runtime] = Field(default_factory=dict)
    """Options of its RayPipelineExecutor: cpus_per_task, gpus_per_task, mem_per_cpu_gb and others."""


class Finetuning(Table):
    """[finetuning]: the base model and how its adapter is trained (defaults of the study that this reproduces)."""

    model: str = "google/medgemma-4b-it"
    """The base model on the Hub, or a folder."""
    model_id: ModelId | None = Field(None, examples=["google/medgemma-4b-it"])
    """If model is a folder: its name on the Hub, which cards print. A renamed folder counts as the same model."""
    revision: str | None = Field(None, examples=["0123456789abcdef0123456789abcdef01234567"])
    """Its commit. None: the newest, which is then recorded."""
    quantization: Quantization = "nf4"
    """The precision of the frozen base."""
    r: Positive = 16
    """Rank of the adapter."""
    alpha: Positive = 16
    """Scale of the adapter."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """Dropout of the adapter."""
    target_modules: str | tuple[str, ...] = "language"
    """"language": the linear layers of the language model; "all-linear": the vision tower as well; or names."""
    modules_to_save: tuple[str, ...] = ()
    """Modules trained whole and saved with the adapter."""
    epochs: Annotated[float, Field(gt=0)] = 4.0
    """Passes over the training split."""
    learning_rate: Annotated[float, Field(gt=0)] = 2e-4
    """Peak learning rate."""
    schedule: str = "linear"
    """Learning-rate schedule, as transformers names it."""
    warmup_ratio: Annotated[float, Field(ge=0, le=1)] = 0.03
    """Share of the steps in which the learning rate rises."""
    batch_size: Positive = 1
    """Studies per step and device."""
    gradient_accumulation: Positive = 16
    """Steps before the optimiser moves."""
    max_grad_norm: Annotated[float, Field(gt=0)] = 0.3
    """Gradients are clipped to this norm."""
    gradient_checkpointing: bool = True
    """Whether activations are computed twice to save memory."""
    eval_steps: Positive = 20
    """Optimiser steps between evaluations."""
    patience: Annotated[int, Field(ge=0)] = 5
    """Evaluations without a lower loss before training stops; 0: never."""
    select: Literal["eval_loss", "eval_loss within audit"] = "eval_loss"
    """Which adapter is kept: of the lowest evaluation loss, or of the lowest that stays under the bounds of [audit]."""
    max_length: Positive | None = Field(None, examples=[4096])
    """Most tokens of a sample. None: no limit."""
    trainer: dict[str, Any] = Field(default_factory=dict)
    """Further keys of SFTConfig."""
    sweep: dict[str, list[Any]] = Field(default_factory=dict)
    """Values to try for r, alpha, dropout, learning_rate, epochs."""
    device: Device = "auto"
    """auto, cpu, cuda or cuda:N."""
    image_features: Annotated[Literal["compute", "disk"], Runtime] = "compute"
    """compute: the frozen vision tower runs in every step; disk: once for each image, 1.3 MB kept while it trains."""
    save_steps: Annotated[Positive, Runtime] = 20
    """Optimiser steps between checkpoints."""
    live: Annotated[Literal["none", "tensorboard", "trackio"], Runtime] = "none"
    """Where the curves can be watched while it trains, on this machine."""


class Generation(Table):
    """[generation]: the prompt (the same in training and in inference) and how answers are decoded."""

    prompt: str = "Dê o diagnóstico das imagens apresentadas"
    """The question to the model, the same in training and in inference."""
    shots: Annotated[int, Field(ge=1)] = 1
    """Examples before the question in the few-shot condition."""
    max_new_tokens: Positive = 512
    """Most tokens of a report."""
    thinking_tokens: NonNegative | None = Field(None, examples=[2048])
    """Tokens a thought may have before the report; none: 2,048 for MedGemma 27B and 1.5, which think, else 0."""
    reference: Literal["findings_impression", "report"] = "findings_impression"
    """What generations are scored against: ACHADOS + IMPRESSÃO, or the whole report as in the original study."""
    do_sample: bool = False
    """Whether to sample; false: greedy."""
    device: Device = "auto"
    """auto, cpu, cuda or cuda:N."""
    batch_size: Annotated[Positive | None, Runtime] = Field(None, examples=[32])
    """Studies per batch; none: by memory on a GPU, 8 on a CPU."""
    tasks: Annotated[Positive, Runtime] = 1
    """Processes that share the batches, with a GPU each."""


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
    device: Device = "auto"
    """auto, cpu, cuda or cuda:N."""
    batch_tokens: Annotated[Positive | None, Runtime] = Field(None, examples=[8192])
    """Tokens per batch. None: 1,024 on a CPU, whose caches hold no more, and 8,192 elsewhere."""

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


class WorkspaceSettings(Table):
    """[workspace]: who else on this machine can read the run directory."""

    group: Annotated[NonEmptyStr | None, Runtime] = Field(None, examples=["mimic-readers"])
    """The group that may read it, on a cluster where all its users are credentialed. None: you alone."""


class ReleaseConfig(Table):
    """The whole of hubkit.toml."""

    release: Release = Release()
    corpus: Corpus = Corpus()
    translation: Translation = Translation()
    finetuning: Finetuning = Finetuning()
    generation: Generation = Generation()
    scoring: Scoring = Scoring()
    audit: Audit = Audit()
    packaging: Packaging = Packaging()
    hub: Hub = Hub()
    custody: Custody = Custody()
    workspace: WorkspaceSettings = WorkspaceSettings()

    def repos(self) -> dict[Artifact, str]:
        """The repos that this release has on the Hub, by its parts: a part that stays off the Hub is not in it.

        Raises:
            UsageError: there is no namespace.
        """
        kept_off = {"adapter": not self.custody.adapter_on_hub, "metric": self.hub.space == "none"}
        return {part: self.hub.repo(part) for part in ARTIFACTS if not kept_off.get(part)}

    def digest(self, settings: tuple[str, ...]) -> str:
        """SHA-256 over those of `settings` ("translation", "release.seed") that decide what comes out.

        See `hubkit.config.identity`: a setting that is new and left at its default changes no digest.
        """
        values: dict[str, Any] = {}
        for setting in settings:
            name, _, key = setting.partition(".")
            table, released, added = getattr(self, name), RELEASED.get(name, {}), ADDED.get(name, {})
            if key:
                part = named_setting(table, key, released, added)
                values |= {setting: part[key]} if part else {}
            elif part := identity(table, released, added):
                values[setting] = part
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
