"""Campaigns: local times, quiet hours, variants, distances and limits."""

from collections import Counter
from datetime import UTC, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.interactions.campaigns.rules.audiences import distance_km, recipient_id, variant_of
from services.interactions.campaigns.rules.campaigns import VariantDocument, reason_of
from services.interactions.campaigns.rules.limits import History, reason_against
from services.interactions.campaigns.rules.schedules import (
    QuietHours,
    first_instant,
    instants_by_zone,
    next_allowed,
    quiet_hours,
)

AMSTERDAM = "Europe/Amsterdam"
ZONES = st.sampled_from(
    [AMSTERDAM, "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Casablanca", "UTC"]
)
# Around the changes of the clocks of 2026, in both hemispheres.
MOMENTS = st.one_of(
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)),
    st.datetimes(datetime(2026, 3, 28, 18), datetime(2026, 3, 29, 12)),
    st.datetimes(datetime(2026, 10, 24, 18), datetime(2026, 10, 25, 12)),
).map(lambda at: at.replace(tzinfo=UTC))
HOURS = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))


def variants(*weights: int) -> list[VariantDocument]:
    return [
        {"key": key, "template_id": str(UUID(int=1)), "number": 1, "weight": weight}
        for key, weight in zip("abcde", weights, strict=False)
    ]


@pytest.mark.parametrize(
    ("local", "zone", "instant"),
    [
        ("2026-03-01T10:00", AMSTERDAM, "2026-03-01T09:00"),
        ("2026-03-29T02:30", AMSTERDAM, "2026-03-29T01:30"),  # the clocks skip it
        ("2026-10-25T02:30", AMSTERDAM, "2026-10-25T00:30"),  # the clocks show it twice
        ("2026-03-29T02:30", "America/New_York", "2026-03-29T06:30"),
    ],
)
def test_a_local_time_is_an_instant_of_each_zone_once(local: str, zone: str, instant: str) -> None:
    assert instants_by_zone(local)[zone] == datetime.fromisoformat(instant).replace(tzinfo=UTC)


def test_a_campaign_starts_where_the_day_begins_first() -> None:
    assert first_instant("2026-03-01T10:00") == datetime(2026, 2, 28, 20, tzinfo=UTC)


@given(at=MOMENTS, zone=ZONES, starts=HOURS, ends=HOURS)
def test_a_message_waits_for_the_end_of_the_quiet_hours_and_no_longer(
    at: datetime, zone: str, starts: time, ends: time
) -> None:
    quiet, place = QuietHours(starts, ends), ZoneInfo(zone)
    if starts == ends:
        return
    allowed = next_allowed(at, place, quiet)
    assert allowed >= at
    assert not quiet.covers(allowed.astimezone(place).time())
    assert next_allowed(allowed, place, quiet) == allowed
    assert allowed - at < timedelta(hours=49)
    step = at
    while step < allowed:  # no minute before it would have been possible
        assert quiet.covers(step.astimezone(place).time())
        step += timedelta(minutes=15)


def test_quiet_hours_end_at_the_second_of_two_equal_times_if_the_first_is_over() -> None:
    again = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)  # 02:10, for the second time
    end = next_allowed(again, ZoneInfo(AMSTERDAM), quiet_hours("02:00", "02:30"))
    assert end == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-01T19:59:59", "2026-03-01T19:59:59"),
        ("2026-03-01T20:00:00", "2026-03-02T07:00:00"),
        ("2026-03-02T06:59:59", "2026-03-02T07:00:00"),
        ("2026-03-02T07:00:00", "2026-03-02T07:00:00"),
        ("2026-03-28T21:00:00", "2026-03-29T06:00:00"),
    ],
)
def test_quiet_hours_pass_midnight_and_end_with_their_last_second(at: str, expected: str) -> None:
    instants = [datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (at, expected)]
    assert next_allowed(instants[0], ZoneInfo(AMSTERDAM), quiet_hours("21:00", "08:00")) == instants[1]
    assert next_allowed(instants[0], ZoneInfo(AMSTERDAM), quiet_hours(None, None)) == instants[0]


@given(customer=st.uuids(), campaign=st.uuids(), weights=st.lists(st.integers(1, 1000), min_size=1, max_size=5))
def test_a_customer_always_has_the_same_recipient_and_variant(
    customer: UUID, campaign: UUID, weights: list[int]
) -> None:
    id = recipient_id(campaign, customer)
    assert id == recipient_id(UUID(str(campaign)), UUID(str(customer)))
    assert variant_of(id, variants(*weights)) == variant_of(UUID(str(id)), variants(*weights))
    assert variant_of(id, variants(1)) == "a"


def test_variants_are_divided_by_their_weights_and_campaigns_divide_differently() -> None:
    customers = [UUID(int=number) for number in range(20_000)]
    first, second = UUID(int=1), UUID(int=2)
    chosen = [variant_of(recipient_id(first, customer), variants(1, 3)) for customer in customers]
    counts = Counter(chosen)
    assert abs(counts["a"] - 5_000) < 300  # five standard deviations
    other = [variant_of(recipient_id(second, customer), variants(1, 3)) for customer in customers]
    both = sum(pair == ("a", "a") for pair in zip(chosen, other, strict=True))
    assert abs(both - 1_250) < 180


@pytest.mark.parametrize(
    ("place", "other", "km"),
    [
        ((52.37, 4.89), (52.37, 4.89), 0),
        ((52.3731, 4.8922), (51.9225, 4.4792), 57.4),  # Amsterdam to Rotterdam
        ((0, 179.9), (0, -179.9), 22.2),
        ((90, 0), (-90, 0), 20_015.1),
    ],
)
def test_distances(place: tuple[float, float], other: tuple[float, float], km: float) -> None:
    assert distance_km(*place, *other) == pytest.approx(km, rel=0.005)
    assert distance_km(*other, *place) == pytest.approx(distance_km(*place, *other))


@pytest.mark.parametrize(
    ("total", "selling", "nature", "most", "percent", "reason"),
    [
        (2, 0, "relational", 3, None, None),
        (3, 0, "relational", 3, None, "capped"),
        (0, 0, "selling", 0, None, "capped"),
        (0, 0, "selling", None, 50, "selling_share"),
        (1, 0, "selling", None, 50, None),
        (1, 1, "selling", None, 50, "selling_share"),
        (1, 1, "relational", None, 0, None),
        (2, 0, "selling", None, 33, "selling_share"),
        (2, 0, "selling", None, 34, None),
        (5, 5, "selling", None, None, None),
    ],
)
def test_limits(
    total: int, selling: int, nature: str, most: int | None, percent: int | None, reason: str | None
) -> None:
    assert reason_against(History(total, selling), nature, most, percent) == reason  # type: ignore[arg-type]


@given(natures=st.lists(st.sampled_from(["selling", "relational"]), max_size=30), percent=st.integers(0, 100))
def test_the_share_of_selling_messages_is_never_exceeded_by_a_message(natures: list[str], percent: int) -> None:
    history = History()
    for nature in natures:
        if reason_against(history, nature, None, percent) is None:  # type: ignore[arg-type]
            history = history.with_one(nature)  # type: ignore[arg-type]
            assert nature != "selling" or history.selling * 100 <= percent * history.total


def test_every_reason_of_a_suppressed_message_is_a_reason_of_its_recipient() -> None:
    assert [reason_of(reason) for reason in ("withdrawn", "never_asked", "expired", "pending")] == ["no_permission"] * 4
    assert [reason_of(reason) for reason in ("no_address", "not_active", None)] == ["no_address", "not_active", None]
