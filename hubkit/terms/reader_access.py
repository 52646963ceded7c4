"""The record that PhysioNet lets the readers of a review see a credentialed corpus: needed before they get its text."""

from __future__ import annotations

import datetime
import re

from hubkit.artifacts.review import Confirmation, Confirmations, Reader, read_confirmations, write_confirmations
from hubkit.errors import UsageError
from hubkit.terms.access_check import DAYS_VALID
from hubkit.terms.kinds import CorpusTerms
from hubkit.workspace import Workspace

READER = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")

USER = re.compile(r"[\w.@+-]{1,100}")
"""A user name: without blanks, so that nobody records a person's name in its place."""


def text_in_clear(terms: CorpusTerms) -> bool:
    """Whether text of a corpus, and what is made from it, may lie in a file that anybody can open."""
    return terms.derivatives and not terms.credentialed


def check_reader(reader: str) -> str:
    """Refuse an id of a reader that would not do as the name of a file.

    Raises:
        UsageError: it has other characters.
    """
    if not READER.fullmatch(reader):
        raise UsageError(
            f"{reader!r} is not the id of a reader",
            hint="1 to 32 of: small letters a to z, digits, - and _; it begins with a letter or digit",
        )
    return reader


def record_confirmation(
    workspace: Workspace, reader: str, who: str, when: datetime.date | None, today: datetime.date | None = None
) -> Confirmation:
    """Record that somebody saw a reader's access to the corpus confirmed by PhysioNet.

    Args:
        who: the reader's user name there.
        when: the day on which it was seen; None is today.
        today: the day to count from; None is today in UTC.

    Raises:
        UsageError: the reader's id or name will not do, or the day is in the future or too long ago.
    """
    check_reader(reader)
    now = today or datetime.datetime.now(datetime.UTC).date()
    found = Confirmation(who=who.strip(), when=when or now)
    if not USER.fullmatch(found.who):
        raise UsageError(
            f"{found.who!r} is not a user name of PhysioNet", hint="give it as their profile shows it: --physionet-user"
        )
    if not 0 <= (now - found.when).days <= DAYS_VALID:
        raise UsageError(
            f"{found.when} is not within the last {DAYS_VALID} days", hint="look again, and give the day with --date"
        )
    known = read_confirmations(workspace).readers
    write_confirmations(workspace, Confirmations(readers={**known, reader: found}))
    return found


def admitted(
    workspace: Workspace, terms: CorpusTerms, readers: list[str], today: datetime.date | None = None
) -> tuple[Reader, ...]:
    """The readers of a review, each with the confirmation that the corpus asks for.

    Raises:
        UsageError: a corpus is credentialed, and a reader's confirmation is missing, too old, or another reader's.
    """
    if not terms.credentialed:
        return tuple(Reader(id=check_reader(reader)) for reader in readers)
    now = today or datetime.datetime.now(datetime.UTC).date()
    known = read_confirmations(workspace).readers
    for reader in readers:
        hint = f"see their signed agreement at PhysioNet, then: hubkit review confirm {check_reader(reader)}"
        found = known.get(reader)
        if found is None:
            raise UsageError(f"{terms.name} is credentialed, and no access of {reader} is on record", hint=hint)
        age = (now - found.when).days
        if not 0 <= age <= DAYS_VALID:
            raise UsageError(
                f"the access of {reader} was confirmed on {found.when}, and at most {DAYS_VALID} days are allowed",
                hint=hint,
            )
    accounts: dict[str, str] = {}
    for reader in readers:
        first = accounts.setdefault(known[reader].who.casefold(), reader)
        if first != reader:
            # An agreement is signed by a person: one account does not admit two.
            raise UsageError(
                f"{first} and {reader} have one account at PhysioNet: {known[first].who}",
                hint=f"record the account of each: hubkit review confirm {reader}",
            )
    return tuple(Reader(id=reader, confirmation=known[reader]) for reader in readers)
