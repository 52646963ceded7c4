"""translations/translator.json: what translated, as the engine says it."""

from __future__ import annotations

from hubkit.artifacts.model import Model, read_model, write_model
from hubkit.workspace import Workspace


class Served(Model):
    """What ran the model. What it does not say is None: unknown, as the server was started.

    Attributes:
        software: its name and version, such as "vLLM 0.32.0".
        model: what it calls the model; of a folder or a file, the last part of its path.
        revision: the model's revision.
        precision: of the weights, in the software's words, such as "nf4", "bfloat16", "fp8" or "Q4_K_M".
        context: tokens that a prompt and its answer may have together.
    """

    software: str | None = None
    model: str | None = None
    revision: str | None = None
    precision: str | None = None
    context: int | None = None


class Translator(Model):
    """What translated the reports.

    Attributes:
        engine: the setting [translation] engine.
        served: what ran the model; several where a translation was continued with another server. Empty in a
            workspace from before this was recorded.
    """

    engine: str = ""
    served: tuple[Served, ...] = ()

    @property
    def precisions(self) -> list[str | None]:
        """The precisions of the weights, each once; None where one is unknown."""
        return list(dict.fromkeys(one.precision for one in self.served)) or [None]


def read_translator(workspace: Workspace) -> Translator:
    """What translated.

    Raises:
        HubkitError: the file is not whole, incomplete, or of another format.
    """
    if not workspace.translator.exists():
        return Translator()
    return read_model(Translator, "translator", workspace.translator, "hubkit translate")


def write_translator(workspace: Workspace, translator: Translator) -> None:
    """Write what `read_translator` reads."""
    write_model("translator", workspace.translator, translator)
