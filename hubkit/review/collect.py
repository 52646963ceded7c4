"""`hubkit review collect`: result files of readers become the results of a review."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Sequence
from pathlib import Path
from statistics import median

from hubkit.artifacts.review import REPEAT, SIMULATED, Review, read_review
from hubkit.artifacts.review_results import MetricFigures, ReaderResult, Results, write_results
from hubkit.artifacts.review_texts import changed_items
from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.review.consistency import agreement, disagreements, learning, questions
from hubkit.review.corrections import take_corrections
from hubkit.review.estimates import check_figures, first_readings, rates, strata_read
from hubkit.review.intervals import CONFIDENCE
from hubkit.review.metric_agreement import metric_figures, report_scores
from hubkit.review.readings import Judgement, Preference, judgements, printable_name
from hubkit.review.result_files import Passphrase, ResultFile, read_results_of, refuse, review_named_in, why_no_review
from hubkit.terms.kinds import terms_of
from hubkit.terms.reader_access import text_in_clear
from hubkit.translation.correction_files import write_rows
from hubkit.workspace import Workspace, atomic

ALIKE_FROM = 10
"""Answers of a reader that are worth a notice when all are the same: ten in a row happen by chance where errors are
rare, so it is a notice and no more."""


def find_review(workspace: Workspace, name: str | None, files: Sequence[Path]) -> str:
    """The name of the review that files belong to: the one that is asked for, or that the first of them names.

    Raises:
        HubkitError: there is none.
    """
    names = sorted(path.parent.name for path in (workspace.root / "review").glob("*/review.json"))
    if name is not None:
        if name not in names:
            known = f"there are: {', '.join(names)}" if names else "make one: hubkit review make"
            raise HubkitError(f"there is no review {name!r}", where=workspace.root / "review", hint=known)
        return name
    digests = {read_review(workspace.review(known)).digest: known for known in names}
    for file in files:
        if (found := digests.get(review_named_in(file) or "")) is not None:
            return found
    if len(names) == 1:
        return names[0]
    if not names:
        raise HubkitError("there are no reviews", where=workspace.root / "review", hint="make one: hubkit review make")
    refuse([why_no_review(file) for file in files], len(files))
    raise AssertionError("click asks for a file at least")


def collect(
    config: ReleaseConfig, workspace: Workspace, name: str, files: Sequence[Path], passphrase: Passphrase
) -> Results:
    """Take result files into a review, and compute its results from all that were taken so far.

    What was taken before stays: a file with other answers of the same reader is refused.

    Raises:
        HubkitError: a file cannot be taken; then nothing is written.
    """
    folder = workspace.review(name)
    review = read_review(folder)
    in_clear = text_in_clear(terms_of(config.corpus))
    new = read_results_of(review, files, passphrase, in_clear)
    before = read_results_of(review, sorted((folder / "collected").glob("*.json")), passphrase, in_clear)
    results = _merged(review, before, new)
    for result in new:
        kept = folder / "collected" / f"{result.reading.reader}.review.json"
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not kept.exists():
            with atomic(kept) as temporary:
                temporary.write_bytes(result.content)
    return _computed(config, workspace, folder, review, results)


def _merged(review: Review, before: Sequence[ResultFile], new: Sequence[ResultFile]) -> list[ResultFile]:
    """The new files with those that were taken before.

    Raises:
        HubkitError: a reader's answers differ from those that were taken.
    """
    kept = {result.reading.reader: result for result in before}
    faults = []
    for result in new:
        earlier = kept.setdefault(result.reading.reader, result)
        if earlier.sha256 != result.sha256:
            whose = f"other answers of {result.reading.reader} were collected before"
            faults.append(f"{result.path}: {whose}; to take these, delete {earlier.path}")
    refuse(faults, len(new))
    return [kept[reader] for reader in review.order if reader in kept]


def _computed(
    config: ReleaseConfig, workspace: Workspace, folder: Path, review: Review, files: Sequence[ResultFile]
) -> Results:
    readings = [file.reading for file in files]
    judged, preferred = judgements(review, readings)
    asked = questions(judged, preferred)
    readers = [_reader(review, file) for file in files]
    changed = changed_items(workspace, review)
    metrics, notices = _metrics(config, workspace, review, judged, preferred, changed)
    taken = take_corrections(config, workspace, folder, review, readings)
    results = Results(
        review=review.digest,
        kind=review.kind,
        collected=datetime.datetime.now(datetime.UTC).date(),
        corpus=review.corpus,
        simulated=any(reader.id.startswith(SIMULATED) for reader in readers),
        confidence=CONFIDENCE,
        readers=tuple(readers),
        strata=tuple(strata_read(review, first_readings(judged))),
        rates=tuple(rates(review, judged, preferred)),
        agreement=tuple(agreement(asked, review.seed, CONFIDENCE)),
        checks=tuple(check_figures(review, judged)) if review.kind == "translation" else (),
        metrics=tuple(metrics),
        learning=tuple(learning(judged)),
        disagreements=tuple(disagreements(review, asked)),
        corrections=taken.corrections,
        contradicting=taken.contradicting,
        notices=(*_notices(review, readers, len(changed)), *notices, *taken.notices),
    )
    write_results(folder, results)
    rows = [
        {"item": row.item, "study_id": row.study_id, "section": row.section, "question": row.question}
        | {_column(reader): row.answers.get(reader) for reader in review.order}
        for row in results.disagreements
    ]
    write_rows(
        folder / "disagreements.csv", rows, ["item", "study_id", "section", "question", *map(_column, review.order)]
    )
    return results


def _column(reader: str) -> str:
    """Of a reader's answers; an id alone could be that of another column."""
    return f"answer of {reader}"


def _reader(review: Review, file: ResultFile) -> ReaderResult:
    reading = file.reading
    repeats = sum(answer.item.endswith(REPEAT) for answer in reading.answers)
    return ReaderResult(
        id=reading.reader,
        name=printable_name(reading.may_be_named),
        years=reading.years,
        language=reading.language,
        saved=reading.saved,
        items=len(reading.answers) - repeats,
        repeats=repeats,
        asked=len(review.order[reading.reader]),
        seconds=median(answer.seconds for answer in reading.answers),
        alike=len(reading.answers) >= ALIKE_FROM and len(set(map(_plain_answer, reading.answers))) == 1,
        sha256=file.sha256,
    )


def _plain_answer(answer: object) -> str:
    """An answer without what differs in any case."""
    assert hasattr(answer, "model_dump")
    values = answer.model_dump(mode="json", exclude={"item", "seconds"})
    return repr(values)


def _notices(review: Review, readers: Sequence[ReaderResult], changed: int) -> list[str]:
    found = []
    if changed:
        found.append(f"texts that changed since the review was made: {changed} of {len(review.items)}")
    for reader in readers:
        answers = reader.items + reader.repeats
        if reader.alike:
            found.append(f"{reader.id} gave all {answers} items the same answer")
        if answers < reader.asked:
            found.append(f"{reader.id} left {reader.asked - answers} of {reader.asked} items open")
        if reader.language != review.language:
            found.append(f"{reader.id} read the page in {reader.language}, which was made for {review.language}")
    missing = [reader for reader in review.order if reader not in {row.id for row in readers}]
    return [*found, *([f"no answers yet of {', '.join(missing)}"] if missing else [])]


def _metrics(
    config: ReleaseConfig,
    workspace: Workspace,
    review: Review,
    judged: Sequence[Judgement],
    preferred: Sequence[Preference],
    changed: Collection[str],
) -> tuple[list[MetricFigures], list[str]]:
    if review.kind == "translation":
        return [], []
    if not (workspace.scores / "scores.parquet").exists():
        return [], ["metrics were not compared with the readers: run hubkit score, then collect again"]
    # Readers did not see what the metrics would rate now.
    same = sorted({item.study_id for item in review.items if item.id not in changed})
    if not same:
        return [], ["metrics were not compared with the readers: all reports are others now"]
    scores = report_scores(config, workspace, same)
    return metric_figures(review, judged, preferred, scores, review.seed, CONFIDENCE), []
