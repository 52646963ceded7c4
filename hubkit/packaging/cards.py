"""Cards: Jinja templates with the Hub's YAML above them, in marked blocks that a later version may replace."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.cards import block
from hubkit.distribution import install_hint
from hubkit.errors import HubkitError
from hubkit.metrics.error_counts import ERRORS_NOTE
from hubkit.metrics.registry import METRICS, shown_in
from hubkit.packaging.charts import finding_chart, score_chart
from hubkit.pins import UNPINNED
from hubkit.published import published
from hubkit.tables import CONDITIONS, SETUP_NAMES, SYSTEM_NAMES

if TYPE_CHECKING:
    from huggingface_hub import CardData
    from jinja2 import Environment

    from hubkit.artifacts.scores import Interval


GRADIO = "6.31.0"
"""The version that the app was tested with, as `constraints.txt` has it."""


def render(template: Path, facts: Mapping[str, Any]) -> str:
    """Render a template; in it, `{% call block("name") %}` sets a marked block.

    Raises:
        HubkitError: the template asks for a fact that there is not, or is not a valid template.
    """
    import jinja2

    try:
        return _environment(template.parent).get_template(template.name).render(facts)
    except jinja2.TemplateError as error:
        raise HubkitError(f"cannot be rendered: {error}", where=template, hint="install hubkit again") from None


@cache
def _environment(folder: Path) -> Environment:
    """For the templates of `folder`: each is compiled once, which takes longer than to fill it in."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, published("dataset_card")]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown, not HTML
    )
    environment.globals["block"] = _block
    environment.globals["install_hint"] = install_hint
    environment.globals["unpinned"] = UNPINNED
    environment.globals["gradio"] = GRADIO
    environment.globals["conditions"] = {name: SYSTEM_NAMES[name] for name in CONDITIONS}
    environment.globals["systems"] = SYSTEM_NAMES
    environment.globals["setups"] = SETUP_NAMES
    environment.globals["metrics"] = METRICS
    environment.globals["shown_in"] = shown_in
    environment.globals["errors_note"] = ERRORS_NOTE
    environment.globals["score_chart"] = score_chart
    environment.globals["finding_chart"] = finding_chart
    environment.filters["figure"] = _figure
    environment.filters["percent"] = _percent
    environment.filters["interval"] = _interval
    environment.filters["measurable"] = _measurable
    environment.filters["measured"] = _measured
    return environment


def card(data: CardData, body: str) -> str:
    """The text of a README.md: YAML of the Hub's card class, then the body."""
    return f"---\n{data.to_yaml()}\n---\n\n{body.strip()}\n"


def _block(name: str, caller: Callable[[], str]) -> str:
    return block(name, caller())


def _figure(value: float | None, digits: int = 3) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}".removesuffix(".0") + " %"


def _interval(found: Interval, digits: int = 3) -> str:
    return f"{_figure(found.value, digits)} [{_figure(found.low, digits)}, {_figure(found.high, digits)}]"


def _measurable(share: float | None) -> str:
    return "not measurable" if share is None else _percent(share)


def _measured(value: float | None, unit: str) -> str:
    """Two digits that count, so that the hundredth of an hour of a small release is seen as well."""
    if value is None:
        return "unknown"
    digits = 0 if value >= 10 else 1 if value >= 1 else 3
    return f"{value:.{digits}f} {unit}"
