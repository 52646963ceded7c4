"""BERTScore of all systems in a setup, by the very script that is published."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hubkit.config import ReleaseConfig
from hubkit.errors import HubkitError
from hubkit.models.quiet import LOADING_REPORT, quiet
from hubkit.progress import Progress
from hubkit.published import published
from hubkit.scoring.inputs import Evaluation
from hubkit.tables import MEASURES
from hubkit.workspace import Workspace, atomic

if TYPE_CHECKING:
    import numpy as np


class SetupScores(NamedTuple):
    """What one setup says.

    Attributes:
        signature: what the numbers depend on.
        scores: by system, studies x (precision, recall, F1), float32.
        truncated, empty: by system, for each study whether a text of the pair was cut, and held no token.
    """

    signature: str
    scores: dict[str, np.ndarray]
    truncated: dict[str, np.ndarray]
    empty: dict[str, np.ndarray]


def setup_scores(config: ReleaseConfig, workspace: Workspace, setup: str, evaluation: Evaluation) -> SetupScores:
    """Score all systems in one call, so that every distinct text is embedded once; a finished setup is kept.

    Raises:
        HubkitError: the encoder cannot be loaded as configured.
    """
    import numpy as np

    kept = workspace.partial / f"{setup}{'' if not evaluation.whole else '-with-left-out'}.npz"
    if not kept.exists():
        _write(kept, *_compute(config, setup, evaluation))
    with np.load(kept) as stored:
        columns = {name: np.split(stored[name], len(evaluation.generated)) for name in ("scores", "truncated", "empty")}
        by_system = {name: dict(zip(evaluation.generated, parts, strict=True)) for name, parts in columns.items()}
        return SetupScores(str(stored["signature"]), **by_system)


def _compute(config: ReleaseConfig, setup: str, evaluation: Evaluation) -> tuple[dict[str, list[Any]], str]:
    references = evaluation.references if setup == "bertimbau" else evaluation.originals
    predictions = [text for texts in evaluation.generated.values() for text in texts]
    repeated = references * len(evaluation.generated)
    result = score_pairs(config, setup, predictions, repeated, references, f"score: pairs in {setup}")
    # The call scored all systems, a figure is about the studies of one: n is given once more.
    signature = result.pop("signature").rpartition("|n:")[0]
    return result, signature


@quiet(LOADING_REPORT)
def score_pairs(
    config: ReleaseConfig,
    setup: str,
    predictions: list[str],
    references: list[str],
    documents: list[str],
    title: str,
) -> dict[str, Any]:
    """What the published script says of pairs of texts, with the encoder of a setup as it is configured.

    Args:
        documents: the texts that rare tokens are counted in, where they weigh more.
        title: what the progress is called.

    Raises:
        HubkitError: the encoder cannot be loaded as configured.
    """
    import evaluate

    encoder = config.scoring.encoder(setup)
    metric = evaluate.load(str(published("bertscore_ptbr") / "bertscore_ptbr.py"), keep_in_memory=True)
    with Progress(title, len(predictions)) as progress:
        try:
            result: dict[str, Any] = metric.compute(
                predictions=predictions,
                references=references,
                setup=setup,
                model_type=encoder.model,
                num_layers=encoder.layer,
                revision=encoder.revision,
                idf=documents if config.scoring.idf else False,
                device=config.scoring.device,
                dtype=config.scoring.dtype,
                batch_tokens=config.scoring.batch_tokens,
                progress=progress.advance,
            )
        except (OSError, ValueError) as error:
            raise HubkitError(
                f"the encoder cannot be used: {str(error).splitlines()[0]}",
                where=f"[scoring.{setup.replace('-', '_')}] {encoder.model}",
                hint="set its model, layer and revision",
            ) from None
    return result


def _write(path: Path, result: dict[str, list[Any]], signature: str) -> None:
    import numpy as np

    scores = np.stack([result[measure] for measure in MEASURES], axis=1).astype(np.float32)
    with atomic(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, scores=scores, truncated=result["truncated"], empty=result["empty"], signature=signature)
