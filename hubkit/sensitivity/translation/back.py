"""A second model translates the translations back into English, where they can be compared with their source."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hubkit.config import BackTranslation, ReleaseConfig, Translation
from hubkit.digests import value_digest
from hubkit.errors import HubkitError
from hubkit.metrics.error_counts import ErrorCounts, error_counts
from hubkit.models.folders import folder_digest, public_name
from hubkit.progress import Progress
from hubkit.sensitivity.translation.answers import CHUNK, Translated
from hubkit.sensitivity.translation.answers import Unit as TranslatedUnit
from hubkit.sensitivity.translation.design import TranslationDesign, Way
from hubkit.translation.attempts import Result
from hubkit.translation.checkpoints import Checkpoints
from hubkit.translation.engines import Answer, Engine, Request, ServerTable, open_engine
from hubkit.translation.prompt import LANGUAGES
from hubkit.translation.units import Unit
from hubkit.translation.worker import check_answered
from hubkit.workspace import Workspace

TOWARDS_ENGLISH = {"source_lang_code": LANGUAGES["target_lang_code"], "target_lang_code": LANGUAGES["source_lang_code"]}
"""What the template of TranslateGemma takes in addition to the text."""

SECOND_MODEL = ServerTable("[sensitivity.back_translation]", "HUBKIT_BACK_TRANSLATION_KEY")
"""Where the server of the second model is set. The translator's key is not sent to it."""

NONE_ANSWERED = "not one text of a chunk was translated back"


class English(NamedTuple):
    """What came back.

    Attributes:
        texts: English by translation, where it is whole.
        revision: the commit of the second model, where one is known and translated everything.
    """

    texts: dict[str, str]
    revision: str | None


class BackErrors(NamedTuple):
    """Clinical errors of back-translations against their sources.

    Attributes:
        counts: by way, of the studies that are compared.
        left_out: how many studies are not: the second model gave no whole text for a part of one.
        revision: the commit of the second model, where it is known.
    """

    counts: dict[Way, ErrorCounts]
    left_out: int
    revision: str | None


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
    english, revision = translate_back(config, workspace, back, texts)
    missing = {
        unit.study_id for one in translated.values() for unit in one.units if unit.text and unit.text not in english
    }
    kept = [study for study in design.studies if study not in missing]
    if not kept:
        hint = "the second model leaves texts out: see its server, or set another model"
        raise HubkitError("no study has a whole back-translation", where=SECOND_MODEL.name, hint=hint)
    counts = {}
    for way, one in translated.items():
        by_study: dict[int, list[TranslatedUnit]] = {study: [] for study in kept}
        for unit in one.units:
            if unit.study_id in by_study:
                by_study[unit.study_id].append(unit)
        # What has no translation is missing in the back-translation too: its findings count as missed.
        returned = ["\n".join(english.get(unit.text or "", "") for unit in units) for units in by_study.values()]
        sources = ["\n".join(unit.source for unit in units) for units in by_study.values()]
        counts[way] = error_counts(returned, sources, "en")
    return BackErrors(counts, len(missing), revision)


def translate_back(config: ReleaseConfig, workspace: Workspace, back: BackTranslation, texts: Iterable[str]) -> English:
    """English of each distinct text. What has none is missing; the next run asks for it again.

    Raises:
        HubkitError: the second model cannot be loaded, not one text of a chunk was answered and one was asked for the
            first time, or a part that is kept is damaged.
    """
    settings = engine_settings(config.translation, back)
    checkpoints = Checkpoints(_folder(workspace, settings, back))
    statuses = checkpoints.statuses()
    # Longest first, as in a release: what does not fit into memory shows at once.
    wanted = sorted({text for text in texts if text.strip()}, key=lambda text: (-len(text), text))
    # Chunks are of all texts, and not of those that are missing: after a kill they are the same.
    chunks = [wanted[start : start + CHUNK] for start in range(0, len(wanted), CHUNK)]
    left = [[text for text in chunk if statuses.get(_key(text), "failed") == "failed"] for chunk in chunks]
    missing = [chunk for chunk in left if chunk]
    if missing:
        title = "sensitivity: back-translation, texts"
        with (
            open_engine(settings, table=SECOND_MODEL) as engine,
            Progress(title, sum(map(len, missing))) as progress,
        ):
            for chunk in missing:
                results = _translate_chunk(engine, settings, back, chunk, progress)
                checkpoints.add(results, engine.revision or back.revision)
                check_answered(results, statuses.keys(), settings, NONE_ANSWERED)
    return _read(checkpoints, wanted)


def _translate_chunk(
    engine: Engine, settings: Translation, back: BackTranslation, chunk: Sequence[str], progress: Progress
) -> list[Result]:
    """A result of each text, in their order."""
    answers = dict[int, Answer]()
    for place, answer in engine.answer([_request(settings, back, text) for text in chunk]):
        answers[place] = _whole(answer)
        progress.advance()
    return [Result(Unit(_key(text), "report", text, None), answers[place], [], 1) for place, text in enumerate(chunk)]


def _whole(answer: Answer) -> Answer:
    """The answer itself, or one without text: of half a text, what is cut off would count as missed."""
    if answer.text is None or (answer.finish_reason == "stop" and answer.text.strip()):
        return answer
    error = "the answer is cut off" if answer.finish_reason == "length" else "the answer is empty"
    return answer._replace(text=None, finish_reason="error", error=error)


def _read(checkpoints: Checkpoints, wanted: Sequence[str]) -> English:
    done = checkpoints.read()
    columns = [done.table[name].to_pylist() for name in ("translation", "revision")]
    rows = [(text, *(column[done.places[_key(text)]] for column in columns)) for text in wanted]
    whole = [(text, english, revision) for text, english, revision in rows if english is not None]
    revisions = {revision for _, _, revision in whole}
    texts = {text: english for text, english, _ in whole}
    return English(texts, revisions.pop() if len(revisions) == 1 else None)


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


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _folder(workspace: Workspace, settings: Translation, back: BackTranslation) -> Path:
    parts = {
        **back.deciding(),
        "model": public_name(back.model, back.model_id),
        "max_new_tokens": settings.max_new_tokens,
        "files": folder_digest(Path(back.model)) if Path(back.model).is_dir() else None,
    }
    return workspace.sensitivity / "back-translations" / value_digest(parts)[:16]
