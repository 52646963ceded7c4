"""A workspace as the stages before would leave it; the reports are made up here."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from hubkit.reports import reference
from hubkit.tables import CHEXPERT_LABELS, CONDITIONS, GENERATIONS, STUDIES, TRANSLATIONS
from hubkit.workspace import Workspace, write_table

FINDINGS = {
    "Pleural Effusion": ("There is a pleural effusion.", "Há derrame pleural."),
    "Pneumothorax": ("There is a pneumothorax.", "Há pneumotórax."),
    None: ("The lungs are clear.", "Pulmões limpos."),
}
NORMAL = ("No acute process.", "Sem processo agudo.")


def build_workspace(root: Path) -> Workspace:
    """Twelve train and twelve test studies of six patients; LoRA is right, few-shot often, zero-shot never."""
    workspace = Workspace(root)
    studies, translations, generations = [], [], {condition: [] for condition in CONDITIONS}
    for at in range(24):
        split = "train" if at < 12 else "test"
        label = list(FINDINGS)[0 if split == "train" and at > 3 else at % 3]
        english, portuguese = FINDINGS[label]
        ids = {"subject_id": 100 + at % 6, "study_id": 1000 + at}
        sections = {"findings": english, "impression": NORMAL[0] if label is None else None}
        labels = {**dict.fromkeys(CHEXPERT_LABELS), **({label: 1} if label else {"No Finding": 1})}
        missing = dict.fromkeys(("indication", "comparison", "last_paragraph"))
        studies.append(
            {**ids, "split": split, **sections, **missing, "report": english, "images": [], "labels": labels}
        )
        translated = {"findings": portuguese, **({"impression": NORMAL[1]} if label is None else {})}
        for section, text in translated.items():
            row = {"study_id": ids["study_id"], "section": section, "translation": text, "status": "ok"}
            translations.append({**dict.fromkeys(TRANSLATIONS.names), **row})
        if split == "test":
            true = reference(translated, "findings_impression")
            said = {"zero_shot": "There is nothing.", "few_shot": true if at % 2 else "Há pneumotórax.", "lora": true}
            for condition, text in said.items():
                row = {**ids, "condition": condition, "reference": true, "generated": text, "finish_reason": "stop"}
                generations[condition].append(row)
    write_table(workspace.studies, pa.Table.from_pylist(studies, STUDIES))
    for path in (workspace.machine_translations, workspace.translations, workspace.training_translations):
        write_table(path, pa.Table.from_pylist(translations, TRANSLATIONS))
    for condition, rows in generations.items():
        write_table(workspace.generations(condition), pa.Table.from_pylist(rows, GENERATIONS))
    return workspace
