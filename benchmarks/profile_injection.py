"""Puts one clinical error of a chosen dimension into a correct Portuguese report.

The words are tables of their own (most of them those of injection.py), and know nothing of the
rules' lexicon. An error is put only where a reader would call it one of that dimension: the side of
a catheter is an error of devices, and what is denied has neither side nor grade.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator

from injection import AFFIRMATIONS, FINDINGS, GRADE_WORDS, GRADES, HEDGES, IDIOMS, NEGATIONS, SIDES, TRENDS

Inject = Callable[[str, random.Random], str | None]

SENTENCE = re.compile(r"(?<=[.!?])(?<!\bDr\.)(?<!\bDra\.)\s+(?=[A-ZÀ-Ý0-9])|\n+")

DEVICE = re.compile(
    r"tubo|sonda|cateter|cânula|acesso|dreno|marca-?passo|eletrodo|gerador|PICC|TOT|SNG|SNE|CVC|Swan|port\b|introdutor"
    r"|balão|clipes?|fios?\b|prótese|válvula|desfibrilador|CDI|traqueostomia|ponta|extremidade|linha\b|stent|dispositivo",
    re.IGNORECASE,
)

NO_DEVICE = {pattern: other for pattern, other in FINDINGS.items() if not DEVICE.search(pattern.replace("\\", ""))}

DENIED = re.compile(
    r"\b(?:sem|não|nem|ausência|ausentes?|nenhum|nenhuma|livres?|norma(?:l|is)|resolvid\w+|limp[oa]s?"
    r"|retirad\w+|remov\w+|retirada|remoção|extuba\w+|desaparec\w+|resolve\w+|resolu\w+|afasta\w*|descarta\w*|exclu\w+|avaliar|pesquisar|s/)\b",
    re.IGNORECASE,
)

NAMED = re.compile("|".join(f"(?:{pattern})" for pattern in NO_DEVICE), re.IGNORECASE)

PLACES = {
    "lobo superior": "lobo inferior", "lobo inferior": "lobo superior", "lobos superiores": "lobos inferiores",
    "lobos inferiores": "lobos superiores", "lobo médio": "lobo superior", "base": "ápice", "bases": "ápices",
    "ápice": "base", "ápices": "bases", "apical": "basal", "basal": "apical", "apicais": "basais",
    "basais": "apicais", "bibasais": "biapicais", "perihilar": "subpleural", "peri-hilar": "subpleural",
    "perihilares": "subpleurais", "peri-hilares": "subpleurais", "retrocardíaca": "perihilar",
    "lombar": "cervical", "clavícula": "escápula", "úmero": "esterno",
    "LSD": "LID", "LID": "LSD", "LSE": "LIE", "LIE": "LSE",
}  # fmt: skip

AGES = {
    "aguda": "crônica", "agudas": "crônicas", "agudo": "crônico", "agudos": "crônicos", "crônica": "aguda",
    "crônicas": "agudas", "crônico": "agudo", "crônicos": "agudos", "antiga": "recente", "antigas": "recentes",
    "antigo": "recente", "antigos": "recentes",
}  # fmt: skip

OVER_TIME = {word: other for word, other in TRENDS.items() if not word.startswith(("maior", "menor"))}
"""Without "maior" and "menor", which compare sides as well."""

ENDS = {
    "acima da carina": "abaixo da carina", "átrio direito": "ventrículo direito", "no estômago": "no esôfago",
    "na VCS": "na veia jugular", "veia cava superior": "veia cava inferior", "na junção cavoatrial": "na veia axilar",
    "ventrículo direito": "átrio direito", "bem posicionad": "mal posicionad",
}  # fmt: skip

DEVICES = {
    r"marca-?passo": "dreno de tórax", r"tubo (?:endotraqueal|orotraqueal)": "marca-passo", r"TOT": "marca-passo",
    r"sonda (?:nasogástrica|nasoenteral|enteral)": "traqueostomia", r"PICC": "marca-passo",
    r"dreno(?: torácico| de tórax| pleural)?": "marca-passo",
}  # fmt: skip

NEXT = re.compile(rf"(?:\W+\w+){{0,1}}\W+(?:{NAMED.pattern})", re.IGNORECASE)
"""What a negation denies stands right after it."""

STATED = dict([*AFFIRMATIONS.items()][:2])
"""The verbs of AFFIRMATIONS that say that a finding is there; the others may say how it is."""

DOUBTED = re.compile(
    r"\?|\b(?:duvidos\w+|suspeit\w+|versus|improváve(?:l|is)|conhecid\w+|possib\w+|prováve\w+|ou|x)\b", re.I
)

NEW = {
    r"pneumotórax|PTX|PNX|hidropneumo": "Pneumotórax à direita.",
    r"derrame|líquido|hemotórax|HTX|hidrotórax|empiema|efusão|velamento": "Derrame pleural à esquerda.",
    r"fratura|fx|acunhamento|compress": "Fratura de costela.",
    r"consolida|pneumonia|opaci|infiltrad|broncograma|densidade|aspira|SDRA|contusão": "Consolidação no lobo médio.",
    r"nódulo|nodular|massa|lesão|metástase|granuloma": "Nódulo no lobo superior.",
    r"edema|congest|SDRA|ICC|insuficiência|Kerley|ingurgit|cefaliz": "Edema pulmonar.",
}


def injections() -> dict[str, list[Inject]]:
    """By dimension of the profile, the ways to put in an error; each gives None where a report has no place for it."""
    return {
        "missed": [_by(_dropped), _by(_patterns(STATED, _affirmed_finding))],
        "invented": [_by(_patterns(NEGATIONS, _denied_finding, NEXT)), _added],
        "side": [_by(_words(SIDES, _present))],
        "place": [_by(_words(PLACES, _present))],
        "severity": [_by(_grades)],
        "size": [_by(lambda sentence: _lengths(sentence) if _present(sentence) else ())],
        "trend": [_by(_words(OVER_TIME, _present)), _by(_words(AGES, _present))],
        "certainty": [_by(_patterns(HEDGES, _one_doubt)), _by(_doubted)],
        "devices": [
            _by(_words(ENDS, _device)),
            _by(_patterns(DEVICES, _device)),
            _by(lambda sentence: _lengths(sentence) if _device(sentence) else ()),
            _by(_words(SIDES, _device)),
        ],
    }


Change = tuple[int, int, str]


def _by(places: Callable[[str], Iterator[Change] | tuple[()]]) -> Inject:
    """Change one place of one sentence."""

    def inject(text: str, rng: random.Random) -> str | None:
        changes = [
            (start, end, change)
            for start, end in _sentences(text)
            if _said_once(text[start:end], text)
            for change in places(text[start:end])
        ]
        if not changes:
            return None
        start, end, (first, last, words) = rng.choice(changes)
        sentence = text[start:end]
        if sentence[first : first + 1].isupper() and not words.isupper():
            words = words[:1].upper() + words[1:]
        changed = sentence[:first] + words + sentence[last:]
        if changed and not changed[0].isupper():
            changed = changed[:1].upper() + changed[1:]
        result = re.sub(r" {2,}", " ", text[:start] + changed + text[end:]).strip()
        return result if result and result != text else None

    return inject


def _said_once(sentence: str, text: str) -> bool:
    """Whether what a sentence names stands nowhere else: the same finding again would contradict the error."""
    spoken = [pattern for pattern in NO_DEVICE if re.search(pattern, sentence, re.IGNORECASE)]
    rest = text.replace(sentence, "", 1)
    return not any(re.search(pattern, rest, re.IGNORECASE) for pattern in spoken)


def sentences(text: str) -> list[str]:
    """Return the sentences of a report."""
    return [text[start:end].strip() for start, end in _sentences(text)]


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for match in SENTENCE.finditer(text):
        yield start, match.start()
        start = match.end()
    yield start, len(text)


def _present(sentence: str) -> bool:
    """Whether a sentence says that a finding is there, and speaks of no device."""
    return not DENIED.search(sentence) and not DEVICE.search(sentence) and NAMED.search(sentence) is not None


def _device(sentence: str) -> bool:
    if re.search(r"tracion|avanç|recu", sentence, re.IGNORECASE):  # a length that is advised
        return False
    return DEVICE.search(sentence) is not None and not NAMED.search(sentence) and not DENIED.search(sentence)


def _affirmed_finding(sentence: str) -> bool:
    return _present(sentence) and not any(
        re.search(pattern, sentence, re.IGNORECASE) for pattern in (*HEDGES, DOUBTED.pattern)
    )


def _one_doubt(sentence: str) -> bool:
    """Whether what is doubted is no alternative, which stays a doubt without the word."""
    return _present(sentence) and not re.search(r"\bou\b|\?|\bx\b|versus|em vez", sentence)


def _denied_finding(sentence: str) -> bool:
    return NAMED.search(sentence) is not None and not DEVICE.search(sentence)


def _dropped(sentence: str) -> Iterator[Change]:
    """Drop a sentence that names one finding."""
    if _present(sentence) and len(NAMED.findall(sentence)) == 1:
        yield 0, len(sentence), ""


def _added(text: str, rng: random.Random) -> str | None:
    """Add a sentence about a finding of which the report says nothing."""
    free = [sentence for pattern, sentence in NEW.items() if not re.search(pattern, text, re.IGNORECASE)]
    return f"{text.rstrip()} {rng.choice(free)}" if free else None


def _doubted(sentence: str) -> Iterator[Change]:
    """Doubt the finding that a sentence begins with."""
    if _affirmed_finding(sentence):
        match = NAMED.match(sentence)
        if match and len(NAMED.findall(sentence)) == 1:
            plural = match[0].split()[0].endswith("s") and not match[0].lower().startswith("pneumotórax")
            word = "Possíveis" if plural else "Possível"
            yield 0, match.end(), f"{word} {match[0].lower()}"


def _words(table: dict[str, str], where: Callable[[str], bool]) -> Callable[[str], Iterator[Change]]:
    longest_first = sorted(table, key=len, reverse=True)
    pattern = re.compile(rf"(?<!fissura )(?<!cisura )\b(?:{'|'.join(longest_first)})(?:(?<=posicionad)\B|\b)", re.I)

    def places(sentence: str) -> Iterator[Change]:
        for match in pattern.finditer(sentence) if where(sentence) else ():
            word = table.get(match[0]) or table.get(match[0].lower())
            if word:
                yield *match.span(), word

    return places


def _patterns(
    table: dict[str, str], where: Callable[[str], bool], after: re.Pattern[str] | None = None
) -> Callable[[str], Iterator[Change]]:
    compiled = [(re.compile(pattern if pattern[0] in r"\(" else rf"\b{pattern}\b", re.I), words)
                for pattern, words in table.items()]  # fmt: skip

    def places(sentence: str) -> Iterator[Change]:
        taken: list[tuple[int, int]] = [match.span() for match in IDIOMS.finditer(sentence)]
        for pattern, words in compiled if where(sentence) else ():
            for match in pattern.finditer(sentence):
                if after and not after.match(sentence, match.end()):
                    continue
                if not any(match.start() < end and start < match.end() for start, end in taken):
                    taken.append(match.span())
                    yield *match.span(), match.expand(words)

    return places


def _grades(sentence: str) -> Iterator[Change]:
    if not _present(sentence):
        return
    yield from _words(GRADE_WORDS, _present)(sentence)
    for stem, other in GRADES.items():
        for match in re.finditer(rf"\b{stem}(o|a|os|as|amente)\b", sentence, re.IGNORECASE):
            yield *match.span(), other + match[1]


def _lengths(sentence: str) -> Iterator[Change]:
    for match in re.finditer(r"(?<![\w.,-])\d+(?:[.,]\d+)?(?=\s?(?:mm|cm)\b)", sentence):
        yield *match.span(), str((int(match[0][0]) + 2) % 9 + 1) + match[0][1:]
