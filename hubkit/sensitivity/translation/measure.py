"""`hubkit sensitivity --translation`: what the translation prompt changes, on validation studies alone."""

from __future__ import annotations

from hubkit.artifacts.translation_sensitivity import (
    TranslationSensitivity,
    write_translation_sensitivity,
)
from hubkit.config import ReleaseConfig
from hubkit.disk import full_disk
from hubkit.progress import running
from hubkit.sensitivity.translation.answers import translate_ways
from hubkit.sensitivity.translation.back import SECOND_MODEL, count_back_errors, engine_settings
from hubkit.sensitivity.translation.design import make_translation_design
from hubkit.sensitivity.translation.results import summarise_translation
from hubkit.terms.policy import check_access
from hubkit.translation.engines import check_server
from hubkit.workspace import Workspace


def measure_translation(config: ReleaseConfig, workspace: Workspace) -> TranslationSensitivity:
    """Translate validation reports in every way, and write what came of it to `workspace.sensitivity`.

    What was translated is kept there: a run that was cut off continues.

    Raises:
        UsageError: an engine has no server, or its key cannot be sent.
        HubkitError: the corpus is credentialed and no recent PhysioNet access check is on record, the validation split
            has no report, or a model cannot be loaded or translates nothing.
    """
    check_access(config, workspace)
    second = config.sensitivity.back_translation
    if second:
        # Its engine is opened after hours of translation: what can be checked of it now is.
        check_server(engine_settings(config.translation, second), SECOND_MODEL)
    with workspace.lock():
        design = make_translation_design(config, workspace)
        try:
            needed = f"{len(design.studies) * len(design.ways):,} translated reports, about 2 kB each"
            with running("sensitivity"), full_disk(workspace.root, lambda: f"sensitivity keeps {needed}"):
                translated = translate_ways(config, workspace, design)
                back = count_back_errors(config, workspace, second, design, translated) if second else None
                found = summarise_translation(config, design, translated, back)
                write_translation_sensitivity(workspace, found)
        finally:
            workspace.close(config.workspace.group, quiet=True)
    return found
