"""Hooks of mkdocs: reference pages made from the code, the notebooks, and links that lead out of docs/.

`make docs` runs them. The pages are nowhere on disk, so none of them can go stale.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]
NOTEBOOKS = CHECKOUT / "notebooks"
LINK = re.compile(r"\[(?P<text>[^\]]+)\]\((?P<target>(?:\.\./)+[^)#\s]*)(?P<anchor>#[^)]*)?\)")

sys.path.insert(0, str(HERE))
import reference  # noqa: E402 - found only after its folder is on the path


def on_files(files: Files, config: Any) -> Files:
    """Add the reference pages, and the notebooks as files to download."""
    for name, page in reference.PAGES.items():
        files.append(File.generated(config, f"reference/{name}.md", content=page()))
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        files.append(File.generated(config, f"notebooks/{path.name}", abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Show links to the source as plain text: the site has no copy of it, and no host is known.

    Links to the notebooks lead to the site's copies.

    Raises:
        PluginError: the file that a link names is not there.
    """
    docs = Path(config["docs_dir"]).resolve()
    folder = (docs / page.file.src_uri).parent

    def shown(link: re.Match[str]) -> str:
        target = (folder / link["target"]).resolve()
        if target.is_relative_to(docs):
            return link[0]
        if not target.exists():
            raise PluginError(f"{page.file.src_uri}: {link['target']} does not exist")
        if target.parent == NOTEBOOKS:
            return f"[{link['text']}]({os.path.relpath(docs / 'notebooks' / target.name, folder)})"
        if target == CHECKOUT / "README.md":
            return link["text"]
        text = link["text"].strip("`")
        path = str(target.relative_to(CHECKOUT))
        return f"`{path}`" if text in path else f"{link['text']} (`{path}`)"

    return LINK.sub(shown, markdown)
