"""How many clinical errors the checks see, how often they cry wolf, and BERTScore beside them.

    python benchmarks/checks.py [--encoder FOLDER --layer N] [--pairs FILE ...] [--errors FILE] [--json]
    python benchmarks/checks.py --set tests/checks/wide [--half odd|even] [--json]
    python benchmarks/checks.py --reports tests/clinical/correct_reports.tsv [--json]

Each correct pair gets one error of each of twelve kinds, where its translation has a place for it. A kind's recall is
the share of these that an error flag names which the correct translation did not get; a false alarm is an error flag on
a correct translation. BERTScore compares source and translation with a multilingual encoder; its threshold is the
best there is for these very pairs: the highest recall that keeps false alarms within 2 %. --errors takes JSON Lines
with source, raw and translation, where a wrong "não" in the translation is missing in raw. No text is ever printed.

--set takes a folder of frozen pairs whose errors were written by hand, and prints recall by kind and false alarms by
style, each with its Wilson interval, and nothing else; --half keeps to its odd ids or to its even ones. --reports
takes a file of correct reports, and prints false alarms by style on its odd ids and on its even ones.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from injection import injections
from labels import accuracy
from wide_set import figures as wide_figures
from wide_set import halves
from wide_set import met as wide_met

from hubkit.checks import Flag, check

DATA = Path(__file__).with_name("data")
RECALL, FALSE_ALARMS, PAIRS_A_SECOND = 0.95, 0.02, 2000


class Case(NamedTuple):
    """A source with a translation that is correct (kind None) or holds one error of a kind."""

    pair: int
    kind: str | None
    source: str
    translation: str


def main() -> int:
    """Print the figures; return 0 where the goals are met."""
    options = _options()
    if options.set or options.reports:
        return _frozen(options)
    pairs = [row for path in options.pairs for row in _rows(path)]
    cases = make_cases(pairs, options.seed)
    sentences = {at for at, row in enumerate(pairs) if row["id"].startswith("s")} or set(range(len(pairs)))
    check("Clear lungs.", "Pulmões limqos.")  # reads the lexicon and the word list, once a process
    started = time.process_time()
    flags = [check(case.source, case.translation) for case in cases]
    rate = len(cases) / (time.process_time() - started)
    figures = {"pairs": len(pairs), "pairs a second and core": round(rate), **_figures(cases, flags, sentences)}
    if options.encoder:
        figures["BERTScore recall"] = _bertscore(cases, sentences, options.encoder, options.layer)
    if options.errors:
        figures["wrong não"] = _wrong_negations(_rows(options.errors))
    if options.labels:
        found = accuracy(_rows(options.labels))
        by_label = found.pop("labels")
        figures["labels"] = {**found, **by_label}
    print(json.dumps(figures, indent=2, ensure_ascii=False) if options.json else _table(figures))
    met = min(figures["recall"].values()) >= RECALL and figures["false alarms"]["sentences"] <= FALSE_ALARMS
    return 0 if met and rate >= PAIRS_A_SECOND else 1


def _frozen(options: argparse.Namespace) -> int:
    found = wide_figures(options.set, options.half) if options.set else halves(options.reports)
    if options.json:
        print(json.dumps({part: {key: share._asdict() for key, share in rows.items()} for part, rows in found.items()}))
    else:
        for part, rows in found.items():
            print("\n".join([part, *(f"  {key:<32} {share}" for key, share in rows.items()), ""]))
    return 0 if not options.set or wide_met(found) else 1


def make_cases(pairs: Sequence[dict[str, str]], seed: int) -> list[Case]:
    """Return each correct pair, and after it one case of each kind of error that it has a place for."""
    found = []
    for at, row in enumerate(pairs):
        found.append(Case(at, None, row["source"], row["translation"]))
        for kind, inject in injections().items():
            wrong = inject(row["translation"], random.Random(f"{seed} {at} {kind}"))
            if wrong is not None:
                found.append(Case(at, kind, row["source"], wrong))
    return found


def _figures(cases: list[Case], flags: list[list[Flag]], sentences: set[int]) -> dict[str, dict[str, float]]:
    correct = {
        case.pair: Counter(_errors(found)) for case, found in zip(cases, flags, strict=True) if case.kind is None
    }
    caught: dict[str, list[bool]] = defaultdict(list)
    for case, found in zip(cases, flags, strict=True):
        if case.kind is not None:
            caught[case.kind].append(bool(Counter(_errors(found)) - correct[case.pair]))
    names = Counter(name for pair in sentences for name in correct[pair])
    reports = [pair for pair in correct if pair not in sentences]
    return {
        "cases": {kind: len(hits) for kind, hits in caught.items()},
        "recall": {kind: sum(hits) / len(hits) for kind, hits in caught.items()},
        "false alarms": {
            "sentences": sum(bool(correct[pair]) for pair in sentences) / len(sentences),
            **({"reports": sum(bool(correct[pair]) for pair in reports) / len(reports)} if reports else {}),
        },
        "false alarms on sentences by check": {name: count / len(sentences) for name, count in names.most_common()},
        "warnings on correct sentences by check": {
            name: count / len(sentences) for name, count in _warnings(cases, flags, sentences).most_common()
        },
        "false alarms on reports by check": dict(
            Counter(name for pair in reports for name in correct[pair]).most_common()
        ),
    }


def _warnings(cases: list[Case], flags: list[list[Flag]], sentences: set[int]) -> Counter[str]:
    return Counter(
        name
        for case, found in zip(cases, flags, strict=True)
        if case.kind is None and case.pair in sentences
        for name in {flag.name for flag in found if flag.severity == "warning"}
    )


def _errors(flags: list[Flag]) -> list[str]:
    return [flag.name for flag in flags if flag.severity == "error"]


def _bertscore(cases: list[Case], sentences: set[int], encoder: str, layer: int) -> dict[str, float]:
    import evaluate

    module = Path(__file__).parent.parent / "bertscore_ptbr"
    metric = evaluate.load(str(module), keep_in_memory=True)
    scores = np.array(
        metric.compute(
            predictions=[case.translation for case in cases],
            references=[case.source for case in cases],
            model_type=encoder,
            num_layers=layer,
        )["f1"]
    )
    correct = np.array([case.kind is None and case.pair in sentences for case in cases])
    threshold = np.quantile(scores[correct], FALSE_ALARMS)
    kinds = np.array([case.kind or "" for case in cases])
    return {kind: float((scores[kinds == kind] < threshold).mean()) for kind in dict.fromkeys(kinds) if kind}


def _wrong_negations(rows: list[dict[str, str]]) -> dict[str, float]:
    wrong = [row for row in rows if _count(row["translation"]) > _count(row["raw"])]
    caught = sum(
        any(flag.name == "negation_added" for flag in check(row["source"], row["translation"])) for row in wrong
    )
    return {"pairs": len(rows), "with it": len(wrong), "recall": caught / max(len(wrong), 1)}


def _count(text: str) -> int:
    return text.lower().split().count("não")


def _rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _table(figures: dict) -> str:
    lines = []
    for name, value in figures.items():
        if isinstance(value, dict):
            lines += ["", name, *(f"  {key:<32} {_number(number)}" for key, number in value.items())]
        else:
            lines.append(f"{name:<34} {value}")
    return "\n".join(lines)


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{100 * value:.1f} %"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--pairs", type=Path, nargs="+", default=[DATA / "checks_sentences.jsonl", DATA / "checks_reports.jsonl"]
    )
    parser.add_argument(
        "--labels", type=Path, default=DATA / "clinical_labels.jsonl", help="texts with CheXpert labels"
    )
    parser.add_argument("--errors", type=Path, help="translations of an engine, with their raw form")
    parser.add_argument("--set", type=Path, help="folder of sentences.tsv, reports.tsv, errors.tsv, or some")
    parser.add_argument("--half", choices=("odd", "even"), help="of a --set: its odd ids alone, or its even ones")
    parser.add_argument("--reports", type=Path, help="file of correct reports, with a header")
    parser.add_argument("--encoder", help="folder or name of a multilingual encoder, for BERTScore")
    parser.add_argument("--layer", type=int, default=12, help="its layer")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
