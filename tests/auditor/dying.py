"""A service that kills itself at a step, some time after it began: `python -m tests.auditor.dying SERVICE STEP PORT`.

The step is exact and the SIGKILL real: no handler runs, no buffer is flushed, every connection breaks.
"""

import os
import random
import signal
import sys
from typing import Any

from aiokafka import AIOKafkaConsumer

from chassis import relay
from chassis.command import settings_for
from chassis.service import load
from chassis.serving import serve
from chassis.work import Work

SOONEST, LATEST = 5, 40


def main() -> None:
    """Serves until the step is reached for the chosen time."""
    name, step, port = sys.argv[1:]
    STEPS[step]()
    service = load(name)
    service.configure(settings_for(name, service.settings_class))
    serve(service, "all", "127.0.0.1", int(port))


class Countdown:
    """How often the step may still be passed."""

    left = random.SystemRandom().randrange(SOONEST, LATEST)

    @classmethod
    def passed(cls) -> None:
        """The step is reached."""
        cls.left -= 1
        if cls.left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


def before_a_requests_commit() -> None:
    """Everything is inserted, nothing committed: of those that lock or ask before they write, and so begin."""
    _after("_flush", of_reactions=False, begun=True)


def before_a_requests_answer() -> None:
    """Everything is committed, and nobody was told."""
    _after("commit", of_reactions=False)


def before_a_reactions_commit() -> None:
    """The effects of events are written, not committed."""
    _after("_flush", of_reactions=True)


def before_the_offset_is_committed() -> None:
    """The effects of events are committed; Kafka will deliver them again."""

    async def commit(self: AIOKafkaConsumer, offsets: Any = None) -> None:
        Countdown.passed()
        await original(self, offsets)

    original = AIOKafkaConsumer.commit
    AIOKafkaConsumer.commit = commit


def before_the_outbox_is_emptied() -> None:
    """Kafka has acknowledged a wave of events, and the outbox holds them still."""

    async def connect(*arguments: Any) -> Any:
        return Dying(await original(*arguments))

    class Dying:
        def __init__(self, connection: Any) -> None:
            self._connection = connection

        def __getattr__(self, name: str) -> Any:
            return getattr(self._connection, name)

        async def execute(self, *arguments: Any) -> str:
            Countdown.passed()
            return str(await self._connection.execute(*arguments))

    original = relay.connect
    relay.connect = connect


def _after(method: str, *, of_reactions: bool, begun: bool = False) -> None:
    """Counts the transactions that announce something; `begun`: that are more than one statement."""

    async def patched(self: Work) -> None:
        announces = bool(self._leaving.events) and self.actor.startswith("reaction:") == of_reactions
        announces = announces and (self._began or not begun)
        await original(self)
        if announces:
            Countdown.passed()

    original = getattr(Work, method)
    setattr(Work, method, patched)


STEPS = {
    step.__name__: step
    for step in (
        before_a_requests_commit,
        before_a_requests_answer,
        before_a_reactions_commit,
        before_the_offset_is_committed,
        before_the_outbox_is_emptied,
    )
}

if __name__ == "__main__":
    main()
