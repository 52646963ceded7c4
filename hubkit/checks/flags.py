"""What a check says of a translation, and how the model that tries again learns of it."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, NamedTuple

Span = tuple[int, int]


class Flag(NamedTuple):
    """What a check found.

    Attributes:
        name: of the check, such as "truncated".
        severity: an error makes the unit flagged; a warning is stored with it.
        source_span: start and end of what it saw in the source, in characters.
        translation_span: the same in the translation.
    """

    name: str
    severity: Literal["error", "warning"]
    source_span: Span | None
    translation_span: Span | None


IN_PORTUGUESE = {
    "anatomy_changed": "estrutura alterada",
    "anatomy_added": "estrutura acrescentada",
    "anatomy_lost": "estrutura omitida",
    "chatter": "comentário acrescentado",
    "damaged": "caracteres corrompidos",
    "decimal_point": "ponto decimal no lugar da vírgula",
    "deidentification_added": "marca ___ acrescentada",
    "deidentification_lost": "marca ___ omitida",
    "empty": "tradução vazia",
    "english": "palavra em inglês",
    "exchanged": "valores trocados entre achados",
    "finding_added": "achado acrescentado",
    "finding_lost": "achado omitido",
    "laterality": "lado trocado ou omitido",
    "length": "comprimento muito diferente do original",
    "loop": "repetição",
    "markdown": "formatação acrescentada",
    "negation_added": "negação acrescentada",
    "negation_dropped": "negação omitida",
    "number_added": "número acrescentado",
    "number_changed": "número alterado",
    "number_lost": "número omitido",
    "other_language": "palavra de outro idioma",
    "residue": "marca ou código estranho ao texto",
    "sentence_added": "frase acrescentada",
    "sentence_lost": "frase omitida",
    "term_changed": "termo traduzido por outra palavra",
    "truncated": "tradução incompleta",
    "uncertainty_added": "incerteza acrescentada",
    "uncertainty_dropped": "incerteza omitida",
    "unit": "unidade alterada",
    "unknown_word": "palavra inexistente em português",
}
"""The names of checks in the language of the prompt; those of dimensions stand in dimensions.toml."""

HOW = {"added": "acrescentado", "changed": "alterado", "lost": "omitido"}


def portuguese(name: str) -> str:
    """Return what a flag is called in Portuguese; dimensions have their names in dimensions.toml."""
    if name in IN_PORTUGUESE:
        return IN_PORTUGUESE[name]
    dimension, _, how = name.rpartition("_")
    row = _dimensions().get(dimension)
    return f"{row['portuguese']}: valor {HOW[how]}" if row else name.replace("_", " ")


@functools.cache
def _dimensions() -> dict[str, dict[str, Any]]:
    return tomllib.loads(Path(__file__).with_name("dimensions.toml").read_text(encoding="utf-8"))


def describe(flags: Iterable[Flag], source: str, translation: str) -> str:
    """Say in Portuguese which errors were found, each with the words that the check saw."""
    said = []
    for flag in flags:
        if flag.severity == "error":
            text, span = (
                (translation, flag.translation_span) if flag.source_span is None else (source, flag.source_span)
            )
            seen = text[slice(*span)] if span else ""
            quote = f' em "{seen}"' if seen and len(seen) < len(text) else ""
            said.append(portuguese(flag.name) + quote)
    return "; ".join(dict.fromkeys(said))
