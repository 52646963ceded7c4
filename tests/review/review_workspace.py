"""A workspace to review: sections and their translations, test studies with drawn images; all of it is made up here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
from PIL import Image

from hubkit.tables import CHEXPERT_LABELS, CONDITIONS, GENERATIONS, STUDIES, TRANSLATIONS
from hubkit.workspace import Workspace, write_table

PASSPHRASE = "quatro palavras sem relação"

HOSTILE = "</script><script>alert(1)</script><!-- \"'&amp; <img src=http://192.0.2.1/x> 𝔘𝔫𝔦 é"
"""What would end a block, load something, or shift offsets that are counted in UTF-16."""

HIDDEN = "\0\u202eodarreb\u202c 🫁\u200bfim"
"""What shows nothing, or turns a line round; an emoji between."""


def build_review_workspace(root: Path, studies: int = 40, hostile: bool = False, image_side: int = 64) -> Workspace:
    """A workspace with two sections a study; every fourth study is of test, and every tenth row is flagged.

    Args:
        hostile: whether the first source and translation hold what breaks a careless page, or misleads on it.
        image_side: pixels of the prepared images of test studies, two each.
    """
    workspace = Workspace(root)
    listed, translations, generations = [], [], {name: [] for name in CONDITIONS}
    workspace.images.mkdir(parents=True)
    for at in range(studies):
        split = "test" if at % 4 == 0 else "train"
        ids = {"subject_id": 10000000 + at, "study_id": 50000000 + at}
        english = {"findings": f"Small left effusion, {at} mm. The heart is normal.", "impression": f"Effusion {at}."}
        if hostile and at == 0:
            english["findings"] += f" {HOSTILE}"
        portuguese = {
            "findings": f"Pequeno derrame à esquerda, {at} mm. O coração é normal.",
            "impression": f"Derrame {at}.",
        }
        if hostile and at == 0:
            portuguese["findings"] += f" {HIDDEN}"
        images = [{"dicom_id": f"image-{at}-{which}", "view": "PA", "path": f"none/{at}-{which}.jpg"} for which in "ab"]
        for image in images if split == "test" else ():
            Image.new("RGB", (image_side, image_side), (at % 255, 80, 80)).save(
                workspace.images / f"{image['dicom_id']}.jpg"
            )
        row = dict.fromkeys(STUDIES.names) | ids | english
        labels = dict.fromkeys(CHEXPERT_LABELS)
        listed.append({**row, "split": split, "report": english["findings"], "images": images, "labels": labels})
        for section in english:
            flags = ["laterality"] if len(translations) % 10 == 3 else []
            texts = {"section": section, "source": english[section], "translation": portuguese[section]}
            state = {"status": "flagged" if flags else "ok", "flags": flags}
            translations.append({**dict.fromkeys(TRANSLATIONS.names), "study_id": ids["study_id"], **texts, **state})
        for condition in CONDITIONS if split == "test" else ():
            texts = {"reference": portuguese["findings"], "generated": f"{condition} diz: derrame {at}."}
            row = {**ids, **texts, "condition": condition, "finish_reason": "stop"}
            generations[condition].append(row)
    write_table(workspace.studies, pa.Table.from_pylist(listed, STUDIES))
    write_table(workspace.translations, pa.Table.from_pylist(translations, TRANSLATIONS))
    for condition, rows in generations.items():
        write_table(workspace.generations(condition), pa.Table.from_pylist(rows, GENERATIONS))
    return workspace


def write_settings(root: Path, kind: str = "demo") -> Path:
    """A hubkit.toml for that workspace."""
    path = root / f"{kind}.toml"
    path.write_text(f"[corpus]\nkind = {json.dumps(kind)}\nroot = {json.dumps(str(root / 'corpus'))}\n")
    return path


def page_head(page: str) -> Mapping[str, object]:
    """What a page says of itself in clear."""
    text = page.partition('id="head">')[2].partition("</script>")[0]
    return json.loads(text)
