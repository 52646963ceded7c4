"""The Space's card, as packaging fills it in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from huggingface_hub import SpaceCard

from hubkit.config import parse_config
from hubkit.packaging.cards import render
from hubkit.published import published

COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
REPOS = {"dataset": "lab/mimic-cxr-ptbr", "adapter": "lab/lora", "metric": "lab/bertscore_ptbr"}


@pytest.fixture(params=["static", "gradio"])
def space(request):
    return request.param


@pytest.fixture
def text(space):
    encoder = {"model": "lab/tiny-bert", "layer": 2, "revision": "abc"}
    config = parse_config({"scoring": {"bertimbau": encoder}, "hub": {"space": space}})
    facts = {"repos": REPOS, "config": config, "release": config.release}
    return render(published("bertscore_ptbr") / "README.md.jinja", facts)


def test_the_metadata_is_what_the_hub_accepts(text, space):
    data = SpaceCard(text).data
    app = {"static": "index.html", "gradio": "app.py"}[space]
    assert (data.sdk, data.app_file, data.license) == (space, app, "apache-2.0")
    assert {data.colorFrom, data.colorTo} <= COLOURS
    assert len(data.short_description) <= 60
    folder = published("bertscore_ptbr")
    assert (folder / app).exists() or (folder / f"{app}.jinja").exists()


@pytest.mark.parametrize("space", ["gradio"], indirect=True)
def test_a_gradio_space_builds_with_the_versions_that_were_tested(text):
    """Its default is Python 3.10, which current transformers and numpy do not support."""
    data = SpaceCard(text).data
    constraints = (Path(__file__).parents[2] / "constraints.txt").read_text().splitlines()
    required = (published("bertscore_ptbr") / "requirements.txt").read_text().splitlines()
    assert {f"gradio=={data.sdk_version}", *required} <= {*constraints}
    assert data.python_version == "3.12"


def test_the_body_names_the_release_and_its_encoder(text):
    assert 'evaluate.load("lab/bertscore_ptbr", revision="release-1.0.0")' in text
    assert '    model_type="lab/tiny-bert",\n    num_layers=2,\n    revision="abc",\n    aggregate="mean",' in text
    assert "{{" not in text
    for code in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL):
        compile(code, "card", "exec")
