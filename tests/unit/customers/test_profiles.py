"""Profiles: what follows from the fields of a request, the allowed transitions, and complete profiles."""

from datetime import date
from typing import Any, get_args

import pytest

from services.customers.people.rules import profiles, stages
from services.customers.people.rules.birthdays import require_birthday

BORN, MAY_17 = date(1990, 5, 17), "--05-17"


@pytest.mark.parametrize(
    ("case", "current", "values", "settled"),
    [
        ("a date has a birthday", {}, {"birth_date": BORN}, {"birth_date": BORN, "birthday": MAY_17}),
        ("both agree", {}, {"birth_date": BORN, "birthday": MAY_17}, {"birth_date": BORN, "birthday": MAY_17}),
        ("no year", {}, {"birthday": MAY_17}, {"birthday": MAY_17}),
        ("cleared with its date", {"birth_date": BORN}, {"birth_date": None}, {"birth_date": None, "birthday": None}),
        (
            "only the year is cleared",
            {"birth_date": BORN},
            {"birth_date": None, "birthday": MAY_17},
            {"birth_date": None, "birthday": MAY_17},
        ),
        ("the same again", {"birth_date": BORN}, {"birthday": MAY_17}, {"birthday": MAY_17}),
        ("an owner makes a client", {}, {"owner_id": "a"}, {"owner_id": "a", "lifecycle": "client"}),
        ("the same owner again does not", {"owner_id": "a"}, {"owner_id": "a"}, {"owner_id": "a"}),
        ("no owner does not", {"owner_id": "a"}, {"owner_id": None}, {"owner_id": None}),
        (
            "a stage that is named counts",
            {},
            {"owner_id": "a", "lifecycle": "prospect"},
            {"owner_id": "a", "lifecycle": "prospect"},
        ),
        ("no reason any more", {}, {"strategic": False}, {"strategic": False, "strategic_reason": None}),
        ("an empty object", {}, {"firmographics": {"industry": None}}, {"firmographics": None}),
    ],
)
def test_a_request_settles(case: str, current: dict[str, Any], values: dict[str, Any], settled: dict[str, Any]) -> None:
    assert profiles.settle(current, values) == settled


@pytest.mark.parametrize(
    ("current", "values"),
    [
        ({}, {"birth_date": BORN, "birthday": "--05-18"}),
        ({"birth_date": BORN}, {"birthday": "--05-18"}),
        ({"birth_date": BORN}, {"birthday": None}),
    ],
)
def test_a_birthday_that_is_not_that_of_the_date_is_refused(current: dict[str, Any], values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="1990-05-17"):
        profiles.settle(current, values)


def test_a_birthday_is_a_day_of_some_year() -> None:
    assert require_birthday("--02-29") == "--02-29"
    with pytest.raises(ValueError, match="no year"):
        require_birthday("--02-30")


def test_the_table_of_transitions_covers_each_value_and_leads_to_known_ones() -> None:
    for field, kinds in (("lifecycle", stages.Lifecycle), ("state", stages.CustomerState)):
        values = get_args(kinds.__value__)
        assert set(stages.TRANSITIONS[field]) == set(values)
        assert {after for each in stages.TRANSITIONS[field].values() for after in each} <= set(values)
    assert stages.is_allowed("lifecycle", "former", "former")
    assert not stages.is_allowed("lifecycle", "client", "prospect")
    assert not {"ended", "merged", "erased"} & {
        after for each in stages.TRANSITIONS["state"].values() for after in each
    }


@pytest.mark.parametrize(
    ("change", "complete"),
    [
        ({}, True),
        ({"given_name": None}, False),
        ({"emails": []}, False),
        ({"emails": [], "phones": [{"number": "1"}]}, True),
        ({"addresses": []}, False),
        ({"birthday": None}, False),
        ({"birthday": None, "kind": "organization"}, True),
    ],
)
def test_a_profile_is_complete(change: dict[str, Any], complete: bool) -> None:
    record = {
        "kind": "person",
        "given_name": "Ada",
        "emails": [{"address": "ada@example.com"}],
        "phones": [],
        "addresses": [{"city": "London"}],
        "birthday": MAY_17,
    }
    assert profiles.is_complete(record | change) is complete
