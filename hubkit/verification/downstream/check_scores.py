"""The metric gives both tables again: BERTimbau from what is published, XLM-R with the reader's own English text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from task import Task, described, downloaded, expect, folder, loader, own, published, repo, skip, table

LARGEST_DIFFERENCE = 1e-4
"""Between a published score and one computed again: another processor sums in another order."""
MEASURES = ("precision", "recall", "f1")


def bertimbau_table(task: Task) -> str:
    """The metric gives each BERTimbau score again, to 1e-4, from the published generations and references. Needs the
    dataset and the metric.
    """
    published(task, "metric")
    # What skips the check comes before the imports that a table needs.
    folder(task)
    repo(task, "metric")
    generations = table(task, "generations")
    return _recomputed(task, "bertimbau", {row["study_id"]: row["reference"] for row in generations}, generations)


def xlm_roberta_table(task: Task) -> str:
    """The metric gives each XLM-R score again, to 1e-4, from the English references that the loader finds in the
    reader's own corpus. Needs the dataset, the metric, and `--corpus`.
    """
    published(task, "metric")
    corpus, release = own(task, "corpus"), folder(task)
    english = loader(release).load("text", release, "test", mimic_cxr=corpus)
    references = dict(zip(english["study_id"], english["reference_en"], strict=True))
    return _recomputed(task, "xlm-roberta", references, table(task, "generations"))


def _recomputed(task: Task, setup: str, references: dict[int, str], generations: Any) -> str:
    """Hold the published scores of a setup to those that the metric gives for these references, by study id."""
    import evaluate

    name, scoring = repo(task, "metric").split("/")[1], described(task)["scoring"]
    on_card = {(row["condition"], row["study_id"]): row for row in table(task, "scores") if row["setup"] == setup}
    asked = {(row["condition"], row["study_id"]) for row in generations}
    expect(on_card.keys() == asked, "generations and scores have other rows")
    rows = [row for row in generations if row["study_id"] in references]
    left_out = len(generations) - len(rows)
    if scoring["idf"] and left_out:
        skip("tokens are weighed by their rarity in all references, and the corpus lacks some of the reports")
    encoder = scoring["setups"][setup]
    metric = evaluate.load(str(downloaded(task, "metric") / f"{name}.py"), keep_in_memory=True)
    if not Path(encoder["model"]).is_dir():
        downloaded(task, encoder["model"])
    found = metric.compute(
        predictions=[row["generated"] for row in rows],
        references=[references[row["study_id"]] for row in rows],
        setup=setup,
        model_type=encoder["model"],
        num_layers=encoder["layer"],
        revision=encoder["revision"],
        # The reference of each study once, for weights by rarity.
        idf=scoring["idf"] and [references[study] for study in dict.fromkeys(row["study_id"] for row in rows)],
        dtype=scoring["dtype"],
    )
    largest = max(
        abs(found[measure][at] - on_card[row["condition"], row["study_id"]][measure])
        for at, row in enumerate(rows)
        for measure in MEASURES
    )
    expect(largest <= LARGEST_DIFFERENCE, f"scores differ by up to {largest:.2g}")
    lacking = f"; {left_out} left out, whose reports the corpus lacks" if left_out else ""
    return f"{len(rows)} scores, largest difference {largest:.1e}{lacking}"
