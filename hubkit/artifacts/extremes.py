"""scores/extremes.json: the studies with the lowest and the highest scores. It stays in the workspace."""

from __future__ import annotations

from typing import Any

from pydantic import model_serializer, model_validator

from hubkit.artifacts.model import Model, to_json
from hubkit.workspace import Workspace, write_json


class ConditionExtremes(Model):
    """Ids of the studies at both ends of a condition's scores, the most extreme first."""

    worst: tuple[int, ...]
    best: tuple[int, ...]


class Extremes(Model):
    """The extreme studies by setup of BERTScore, and in it by condition."""

    setups: dict[str, dict[str, ConditionExtremes]]

    @model_validator(mode="before")
    @classmethod
    def _from_file(cls, values: Any) -> Any:
        """In the file every setup is a key of its own."""
        if not isinstance(values, dict) or "setups" in values:
            return values
        return {"setups": {name: found for name, found in values.items() if name != "format"}}

    @model_serializer
    def _to_file(self) -> dict[str, Any]:
        return {
            setup: {condition: to_json(found) for condition, found in conditions.items()}
            for setup, conditions in self.setups.items()
        }


def write_extremes(workspace: Workspace, extremes: Extremes) -> None:
    """Write the file for people to look at. It has no number, which stands for format 1, as in every version."""
    write_json(workspace.extremes, to_json(extremes))
