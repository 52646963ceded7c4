"""The chat that asks for a translation: the same for every engine, and for training the demo's translator.

What all requests share comes first (the configured prompt and the rules), what differs last: an engine with prefix
caching computes the shared part once.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal, NamedTuple

from hubkit.config import Translation

RULES = (
    "Traduza o texto inteiro para o português do Brasil e responda somente com a tradução. "
    "Não acrescente, omita, resuma nem comente nada. "
    "Copie ___ e XXXX como estão. "
    "Mantenha os números, as datas e as unidades, com vírgula decimal. "
    "Mantenha cada negação, cada lado, cada grau e cada incerteza."
)
"""The rules of the house, which follow the configured prompt where `translation.rules` is on."""

DIRECT = "Responda diretamente com a tradução, sem escrever antes o seu raciocínio."
"""What `translation.curb_thinking` adds."""

LANGUAGES = {"source_lang_code": "en", "target_lang_code": "pt-BR"}
"""What the template of TranslateGemma takes in addition to the text."""

SECTION_NAMES = {
    "indication": "INDICAÇÃO",
    "comparison": "COMPARAÇÃO",
    "findings": "ACHADOS",
    "impression": "IMPRESSÃO",
    "last_paragraph": "PARÁGRAFO FINAL",
    "report": "LAUDO",
}


class Prompt(NamedTuple):
    """What a model reads, apart from the text.

    Attributes:
        system: the system prompt.
        template: where it stands, as [translation] template says it.
    """

    system: str
    template: Literal["system", "user", "translategemma"]

    @classmethod
    def of(cls, settings: Translation) -> Prompt:
        """The prompt of a configuration."""
        wanted = (RULES, settings.rules), (DIRECT, settings.curb_thinking)
        return cls("\n".join([settings.prompt, *(text for text, on in wanted if on)]), settings.template)

    def messages(
        self, section: str, text: str, context: str | None = None, finding: str | None = None
    ) -> list[dict[str, Any]]:
        """Return the chat messages that ask for `text` in Brazilian Portuguese.

        Args:
            section: the column of studies.parquet that holds the text, or "report"; it is named only with a context.
            text: what the model translates: with neither context nor finding it is the whole user message.
            context: the rest of the report, to be read and not translated.
            finding: what was wrong with an earlier translation of this text, in Portuguese.

        With the template "translategemma" a request holds the text and the languages alone: that
        model's own template has the instruction, and takes neither prompt, nor context, nor finding.
        """
        if self.template == "translategemma":
            return [{"role": "user", "content": [{"type": "text", **LANGUAGES, "text": text}]}]
        parts = []
        if context:
            parts.append(f"Contexto, que não deve ser traduzido:\n{context}")
        if finding:
            parts.append(f"Em uma tradução anterior deste texto havia este erro, que não pode se repetir: {finding}")
        if parts:
            parts.append(f"Texto a traduzir ({SECTION_NAMES[section]}):")
        if self.template == "user":
            return [{"role": "user", "content": "\n\n".join([self.system, *parts, text])}]
        return [{"role": "system", "content": self.system}, {"role": "user", "content": "\n\n".join([*parts, text])}]

    def digest(self) -> str:
        """SHA-256 of everything that a request holds apart from the report's own words."""
        sample = [self.messages(name, "", context="-", finding="-") for name in SECTION_NAMES]
        return hashlib.sha256(json.dumps(sample, ensure_ascii=False).encode()).hexdigest()
