"""How many clinical errors the error profile finds and names, how often it cries wolf, and how it ranks.

    python benchmarks/error_profile.py [--encoder FOLDER --layer N] [--json]

Each frozen report gets one error of each dimension, in each way that it has a place for. An error is
named where the profile has one of that dimension. Rules were made looking at the reports of `seen`
alone; of `unseen`, nobody who made them has read a text. A false alarm is a paraphrase with an error:
of tests/scoring/paraphrases.tsv or paraphrases_other_hand.tsv, which the rules were made with; of
paraphrases_unseen.tsv, of which the first, third and so on were read to correct the rules, the others
looked at as a number alone; or of paraphrases_fourth_hand.tsv, which nobody has read who made them.
Kendall's tau-b goes with the number of errors, 0 to 5, put into a report one after another. With an
encoder, that of BERTScore stands next to it. No text is printed.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from profile_injection import injections, sentences
from scipy.stats import kendalltau
from wide_set import wilson

from hubkit.error_profile.profile import profile

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests"
PARAPHRASES = TESTS / "scoring" / "paraphrases.tsv"
OTHER_HAND = TESTS / "scoring" / "paraphrases_other_hand.tsv"
THIRD_HAND = TESTS / "scoring" / "paraphrases_unseen.tsv"
FOURTH_HAND = TESTS / "scoring" / "paraphrases_fourth_hand.tsv"
SEEN = (TESTS / "clinical" / "correct_reports.tsv", TESTS / "checks" / "wide" / "reports.tsv")
UNSEEN = (TESTS / "checks" / "blind" / "reports.tsv",)
MOST = 5
"""Errors in a report of the ranking."""

TRIES = 3
"""How often each way is tried in a report."""

NAMED, FALSE_ALARMS, TAU = 0.95, 0.02, 0.9

Share = tuple[int, int]
"""Hits and cases."""


def reports(paths: Sequence[Path]) -> list[str]:
    """Return the Portuguese side of files with the columns id, style, source and translation."""
    rows = [line.split("\t") for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    return [row[3].replace("\\n", "\n") for row in rows if row[0] != "id"]


def paraphrases(path: Path = PARAPHRASES) -> list[tuple[str, str]]:
    """Return the pairs of a report and its paraphrase."""
    _, *rows = path.read_text(encoding="utf-8").splitlines()
    return [(reference, other) for reference, other in (row.split("\t") for row in rows)]


def alarms() -> dict[str, Share]:
    """Return, by set, how many paraphrases have an error."""
    third = paraphrases(THIRD_HAND)
    sets = {
        "seen": paraphrases(),
        "seen, by other hands": paraphrases(OTHER_HAND) + third[::2],
        "counted, not read": third[1::2],
        "unseen": paraphrases(FOURTH_HAND),
    }
    return {name: (sum(bool(profile(*pair)) for pair in pairs), len(pairs)) for name, pairs in sets.items()}


def shares(texts: Sequence[str], seed: int) -> dict[str, dict[str, Share]]:
    """Return, by dimension, how many injected errors are found at all, and how many are rightly named."""
    counts: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for dimension, ways in injections().items():
        for at, text in enumerate(texts):
            for number, inject in enumerate(ways):
                wrong = inject(text, random.Random(f"{seed} {at} {dimension} {number}"))
                if wrong is not None:
                    found = {error.dimension for error in profile(text, wrong)}
                    counts[dimension].append((bool(found), dimension in found))
    everything = [hit for hits in counts.values() for hit in hits]
    return {
        name: {kind: (sum(hit[column] for hit in hits), len(hits)) for column, kind in enumerate(("found", "named"))}
        for name, hits in {**counts, "all": everything}.items()
    }


def ladders(texts: Sequence[str], seed: int) -> list[list[str]]:
    """Return each report with 0, 1, ... errors; one that has not room for all of them is left out.

    Each error is in a sentence that has none yet, since a second one can undo the first.
    """
    found = []
    ways = [way for those in injections().values() for way in those]
    for at, text in enumerate(texts):
        rng = random.Random(f"{seed} {at}")
        ladder, whole = [text], {*sentences(text)}
        for way in [way for _ in range(TRIES) for way in rng.sample(ways, len(ways))]:
            wrong = way(ladder[-1], rng)
            if wrong is not None and {*sentences(ladder[-1])} - {*sentences(wrong)} <= whole:
                ladder.append(wrong)
            if len(ladder) > MOST:
                found.append(ladder)
                break
    return found


def tau(rows: Sequence[Sequence[float]]) -> float:
    """Return Kendall's tau-b of the number of errors with scores, over all reports together."""
    numbers = [number for row in rows for number in range(len(row))]
    return float(kendalltau(numbers, [score for row in rows for score in row]).statistic)


def bertscore(rows: Sequence[Sequence[str]], encoder: str, layer: int) -> list[list[float]]:
    """Return one minus BERTScore F1 of each report of the ladders against its first."""
    sys.path.insert(0, str(ROOT / "bertscore_ptbr"))
    import evaluate

    metric = evaluate.load(str(ROOT / "bertscore_ptbr"), keep_in_memory=True)
    pairs = [(text, row[0]) for row in rows for text in row]
    f1 = metric.compute(
        predictions=[text for text, _ in pairs],
        references=[first for _, first in pairs],
        model_type=encoder,
        num_layers=layer,
    )["f1"]
    wide = MOST + 1
    return [[1 - score for score in f1[start : start + wide]] for start in range(0, len(f1), wide)]


def main() -> int:
    """Print the figures; return 0 where the goals are met."""
    options = _options()
    sets = {"seen": reports(SEEN), "unseen": reports(UNSEEN)}
    found = {name: shares(texts, options.seed) for name, texts in sets.items()}
    false_alarms = alarms()
    rows = ladders([text for texts in sets.values() for text in texts], options.seed)
    ranks = {"error profile": tau([[len(profile(row[0], text)) for text in row] for row in rows])}
    if options.encoder:
        ranks["BERTScore"] = tau(bertscore(rows, options.encoder, options.layer))
    figures = {"injected": found, "paraphrases": false_alarms, "ladders": len(rows), "tau": ranks}
    print(json.dumps(figures, indent=2) if options.json else _table(figures))
    named = [those["all"]["named"] for those in found.values()]
    met = all(hits / cases >= NAMED for hits, cases in named)
    met = met and all(hits / cases <= FALSE_ALARMS for hits, cases in false_alarms.values())
    return 0 if met and ranks["error profile"] >= TAU else 1


def _table(figures: dict) -> str:
    lines = []
    for name, dimensions in figures["injected"].items():
        lines += [f"errors in {name} reports: found, rightly named"]
        lines += [
            f"  {row:<12} {_share(*those['found'])}  {_share(*those['named'])}" for row, those in dimensions.items()
        ]
    lines += ["paraphrases with an error"]
    lines += [f"  {name:<22} {_share(*share)}" for name, share in figures["paraphrases"].items()]
    lines += [f"Kendall's tau-b over {figures['ladders']} reports with 0 to {MOST} errors"]
    return "\n".join([*lines, *(f"  {name:<14} {value:.3f}" for name, value in figures["tau"].items())])


def _share(hits: int, cases: int) -> str:
    low, high = wilson(hits, cases)
    return f"{hits:>4} of {cases:<4} {100 * hits / cases:5.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", help="folder or name of an encoder, for BERTScore")
    parser.add_argument("--layer", type=int, default=12, help="its layer")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
