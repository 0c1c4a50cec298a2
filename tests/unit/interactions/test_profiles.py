"""Profiles: events in any order, also repeated, lead to the newest record and the newest contact details."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.interactions.contact.rules.profiles import REMOVED_VERSION, changes

EMPTY: dict[str, Any] = {"version": 0, "contact_version": 0, "state": None, "name": None}
Event = tuple[int, dict[str, Any], dict[str, Any] | None]


def event(version: int, *, with_contact: bool) -> Event:
    return version, {"state": f"state {version}"}, {"name": f"name {version}"} if with_contact else None


def applied(*events: Event) -> dict[str, Any]:
    profile = EMPTY
    for version, record, contact in events:
        profile = profile | changes(profile, version, record, contact)
    return profile


histories = st.lists(st.booleans(), min_size=1, max_size=6).map(
    lambda flags: [event(version, with_contact=flag) for version, flag in enumerate(flags, 1)]
)


@given(histories.flatmap(lambda told: st.tuples(st.just(told), st.permutations(told + told))))
def test_any_order_and_any_repeat_lead_to_the_same_profile(case: tuple[list[Event], list[Event]]) -> None:
    in_order, disordered = case
    assert applied(*disordered) == applied(*in_order)


def test_a_version_without_contact_details_does_not_hide_those_of_an_earlier_one() -> None:
    late = applied(event(2, with_contact=False), event(1, with_contact=True))
    assert (late["state"], late["name"]) == ("state 2", "name 1")


def test_a_version_may_bring_its_contact_details_later() -> None:
    profile = applied(event(3, with_contact=False), event(3, with_contact=True))
    assert (profile["name"], profile["contact_version"]) == ("name 3", 3)


def test_an_event_of_before_records_were_described_changes_no_version() -> None:
    assert applied((2, {}, None)) == EMPTY


def test_a_removed_record_does_not_come_back() -> None:
    removed = (REMOVED_VERSION, {"state": "removed"}, {"name": None})
    assert applied(removed, event(1, with_contact=True))["name"] is None
