"""The gateway, and tenants that have a key."""

import pytest

from tests.conftest import StartService
from tests.support.gateway import Shop, a_shop
from tests.support.service import ServiceUnderTest


@pytest.fixture
async def gateway(start_service: StartService) -> ServiceUnderTest:
    """Provide the running gateway."""
    return await start_service("gateway")


@pytest.fixture
async def shop(gateway: ServiceUnderTest) -> Shop:
    """Provide a tenant with a key that has every scope."""
    return await a_shop(gateway)
