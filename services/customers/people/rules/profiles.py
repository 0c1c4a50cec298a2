"""The profile of a customer: what follows from its fields, which fields exclude each other, and when it is complete."""

from collections.abc import Mapping
from typing import Any

from chassis.types.codes import REQUIRED, FieldCode
from services.customers.people.rules.birthdays import settle_birthday

Values = Mapping[str, Any]
"""Fields of a customer by name."""
NAMES = ("given_name", "family_name", "name", "preferred_name")
DOCUMENTS = ("preferences", "firmographics")
"""Objects whose fields are merged by a patch. An object without values is null."""
FIRMOGRAPHICS_OF_A_PERSON = FieldCode(
    "firmographics_of_a_person",
    "Only an organization has firmographics.",
    "Create the organization, and relate the person to it.",
)
REASON_WITHOUT_STRATEGIC = FieldCode(
    "reason_without_strategic", "There is a reason for a customer that is not strategic.", "Set `strategic` to true."
)


class Contradiction(ValueError):
    """Values that exclude each other. `location` is a JSON pointer."""

    def __init__(self, location: str, code: FieldCode, reason: str) -> None:
        super().__init__(reason)
        self.location = location
        self.code = code


def has_name(record: Values) -> bool:
    """Return whether the record has any name."""
    return any(record.get(name) for name in NAMES)


def settle(current: Values, values: Values) -> dict[str, Any]:
    """Return fields to store with those that follow from them. Raises ValueError for a wrong birthday.

    An assigned owner makes a client, unless the request names another stage. A customer that is no longer strategic has
    no reason for it.
    """
    settled = dict(values)
    settle_birthday(current, settled)
    owner = settled.get("owner_id")
    if owner is not None and owner != current.get("owner_id"):
        settled.setdefault("lifecycle", "client")
    if "strategic" in settled and not settled["strategic"]:
        settled.setdefault("strategic_reason", None)
    for name in DOCUMENTS:
        document = settled.get(name)
        if document is not None and all(value is None for value in document.values()):
            settled[name] = None
    return settled


def reject_contradictions(record: Values) -> None:
    """Raise Contradiction if fields of a record exclude each other."""
    if record["strategic"] and not record["strategic_reason"]:
        raise Contradiction("/strategic_reason", REQUIRED, "a strategic customer needs the reason")
    if record["strategic_reason"] and not record["strategic"]:
        raise Contradiction("/strategic_reason", REASON_WITHOUT_STRATEGIC, "the customer is not strategic")
    if record["firmographics"] and record["kind"] == "person":
        raise Contradiction("/firmographics", FIRMOGRAPHICS_OF_A_PERSON, "only an organization has firmographics")


def is_complete(record: Values) -> bool:
    """Return whether the profile is complete: a name, an e-mail or phone, an address, and a person's birthday."""
    reachable = record["emails"] or record["phones"]
    return bool(
        has_name(record) and reachable and record["addresses"] and (record["birthday"] or record["kind"] != "person")
    )
