"""The notebooks of the checkout: their cells, and the program that a run of all of them is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Literal

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def cells(path: Path, kind: Literal["code", "markdown"]) -> dict[str, str]:
    """The texts of the cells of a kind, by id and in order."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return {cell["id"]: "".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == kind}


def program(path: Path, **settings: str) -> str:
    """All code cells in order, as a fresh kernel runs them, with other values where a user sets them.

    Each cell first prints its id in brackets, so that a failed run shows how far it came.
    """
    code = cells(path, "code")
    for name, value in settings.items():
        code["settings"], count = re.subn(
            rf"^{name} = .*$", lambda _, name=name, value=value: f"{name} = {value!r}", code["settings"], flags=re.M
        )
        assert count == 1, name
    return "\n\n".join(f'print("[{name}]", flush=True)\n{text}' for name, text in code.items()) + "\n"


def printed(output: str) -> dict[str, str]:
    """What each cell printed, by id."""
    parts = re.split(r"^\[([\w-]+)\]\n", output, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))
