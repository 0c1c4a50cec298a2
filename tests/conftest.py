"""Servers for the tests: one PostgreSQL for the session, with every service's database migrated by its own history."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from hypothesis import settings

from chassis.migrations import migrate
from chassis.service import load
from local import PROCESSES, postgres
from local.places import Place, free_port, write_environments
from local.programs import stop
from tests.support.service import ServiceUnderTest, settings_of

settings.register_profile("house", deadline=None)  # a busy machine is no failure
settings.register_profile("fuzz", deadline=None, max_examples=2_000)  # `make fuzz`
settings.load_profile("house")


@pytest.fixture(scope="session")
async def database(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """A running PostgreSQL with the five migrated databases; the settings of each service stand in its folder."""
    place = Place.at(tmp_path_factory.mktemp("stack"))
    ports = place.ports(free_port(set()))
    postgres.initialise(place)
    running = postgres.start(place, ports["postgres"], unsafe_speed=True)
    url = postgres.admin_url(place, ports["postgres"])
    await _answers(url)
    write_environments(place, url, "127.0.0.1:1", ports)
    for name in PROCESSES:
        service = load(name)
        await migrate(settings_of(place, service), name, service.migrations)
    yield place
    await stop(place, "postgres", running, signal.SIGINT)


async def _answers(url: str) -> None:
    for _ in range(200):
        try:
            connection = await asyncpg.connect(url)
        except (OSError, asyncpg.PostgresError):
            await asyncio.sleep(0.05)
        else:
            await connection.close()
            return
    raise RuntimeError("PostgreSQL does not come up")


@asynccontextmanager
async def _under_test(database: Place, name: str) -> AsyncIterator[ServiceUnderTest]:
    tested = ServiceUnderTest(load(name), database)
    async with tested.running():
        yield tested


# Each service runs once for the session; each test meets it as a tenant of its own.


@pytest.fixture(scope="session")
async def running_customers(database: Place) -> AsyncIterator[ServiceUnderTest]:
    async with _under_test(database, "customers") as tested:
        yield tested


@pytest.fixture(scope="session")
async def running_interactions(database: Place) -> AsyncIterator[ServiceUnderTest]:
    async with _under_test(database, "interactions") as tested:
        yield tested


@pytest.fixture(scope="session")
async def running_loyalty(database: Place) -> AsyncIterator[ServiceUnderTest]:
    async with _under_test(database, "loyalty") as tested:
        yield tested


@pytest.fixture(scope="session")
async def running_analytics(database: Place) -> AsyncIterator[ServiceUnderTest]:
    async with _under_test(database, "analytics") as tested:
        yield tested


@pytest.fixture
async def customers(running_customers: ServiceUnderTest) -> ServiceUnderTest:
    return await running_customers.for_new_tenant()


@pytest.fixture
async def interactions(running_interactions: ServiceUnderTest) -> ServiceUnderTest:
    return await running_interactions.for_new_tenant()


@pytest.fixture
async def loyalty(running_loyalty: ServiceUnderTest) -> ServiceUnderTest:
    return await running_loyalty.for_new_tenant()


@pytest.fixture
async def analytics(running_analytics: ServiceUnderTest) -> ServiceUnderTest:
    return await running_analytics.for_new_tenant()
