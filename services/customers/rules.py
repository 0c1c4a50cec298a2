"""What makes a customer's record, and what an upsert changes. Plain values in, plain values out."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chassis.json import same
from chassis.values import normal_email, normal_phone

Values = Mapping[str, Any]
LISTS = frozenset(("account_kinds", "emails", "phones", "addresses", "external_ids", "languages", "tags"))
EMPTY: dict[str, Any] = {name: [] for name in LISTS} | {"custom": {}, "lifecycle": "prospect"}
"""What a field holds when nothing is known; all others hold null."""


class BadContact(ValueError):
    """A phone number or e-mail address that cannot be one; `place` points to it."""

    def __init__(self, place: str, why: str) -> None:
        super().__init__(why)
        self.place = place


def complete(given: Values, fields: Iterable[str]) -> dict[str, Any]:
    """A new record's fields: what was given, and nothing for the rest."""
    return {name: _value(name, given.get(name)) for name in fields}


def is_identifiable(record: Values) -> bool:
    """Whether somebody could tell who is meant: one of name, e-mail, phone or external id is enough."""
    return any(record.get(name) for name in ("given_name", "family_name", "name", "emails", "phones", "external_ids"))


def changes(current: Values, given: Values) -> dict[str, Any]:
    """What an upsert changes: absent fields stay, null ones are cleared, external ids are added to those known."""
    changed = {}
    for name, value in given.items():
        wanted = _value(name, value)
        if name == "external_ids":
            wanted = [*current[name], *(one for one in wanted if one not in current[name])]
        if not same(wanted, current[name]):
            changed[name] = wanted
    return changed


def contact_points(record: Values, region: str) -> list[tuple[str, str]]:
    """The forms that e-mails and phones are looked up by: (kind, normal form), each once.

    Raises BadContact.
    """
    found: dict[tuple[str, str], None] = {}
    for index, email in enumerate(record["emails"]):
        try:
            found["email", normal_email(email["address"])] = None
        except ValueError as error:
            raise BadContact(f"/emails/{index}/address", str(error)) from None
    for index, phone in enumerate(record["phones"]):
        try:
            found["phone", normal_phone(phone["number"], region)] = None
        except ValueError as error:
            raise BadContact(f"/phones/{index}/number", str(error)) from None
    return list(found)


def search_name(record: Values) -> str:
    """The names in one line, folded: how a fragment finds them whatever its accents and case."""
    names = (record.get(name) for name in ("given_name", "family_name", "name"))
    return fold(" ".join(name for name in names if name))


def fold(text: str) -> str:
    """Text without accents and case, single-spaced: "  Müller " is "muller"."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(one for one in decomposed if not unicodedata.combining(one)).split())


@dataclass(frozen=True, slots=True)
class Decision:
    """What a customer decided, and when."""

    granted: bool
    decided_at: datetime


def deciding(decisions: Sequence[Decision]) -> int | None:
    """Which decision holds: the latest; of two at one moment, the stricter. The place of it, None without any."""
    places = range(len(decisions))
    return max(places, key=lambda at: (decisions[at].decided_at, not decisions[at].granted, at), default=None)


def external_keys(record: Values) -> list[tuple[str, str]]:
    """The record's external ids as (source, id)."""
    return [(one["source"], one["id"]) for one in record["external_ids"]]


def _value(name: str, value: Any) -> Any:
    if value is not None:
        return value
    empty = EMPTY.get(name)
    return type(empty)(empty) if empty is not None else None
