"""Fixtures: these tests share a whole system. Tests that break it permanently start their own."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.service import FREE_FAILURES
from tests.support.stack import RunningStack, Visitor, a_visitor


@pytest.fixture(scope="package")  # stopped before other tests, which need the processor
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    free = {name.upper(): str(count) for name, count in FREE_FAILURES.items()}
    running = RunningStack(tmp_path_factory.mktemp("system"), **free)
    running.start()
    yield running
    running.stop()


@pytest.fixture
async def visitor(stack: RunningStack) -> AsyncIterator[Visitor]:
    one = a_visitor(stack)
    yield one
    await one.close()
