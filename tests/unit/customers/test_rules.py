"""Customer rules: the changes of an upsert, identifiable customers, and valid contact points."""

from typing import Any

import pytest

from services.customers.people.rules import contacts, records

FIELDS = ("name", "emails", "phones", "external_ids", "tags", "custom", "lifecycle")
STANDING = records.with_defaults({"name": "Ada", "tags": ["a"], "external_ids": [{"source": "s", "id": "1"}]}, FIELDS)


@pytest.mark.parametrize(
    ("case", "given", "changed"),
    [
        ("nothing given", {}, {}),
        ("the same again", {"name": "Ada", "tags": ["a"]}, {}),
        ("null clears a field", {"name": None}, {"name": None}),
        ("null empties a list", {"tags": None}, {"tags": []}),
        ("null brings the default back, which it is", {"lifecycle": None}, {}),
        (
            "external ids are added",
            {"external_ids": [{"source": "s", "id": "2"}]},
            {"external_ids": [{"source": "s", "id": "1"}, {"source": "s", "id": "2"}]},
        ),
        ("known external ids are not", {"external_ids": [{"source": "s", "id": "1"}]}, {}),
        ("and never taken away", {"external_ids": None}, {}),
    ],
)
def test_an_upsert_changes(case: str, given: dict[str, Any], changed: dict[str, Any]) -> None:
    assert records.diff(STANDING, given) == changed


@pytest.mark.parametrize(
    ("given", "identifiable"),
    [
        ({}, False),
        ({"custom": {"a": 1}}, False),
        ({"name": "Shop"}, True),
        ({"external_ids": [{"source": "s", "id": "1"}]}, True),
        ({"emails": [{"address": "a@example.com"}]}, True),
    ],
)
def test_somebody_must_be_meant(given: dict[str, Any], identifiable: bool) -> None:
    assert records.is_identifiable(records.with_defaults(given, FIELDS)) is identifiable


def test_a_bad_number_is_pointed_to() -> None:
    phones = [{"number": "020 794 0800", "label": None}, {"number": "none", "label": None}]
    with pytest.raises(contacts.InvalidContact) as refused:
        contacts.with_forms({"phones": phones}, "NL")
    assert refused.value.location == "/phones/1/number"
