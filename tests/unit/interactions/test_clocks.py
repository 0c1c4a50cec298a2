"""Clocks of service levels: what starts, pauses and ends them, and laws that hold for every history of a case."""

from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.interactions.helpdesk.rules.business_time import Calendar, business_time
from services.interactions.helpdesk.rules.clocks import (
    CaseClocks,
    Clock,
    ClockKind,
    Step,
    StepKind,
    Target,
    Terms,
    Threshold,
    fold,
)

HOUR = timedelta(hours=1)
START = datetime(2026, 11, 6, 10, tzinfo=UTC)  # a Friday
OFFICE = Calendar.of("UTC", {day: [(9 * 60, 17 * 60)] for day in range(5)})
TERMS = Terms(
    targets={
        ("first_response", None): Target(HOUR, "elapsed"),
        ("next_response", None): Target(2 * HOUR, "elapsed"),
        ("resolution", None): Target(8 * HOUR, "elapsed"),
        ("resolution", "urgent"): Target(4 * HOUR, "elapsed"),
    },
    pause_on=frozenset(("waiting",)),
    warn_percents=(50, 75),
)


def after(hours: float) -> datetime:
    return START + hours * HOUR


def step(kind: StepKind, hours: float, value: str = "") -> Step:
    return Step(kind, after(hours), value)


OPENED = step("opened", 0, "normal")


def clocks(*steps: Step, until: float, terms: Terms = TERMS) -> dict[tuple[ClockKind, int], Clock]:
    return {(clock.kind, clock.cycle): clock for clock in fold(terms, [OPENED, *steps], after(until))}


def resolution(*steps: Step, until: float, terms: Terms = TERMS, cycle: int = 1) -> Clock:
    return clocks(*steps, until=until, terms=terms)["resolution", cycle]


def test_a_case_starts_the_clocks_of_its_first_response_and_its_resolution() -> None:
    running = clocks(until=0)
    assert {key: clock.due_at for key, clock in running.items()} == {
        ("first_response", 1): after(1),
        ("resolution", 1): after(8),
    }


@pytest.mark.parametrize(("answered", "state", "breached_at"), [(1, "met", None), (1.01, "breached", after(1))])
def test_an_answer_meets_the_clock_until_its_due_time(
    answered: float, state: str, breached_at: datetime | None
) -> None:
    clock = clocks(step("answered", answered), until=20)["first_response", 1]
    assert (clock.state, clock.breached_at, clock.ended_at) == (state, breached_at, after(answered))


def test_a_breach_is_at_the_due_time_whenever_it_is_noticed() -> None:
    clock = resolution(until=1000)
    assert (clock.state, clock.breached_at, clock.ended_at) == ("breached", after(8), None)


def test_a_warning_is_given_at_each_percentage_before_the_breach() -> None:
    assert resolution(until=4).warned == (Threshold(50, after(4)),)
    assert resolution(until=100).warned == (Threshold(50, after(4)), Threshold(75, after(6)))


def test_a_clock_stops_while_the_case_waits_for_the_customer() -> None:
    waiting, back = step("state_changed", 3, "waiting"), step("state_changed", 50, "open")
    paused = resolution(waiting, until=49)
    assert (paused.state, paused.due_at, paused.active, paused.warned) == ("paused", None, 3 * HOUR, ())
    assert resolution(waiting, back, until=50).due_at == after(55)


def test_a_message_of_the_customer_resumes_a_paused_clock() -> None:
    clock = resolution(step("state_changed", 3, "waiting"), step("customer_wrote", 10), until=10)
    assert (clock.state, clock.due_at) == ("running", after(15))


def test_a_pause_of_no_time_changes_nothing() -> None:
    paused = resolution(step("state_changed", 3, "waiting"), step("state_changed", 3, "open"), until=20)
    assert (paused.breached_at, paused.warned) == (after(8), resolution(until=20).warned)


def test_an_answer_after_a_pause_that_began_in_time_meets_the_clock() -> None:
    steps = (step("state_changed", 0.5, "waiting"), step("answered", 30))
    assert clocks(*steps, until=40)["first_response", 1].state == "met"


def test_another_priority_keeps_the_time_that_has_counted() -> None:
    raised = resolution(step("priority_changed", 1, "urgent"), until=1)
    assert (raised.due_at, raised.target.duration) == (after(4), 4 * HOUR)
    lowered = resolution(step("priority_changed", 1, "urgent"), step("priority_changed", 2, "normal"), until=2)
    assert lowered.due_at == after(8)


def test_a_priority_whose_target_has_passed_is_breached_when_it_is_set_and_not_before() -> None:
    clock = resolution(step("priority_changed", 6, "urgent"), until=7)
    assert (clock.state, clock.breached_at) == ("breached", after(6))


def test_a_paused_clock_takes_the_target_of_another_priority_when_it_resumes() -> None:
    steps = (step("state_changed", 1, "waiting"), step("priority_changed", 5, "urgent"), step("customer_wrote", 10))
    assert resolution(*steps, until=10).due_at == after(13)


def test_a_breach_is_not_undone_by_a_lower_priority() -> None:
    clock = resolution(step("priority_changed", 1, "urgent"), step("priority_changed", 5, "normal"), until=6)
    assert clock.breached_at == after(4)


def test_a_clock_begins_with_the_priority_that_first_has_a_target() -> None:
    terms = Terms({("resolution", "urgent"): Target(4 * HOUR, "elapsed")})
    assert clocks(until=5, terms=terms) == {}
    raised = (step("priority_changed", 5, "urgent"), step("priority_changed", 6, "low"))
    ended = clocks(*raised, until=7, terms=terms)["resolution", 1]
    assert (ended.started_at, ended.state, ended.active) == (after(5), "cancelled", HOUR)
    again = resolution(*raised, step("priority_changed", 9, "urgent"), until=9, terms=terms, cycle=2)
    assert again.due_at == after(12)


def test_each_message_of_the_customer_after_an_answer_waits_for_the_next_response() -> None:
    steps = [step("answered", 0.5), step("customer_wrote", 2), step("customer_wrote", 3), step("answered", 3.5)]
    steps += [step("customer_wrote", 5), step("answered", 9)]
    found = clocks(*steps, until=20)
    assert found["next_response", 1].ended_at == after(3.5)
    assert [found["next_response", cycle].state for cycle in (1, 2)] == ["met", "breached"]
    assert found["next_response", 2].breached_at == after(7)
    assert ("next_response", 3) not in found


def test_a_message_before_the_first_response_starts_no_other_clock() -> None:
    assert ("next_response", 1) not in clocks(step("customer_wrote", 0.5), until=1)


def test_a_reopened_case_has_the_time_that_remained() -> None:
    steps = (step("resolved", 5), step("reopened", 100))
    assert resolution(*steps, until=100).state == "met"
    second = resolution(*steps, until=100, cycle=2)
    assert (second.due_at, [each.percent for each in second.thresholds]) == (after(103), [75])
    full = Terms(TERMS.targets, reopened_time="full")
    assert resolution(*steps, until=100, cycle=2, terms=full).due_at == after(108)


def test_a_case_that_is_reopened_after_its_time_was_used_up_is_due_at_once() -> None:
    second = resolution(step("resolved", 9), step("reopened", 100), until=101, cycle=2)
    assert (second.state, second.breached_at, second.warned) == ("breached", after(100), ())


def test_a_message_that_reopens_a_case_waits_for_the_next_response() -> None:
    steps = (step("answered", 0.5), step("resolved", 1), step("customer_wrote", 9), step("reopened", 9))
    assert clocks(*steps, until=9)["next_response", 1].due_at == after(11)


def test_a_resolution_answers_what_is_unanswered() -> None:
    found = clocks(step("resolved", 0.5), until=20)
    assert {clock.state for clock in found.values()} == {"met"}


def test_a_target_of_business_time_stops_at_closing() -> None:
    terms = Terms({("resolution", None): Target(8 * HOUR, "business")}, OFFICE, warn_percents=(50,))
    assert resolution(until=0, terms=terms).due_at == datetime(2026, 11, 9, 10, tzinfo=UTC)
    steps = (Step("state_changed", START, "waiting"), Step("state_changed", START + 3 * timedelta(days=1), "open"))
    assert resolution(*steps, until=72, terms=terms).due_at == datetime(2026, 11, 9, 10, tzinfo=UTC)


def test_a_step_that_is_earlier_than_the_one_before_counts_at_its_time() -> None:
    clock = clocks(step("customer_wrote", 3), step("answered", 0.5), until=4)["first_response", 1]
    assert (clock.state, clock.breached_at, clock.ended_at) == ("breached", after(1), after(3))


# Laws

VALUES = {
    "state_changed": st.sampled_from(("open", "waiting", "assessed")),
    "priority_changed": st.sampled_from(("low", "normal", "urgent", "none")),
}
KINDS: list[StepKind] = ["state_changed", "priority_changed", "customer_wrote", "answered", "resolved", "reopened"]
WAITS = st.integers(0, 30 * 3600).map(lambda seconds: timedelta(seconds=seconds))


@st.composite
def histories(draw: st.DrawFn) -> list[Step]:
    kinds = draw(st.lists(st.sampled_from(KINDS), max_size=12))
    times = list(accumulate([draw(WAITS) for _ in kinds], initial=START))[1:]
    steps = [
        Step(kind, at, draw(VALUES[kind]) if kind in VALUES else "") for kind, at in zip(kinds, times, strict=True)
    ]
    return [OPENED, *steps]


@st.composite
def terms(draw: st.DrawFn) -> Terms:
    hours, time = st.integers(1, 40), st.sampled_from(("business", "elapsed"))
    keys: list[tuple[ClockKind, str | None]] = [
        (kind, priority)
        for kind in ("first_response", "next_response", "resolution")
        for priority in (None, "normal", "urgent")
    ]
    chosen = draw(st.sets(st.sampled_from(keys)))
    targets = {key: Target(draw(hours) * HOUR, draw(time)) for key in sorted(chosen, key=str)}
    percents = tuple(sorted(draw(st.sets(st.integers(1, 99), max_size=3))))
    return Terms(targets, OFFICE, frozenset(("waiting",)), percents, draw(st.sampled_from(("remaining", "full"))))


@given(terms(), histories(), st.lists(st.integers(0, 400 * 3600), max_size=10), WAITS)
def test_the_clocks_are_the_same_whether_or_not_a_sweeper_looks_in_between(
    terms: Terms, steps: list[Step], looks: list[int], rest: timedelta
) -> None:
    until = steps[-1].at + rest
    case, times = CaseClocks(terms), sorted(START + timedelta(seconds=look) for look in looks)
    for number, each in enumerate(steps):
        case.apply(each)
        following = steps[number + 1].at if number + 1 < len(steps) else until
        for at in times:
            if each.at <= at <= following:
                case.settle(at)
    case.settle(until)
    assert case.all() == fold(terms, steps, until)


@given(terms(), histories(), WAITS)
def test_what_was_said_of_a_clock_is_never_undone(terms: Terms, steps: list[Step], rest: timedelta) -> None:
    until = steps[-1].at + rest
    final = {(clock.kind, clock.cycle): clock for clock in fold(terms, steps, until)}
    for length in range(1, len(steps) + 1):
        for clock in fold(terms, steps[:length], steps[length - 1].at):
            later = final[clock.kind, clock.cycle]
            assert later.warned[: len(clock.warned)] == clock.warned
            assert clock.breached_at in (None, later.breached_at)
            assert clock.state != "met" or later == clock


@given(terms(), histories(), WAITS)
def test_a_clock_ends_in_one_way_and_its_time_adds_up(terms: Terms, steps: list[Step], rest: timedelta) -> None:
    until = steps[-1].at + rest
    for clock in fold(terms, steps, until):
        percents = [threshold.percent for threshold in clock.warned]
        assert sorted(set(percents)) == percents
        assert (clock.state == "breached") == (clock.breached_at is not None)
        assert (clock.state == "running") == (clock.due_at is not None) == (clock.resumed_at is not None)
        assert clock.ended_at is not None or clock.state in ("running", "paused", "breached")
        assert clock.state != "met" or clock.active <= clock.target.duration or clock.active == clock.carried
        if clock.state == "running":
            assert clock.due_at is not None
            assert clock.resumed_at is not None
            remaining = max(timedelta(), clock.target.duration - clock.active)
            counted = terms.elapsed(clock.target, clock.resumed_at, clock.due_at)
            assert counted == remaining


@given(histories())
def test_time_outside_opening_hours_does_not_count(steps: list[Step]) -> None:
    """With a target that is never reached, the active time is the open time in which the case did not wait."""
    endless = Terms({("resolution", None): Target(1000 * HOUR, "business")}, OFFICE, frozenset(("waiting",)))
    resolved = [each for each in steps if each.kind not in ("resolved", "reopened")]
    until = resolved[-1].at
    counted, runs = timedelta(), True
    for before, each in pairwise(resolved):
        if before.kind == "state_changed":
            runs = before.value != "waiting"
        elif before.kind == "customer_wrote":
            runs = True
        counted += business_time(OFFICE, before.at, each.at) if runs else timedelta()
    case = CaseClocks(endless)
    for each in [*resolved, Step("resolved", until)]:
        case.apply(each)
    assert case.clocks["resolution"][0].active == counted
