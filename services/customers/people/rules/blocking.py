"""The identities by which a blocked person is recognized: e-mail addresses, phone numbers and external ids."""

from services.customers.people.rules.contacts import contact_points
from services.customers.people.rules.profiles import Values

Identities = dict[str, str]
"""Identities, each with the JSON pointer to it in the record."""


def identities_of(record: Values) -> Identities:
    """Return the identities of a record's fields, in the forms by which it is looked up."""
    found: Identities = {}
    for index, email in enumerate(record.get("emails") or []):
        ((_, normal),) = contact_points([email], [])
        found.setdefault(f"email:{normal}", f"/emails/{index}")
    for index, phone in enumerate(record.get("phones") or []):
        ((_, normal),) = contact_points([], [phone])
        found.setdefault(f"phone:{normal}", f"/phones/{index}")
    for index, item in enumerate(record.get("external_ids") or []):
        # The length separates the source from the id: both may contain any character.
        found.setdefault(f"external_id:{len(item['source'])}:{item['source']}:{item['id']}", f"/external_ids/{index}")
    return found


def added(before: Identities, after: Identities) -> Identities:
    """Return the identities that a change adds. Those that a record has already stay, also if they are blocked."""
    return {identity: pointer for identity, pointer in after.items() if identity not in before}
