"""Run a service that kills itself at a step, some time after its start.

`python -m tests.auditor.dying SERVICE STEP PORT`. The step is exact and the SIGKILL real: no handler runs, no buffer
is flushed, every connection breaks.
"""

import os
import random
import signal
import sys
from typing import Any

from aiokafka import AIOKafkaConsumer

from chassis.cli.main import settings_for
from chassis.cli.server import serve
from chassis.db.transaction import Transaction
from chassis.messaging import relay
from chassis.service import load

SOONEST, LATEST = 5, 40


def main() -> None:
    """Serve until the step is reached for the randomly chosen time."""
    name, step, port = sys.argv[1:]
    STEPS[step]()
    service = load(name)
    serve(service, settings_for(name, service.settings), "all", "127.0.0.1", int(port))


class Countdown:
    """Count how often the step may still be passed."""

    left = random.SystemRandom().randrange(SOONEST, LATEST)

    @classmethod
    def passed(cls) -> None:
        """Count a pass of the step. Kill the process at the last."""
        cls.left -= 1
        if cls.left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


def before_a_requests_commit() -> None:
    """Kill when all rows of a request are inserted and not committed.

    Only requests that lock or read before they write count, because only these open a transaction.
    """
    _after("_flush", of_reactions=False, begun=True)


def before_a_requests_answer() -> None:
    """Kill after the commit, before the client receives the response."""
    _after("_commit", of_reactions=False)


def before_a_reactions_commit() -> None:
    """Kill when the effects of events are written but not committed."""
    _after("_flush", of_reactions=True)


def before_the_offset_is_committed() -> None:
    """Kill when the effects of events are committed. Kafka will deliver the events again."""

    async def commit(self: AIOKafkaConsumer, offsets: Any = None) -> None:
        Countdown.passed()
        await original(self, offsets)

    original = AIOKafkaConsumer.commit
    AIOKafkaConsumer.commit = commit


def before_the_outbox_is_emptied() -> None:
    """Kill when Kafka has acknowledged a batch of events that the outbox still contains."""

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
    """Count the transactions that publish events. With `begun`, count only those of several statements."""

    async def patched(self: Transaction, *arguments: Any) -> None:
        await original(self, *arguments)
        is_reaction = self.caller.actor.startswith("reaction:")
        if self.outbox.events and is_reaction == of_reactions and (self._began or not begun):
            Countdown.passed()

    original = getattr(Transaction, method)
    setattr(Transaction, method, patched)


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
