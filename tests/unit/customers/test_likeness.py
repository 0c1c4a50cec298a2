"""The likeness of two records: the evidence, its points, and the keys by which records are compared."""

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.customers.lifecycle.rules.duplicates import keys_of
from services.customers.people.rules.contacts import phone_forms
from services.customers.people.rules.likeness import ENOUGH, Traits, compare, contradicts, score, total, traits_of

HOME = {"street": "Keizersgracht 1", "city": "Amsterdam", "postal_code": "1015 CC"}


def a_record(**fields: Any) -> Traits:
    unknown = dict.fromkeys(("given_name", "family_name", "name", "birth_date", "birthday"))
    lists: dict[str, Any] = {"emails": [], "phones": [], "addresses": []}
    return traits_of(SimpleNamespace(**({"kind": "person"} | unknown | lists | fields)))


def points_of(attribute: str, one: dict[str, Any], other: dict[str, Any]) -> float | None:
    evidence = compare(a_record(**one), a_record(**other))
    return next((item["points"] for item in evidence if item["attribute"] == attribute), None)


@pytest.mark.parametrize(
    ("one", "other", "contradictory"),
    [
        (("Ada", "Lovelace"), ("Ada", "Lovelace"), False),
        (("Ada", "Lovelace"), ("Lovelace", "Ada"), False),
        (("Ada", "Lovelace"), ("A", "Lovelace"), False),
        (("Ada Maria", "Lovelace"), ("Ada", "Lovelace"), False),
        (("Søren", "Kierkegaard"), ("Soren", "Kierkegard"), False),
        ((None, "Lovelace"), ("Ada", "Lovelace"), False),
        ((None, None), ("Ada", "Lovelace"), False),
        (("Ada", "Lovelace"), ("Byron", "Lovelace"), True),
        (("Ada", "Lovelace"), ("Ada", "Hopper"), True),
        (("Ada", "Lovelace"), ("Grace", "Hopper"), True),
    ],
)
def test_names_contradict_each_other_if_a_part_differs(one: Any, other: Any, contradictory: bool) -> None:
    records = [a_record(given_name=given_name, family_name=family) for given_name, family in (one, other)]
    assert contradicts(compare(*records)) is contradictory


@pytest.mark.parametrize(
    ("one", "other", "points"),
    [
        (date(1952, 11, 27), date(1952, 11, 27), 8.0),
        (date(1952, 11, 27), date(1952, 11, 21), 4.0),
        (date(1952, 11, 10), date(1952, 10, 11), 4.0),
        (date(1952, 11, 27), date(1988, 1, 22), -3.5),
        (date(1952, 11, 27), None, None),
    ],
)
def test_birth_dates_may_have_a_wrong_digit(one: date, other: date | None, points: float | None) -> None:
    assert points_of("birth_date", {"birth_date": one}, {"birth_date": other}) == points


def test_a_household_is_not_enough_and_neither_is_a_name() -> None:
    one, other = ({"given_name": name, "family_name": "King", "addresses": [HOME]} for name in ("Ada", "William"))
    assert total(compare(a_record(**one), a_record(**other))) < ENOUGH
    name = {"given_name": "Ada", "family_name": "King"}
    assert total(compare(a_record(**name), a_record(**name))) < ENOUGH
    assert total(compare(a_record(**one), a_record(**name, addresses=[HOME]))) >= ENOUGH


def test_records_of_different_kinds_are_not_compared() -> None:
    email = {"emails": [{"normal": "ada@example.com"}], "name": "Ada"}
    assert compare(a_record(**email), a_record(**email, kind="organization")) == []


def test_the_score_of_enough_is_half() -> None:
    assert [score(ENOUGH + more) for more in (-40, 0, 1, 40)] == [0, 50, 67, 100]


@pytest.mark.parametrize(
    ("number", "forms"),
    [
        ("+5531988888888", ("+553188888888", "+5531988888888")),
        ("+553188888888", ("+553188888888", "+5531988888888")),
        ("+553132222222", ("+553132222222",)),
        ("+31207940800", ("+31207940800",)),
        ("5215512345678", ("+525512345678", "5215512345678")),
    ],
)
def test_a_number_has_the_forms_in_which_it_is_stored(number: str, forms: tuple[str, ...]) -> None:
    assert phone_forms(number) == forms


names = st.text(max_size=30) | st.none()


@given(names, names, st.dates() | st.none(), st.text(max_size=60))
def test_stored_attributes_are_those_of_the_record(
    given_name: str | None, family: str | None, born: date | None, street: str
) -> None:
    record = a_record(given_name=given_name, family_name=family, birth_date=born, addresses=[HOME | {"street": street}])
    assert Traits.from_document(record.to_document()) == record
    assert len(keys_of(record)) <= 30
    assert all(-(2**63) <= key < 2**63 for key in keys_of(record))
