"""The form by which a person asks for access: what a card's `extra_gated_*` has it look like and ask."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any, NamedTuple

from hubkit.localhub.errors import Refusal
from hubkit.localhub.layout import rendered

TOKEN_FIELD = "hub-token"
"""The field by which a person in a browser says who they are; it is not kept."""


class Question(NamedTuple):
    """A field of the form; all have to be filled in.

    Attributes:
        kind: text, checkbox, date_picker, country or select.
        options: what may be answered to a select.
    """

    label: str
    kind: str
    options: tuple[str, ...] = ()

    def takes(self, answer: str) -> bool:
        if self.kind == "checkbox":
            return answer == "true"
        return answer in self.options if self.options else bool(answer.strip())


def questions(card: dict[str, Any]) -> list[Question]:
    """What the metadata of a card has people asked."""
    found = []
    for label, field in (card.get("extra_gated_fields") or {}).items():
        details = field if isinstance(field, dict) else {"type": field}
        options = (str(_value(option)) for option in details.get("options") or ())
        found.append(Question(str(label), str(details.get("type")), tuple(options)))
    return found


def check(card: dict[str, Any], answers: Mapping[str, str]) -> None:
    """Refuse a form that was not filled in.

    Raises:
        Refusal: an answer is missing, or answers what is not asked (400).
    """
    asked = questions(card)
    missing = [question.label for question in asked if not question.takes(answers.get(question.label, ""))]
    unknown = answers.keys() - {question.label for question in asked}
    said = [f"Not answered: {'; '.join(missing)}."] if missing else []
    said += [f"Not asked: {'; '.join(sorted(unknown))}."] if unknown else []
    if said:
        raise Refusal(400, " ".join(["Nothing was sent.", *said]))


def form(action: str, card: dict[str, Any]) -> str:
    """The form as HTML; people say who they are by a token, since there are no passwords here.

    Args:
        action: the address that it is sent to.
    """
    heading = card.get("extra_gated_heading", "You need to agree to share your contact information to access this repo")
    button = escape(str(card.get("extra_gated_button_content", "Agree and access repository")))
    return (
        f'<form class="box gate" method="post" action="{escape(action)}"><h2>{escape(str(heading))}</h2>'
        f"{rendered(str(card.get('extra_gated_prompt', '')))}{''.join(map(_field, questions(card)))}"
        f'<label>Your token<input type="password" name="{TOKEN_FIELD}" autocomplete="off" required>'
        '<span class="hint">On this Hub a token says who you are; the real one has you signed in.</span></label>'
        f"<button>{button}</button></form>"
    )


def _field(question: Question) -> str:
    name = escape(question.label)
    if question.options:
        options = "".join(f"<option>{escape(option)}</option>" for option in question.options)
        return f'<label>{name}<select name="{name}">{options}</select></label>'
    if question.kind == "checkbox":
        return f'<label><input type="checkbox" name="{name}" value="true" required> {name}</label>'
    shown = "date" if question.kind == "date_picker" else "text"
    return f'<label>{name}<input type="{shown}" name="{name}" required></label>'


def _value(option: Any) -> Any:
    return option.get("value", option.get("label")) if isinstance(option, dict) else option
