"""A rehearsal of a review: simulated readers answer it, as their pages would export."""

from __future__ import annotations

from hubkit.artifacts.review import Review
from hubkit.config import ReleaseConfig
from hubkit.errors import UsageError
from hubkit.review.encryption import Key
from hubkit.review.simulate import READERS, draw_truth, simulate_reading, write_result
from hubkit.terms.kinds import terms_of
from hubkit.workspace import Workspace, read_table

REHEARSAL = "rehearsal"
"""The name of the review, where none is given."""

ERROR_RATE = 0.1
"""Share of rows that get an error: high, so that a demo of some hundred rows has enough of them to see."""


def check_rehearsal(config: ReleaseConfig) -> None:
    """Refuse answers that nobody gave to text that somebody wrote.

    Raises:
        UsageError: the corpus is not synthetic.
    """
    if not terms_of(config.corpus).synthetic:
        hint = "hubkit release --demo makes one, and its configuration"
        raise UsageError("a rehearsal needs a synthetic corpus", where="--demo", hint=hint)


def rehearse(workspace: Workspace, name: str, review: Review, passphrase: str | None) -> None:
    """Write READER.review.json of each simulated reader into the folder of the review."""
    truth = draw_truth(review, ERROR_RATE, review.seed)
    texts = _translations(workspace, review) if review.kind == "translation" else {}
    for reader in review.order:
        reading = simulate_reading(review, reader, truth, READERS[reader], review.seed, texts)
        key = Key(passphrase) if passphrase else None
        write_result(workspace.review(name), review, reading, key)


def _translations(workspace: Workspace, review: Review) -> dict[str, str]:
    table = read_table(workspace.translations, ["study_id", "section", "translation"])
    rows = {(row["study_id"], row["section"]): row["translation"] for row in table.to_pylist()}
    return {item.id: rows[item.study_id, item.section] for item in review.items}
