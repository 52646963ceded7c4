"""What every file that crosses a stage has in common: a frozen model, its number, and one way to read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from hubkit.errors import HubkitError
from hubkit.formats import Kind, check_format, numbered
from hubkit.workspace import write_json


class Model(BaseModel):
    """Values of a file, or a part of them. A key that this version does not know is left out: a newer one wrote it."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="constants")


AnyModel = TypeVar("AnyModel", bound=Model)


def read_model(model: type[AnyModel], kind: Kind, path: Path, hint: str) -> AnyModel:
    """The content of the file `path`.

    Args:
        kind: names it, for the number of its format.
        hint: the command that writes it.

    Raises:
        HubkitError: it is missing, cannot be read, is not whole, has another format, or lacks a value.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise HubkitError("is missing", where=path, hint=hint) from None
    except ValueError:
        raise HubkitError("is not whole", where=path, hint=f"delete it, then: {hint}") from None
    except OSError as error:
        raise _unreadable(path, error) from None
    if not isinstance(values, dict):
        raise HubkitError("is not a JSON object", where=path, hint=f"delete it, then: {hint}")
    check_format(kind, values, path)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        # The first fault, without the value that was found.
        first = error.errors(include_input=False, include_context=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise HubkitError(f"is incomplete: {place}: {first['msg']}", where=path, hint=hint) from None


def read_whole(model: type[AnyModel], kind: Kind, path: Path) -> AnyModel | None:
    """The content of the file `path`; None where it is missing or damaged, and is made again for that.

    Raises:
        HubkitError: it has another format, or cannot be read.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    except OSError as error:
        raise _unreadable(path, error) from None
    if not isinstance(values, dict):
        return None
    check_format(kind, values, path)
    try:
        return model.model_validate(values)
    except ValidationError:
        return None


def _unreadable(path: Path, error: OSError) -> HubkitError:
    # Such as a folder of that name, or a file of somebody else.
    return HubkitError(f"cannot be read: {error.strerror}", where=path, hint="check the path and who may read the file")


def write_model(kind: Kind, path: Path, model: Model) -> None:
    """Write the file `path`, with the number of its format before its values."""
    write_json(path, numbered(kind, to_json(model)))


def to_json(model: Model) -> dict[str, Any]:
    """The values as they stand in the file; what was neither read nor set is left out."""
    return model.model_dump(mode="json", exclude_unset=True)
