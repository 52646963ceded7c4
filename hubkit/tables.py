"""The tables that the stages hand to one another: names and types are a contract, since files on the Hub carry them."""

from __future__ import annotations

import pyarrow as pa

CHEXPERT_LABELS = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Enlarged Cardiomediastinum",
    "Fracture",
    "Lung Lesion",
    "Lung Opacity",
    "No Finding",
    "Pleural Effusion",
    "Pleural Other",
    "Pneumonia",
    "Pneumothorax",
    "Support Devices",
)
"""The 14 labels of CheXpert as MIMIC-CXR-JPG spells them: 1 positive, 0 negative, -1 uncertain, null unmentioned."""

SPLITS = ("train", "validate", "test")
"""MIMIC's names of the official splits; on the Hub `validate` is called `validation`."""

SECTIONS = ("indication", "comparison", "findings", "impression", "last_paragraph")
"""The columns of a study that hold a section of its report, in the order in which a report has them."""

CONDITIONS = ("zero_shot", "few_shot", "lora")

SETUP_NAMES = {"bertimbau": "BERTimbau", "xlm-roberta": "XLM-R"}
"""How people read the setups of BERTScore, by name."""

SETUPS = tuple(SETUP_NAMES)

MEASURES = ("precision", "recall", "f1")
"""What BERTScore says of a pair of texts."""

SYSTEM_NAMES = {
    "zero_shot": "zero-shot",
    "few_shot": "few-shot",
    "lora": "LoRA",
    "commonest": "commonest report",
    "reference": "reference itself",
    "flipped": "reference, negations flipped",
}
"""How people read the systems that are scored: the conditions, then the baselines, which are not models."""

STUDIES = pa.schema(
    [
        ("subject_id", pa.int64()),
        ("study_id", pa.int64()),
        ("split", pa.string()),
        *[(section, pa.string()) for section in SECTIONS],
        ("report", pa.string()),
        ("images", pa.list_(pa.struct([("dicom_id", pa.string()), ("view", pa.string()), ("path", pa.string())]))),
        ("labels", pa.struct([(label, pa.int8()) for label in CHEXPERT_LABELS])),
    ]
)
"""studies.parquet: a row per study, sorted by study_id; `images[].path` is relative to the root of MIMIC-CXR-JPG."""

TRANSLATIONS = pa.schema(
    [
        ("study_id", pa.int64()),
        ("section", pa.string()),
        ("source", pa.string()),
        ("translation", pa.string()),
        ("model", pa.string()),
        ("revision", pa.string()),
        ("prompt", pa.string()),
        ("attempts", pa.int8()),
        ("output_tokens", pa.int32()),
        ("finish_reason", pa.string()),
        ("status", pa.string()),
        ("flags", pa.list_(pa.string())),
        ("reused", pa.bool_()),
    ]
)
"""translations.parquet: a row per (study_id, section); finish_reason stop|length|error, status ok|flagged|failed."""

FLAGS = pa.list_(
    pa.struct(
        [
            ("check", pa.string()),
            ("severity", pa.string()),
            ("source_start", pa.int32()),
            ("source_end", pa.int32()),
            ("translation_start", pa.int32()),
            ("translation_end", pa.int32()),
        ]
    )
)
"""What the checks found in a translation; spans are characters, null where a side shows nothing."""

CHECKS = pa.schema([("study_id", pa.int64()), ("section", pa.string()), *FLAGS.value_type.fields])
"""checks.parquet: a row per flag."""

GENERATIONS = pa.schema(
    [
        ("subject_id", pa.int64()),
        ("study_id", pa.int64()),
        ("condition", pa.string()),
        ("reference", pa.string()),
        ("generated", pa.string()),
        ("finish_reason", pa.string()),
    ]
)
"""generations/<condition>.parquet: a row per test study, sorted by study_id."""

SCORES = pa.schema(
    [
        ("subject_id", pa.int64()),
        ("study_id", pa.int64()),
        ("condition", pa.string()),
        ("setup", pa.string()),
        ("precision", pa.float32()),
        ("recall", pa.float32()),
        ("f1", pa.float32()),
    ]
)
"""scores/scores.parquet: a row per (condition, setup, study)."""

SPANS = pa.schema(
    [
        ("subject_id", pa.int64()),
        ("study_id", pa.int64()),
        ("section", pa.string()),
        ("start", pa.int32()),
        ("stop", pa.int32()),
    ]
)
"""The config `spans`: a row per section that stands in its report as it is; `start` and `stop` count words."""

OTHER_STUDIES = pa.schema([("study_id", pa.int64())])
"""other_studies.parquet: studies of the corpus that are not in the release."""
