"""Files: stored and read in pieces, in a folder and in an S3-compatible store, and deleted with their jobs."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from moto.server import ThreadedMotoServer

from chassis import uuid7
from chassis.core.files import FileNotStored, FileStore, file_path
from chassis.messaging import files as sweeping
from chassis.messaging.files import FileSweeper
from services.customers.base import Job
from tests.support.service import ServiceUnderTest

PIECES = [bytes([number]) * 1_500_000 for number in range(8)]


async def pieces() -> AsyncIterator[bytes]:
    for piece in PIECES:
        yield piece


async def content(store: FileStore, path: str, begin: int = 0) -> bytes:
    return b"".join([piece async for piece in store.read(path, begin)])


async def paths(store: FileStore, folder: str) -> list[str]:
    return sorted([file.path async for file in store.files_in(folder)])


async def check(store: FileStore) -> None:
    """Write, replace, read, list and delete files."""
    tenant, whole = str(uuid7()), b"".join(PIECES)
    await store.write(f"{tenant}/a/large", pieces())
    await store.write_whole(f"{tenant}/a/small", b"first")
    await store.write_whole(f"{tenant}/a/small", b"second")
    assert await content(store, f"{tenant}/a/large") == whole
    assert await content(store, f"{tenant}/a/large", 9_000_000) == whole[9_000_000:]
    assert await content(store, f"{tenant}/a/small") == b"second"
    assert await paths(store, tenant) == [f"{tenant}/a/large", f"{tenant}/a/small"]
    assert tenant in await store.folders()
    await store.delete([f"{tenant}/a/large", f"{tenant}/a/small", f"{tenant}/a/never"])
    assert (await paths(store, tenant), tenant in await store.folders()) == ([], False)
    with pytest.raises(FileNotStored):
        await content(store, f"{tenant}/a/large")


async def test_files_in_a_folder(customers: ServiceUnderTest) -> None:
    await check(customers.shared.running.files)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileStore]:
    """Provide a bucket of a server that speaks S3."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    for name, value in {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    assert httpx.put(f"{address}/uploads", headers={"host": "s3.amazonaws.com"}).is_success
    yield FileStore("s3://uploads/of-customers")
    server.stop()


async def test_files_in_an_s3_compatible_store(s3: FileStore) -> None:
    await check(s3)


async def test_a_file_whose_sender_disappears_is_not_stored(customers: ServiceUnderTest) -> None:
    async def cut_off() -> AsyncIterator[bytes]:
        yield PIECES[0]
        raise ConnectionError

    store, path = customers.shared.running.files, file_path(customers.tenant.id, uuid7(), "upload")
    with pytest.raises(Exception):  # noqa: B017, PT011 - the store's own error
        await store.write(path, cut_off())
    assert await paths(store, str(customers.tenant.id)) == []


async def test_files_without_a_job_are_removed(customers: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    store, tenant = customers.shared.running.files, customers.tenant.id
    async with customers.work() as work:
        job = await work.insert(Job(kind="count", actor="a", state="ready", created_at=work.now))

    async def a_file(tenant: UUID, job: UUID) -> str:
        path = file_path(tenant, job, "upload")
        await store.write_whole(path, b"a")
        return path

    kept, orphaned = await a_file(tenant, job.id), await a_file(tenant, uuid7())
    sweeper = FileSweeper(customers.shared.worker_pool, Job, store)
    await sweeper.sweep()
    assert await paths(store, str(tenant)) == sorted([kept, orphaned]), "a file may be older than its job"
    monkeypatch.setattr(sweeping, "GRACE", timedelta(0))
    await sweeper.sweep()
    assert await paths(store, str(tenant)) == [kept]
    monkeypatch.undo()
    deletion = {"type": "gateway.tenant_deleted.v1", "key": tenant, "data": {"tenant_id": str(tenant)}}
    await customers.deliver(deletion)
    await sweeper.sweep()
    assert await paths(store, str(tenant)) == [], "all files of a deleted tenant are deleted"
