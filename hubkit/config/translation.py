"""[translation]: who translates, with which prompt, what is accepted, and where it runs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from hubkit.config.values import (
    Command,
    Device,
    ModelId,
    NonNegative,
    Positive,
    Quantization,
    Runtime,
    Table,
    Url,
    VariableName,
)


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
    serve_environment: Annotated[tuple[VariableName, ...], Runtime] = Field((), examples=[["HF_TOKEN"]])
    """Tokens and keys of the environment that this server gets, by name; the others are withheld from it."""
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
