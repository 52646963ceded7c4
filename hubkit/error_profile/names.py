"""Which names of findings and devices stand for one another, imply one another, or name nothing of their own.

Two readers of one image differ in these, and a translator does not, so the lexicon's `near` has them not.
"""

from __future__ import annotations

from hubkit.clinical.lexicon import Language

OF_STATE = {"heart": "cardiomegaly", "mediastinum": "wide_mediastinum", "cardiomediastinum": "wide_mediastinum"}
"""The finding that an enlarged or widened organ is."""

HISTORY = frozenset(
    {
        "cough",
        "fever",
        "dyspnea",
        "pain",
        "hypoxia",
        "respiratory_failure",
        "sepsis",
        "weakness",
        "hemoptysis",
        "trauma",
    }
)
"""What the patient has and no image shows; a report repeats it from the request."""

EMPTY = frozenset({"abnormality", "complication", "contrast", "healed", "bronchial"})
"""Names that stand for no finding of their own: "sem outras anormalidades"."""

GENERAL = {
    "opacity": frozenset(
        {"consolidation", "infiltrate", "atelectasis", "pneumonia", "nodule", "mass", "edema", "interstitial", "scar"}
        | {"contusion", "reticular", "fibrosis", "ards"}
    ),
    "density": frozenset({"calcification", "foreign_body"}),
    "lesion": frozenset({"nodule", "mass", "tumor", "metastasis", "scar", "cavity", "lytic", "cyst"}),
    "airspace_disease": frozenset({"interstitial", "pneumonia", "edema", "fibrosis"}),
    "consolidation": frozenset({"pneumonia", "cavity", "abscess"}),
    "infiltrate": frozenset({"interstitial", "pneumonia", "edema"}),
    "interstitial": frozenset({"fibrosis", "edema"}),
    "mass": frozenset({"fibrosis"}),
    "nodule": frozenset({"granuloma", "granulomatous", "metastasis", "cavity"}),
    "granulomatous": frozenset({"granuloma", "scar"}),
    "streak": frozenset({"atelectasis", "scar", "fibrosis"}),
}
"""General names, each with the findings that one reader calls so and another by their own name. A
translator does not change between the two, so the lexicon's `near` has them not."""

IMPLIED: dict[str, tuple[frozenset[str], ...]] = {
    "air_fluid_level": (frozenset({"effusion", "pneumothorax"}), frozenset({"abscess"}), frozenset({"hernia"})),
    "air_bronchogram": (frozenset({"consolidation"}), frozenset({"pneumonia"}), frozenset({"airspace_disease"})),
    "calcification": (frozenset({"granuloma"}), frozenset({"atherosclerosis"}), frozenset({"granulomatous"})),
    "kerley": (frozenset({"edema"}), frozenset({"congestion"}), frozenset({"heart_failure"})),
    "volume_loss": (frozenset({"atelectasis"}), frozenset({"fibrosis"}), frozenset({"scar"}), frozenset({"resection"})),
    "cavity": (frozenset({"abscess"}),),
    "metastasis": (frozenset({"malignancy"}),),
}
"""Findings that go without saying where another report has all of a set: an abscess is a cavity."""

SEQUEL, LEAVING_SEQUELS = frozenset({"scar"}), frozenset({"granulomatous", "pneumonia"})
"""A sequela is what it is one of: "sequela de granulomatose"."""

UNSAID = frozenset({"low_volumes", "scar", "lymph_node"})
"""Findings that one reader names and another leaves to how the study was taken, or to what they are of; a normal
lymph node is none."""

PARTS = frozenset({"tip", "lead"})
"""Devices that are parts of another: where they end is where that ends."""

SIGNS = frozenset({"air_bronchogram", "air_fluid_level", "calcification"})
"""Findings that say how another of their sentence looks, as a value does: "nódulo calcificado"."""

GENERIC_DEVICES = frozenset({"tube", "catheter", "line", "device", "wire", "lead", "drain", "chest_tube"})
"""Names that a sentence gives to what it names as well, or to a part of it: "cateter de DVP", "ECMO com cânulas"."""

PROCEDURES = frozenset({"drenagem", "drenagens"})
"""Words for a device that may mean what was done with it."""

WITH_LEADS = frozenset({"pacemaker", "defibrillator", "pacing", "lead", "wire", "device"})
"""What a lead is a part of. Where a report names none of them, the lead stands for it."""

CHAMBERS = frozenset({"atrium", "ventricle"})
CHAMBER_SIDES = {"right_atrium": "right", "right_ventricle": "right", "left_atrium": "left", "left_ventricle": "left"}
"""What has a side that is not the side of the device in it: a port on the left ends in the right atrium."""

INFERS: dict[Language, tuple[str, ...]] = {
    "pt": (
        "compativ",
        "sinais",
        "aspecto",
        "padrao",
        "consistente",
        "condizente",
        "indica",
        "represent",
        "correspond",
        "traduz",
        "denota",
    ),
    "en": ("compatib", "sign", "consistent", "keeping", "indicat", "represent", "correspond", "reflect", "denot"),
}
"""How words begin that draw a finding from what is seen."""

STRUCTURES = frozenset({"estrutura", "estruturas", "structure", "structures"})
"""Vague words that name an organ where one stands next to them: "estruturas hilares". Folded."""

VAGUE = STRUCTURES | {
    *("imagem", "imagens", "formacao", "formacoes", "foco", "focos"),
    *("image", "images", "focus", "foci"),
}
"""What may stand for any finding: "imagem arredondada". Folded."""

UNCHANGED = frozenset({"trend", "assertion", "kept"})
"""Dimensions of a statement that says no more than that something is as before. "Imagem arredondada inalterada" says
more, and may be a finding."""

STUDY = frozenset({"view", "quality", "posture"})
"""Dimensions of the study. A vague word next to one of them is the study itself: "imagem em AP"."""

WITH_STUDY = STUDY | {"anatomy", "count", "modality", "breath"}
"""What else a statement about the study may say; a shape or a lobe would be that of a finding."""
