"""Recovery: what a wiped Kafka or a reader from an older backup has lost is found, and published again.

A reader that is restored is simulated in place: its tables get the rows back that they had at an earlier moment.
"""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from gateway.proxy.completeness import MARGIN
from tests.auditor.load import a_load
from tests.support import commands
from tests.support.stack import RunningStack, Visitor, a_visitor

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    running = RunningStack(tmp_path_factory.mktemp("recovery"))
    running.start()
    yield running
    running.stop()


def reconcile(stack: RunningStack, *options: str) -> commands.Finished:
    """Run `rapport reconcile`, and print what it says."""
    done = commands.run(("reconcile", *options), stack.data_dir.root)
    print(done.output, done.errors)
    return done


async def test_a_stack_that_lost_nothing_is_complete_under_load(own_stack: RunningStack) -> None:
    """Events on their way are not missing. The load goes on while both sides are compared."""
    async with a_load(own_stack, "nothing is lost") as load:
        await load.further(100)
        done = await asyncio.to_thread(reconcile, own_stack)
        assert done.code == 0
        assert "complete: " in done.errors


async def test_events_that_a_wiped_kafka_has_lost_are_published_again(own_stack: RunningStack) -> None:
    """Loyalty and analytics have not read what was in Kafka."""
    async with a_load(own_stack, "a wiped Kafka", recover=lambda: repaired(own_stack)) as load:
        with suspended(own_stack, "analytics"):
            assert await completeness(load.visitors[0]) is None  # nothing can be said without analytics
            await load.further(100)
            with suspended(own_stack, "loyalty"):  # not for longer: the clients wait for its answers
                await asyncio.sleep(1)
                wipe_kafka(own_stack)
        await load.further(50)


async def test_a_reader_from_an_older_backup_becomes_whole_again(own_stack: RunningStack) -> None:
    async with a_load(own_stack, "an older reader", recover=lambda: repaired(own_stack)) as load:
        async with restored_to_this_moment(own_stack, "analytics"):
            await load.further(150)
        await load.further(50)


async def completeness(visitor: Visitor) -> bool | None:
    """Return whether the status finds events missing, by a comparison now."""
    answer = await visitor.request_until_answered("GET", "/v1/status?complete=true")
    complete: bool | None = answer.json()["complete"]
    return complete


async def repaired(stack: RunningStack) -> None:
    """Publish the missing events again, and then find none missing. The status agrees."""
    await asyncio.sleep(1)  # until a supervisor that finds Kafka empty has restarted the services
    await stack.ready()
    operator = a_visitor(stack)
    await operator.drained()
    await asyncio.sleep(MARGIN.total_seconds() + 1)  # the comparison leaves out the youngest events
    assert await completeness(operator) is False
    found = reconcile(stack, "--repair")
    assert found.code == 1, "the test has lost nothing"
    assert "published" in found.errors
    assert reconcile(stack).code == 0
    assert await completeness(operator) is True
    await operator.close()


async def test_what_is_republished_as_a_whole_changes_nothing(own_stack: RunningStack) -> None:
    async with a_load(own_stack, "everything again", recover=lambda: everything_again(own_stack)) as load:
        await load.further(50)


async def everything_again(stack: RunningStack) -> None:
    for service in ("gateway", "customers", "interactions", "loyalty"):
        own = commands.run(("republish", service), stack.data_dir.root)
        print(own.errors)
        assert own.code == 0
    assert reconcile(stack).code == 0


@contextmanager
def suspended(stack: RunningStack, name: str) -> Iterator[None]:
    """Suspend a process during the block."""
    pid = stack.kill(name, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def wipe_kafka(stack: RunningStack) -> None:
    """Kill Kafka and remove its data, while the supervisor is suspended. It then starts an empty Kafka.

    It also restarts the services, whose topics are gone.
    """
    stack.process.send_signal(signal.SIGSTOP)
    try:
        stack.kill("kafka")
        shutil.rmtree(stack.data_dir.root / "kafka")
    finally:
        stack.process.send_signal(signal.SIGCONT)


@asynccontextmanager
async def restored_to_this_moment(stack: RunningStack, service: str) -> AsyncIterator[None]:
    """Give the tables of a service the rows back, at the end of the block, that they have at its beginning."""
    async with stack.superuser(service) as connection:
        tables = [row["name"] for row in await connection.fetch(TABLES)]
        await connection.execute("create schema backup")
        async with connection.transaction(isolation="repeatable_read"):
            for table in tables:
                await connection.execute(f"create table backup.{table.replace('.', '_')} as table {table}")
        yield
        async with connection.transaction():
            await connection.execute("set local session_replication_role = replica")  # foreign keys hold at the end
            await connection.execute(f"lock table {', '.join(tables)} in access exclusive mode")
            for table in tables:
                await connection.execute(f"delete from {table}")
                copy = f"backup.{table.replace('.', '_')}"
                await connection.execute(f"insert into {table} overriding system value table {copy}")
        await connection.execute("drop schema backup cascade")


TABLES = """
    select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname in ('public', 'chassis') and tablename <> 'alembic_version' order by 1
"""
