"""Servers for the tests: PostgreSQL runs once per test run, each service once per test process."""

import asyncio
import io
import os
import random
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from chassis.service import load
from local import SERVICES
from local.data_dir import DataDir
from tests.support import costs, server
from tests.support.service import ServiceUnderTest

settings.register_profile("house", deadline=None)  # a busy machine is not a failure
settings.register_profile("fixed", deadline=None, derandomize=True)  # .ci/run
settings.register_profile("fuzz", deadline=None, max_examples=2_000)  # `make fuzz`
settings.load_profile("house")

# xdist's workers inherit the seed from the controller. It selects some tests, and all workers must collect the same.
os.environ.setdefault("RAPPORT_SEED", str(random.SystemRandom().randrange(10**6)))


StartService = Callable[[str], Awaitable[ServiceUnderTest]]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Start the longest tests first in xdist's workers, so that short tests fill the gaps at the end."""
    if hasattr(config, "workerinput"):
        from tests.support.scheduling import rank_of

        items.sort(key=rank_of)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the cost of each operation."""
    costs.print_costs(terminalreporter)


# PostgreSQL


class SharedServer:
    """The PostgreSQL that xdist's controller runs for its workers."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="rapport-tests-")
        self.data_dir = DataDir.at(Path(self._folder.name))
        with redirect_stdout(io.StringIO()):  # the log of the migrations
            self._running, self._guard = asyncio.run(server.start(self.data_dir))

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Pass the server's folder to a worker."""
        node.workerinput["postgresql"] = str(self.data_dir.root)

    def pytest_unconfigure(self) -> None:
        """Stop the server."""
        asyncio.run(server.end(self.data_dir, self._running, self._guard))
        self._folder.cleanup()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Return the scheduler, which keeps some tests together in the same worker."""
    from tests.support.scheduling import Scheduler

    config.option.loadscopereorder = False  # the workers have sorted the tests
    return Scheduler(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Start the shared server in the controller, before its workers."""
    config.pluginmanager.register(SharedServer())


@pytest.fixture(scope="session")
async def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DataDir]:
    """Provide a running PostgreSQL with five migrated databases for this process. Their settings are in its folder."""
    worker = getattr(request.config, "workerinput", None)
    folder = tmp_path_factory.mktemp("databases")
    if worker is None:
        async with server.started(folder) as data_dir:
            yield data_dir
    else:
        yield await server.copied(DataDir.at(Path(worker["postgresql"])), folder, worker["workerid"])


# Services


@pytest.fixture(scope="session")
async def start_service(database: DataDir) -> AsyncIterator[StartService]:
    """Start a service when a test first needs it. It runs until the end. Each test uses it as its own tenant."""
    running: dict[str, ServiceUnderTest] = {}
    async with AsyncExitStack() as until_the_end:

        async def start(name: str) -> ServiceUnderTest:
            if name not in running:
                running[name] = ServiceUnderTest(load(name), database)
                await until_the_end.enter_async_context(running[name].running())
            return running[name]

        yield start


def running_service(name: str) -> Any:
    """Return a fixture that provides a running service."""

    @pytest.fixture(scope="session", name=f"running_{name}")
    async def running(start_service: StartService) -> ServiceUnderTest:
        return await start_service(name)

    return running


def service_of_a_new_tenant(name: str) -> Any:
    """Return a fixture that provides a service to a new tenant."""

    @pytest.fixture(name=name)
    async def service(start_service: StartService) -> ServiceUnderTest:
        return await (await start_service(name)).for_new_tenant()

    return service


running_customers, running_interactions, running_loyalty, running_analytics = map(running_service, SERVICES)
customers, interactions, loyalty, analytics = map(service_of_a_new_tenant, SERVICES)


@pytest.fixture(params=SERVICES)
async def running(request: pytest.FixtureRequest, start_service: StartService) -> ServiceUnderTest:
    """Provide each of the four services in turn."""
    return await start_service(request.param)


@pytest.fixture
async def service(running: ServiceUnderTest) -> ServiceUnderTest:
    """Provide each of the four services in turn, to a new tenant."""
    return await running.for_new_tenant()
