"""Find what is published: in the checkout, else inside the wheel."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from hubkit.errors import HubkitError

Published = Literal["dataset_card", "model_card", "loading_script", "bertscore_ptbr"]


def published(folder: Published) -> Path:
    """Return the folder of published files called `folder`.

    An editable install leaves the wheel's copies where hubkit does not look, so the checkout comes first.

    Raises:
        HubkitError: the folder is neither in a checkout nor in the installed package.
    """
    package = Path(__file__).parent
    for home in (package.parent, package / "published"):
        if (home / folder).is_dir():
            return home / folder
    raise HubkitError(f"the published folder {folder}/ is missing", where=package, hint="install hubkit again")
