"""A review as tasks of Label Studio, for groups that run one."""

from __future__ import annotations

from pathlib import Path

from hubkit.artifacts.review import DIMENSIONS, ERROR_TYPES, SEVERITIES, VERDICTS, Review, read_review
from hubkit.artifacts.review_texts import conditions_of, digests_of
from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError, UsageError
from hubkit.review.material import texts_of
from hubkit.terms.kinds import CorpusTerms, terms_of
from hubkit.terms.policy import check_access
from hubkit.terms.reader_access import text_in_clear
from hubkit.workspace import Workspace, write_json, write_text


def export_tasks(config: ReleaseConfig, workspace: Workspace, name: str, path: Path) -> int:
    """Write the items of a review as JSON tasks, and the labelling interface next to them as PATH with .xml.

    The tasks hold texts alone: no flags, no study ids, no key of the blinding. Reports of a study stand as for the
    first reader. Images stay out: Label Studio would have to fetch them from a server.

    Returns:
        How many tasks there are.

    Raises:
        UsageError: the name does not end in .json.
        HubkitError: the review is missing or damaged, or its texts changed; the access check is missing or too old.
    """
    if path.suffix != ".json":
        raise UsageError("tasks are JSON", where=path, hint="give a name that ends in .json")
    check_access(config, workspace)
    review = read_review(workspace.review(name))
    if review.corpus != config.corpus.kind:
        raise HubkitError(
            f"is a review of {review.corpus}, and [corpus] kind is {config.corpus.kind}",
            where=workspace.review(name),
            hint="give the settings that it was made with: --config",
        )
    tasks = _tasks(workspace, review)
    write_json(path, tasks)
    write_text(path.with_suffix(".xml"), interface(review))
    return len(tasks)


def warning(config: ReleaseConfig) -> str | None:
    """What to tell whoever exports text that may not go everywhere; None where it may."""
    terms: CorpusTerms = terms_of(config.corpus)
    if text_in_clear(terms):
        return None
    return (
        f"the file holds text of {terms.name} in clear ({terms.licence}): import it only into a Label Studio of your "
        "own that nobody without access to the corpus can reach, never into a hosted one; delete the file then"
    )


def _tasks(workspace: Workspace, review: Review) -> list[dict[str, object]]:
    first = review.readers[0].id
    sides = review.blinding.get(first, {})
    compare = conditions_of(review)
    texts = texts_of(workspace, review.kind, compare, review.items)
    if digests_of(texts) != review.texts:
        raise HubkitError(
            "texts of the review have changed since it was made",
            where=workspace.root,
            hint="make another review: hubkit review make",
        )
    tasks: list[dict[str, object]] = []
    for item in review.items:
        data: dict[str, object] = {"item": item.id, "review": review.digest}
        if review.kind == "translation":
            data |= {"section": item.section, **texts[item.id]}
        else:
            # What the first reader does not read stands in alphabetical order.
            own = sides.get(item.id) or {"a": compare[0], "b": compare[1]}
            data |= {
                "reference": texts[item.id]["reference"],
                "a": texts[item.id][own["a"]],
                "b": texts[item.id][own["b"]],
            }
        tasks.append({"data": data})
    return tasks


def interface(review: Review) -> str:
    """The labelling interface of a review, in Label Studio's XML."""
    if review.kind == "translation":
        marks = "".join(f'    <Label value="{name}"/>\n' for name in ERROR_TYPES)
        severities = "".join(f'    <Choice value="{name}"/>\n' for name in SEVERITIES)
        verdicts = "".join(f'    <Choice value="{name}"/>\n' for name in VERDICTS)
        return (
            '<View>\n  <Header value="$section"/>\n'
            '  <Text name="source" value="$source"/>\n  <Text name="target" value="$target"/>\n'
            f'  <Labels name="type" toName="target">\n{marks}  </Labels>\n'
            f'  <Choices name="severity" toName="target" perRegion="true" required="true">\n{severities}  </Choices>\n'
            f'  <Choices name="verdict" toName="target" required="true">\n{verdicts}  </Choices>\n'
            '  <TextArea name="correction" toName="target" editable="true"/>\n</View>\n'
        )
    dimensions = "".join(f'    <Choice value="{name}"/>\n' for name in DIMENSIONS)
    sides = "".join(
        f'  <Header value="Report {side.upper()}"/>\n  <Text name="{side}" value="${side}"/>\n'
        f'  <Choices name="errors_{side}" toName="{side}" choice="multiple">\n{dimensions}  </Choices>\n'
        f'  <Choices name="would_sign_{side}" toName="{side}" required="true">\n'
        '    <Choice value="yes"/>\n    <Choice value="no"/>\n  </Choices>\n'
        for side in ("a", "b")
    )
    better = "".join(f'    <Choice value="{name}"/>\n' for name in ("a", "b", "same"))
    return (
        f'<View>\n  <Text name="reference" value="$reference"/>\n{sides}'
        f'  <Choices name="better" toName="reference" required="true">\n{better}  </Choices>\n</View>\n'
    )
