"""What the dataset's Croissant metadata say in the RAI vocabulary, and of its provenance in PROV-O.

The properties are those of Croissant RAI 1.0, all of them. What hubkit cannot know is stated as
unknown: a reader has to see that the question was asked. Texts hold no figures, which are on the card.
"""

from __future__ import annotations

from typing import Any

from hubkit.packaging.card_data import CardFacts

PROV = "http://www.w3.org/ns/prov#"

UNKNOWN = "Unknown: hubkit does not record it."

ACTIVITIES = {
    "translate": "Translation of the reports into Brazilian Portuguese",
    "generate": "Generation of reports from images",
    "score": "Scoring of the generated reports",
}
"""The stages whose outcome is in the dataset, in their order."""


def responsible_ai(facts: CardFacts) -> dict[str, Any]:
    """Return the properties of the RAI vocabulary by their names in the JSON."""
    found = {**_collection(facts), **_preparation(facts), **_annotation(facts), **_use(facts)}
    return {f"rai:{name}": value for name, value in found.items()}


def provenance(facts: CardFacts) -> dict[str, Any]:
    """Return what the dataset was derived from, and the activities that made it."""
    sources = [parent.url for parent in facts.parents] or ([facts.corpus.url] if facts.corpus.url else [])
    program = {"@type": "prov:SoftwareAgent", "prov:label": f"hubkit {facts.hubkit}"}
    agents = {
        "translate": [{"@type": "prov:SoftwareAgent", "prov:label": row.model} for row in facts.translator],
        "generate": [{"@type": "prov:SoftwareAgent", "prov:label": facts.base.name}],
    }
    activities = [
        {
            "@type": "prov:Activity",
            "prov:label": label,
            **({"prov:endedAtTime": facts.ended[stage].isoformat()} if stage in facts.ended else {}),
            "prov:wasAssociatedWith": [program, *agents.get(stage, [])],
        }
        for stage, label in ACTIVITIES.items()
    ]
    derived = {"prov:wasDerivedFrom": [{"@id": url} for url in sources]} if sources else {}
    return {**derived, "prov:wasGeneratedBy": activities}


def _collection(facts: CardFacts) -> dict[str, Any]:
    if facts.synthetic:
        drawn = " and drew the images" if facts.corpus.rehearses else ""
        how, kind, when = f"A program invented the reports{drawn}.", "Software Collection", UNKNOWN
    else:
        how = f"Reports of {facts.corpus.site}, as {facts.source} holds them. hubkit collected nothing itself."
        kind, when = "Secondary Data analysis", f"Unknown here: see {facts.corpus.url or facts.source}."
    return {
        "dataCollection": how,
        "dataCollectionType": [kind],
        "dataCollectionMissingData": (
            "A section that a report does not have is null. A report of which a section could not be translated has "
            "the others, and no whole report. Studies without labels at the source have none here."
        ),
        "dataCollectionRawData": (
            f"Reports and labels of {facts.source}. "
            f"The English text is {'' if facts.config.packaging.include_source else 'not '}part of the dataset."
            " Images are not part of it; the loader finds them in a copy of the source."
        ),
        "dataCollectionTimeframe": [when],
    }


def _preparation(facts: CardFacts) -> dict[str, Any]:
    models = ", ".join(dict.fromkeys(row.model for row in facts.translator)) or "a model that is not named"
    again = ", and what they flagged was translated again" if facts.config.translation.retries else ""
    return {
        "dataImputationProtocol": "None: what is missing stays missing.",
        "dataPreprocessingProtocol": [
            "Sections were found in the reports by their headers.",
            *(["Equal sections were translated once."] if facts.config.translation.memory else []),
            "Studies were selected, and put into splits, as the card says.",
        ],
        "dataManipulationProtocol": (
            f"A machine translated the text into Brazilian Portuguese ({models}). Rules compared each translation "
            f"with its source{again}. What stays flagged is marked in translation_flags, or left out, as the card says."
        ),
    }


def _annotation(facts: CardFacts) -> dict[str, Any]:
    by_people = bool(facts.quality.corrected) or facts.read_by_people
    return {
        "dataAnnotationProtocol": [
            "Labels of findings come with the source, where it has any.",
            "Flags of a translation are what rules found in it; the card counts them by rule.",
        ],
        "dataAnnotationPlatform": [
            "hubkit review and hubkit corrections" if by_people else "None: no person annotated"
        ],
        "dataAnnotationAnalysis": [UNKNOWN if by_people else "None: no two people annotated the same item."],
        "annotationsPerItem": "One set of labels of a study, and one list of flags of a section.",
        "annotatorDemographics": [UNKNOWN if by_people else "None: no person annotated."],
        "machineAnnotationTools": ["hubkit, by rules"],
    }


def _use(facts: CardFacts) -> dict[str, Any]:
    credentialed, synthetic = facts.corpus.credentialed, facts.synthetic
    private = "De-identified clinical text" if credentialed else "None" if synthetic else "Clinical text, de-identified"
    contact = facts.release.contact
    return {
        "dataUseCases": [
            "Training, validation and testing of models that write or read radiology reports in Portuguese",
            "Research on machine translation of clinical text",
            "Not for clinical use, and not for attempts to identify a patient",
        ],
        "dataBiases": [
            "The text is a machine's Portuguese, and not that of radiologists who write it.",
            f"Patients: {facts.corpus.demographics}."
            if not synthetic
            else "Its reports follow a small grammar."
            if facts.corpus.rehearses
            else "A program made its reports.",
            *([] if synthetic else [f"Place: {facts.corpus.site}."]),
        ],
        "dataLimitations": [
            "Rules find a lost negation or a changed side, and not every wrong word.",
            "Generated reports contain invented findings; they are there so that figures can be computed again.",
            "How well what is trained on it works elsewhere is not known.",
        ],
        "dataSocialImpact": (
            "It makes reports in Portuguese available to research, which are rare. A model trained on it may repeat "
            "errors of translation as if they were findings."
        ),
        "personalSensitiveInformation": [private],
        "dataReleaseMaintenancePlan": (
            "Each version has a tag that does not move. A version that is withdrawn is named on the card. "
            + (f"Maintained by {contact}." if contact else "Who maintains it: unknown, no contact is configured.")
        ),
    }
