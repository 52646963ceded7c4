"""Puts one clinical error into a correct Portuguese translation: twelve kinds, by word tables of their own.

The tables know nothing of the rules' lexicon: what is measured is whether the rules see errors, not whether two lists
agree.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator

Change = tuple[int, int, str]
"""Start and end in the translation, and what stands there afterwards."""

AGREEING = re.compile(r"\b(?:não|sem|nem)\b[^.;!?\n]*$", re.IGNORECASE)
"""Before "nenhum": it only agrees with the negation that stands there, and may go without harm."""

IDIOMS = re.compile(r"não (?:só|apenas|somente|menos|mais)\b|sem dúvida|não há dúvida", re.IGNORECASE)

SEEN = "observa|observam|identifica|identificam|nota|notam|visualiza|visualizam|vê|evidencia|evidenciam"

NEGATED = "é|são|está|estão|foi|foram|mostra|demonstra|apresenta|apresentam|existe|existem|pode|podem|parece"

AFFIRMED = "é|são|está|estão|foi|foram|permanece|permanecem|mostra|mostram|apresenta|sugere|sugerem|termina"

NEGATIONS = {
    r"\bnão há (?:evidências?|sinais|sinal) de\b": "há",
    r"\bnão há\b": "há",
    r"\bnão houve\b": "houve",
    rf"\bnão se ({SEEN})\b": r"\1-se",
    rf"\bnão ({NEGATED})\b": r"\1",
    r"\bsem (?:evidências?|sinais|sinal) de\b": "com",
    r"\bsem\b": "com",
    r"\bausência de\b": "presença de",
    r"\bausentes?\b": "presente",
    r"\blivres? de\b": "com",
    r"\bnenhuma\b": "uma",
    r"\bnenhum\b": "um",
    r"\bnega\b": "refere",
}

AFFIRMATIONS = {
    r"(?<!não )(?<!Não )\b(há|houve|existe|existem)\b": r"não \1",
    rf"(?<!não )(?<!Não )\b({SEEN})-se\b": r"não se \1",
    rf"(?<!não )(?<!Não )\b({AFFIRMED})\b": r"não \1",
    r"(?<!não )\bcom\b(?! (?:a|o|as|os)\b)": "sem",
}

SIDES = {
    "esquerdo": "direito", "esquerda": "direita", "esquerdos": "direitos", "esquerdas": "direitas",
    "direito": "esquerdo", "direita": "esquerda", "direitos": "esquerdos", "direitas": "esquerdas",
    "LSD": "LSE", "LID": "LIE", "LSE": "LSD", "LIE": "LID", "HTD": "HTE", "HTE": "HTD",
}  # fmt: skip

UNITS = {"cm": "mm", "mm": "cm", "mL": "L", "ml": "l", "L": "mL", "mg": "g",
         "dias": "semanas", "semanas": "meses", "meses": "anos",
         "anos": "meses", "horas": "dias", "dia": "mês", "hora": "dia"}  # fmt: skip

FINDINGS = {
    r"derrames? (?:pleural|pleurais)|derrames?(?! peric)|efus(?:ão|ões) (?:pleural|pleurais)": "nódulo",
    r"pneumotórax": "cardiomegalia",
    r"consolidaç(?:ão|ões)": "fratura",
    r"edema(?: pulmonar| intersticial)?": "nódulo",
    r"atelectasias?": "pneumotórax",
    r"cardiomegalia": "pneumonia",
    r"pneumonias?|broncopneumonia": "atelectasia",
    r"nódulos?": "derrame",
    r"massas?": "fratura",
    r"fraturas?": "massa",
    r"opacidades?": "fratura",
    r"infiltrados?": "pneumotórax",
    r"enfisema": "edema",
    r"congestão(?: vascular)?(?: pulmonar)?": "consolidação",
    r"espessamento pleural": "pneumotórax",
    r"hérnia(?: hiatal| de hiato)?": "atelectasia",
    r"granulomas?": "derrame",
    r"linfonodomegalias?|adenopatias?|linfadenopatias?": "fratura",
    r"escoliose": "pneumonia",
    r"pneumoperitônio": "pneumonia",
    r"marca-?passo": "dreno de tórax",
    r"dreno(?: torácico| de tórax)?(?! pigtail| tipo pigtail)": "marca-passo",
    r"tubo (?:endotraqueal|orotraqueal)": "marca-passo",
    r"sonda (?:nasogástrica|nasoenteral|enteral)": "tubo orotraqueal",
    r"cateter(?! (?:de swan|pigtail))": "marca-passo",
}

GRADES = {
    "discret": "acentuad", "pequen": "volumos", "mínim": "extens",
    "moderad": "discret", "acentuad": "discret", "volumos": "pequen",
    "extens": "discret",
    "maciç": "pequen", "sever": "discret", "diminut": "volumos",
}  # fmt: skip

GRADE_WORDS = {
    "leve": "grave", "leves": "graves", "grave": "leve", "graves": "leves", "importante": "leve",
    "importantes": "leves",
    "grande": "pequeno", "grandes": "pequenos", "levemente": "acentuadamente", "sutil": "intenso", "sutis": "intensos",
}  # fmt: skip

HEDGES = {
    r"(?<!se )(?<!é )(?<!foi )(?<!breve )(?<!quando )\b(?:possível|possíveis|provável|prováveis) ": "",
    r"\b(?:possivelmente|provavelmente|talvez) ": "",
    r"\bnão (?:pode|podem) ser (?:excluíd|descartad|afastad)([oa]s?)\b": r"está presente",
    r"(?<!não )\b(?:pode|podem|poderia|poderiam) (?:representar|corresponder a|refletir)\b": "é",
    r"(?<!não )\b(?:pode|podem|poderia|poderiam) ser(?! útil)(?! \w+[aeií]d[oa]s?\b)\b": "é",
    r"(?<!nada )\b(?:sugere|sugerem|sugerindo)\b(?!-se)": "confirma",
    r"\bsugestiv[oa]s? de\b": "diagnóstico de",
    r"(?<!há )(?<!sem )(?<!não )\bsuspeit[oa]s? (?:de|para)\b": "diagnóstico de",
    r"\bnão se pode (?:excluir|descartar|afastar)\b": "há",
}

TRENDS = {
    "aumentou": "diminuiu", "aumentaram": "diminuíram", "diminuiu": "aumentou", "diminuíram": "aumentaram",
    "melhora": "piora", "piora": "melhora", "melhorou": "piorou", "melhoraram": "pioraram", "piorou": "melhorou",
    "pioraram": "melhoraram", "aumento": "redução", "redução": "aumento", "diminuição": "aumento",
    "reduziu": "aumentou",
    "reduziram": "aumentaram", "maior": "menor", "menor": "maior", "maiores": "menores", "menores": "maiores",
    "inalterado": "pior", "inalterada": "pior", "inalterados": "piores", "inalteradas": "piores", "estável": "pior",
    "estáveis": "piores", "progressão": "regressão", "regressão": "progressão", "progrediu": "regrediu",
    "regrediu": "progrediu", "progrediram": "regrediram",
}  # fmt: skip


def injections() -> dict[str, Callable[[str, random.Random], str | None]]:
    """Return the twelve kinds: each takes a translation and gives it back with one error, or None."""
    return {
        "negation dropped": _by(_patterns(NEGATIONS, IDIOMS)),
        "negation added": _by(_patterns(AFFIRMATIONS, IDIOMS)),
        "side flipped": _by(_words(SIDES)),
        "number changed": _by(_numbers),
        "unit changed": _by(_units),
        "finding dropped": _by(_dropped_findings),
        "finding swapped": _by(_swapped_findings),
        "___ dropped": _by(_placeholders),
        "severity changed": _by(_grades),
        "uncertainty dropped": _by(_patterns(HEDGES)),
        "sentence dropped": _sentence_dropped,
        "trend reversed": _by(_words(TRENDS)),
    }


def _by(places: Callable[[str], Iterator[Change]]) -> Callable[[str, random.Random], str | None]:
    def inject(text: str, rng: random.Random) -> str | None:
        found = list(places(text))
        if not found:
            return None
        start, end, words = rng.choice(found)
        rest = text[end:]
        if text[start : start + 1].isupper():
            words = words[:1].upper() + words[1:]
            rest = rest if words else rest[:1].upper() + rest[1:]
        changed = text[:start] + words + rest
        return None if changed == text or not changed.strip(" .") else _tidy(changed)

    return inject


def _tidy(text: str) -> str:
    return re.sub(r" +([.,;])", r"\1", re.sub(r" {2,}", " ", text)).strip()


def _patterns(table: dict[str, str], idioms: re.Pattern[str] | None = None) -> Callable[[str], Iterator[Change]]:
    compiled = [(re.compile(pattern, re.IGNORECASE), words) for pattern, words in table.items()]

    def places(text: str) -> Iterator[Change]:
        spared = [match.span() for match in idioms.finditer(text)] if idioms else []
        taken: list[tuple[int, int]] = []
        for pattern, words in compiled:
            for match in pattern.finditer(text):
                if any(match.start() < end and start < match.end() for start, end in [*spared, *taken]):
                    continue
                if match[0].lower().startswith("nenhum") and AGREEING.search(text[: match.start()]):
                    continue
                taken.append(match.span())
                yield *match.span(), match.expand(words)

    return places


def _words(table: dict[str, str]) -> Callable[[str], Iterator[Change]]:
    pattern = re.compile(
        rf"(?<!fissura )(?<!cisura )(?<!cissura )\b(?:{'|'.join(table)})\b(?! vasos| parte| fissura| cis+ura| células)",
        re.IGNORECASE,
    )

    def places(text: str) -> Iterator[Change]:
        for match in pattern.finditer(text):
            word = table.get(match[0]) or table.get(match[0].lower())
            if word:
                yield *match.span(), word

    return places


def _numbers(text: str) -> Iterator[Change]:
    for match in re.finditer(r"(?<![\w.,])\d+(?:[.,]\d+)*", text):
        if re.match(r"[.)]\s", text[match.end() :]) and re.search(r"(?:^|\n|[.:;]\s)\s*$", text[: match.start()]):
            continue
        digits = match[0]
        yield *match.span(), str((int(digits[0]) + 2) % 9 + 1) + digits[1:]


def _units(text: str) -> Iterator[Change]:
    for match in re.finditer(rf"(?<=\d)(\s*)({'|'.join(UNITS)})\b", text):
        yield match.start(2), match.end(2), UNITS[match[2]]


def _dropped_findings(text: str) -> Iterator[Change]:
    for pattern in FINDINGS:
        for match in re.finditer(
            rf"(?:,? (?:ou|e|nem) |, )?\b(?:{pattern})\b(?P<next>,? (?:ou|e|nem) |, )?", text, re.IGNORECASE
        ):
            joined = match[0][:1] in ", " and match["next"] is not None
            rest = text[: match.start()] + text[match.end() :]
            if len(re.findall(r"\w{3,}", rest)) >= 2:
                yield *match.span(), match["next"] if joined else " "


def _swapped_findings(text: str) -> Iterator[Change]:
    for pattern, other in FINDINGS.items():
        if other in text.lower():
            continue
        for match in re.finditer(rf"\b(?:{pattern})\b", text, re.IGNORECASE):
            yield *match.span(), other


def _placeholders(text: str) -> Iterator[Change]:
    for match in re.finditer(r"_{3}|X{4}", text):
        yield *match.span(), ""


def _grades(text: str) -> Iterator[Change]:
    yield from _words(GRADE_WORDS)(text)
    for stem, other in GRADES.items():
        for match in re.finditer(rf"\b{stem}(o|a|os|as|amente)\b(?! fissura| cis+ura| células)", text, re.IGNORECASE):
            yield *match.span(), other + match[1]


def _sentence_dropped(text: str, rng: random.Random) -> str | None:
    sentences = re.split(r"(?<=[.!?])(?<!\bDr\.)(?<!\bDra\.)(?<!\bDr\(a\)\.)\s+(?=[A-ZÀ-Ý0-9_-])|\n+", text)
    long = [at for at, sentence in enumerate(sentences) if len(re.findall(r"[^\W\d_]{2,}", sentence)) >= 2]
    if len(long) < 2:
        return None
    dropped = rng.choice(long)
    return " ".join(sentence for at, sentence in enumerate(sentences) if at != dropped)
