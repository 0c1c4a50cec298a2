"""Retries: the pauses between attempts, and the loop that repeats an operation."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses between attempts, in seconds: they double from `first` up to `longest`.

    `jitter` draws each pause at random between zero and that, so that competitors do not collide again. `immediate` is
    the number of first retries without a pause.
    """

    first: float
    longest: float
    jitter: bool = False
    immediate: int = 0

    def pause(self, attempt: int) -> float:
        """Return the pause after an attempt, in seconds. Attempts count from 1."""
        attempt -= self.immediate
        if attempt < 1:
            return 0.0
        seconds = min(self.first * 2 ** min(attempt - 1, 32), self.longest)
        return random.uniform(0, seconds) if self.jitter else seconds


async def retry(
    run: Callable[[int], Awaitable[Result]],
    *,
    on: tuple[type[Exception], ...],
    attempts: Callable[[Exception], int],
    backoff: Backoff,
) -> Result:
    """Call `run` with the number of the attempt, from 1, until it returns.

    An exception of the types `on` is raised after the number of attempts that `attempts` returns for it.
    """
    attempt = 1
    while True:
        try:
            return await run(attempt)
        except on as error:
            if attempt >= attempts(error):
                raise
        await asyncio.sleep(backoff.pause(attempt))
        attempt += 1
