"""Jobs: done in chunks, each exactly once, by one worker at a time, and fairly among tenants."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from chassis import Chunk, JobFailed, JobNotInState, JobRun, UnitOfWork, cancel_job, pause_job, resume_job
from chassis.db.jobs import JobKind, RunChunk
from chassis.messaging.jobs import MAX_ATTEMPTS, JobRunner
from services.customers.base import Job
from services.customers.people.tables import NameWord
from tests.support.service import ServiceUnderTest

LENGTH = 5


async def count(work: UnitOfWork, job: JobRun) -> Chunk:
    """Write a number per chunk. A number that was written twice would violate a constraint."""
    number = (job.cursor or {"next": 0})["next"]
    await work.insert(NameWord(word=f"{job.id} {number}"))
    return Chunk({"next": number + 1}, done=1, total=LENGTH, is_last=number + 1 == LENGTH)


def runner_of(service: ServiceUnderTest, run: RunChunk = count) -> JobRunner:
    kinds = [JobKind("test", "count", run)]
    return JobRunner(service.shared.worker_pool, Job, kinds, service.shared.running.settings, lambda: None)


async def a_job(service: ServiceUnderTest, **columns: Any) -> UUID:
    async with service.work() as work:
        job = await work.insert(Job(kind="count", actor="key:test", created_at=work.now, **columns))
    return job.id


async def job_of(service: ServiceUnderTest, id: UUID) -> Job:
    async with service.work(writes=False) as work:
        return await work.get(Job, id)


async def change(service: ServiceUnderTest, id: UUID, function: Callable[..., Any]) -> None:
    async with service.work() as work:
        await function(work, await work.get(Job, id, for_update=True))


async def numbers(service: ServiceUnderTest) -> int:
    return len(await service.rows("select * from name_word"))


async def test_a_job_is_done_chunk_by_chunk(customers: ServiceUnderTest) -> None:
    id, runner = await a_job(customers), runner_of(customers)
    for done in range(1, LENGTH + 1):
        assert await runner.run_chunk(customers.tenant, id)
        job = await job_of(customers, id)
        assert (job.done, job.total, job.cursor) == (done, LENGTH, {"next": done})
    assert (job.state, job.started_at is None, job.finished_at is None) == ("succeeded", False, False)
    assert not await runner.run_chunk(customers.tenant, id), "nothing is left to do"
    assert await numbers(customers) == LENGTH


async def test_a_chunk_that_fails_leaves_nothing_and_is_done_again(customers: ServiceUnderTest) -> None:
    id, failures = await a_job(customers), iter([False, True, False])

    async def unreliable(work: UnitOfWork, job: JobRun) -> Chunk:
        chunk = await count(work, job)
        if next(failures, False):
            raise OSError("the store is away")
        return chunk

    runner = runner_of(customers, unreliable)
    await runner.run_chunk(customers.tenant, id)
    await runner.run_chunk(customers.tenant, id)
    job = await job_of(customers, id)
    assert (job.done, job.attempts, job.state, await numbers(customers)) == (1, 1, "running", 1)
    assert job.retry_at is not None, "it waits before the next attempt"
    while await runner.run_chunk(customers.tenant, id):
        pass
    job = await job_of(customers, id)
    assert (job.done, job.attempts, job.state, await numbers(customers)) == (LENGTH, 0, "succeeded", LENGTH)


async def test_two_workers_do_not_work_on_a_job_at_once(customers: ServiceUnderTest) -> None:
    id, proceed = await a_job(customers), asyncio.Event()

    async def slow(work: UnitOfWork, job: JobRun) -> Chunk:
        await proceed.wait()
        return await count(work, job)

    first = asyncio.create_task(runner_of(customers, slow).run_chunk(customers.tenant, id))
    await asyncio.sleep(0.3)
    assert not await runner_of(customers).run_chunk(customers.tenant, id), "another worker has it"
    proceed.set()
    assert await first
    assert (await job_of(customers, id)).done == 1


async def test_a_job_is_paused_resumed_and_cancelled(customers: ServiceUnderTest) -> None:
    id, runner = await a_job(customers), runner_of(customers)
    await runner.run_chunk(customers.tenant, id)
    await change(customers, id, pause_job)
    assert not await runner.run_chunk(customers.tenant, id)
    with pytest.raises(JobNotInState):
        await change(customers, id, pause_job)
    await change(customers, id, resume_job)
    assert await runner.run_chunk(customers.tenant, id)
    await change(customers, id, cancel_job)
    assert not await runner.run_chunk(customers.tenant, id)
    with pytest.raises(JobNotInState):
        await change(customers, id, resume_job)
    assert await numbers(customers) == 2, "the chunks that were done stay"


async def test_a_job_fails_for_a_reason_or_after_several_attempts(customers: ServiceUnderTest) -> None:
    async def hopeless(work: UnitOfWork, job: JobRun) -> Chunk:
        raise JobFailed("file_is_gone", "The file is gone.")

    async def broken(work: UnitOfWork, job: JobRun) -> Chunk:
        raise ZeroDivisionError

    hopeless_id, broken_id = await a_job(customers), await a_job(customers)
    await runner_of(customers, hopeless).run_chunk(customers.tenant, hopeless_id)
    job = await job_of(customers, hopeless_id)
    assert (job.state, job.failure) == ("failed", {"code": "file_is_gone", "detail": "The file is gone."})
    for _ in range(MAX_ATTEMPTS):
        assert (await job_of(customers, broken_id)).state == "queued"
        await runner_of(customers, broken).run_chunk(customers.tenant, broken_id)
    job = await job_of(customers, broken_id)
    assert (job.state, (job.failure or {})["code"]) == ("failed", "internal_error")
    await change(customers, broken_id, resume_job)
    await runner_of(customers).run_chunk(customers.tenant, broken_id)
    assert (await job_of(customers, broken_id)).done == 1


async def test_a_small_job_does_not_wait_for_the_large_jobs_of_others(customers: ServiceUnderTest) -> None:
    """Three tenants have large jobs, and a fourth has a small one: it is done while each of them had a few turns."""
    tenants = [await customers.for_new_tenant() for _ in range(4)]
    turns: list[UUID] = []

    async def endless(work: UnitOfWork, job: JobRun) -> Chunk:
        turns.append(work.tenant.id)
        return Chunk({}, done=1, is_last="small" in job.parameters)

    ids = [await a_job(tenant, parameters={"small": True} if tenant is tenants[3] else {}) for tenant in tenants]
    running = asyncio.create_task(runner_of(customers, endless).run())
    async with asyncio.timeout(20):
        while (await job_of(tenants[3], ids[3])).state != "succeeded":  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    before = turns[: turns.index(tenants[3].tenant.id)]
    assert max(before.count(tenant.tenant.id) for tenant in tenants) <= 3
    for tenant, id in zip(tenants[:3], ids[:3], strict=True):
        await change(tenant, id, cancel_job)
