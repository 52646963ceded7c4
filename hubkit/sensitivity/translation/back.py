"""A second model translates the translations back into English, where they can be compared with their source."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hubkit.config import BackTranslation, ReleaseConfig, Translation
from hubkit.errors import HubkitError
from hubkit.metrics.error_counts import ErrorCounts, error_counts
from hubkit.models.folders import folder_digest, public_name
from hubkit.progress import Progress
from hubkit.sensitivity.translation.answers import CHUNK, Translated, Unit
from hubkit.sensitivity.translation.design import TranslationDesign, Way
from hubkit.translation.engines import Request, open_engine
from hubkit.translation.prompt import LANGUAGES
from hubkit.workspace import Workspace, write_json

TOWARDS_ENGLISH = {"source_lang_code": LANGUAGES["target_lang_code"], "target_lang_code": LANGUAGES["source_lang_code"]}
"""What the template of TranslateGemma takes in addition to the text."""


class BackErrors(NamedTuple):
    """Clinical errors of back-translations against their sources.

    Attributes:
        counts: by way, of the studies that are compared.
        left_out: how many studies are not: the second model gave no text for a part of one.
    """

    counts: dict[Way, ErrorCounts]
    left_out: int


def count_back_errors(
    config: ReleaseConfig,
    workspace: Workspace,
    back: BackTranslation,
    design: TranslationDesign,
    translated: Mapping[Way, Translated],
) -> BackErrors:
    """Translate everything back and count what the reports lost, gained or changed, in English.

    A study of which any part has no back-translation is left out of all ways: it would compare the second model.

    Raises:
        HubkitError: the second model cannot be loaded, or it translates nothing.
    """
    texts = [unit.text for one in translated.values() for unit in one.units if unit.text]
    english = translate_back(config, workspace, back, texts)
    missing = {
        unit.study_id for one in translated.values() for unit in one.units if unit.text and unit.text not in english
    }
    kept = [study for study in design.studies if study not in missing]
    if not kept:
        hint = "the second model leaves texts out: see its server, or set another model"
        raise HubkitError("no study has a whole back-translation", where="[sensitivity] back_translation", hint=hint)
    counts = {}
    for way, one in translated.items():
        by_study: dict[int, list[Unit]] = {study: [] for study in kept}
        for unit in one.units:
            if unit.study_id in by_study:
                by_study[unit.study_id].append(unit)
        # What has no translation is missing in the back-translation too: its findings count as missed.
        returned = ["\n".join(english.get(unit.text or "", "") for unit in units) for units in by_study.values()]
        sources = ["\n".join(unit.source for unit in units) for units in by_study.values()]
        counts[way] = error_counts(returned, sources, "en")
    return BackErrors(counts, len(missing))


def translate_back(
    config: ReleaseConfig, workspace: Workspace, back: BackTranslation, texts: Iterable[str]
) -> dict[str, str]:
    """English of each distinct text. What has none is missing; the next run asks for it again.

    Raises:
        HubkitError: the second model cannot be loaded, or a whole chunk has no answer.
    """
    settings = engine_settings(config.translation, back)
    folder = _folder(workspace, settings, back)
    found = _kept(folder)
    # Longest first, as in a release: what does not fit into memory shows at once.
    wanted = sorted({text for text in texts if text.strip()}, key=lambda text: (-len(text), text))
    # Chunks are of all texts, and not of those that are missing: after a kill they are the same.
    chunks = [[text for text in wanted[at : at + CHUNK] if _key(text) not in found] for at in _starts(wanted)]
    missing = [chunk for chunk in chunks if chunk]
    if missing:
        with (
            open_engine(settings) as engine,
            Progress("sensitivity: back-translation, texts", sum(map(len, missing))) as progress,
        ):
            for chunk in missing:
                rows: dict[str, str] = {}
                causes = []
                requests = [_request(settings, back, text) for text in chunk]
                for place, answer in engine.answer(requests):
                    if answer.text is None:
                        causes.append(answer.error)
                    else:
                        rows[_key(chunk[place])] = answer.text
                    progress.advance()
                if not rows:
                    raise HubkitError(
                        f"not one text of a chunk was translated back: {causes[0]}",
                        where=settings.base_url or settings.model,
                        hint="see [sensitivity] back_translation, and run again: what was translated is kept",
                    )
                name = hashlib.sha256("".join(rows).encode()).hexdigest()[:16]
                write_json(folder / f"part-{name}.json", rows)
                found |= rows
    return {text: found[_key(text)] for text in wanted if _key(text) in found}


def engine_settings(translation: Translation, back: BackTranslation) -> Translation:
    """Settings for the second model's engine: its own, and of [translation] what says how an engine works."""
    own = back.model_dump()
    # Its requests are made here: of the prompt the engine only asks whether the model takes a system turn.
    return translation.model_copy(update={**own, "rules": False, "curb_thinking": False, "thinking_tokens": None})


def _request(settings: Translation, back: BackTranslation, text: str) -> Request:
    content: Any = text
    messages = [{"role": "user", "content": content}]
    if back.template == "translategemma":
        messages = [{"role": "user", "content": [{"type": "text", **TOWARDS_ENGLISH, "text": text}]}]
    elif back.template == "user":
        messages = [{"role": "user", "content": f"{back.prompt}\n\n{text}"}]
    else:
        messages.insert(0, {"role": "system", "content": back.prompt})
    return Request(messages, min(settings.max_new_tokens, 32 + len(text)))


def _starts(texts: Sequence[str]) -> range:
    return range(0, len(texts), CHUNK)


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _kept(folder: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted(folder.glob("part-*.json")):
        found |= json.loads(path.read_text(encoding="utf-8"))
    return found


def _folder(workspace: Workspace, settings: Translation, back: BackTranslation) -> Path:
    parts = {
        **back.deciding(),
        "model": public_name(back.model, back.model_id),
        "max_new_tokens": settings.max_new_tokens,
        "files": folder_digest(Path(back.model)) if Path(back.model).is_dir() else None,
    }
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return workspace.sensitivity / "back-translations" / key[:16]


def errors_per_report(counts: ErrorCounts) -> np.ndarray:
    """(studies,): errors of all dimensions."""
    errors: np.ndarray = counts.errors.sum(axis=(1, 2))
    return errors
