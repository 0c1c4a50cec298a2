"""Clocks of service levels: a fold of what happened to a case.

A clock runs from the event that needs an answer until the answer. It stops while the case waits for the customer. It is
met if the answer is not later than its due time. Else it is breached at that due time, whenever that is noticed, and no
later step undoes it. The result depends on the steps alone: it is the same with every step applied as it happens, with
all of them at once, and whether or not a sweeper looks in between.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Literal

from typing_extensions import TypeAliasType

from services.interactions.helpdesk.rules.business_time import (
    MAX_YEARS,
    Calendar,
    DueTooLate,
    add_business_time,
    business_time,
)

ClockKind = TypeAliasType("ClockKind", Literal["first_response", "next_response", "resolution"])
ClockState = TypeAliasType("ClockState", Literal["running", "paused", "met", "breached", "cancelled"])
TargetTime = TypeAliasType("TargetTime", Literal["business", "elapsed"])
ReopenedTime = TypeAliasType("ReopenedTime", Literal["remaining", "full"])
StepKind = Literal["opened", "state_changed", "priority_changed", "customer_wrote", "answered", "resolved", "reopened"]


@dataclass(frozen=True, slots=True)
class Step:
    """A fact about a case that its clocks depend on. The value is the priority of `opened` and of its change, or the
    state. Automatic replies and internal notes are no steps.
    """

    kind: StepKind
    at: datetime
    value: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """How long an answer may take, in open time of the calendar or in time that passes."""

    duration: timedelta
    time: TargetTime


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a version of a policy. A target for no priority is that of all others."""

    targets: Mapping[tuple[ClockKind, str | None], Target]
    calendar: Calendar | None = None
    pause_on: frozenset[str] = frozenset()
    warn_percents: tuple[int, ...] = ()
    reopened_time: ReopenedTime = "remaining"

    def target(self, kind: ClockKind, priority: str) -> Target | None:
        """Return the target of a priority, or None if it has none."""
        return self.targets.get((kind, priority)) or self.targets.get((kind, None))

    def thresholds(self, target: Target) -> list[tuple[int, timedelta]]:
        """Return the percentages at which to warn, each with the time of the target."""
        return [(percent, target.duration * percent // 100) for percent in sorted(self.warn_percents)]

    def due_at(self, target: Target, start: datetime, remaining: timedelta) -> datetime:
        """Return when a duration has passed, at the latest in `MAX_YEARS` years."""
        remaining = max(remaining, timedelta())
        if target.time == "elapsed" or self.calendar is None:
            return start + remaining
        try:
            return add_business_time(self.calendar, start, remaining)
        except DueTooLate:
            return start + timedelta(days=365 * MAX_YEARS)

    def elapsed(self, target: Target, start: datetime, end: datetime) -> timedelta:
        """Return the time between two instants that counts towards a target."""
        if target.time == "elapsed" or self.calendar is None:
            return end - start
        return business_time(self.calendar, start, end)


@dataclass(frozen=True, slots=True)
class Threshold:
    """A percentage of a target, and the time at which it is reached."""

    percent: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """A cycle of a clock. `active` is the time that counted until it was last resumed, `carried` that of former cycles.

    `thresholds` are the warnings to come if it keeps running, and `warned` are those that were reached.
    """

    kind: ClockKind
    cycle: int
    target: Target
    started_at: datetime
    state: ClockState = "running"
    active: timedelta = timedelta()
    carried: timedelta = timedelta()
    resumed_at: datetime | None = None
    due_at: datetime | None = None
    thresholds: tuple[Threshold, ...] = ()
    warned: tuple[Threshold, ...] = ()
    breached_at: datetime | None = None
    ended_at: datetime | None = None

    def settle(self, until: datetime) -> "Clock":
        """Apply what time alone has changed: warnings whose time has come, and a breach once the due time is over."""
        if self.due_at is None:
            return self
        reached = tuple(each for each in self.thresholds if each.at <= min(until, self.due_at))
        warned = replace(self, warned=self.warned + reached, thresholds=self.thresholds[len(reached) :])
        if until <= self.due_at:
            return warned
        used = max(self.active, self.target.duration)
        breached = replace(warned, state="breached", breached_at=self.due_at, active=used)
        return replace(breached, resumed_at=None, due_at=None, thresholds=())

    def resumed(self, terms: Terms, at: datetime) -> "Clock":
        """Return the clock running from a time, with the time that remains."""
        warned = {each.percent for each in self.warned}
        thresholds = [
            Threshold(percent, terms.due_at(self.target, at, passes_at - self.active))
            for percent, passes_at in terms.thresholds(self.target)
            if percent not in warned and passes_at > self.carried
        ]
        due_at = terms.due_at(self.target, at, self.target.duration - self.active)
        return replace(self, state="running", resumed_at=at, due_at=due_at, thresholds=tuple(thresholds))

    def stopped(self, terms: Terms, at: datetime, state: ClockState) -> "Clock":
        """Return the clock in a state in which it does not run. Its time until then counts."""
        active = self.active
        if self.resumed_at is not None:
            active += terms.elapsed(self.target, self.resumed_at, at)
        return replace(self, state=state, active=active, resumed_at=None, due_at=None, thresholds=())

    def ended(self, terms: Terms, at: datetime, state: Literal["met", "cancelled"]) -> "Clock":
        """Return the clock after its answer, or after nothing is to be answered any more. A breach remains."""
        if self.ended_at is not None:
            return self
        if self.state == "breached":
            return replace(self, ended_at=at)
        return replace(self.stopped(terms, at, state), ended_at=at)


class CaseClocks:
    """The clocks of a case, and what of the case they depend on. Steps are applied in the order of their records."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.clocks: dict[ClockKind, list[Clock]] = {}
        self._now: datetime | None = None
        self._priority = ""
        self._is_paused = self._is_answered = self._is_waiting = False
        self._is_open = False

    def apply(self, step: Step) -> None:
        """Apply a step. One that is earlier than its predecessor counts at the time of the predecessor."""
        at = self._now = step.at if self._now is None else max(step.at, self._now)
        self.settle(at)
        match step.kind:
            case "opened":
                self._open(at, step.value)
            case "state_changed":
                self._pause(at, step.value in self.terms.pause_on)
            case "priority_changed":
                self._change_priority(at, step.value)
            case "customer_wrote":
                self._hear_customer(at)
            case "answered":
                self._answer(at)
            case "resolved":
                self._close(at)
            case "reopened":
                self._reopen(at)

    def settle(self, until: datetime) -> None:
        """Apply what time alone has changed."""
        for cycles in self.clocks.values():
            cycles[-1] = cycles[-1].settle(until)

    def all(self) -> list[Clock]:
        """Return every cycle of every clock."""
        return list(chain.from_iterable(self.clocks.values()))

    def _open(self, at: datetime, priority: str) -> None:
        self._is_open, self._priority = True, priority
        self._start("first_response", at)
        self._start("resolution", at)

    def _pause(self, at: datetime, paused: bool) -> None:
        if paused == self._is_paused:
            return
        self._is_paused = paused
        for kind, clock in self._current():
            if paused and clock.state == "running":
                self._put(kind, clock.stopped(self.terms, at, "paused"))
            elif not paused and clock.state == "paused":
                self._put(kind, clock.resumed(self.terms, at))

    def _change_priority(self, at: datetime, priority: str) -> None:
        """Give the clocks the targets of another priority. The time that has counted remains."""
        self._priority = priority
        for kind in self._unanswered():
            target, clock = self.terms.target(kind, priority), self._last(kind)
            if clock is None or clock.state == "cancelled":
                self._start(kind, at, timedelta() if clock is None else clock.active)
            elif target is None:
                self._end(kind, at, "cancelled")
            elif clock.state != "breached":
                changed = replace(clock.stopped(self.terms, at, "paused"), target=target)
                self._put(kind, changed if self._is_paused else changed.resumed(self.terms, at))

    def _hear_customer(self, at: datetime) -> None:
        """Resume, and wait for the next response if the first was given."""
        self._pause(at, False)
        self._is_waiting = True
        clock = self._last("next_response")
        if self._is_open and self._is_answered and (clock is None or clock.ended_at is not None):
            self._start("next_response", at)

    def _answer(self, at: datetime) -> None:
        self._is_answered, self._is_waiting = True, False
        for kind in ("first_response", "next_response"):
            self._end(kind, at, "met")

    def _close(self, at: datetime) -> None:
        """End all clocks. A resolution also answers every outstanding message."""
        self._is_open = self._is_waiting = False
        self._is_answered = True
        for kind, _ in self._current():
            self._end(kind, at, "met")

    def _reopen(self, at: datetime) -> None:
        """Start another cycle of the resolution with the time that remains of the last one."""
        if self._is_open:
            return
        self._is_open, self._is_paused = True, False
        last = self._last("resolution")
        used = last.active if last and self.terms.reopened_time == "remaining" else timedelta()
        self._start("resolution", at, used)
        if self._is_waiting and self._is_answered:
            self._start("next_response", at)

    def _start(self, kind: ClockKind, at: datetime, active: timedelta = timedelta()) -> None:
        """Start a cycle if the priority has a target of this kind."""
        target = self.terms.target(kind, self._priority)
        if target is None:
            return
        cycles = self.clocks.setdefault(kind, [])
        clock = Clock(kind, len(cycles) + 1, target, at, state="paused", active=active, carried=active)
        cycles.append(clock if self._is_paused else clock.resumed(self.terms, at))

    def _end(self, kind: ClockKind, at: datetime, state: Literal["met", "cancelled"]) -> None:
        if kind in self.clocks:
            self._put(kind, self.clocks[kind][-1].ended(self.terms, at, state))

    def _unanswered(self) -> list[ClockKind]:
        """Return the kinds of clocks whose answer is outstanding, whether or not they have a target."""
        response: ClockKind = "next_response" if self._is_answered else "first_response"
        is_waiting = self._is_waiting or not self._is_answered
        return ["resolution", *([response] if is_waiting else [])] if self._is_open else []

    def _last(self, kind: ClockKind) -> Clock | None:
        return self.clocks[kind][-1] if kind in self.clocks else None

    def _current(self) -> list[tuple[ClockKind, Clock]]:
        return [(kind, cycles[-1]) for kind, cycles in self.clocks.items()]

    def _put(self, kind: ClockKind, clock: Clock) -> None:
        self.clocks[kind][-1] = clock


def fold(terms: Terms, steps: Iterable[Step], until: datetime) -> list[Clock]:
    """Return the clocks of a case after its steps, as they are at a time."""
    case = CaseClocks(terms)
    for step in steps:
        case.apply(step)
    case.settle(until)
    return case.all()
