"""The configuration of a release: hubkit.toml -> checked, frozen models. Every default lives here, once.

A table of hubkit.toml belongs to the package of the same name. Settings marked `Runtime` say how the work is done, not
what comes out: changing one makes no stage run again.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hubkit.errors import UsageError


class _Runtime:
    """Marks a setting that does not change what a stage writes."""


Runtime = _Runtime()

Quantization = Literal["nf4", "bf16", "fp32"]
Positive = Annotated[int, Field(gt=0)]


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    def identity(self) -> dict[str, Any]:
        """The settings that decide what comes out, as plain JSON values."""
        kept = {name for name, field in type(self).model_fields.items() if Runtime not in field.metadata}
        return self.model_dump(mode="json", include=kept)


class Release(Table):
    """[release]: what is released, under which name."""

    version: str = Field("1.0.0", pattern=r"^\d+\.\d+\.\d+$")
    title: str = "MIMIC-CXR PT-BR"
    seed: int = 42
    contact: str | None = None

    @property
    def tag(self) -> str:
        return f"release-{self.version}"


class Subset(Table):
    """Studies a split; each is balanced over the 14 CheXpert labels."""

    train: Positive = 960
    validate_: Positive = Field(473, alias="validate")
    test: Positive = 965

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, serialize_by_alias=True)

    def sizes(self) -> dict[str, int]:
        return {"train": self.train, "validate": self.validate_, "test": self.test}


class Corpus(Table):
    """[corpus]: where the reports and images are, and which studies are taken."""

    kind: str = "mimic-cxr"
    root: Path = Path("mimic-cxr")
    images: Path | None = None
    subset: Subset | Literal["all"] = Subset()
    max_images: Annotated[int, Field(ge=0, le=8)] = 2
    image_size: Positive = 896
    fit: Literal["stretch", "pad"] = "stretch"
    workers: Annotated[int, Field(ge=0), Runtime] = 0


class Translation(Table):
    """[translation]: who translates, with which prompt, and what is accepted."""

    engine: Literal["transformers", "openai"] = "transformers"
    model: str = "google/medgemma-27b-text-it"
    revision: str | None = None
    quantization: Quantization = "nf4"
    prompt: str = "Você é um assistente médico que traduz relatórios de raio-x para o português."
    rules: bool = True
    units: Literal["sections", "report"] = "sections"
    context: bool = False
    max_new_tokens: Positive = 1024
    memory: bool = True
    retries: Annotated[int, Field(ge=0)] = 2
    max_flagged: Annotated[float, Field(ge=0, le=1)] = 0.02
    device: Annotated[str, Runtime] = "auto"
    batch_tokens: Annotated[Positive, Runtime] = 16384
    allowed_hosts: Annotated[tuple[str, ...], Runtime] = ()
    base_url: Annotated[str | None, Runtime] = None
    serve: Annotated[str | None, Runtime] = None
    concurrency: Annotated[Positive, Runtime] = 32
    executor: Annotated[Literal["local", "slurm", "ray"], Runtime] = "local"
    tasks: Annotated[Positive, Runtime] = 1
    workers: Annotated[Positive, Runtime] = 1
    slurm: Annotated[dict[str, Any], Runtime] = {}


class Finetuning(Table):
    """[finetuning]: the base model and how its adapter is trained (defaults of the study that this reproduces)."""

    model: str = "google/medgemma-4b-it"
    revision: str | None = None
    quantization: Quantization = "nf4"
    r: Positive = 16
    alpha: Positive = 16
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.05
    target_modules: str | tuple[str, ...] = "language"
    modules_to_save: tuple[str, ...] = ()
    epochs: Annotated[float, Field(gt=0)] = 4.0
    learning_rate: Annotated[float, Field(gt=0)] = 2e-4
    schedule: str = "linear"
    warmup_ratio: Annotated[float, Field(ge=0, le=1)] = 0.03
    batch_size: Positive = 1
    gradient_accumulation: Positive = 16
    max_grad_norm: Annotated[float, Field(gt=0)] = 0.3
    gradient_checkpointing: bool = True
    eval_steps: Positive = 20
    patience: Annotated[int, Field(ge=0)] = 5
    max_length: Positive | None = None
    trainer: dict[str, Any] = {}
    sweep: dict[str, list[Any]] = {}
    device: Annotated[str, Runtime] = "auto"
    save_steps: Annotated[Positive, Runtime] = 20
    live: Annotated[Literal["none", "tensorboard", "trackio"], Runtime] = "none"


class Generation(Table):
    """[generation]: the prompt (the same in training and in inference) and how answers are decoded."""

    prompt: str = "Dê o diagnóstico das imagens apresentadas"
    shots: Annotated[int, Field(ge=1)] = 1
    max_new_tokens: Positive = 512
    reference: Literal["findings_impression", "report"] = "findings_impression"
    do_sample: bool = False
    device: Annotated[str, Runtime] = "auto"
    batch_size: Annotated[Positive, Runtime] = 8


class Encoder(Table):
    """The encoder of one BERTScore setup."""

    model: str
    layer: Positive
    revision: str | None = None


class Scoring(Table):
    """[scoring]: the two BERTScore setups and the statistics."""

    bertimbau: Encoder = Encoder(model="neuralmind/bert-base-portuguese-cased", layer=12)
    xlm_roberta: Encoder = Encoder(model="xlm-roberta-large", layer=17)
    idf: bool = False
    dtype: Literal["float32", "bfloat16"] = "float32"
    resamples: Positive = 10000
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    device: Annotated[str, Runtime] = "auto"
    batch_tokens: Annotated[Positive, Runtime] = 8192

    def encoder(self, setup: str) -> Encoder:
        return {"bertimbau": self.bertimbau, "xlm-roberta": self.xlm_roberta}[setup]


class Packaging(Table):
    """[packaging]: what goes into the three repos."""

    include_source: bool = False
    authors: tuple[str, ...] = ()
    license: str = "other"


class Consent(Table):
    """Who agreed with PhysioNet to publish what is derived from a credentialed corpus, when, and to what."""

    who: str
    when: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    what: str


class Hub(Table):
    """[hub]: where the release goes."""

    namespace: str = ""
    endpoint: str | None = None
    dataset: str = "mimic-cxr-ptbr"
    adapter: str = "medgemma-4b-it-mimic-cxr-ptbr-lora"
    metric: str = "bertscore_ptbr"
    collection: bool = True
    pull_request: bool = False
    physionet_consent: Consent | None = None
    waive_ungranted_probe: str | None = None

    def repo(self, artifact: Literal["dataset", "adapter", "metric"]) -> str:
        return f"{self.namespace}/{getattr(self, artifact)}"


class Custody(Table):
    """[custody]: how access is enforced: by the Hub's gate, or sealed under the corpus itself."""

    mode: Literal["gated", "sealed"] = "gated"
    adapter_custody: Literal["gated", "physionet"] | None = None


class ReleaseConfig(Table):
    """The whole of hubkit.toml."""

    release: Release = Release()
    corpus: Corpus = Corpus()
    translation: Translation = Translation()
    finetuning: Finetuning = Finetuning()
    generation: Generation = Generation()
    scoring: Scoring = Scoring()
    packaging: Packaging = Packaging()
    hub: Hub = Hub()
    custody: Custody = Custody()

    def digest(self, settings: tuple[str, ...]) -> str:
        """SHA-256 over those of `settings` ("translation", "release.seed") that decide what comes out."""
        values: dict[str, Any] = {}
        for name in settings:
            table, _, key = name.partition(".")
            identity = getattr(self, table).identity()
            values[name] = identity[key] if key else identity
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def load_config(path: Path) -> ReleaseConfig:
    """Read hubkit.toml; paths in it are relative to its folder.

    Raises:
        UsageError: the file is missing, is not TOML, or holds an unknown key or a value that does not fit.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError("no such file", where=path, mend="write one with: hubkit init") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"not valid TOML: {error}", where=path) from None
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=path) from None
    config = parse_config(values, where=path)
    return config.model_copy(update={"corpus": _anchored(config.corpus, path.absolute().parent)})


def parse_config(values: dict[str, Any], where: Path | str = "hubkit.toml") -> ReleaseConfig:
    """Check `values`, the tables of a hubkit.toml.

    Raises:
        UsageError: names the first setting that is wrong, and for an unknown key the keys that there are.
    """
    try:
        return ReleaseConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            known = _keys_beside(first["loc"])
            raise UsageError(f"unknown key {key}", where=where, mend=f"known here: {', '.join(known)}") from None
        raise UsageError(f"{key}: {first['msg']}", where=where, mend="see docs/configuration.md") from None


def _keys_beside(location: tuple[int | str, ...]) -> list[str]:
    table: Any = ReleaseConfig
    for part in location[:-1]:
        field = getattr(table, "model_fields", {}).get(str(part).replace("-", "_"))
        if field is None:
            break
        table = field.annotation
    return sorted(getattr(table, "model_fields", {}))


def _anchored(corpus: Corpus, folder: Path) -> Corpus:
    images = None if corpus.images is None else folder / corpus.images.expanduser()
    return corpus.model_copy(update={"root": folder / corpus.root.expanduser(), "images": images})
