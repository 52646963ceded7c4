"""Values of a release become code only where they cannot be more than a name."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from hubkit.artifacts.model import to_json
from hubkit.config import parse_config
from hubkit.packaging.cards import render
from hubkit.packaging.code_digests import loader_script
from hubkit.published import published
from hubkit.record import release_record
from hubkit.verification.snippets import SNIPPETS, _is_own, snippet_facts

CONFIG = parse_config({"hub": {"namespace": "lab"}})
RECORD = to_json(release_record(CONFIG))
RECIPE = {"base_model": {"name": "lab/base", "revision": "0" * 40}, "images": {"fit": "stretch"}}

END = 'x"); import os; ("'


def changed(values: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    found = copy.deepcopy(values)
    *above, last = path.split(".")
    inside = found
    for name in above:
        inside = inside[name]
    inside[last] = value
    return found


def test_every_snippet_is_rendered_from_what_a_release_says() -> None:
    facts = snippet_facts(CONFIG.release.tag, RECORD, RECIPE)
    assert facts is not None
    for snippet in SNIPPETS.values():
        compile(render(published("dataset_card") / "snippets" / f"{snippet.template}.py.jinja", facts), "card", "exec")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("repos.dataset", f"lab/{END}"),
        ("repos.metric", "lab/a\nb"),
        ("repos.adapter", None),
        ("repos", {}),
        ("repos", []),
        ("scoring.setups.bertimbau.model", f"a/{END}"),
        ("scoring.setups.bertimbau.model", "/home/model/of/mine"),
        ("scoring.setups.bertimbau.layer", END),
        ("scoring.setups.bertimbau.revision", END),
        ("scoring.setups.bertimbau.revision", ["main"]),
        ("scoring", None),
    ],
)
def test_a_record_that_hubkit_did_not_write_makes_no_code(path: str, value: Any) -> None:
    assert snippet_facts("release-1.0.0", changed(RECORD, path, value), None) is None


@pytest.mark.parametrize(
    ("path", "value"),
    [("base_model.name", END), ("base_model.revision", END), ("images.fit", END), ("images", {}), ("base_model", None)],
)
def test_a_recipe_that_hubkit_did_not_write_makes_no_code(path: str, value: Any) -> None:
    assert snippet_facts("release-1.0.0", RECORD, changed(RECIPE, path, value)) is None


@pytest.mark.parametrize("tag", [END, "", "a b", 'a"'])
def test_a_tag_that_ends_its_string_makes_no_code(tag: str) -> None:
    assert snippet_facts(tag, RECORD, None) is None


@pytest.mark.parametrize(
    ("old", "new", "own"),
    [
        ("", "", True),
        ('REVISION = "release-1.0.0"', 'REVISION = "release-9.9.9"', True),
        ("INCLUDE_SOURCE = False", "INCLUDE_SOURCE = True", True),
        ('REVISION = "release-1.0.0"', 'REVISION = __import__("os").name', False),
        ('REVISION = "release-1.0.0"', 'REVISION = "a"; import os', False),
        ("import", "import os\nimport", False),
    ],
)
def test_a_loader_is_hubkits_own_but_for_the_values_in_it(old: str, new: str, own: bool) -> None:
    source = loader_script(CONFIG)
    assert old in source
    assert _is_own("loader", source.replace(old, new, 1) if old else source) is own
