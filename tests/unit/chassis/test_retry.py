"""Retries: their pauses, their number of attempts, and errors that are not retried."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.core.retry import Backoff, retry

WITHOUT_PAUSE = Backoff(0.0, 0.0)


class Conflict(Exception):
    """An error that is worth another attempt."""


class Deadlock(Conflict):
    """An error that is worth fewer attempts."""


def failing(*errors: Exception) -> tuple[Callable[[int], "asyncio.Future[str]"], list[int]]:
    """Return a function that raises these errors in turn and then succeeds, and the list of its attempts."""
    attempts: list[int] = []

    async def run(attempt: int) -> str:
        attempts.append(attempt)
        if attempt <= len(errors):
            raise errors[attempt - 1]
        return "done"

    return run, attempts  # type: ignore[return-value]


# Pauses


def test_pauses_double_until_they_reach_the_longest() -> None:
    backoff = Backoff(0.5, 5.0)
    assert [backoff.pause(attempt) for attempt in range(1, 8)] == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0]


def test_the_first_retries_may_be_immediate() -> None:
    backoff = Backoff(0.5, 5.0, immediate=2)
    assert [backoff.pause(attempt) for attempt in range(1, 6)] == [0, 0, 0.5, 1, 2]


@given(st.integers(1, 10**6), st.floats(0.001, 10), st.floats(0.001, 60))
def test_no_pause_is_longer_than_the_longest(attempt: int, first: float, longest: float) -> None:
    assert Backoff(first, longest).pause(attempt) <= longest
    assert Backoff(first, longest).pause(attempt) <= Backoff(first, longest).pause(attempt + 1)


@given(st.integers(1, 100))
def test_a_pause_with_jitter_lies_between_zero_and_the_pause_without(attempt: int) -> None:
    full = Backoff(0.02, 1.0).pause(attempt)
    pauses = {Backoff(0.02, 1.0, jitter=True).pause(attempt) for _ in range(20)}
    assert all(0 <= pause <= full for pause in pauses)
    assert len(pauses) > 1


# Attempts


async def test_a_function_that_succeeds_runs_once() -> None:
    run, attempts = failing()
    assert await retry(run, on=(Conflict,), attempts=lambda _: 5, backoff=WITHOUT_PAUSE) == "done"
    assert attempts == [1]


async def test_a_function_that_fails_runs_again_and_knows_its_attempt() -> None:
    run, attempts = failing(Conflict(), Deadlock())
    assert await retry(run, on=(Conflict,), attempts=lambda _: 5, backoff=WITHOUT_PAUSE) == "done"
    assert attempts == [1, 2, 3]


async def test_the_last_error_is_raised_after_the_attempts() -> None:
    errors = [Conflict(str(number)) for number in range(5)]
    run, attempts = failing(*errors)
    with pytest.raises(Conflict, match="2"):
        await retry(run, on=(Conflict,), attempts=lambda _: 3, backoff=WITHOUT_PAUSE)
    assert attempts == [1, 2, 3]


async def test_each_error_is_worth_its_own_number_of_attempts() -> None:
    def worth(error: Exception) -> int:
        return 1 if isinstance(error, Deadlock) else 5

    run, attempts = failing(Conflict(), Conflict(), Deadlock())
    with pytest.raises(Deadlock):
        await retry(run, on=(Conflict,), attempts=worth, backoff=WITHOUT_PAUSE)
    assert attempts == [1, 2, 3]


async def test_another_exception_is_not_retried() -> None:
    run, attempts = failing(ValueError("a defect"))
    with pytest.raises(ValueError, match="a defect"):
        await retry(run, on=(Conflict,), attempts=lambda _: 5, backoff=WITHOUT_PAUSE)
    assert attempts == [1]


async def test_a_cancellation_is_not_retried() -> None:
    attempts = []

    async def run(attempt: int) -> None:
        attempts.append(attempt)
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await retry(run, on=(Exception,), attempts=lambda _: 5, backoff=WITHOUT_PAUSE)
    assert attempts == [1]


async def test_between_attempts_the_pause_of_the_attempt_is_slept(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("chassis.core.retry.asyncio.sleep", sleep)
    run, _ = failing(Conflict(), Conflict(), Conflict())
    await retry(run, on=(Conflict,), attempts=lambda _: 9, backoff=Backoff(0.1, 0.3))
    assert slept == [0.1, 0.2, 0.3]
