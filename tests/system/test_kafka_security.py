"""Kafka with TLS and SASL: services pass events through it, and a client without its rights is refused."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError

from chassis.core.identity import HEADER, Signer
from chassis.db.pool import open_pool
from chassis.service import load, start
from local.data_dir import DataDir
from tests.support.facts import a_customer
from tests.support.patience import PATIENCE_SECONDS
from tests.support.secure_kafka import SecureKafka, secure_kafka
from tests.support.service import ServiceUnderTest, settings_of

USERS = ("customers", "interactions")


@pytest.fixture(scope="module")
async def kafka(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SecureKafka]:
    async with secure_kafka(tmp_path_factory.mktemp("secure"), USERS) as running:
        yield running


async def test_an_event_passes_from_service_to_service_with_tls_and_passwords(
    kafka: SecureKafka, database: DataDir
) -> None:
    publisher, reader = (ServiceUnderTest(load(name), database) for name in USERS)
    reader.tenant = publisher.tenant
    settings = [settings_of(database, load(name), **kafka.settings(name)) for name in USERS]
    async with start(publisher.service, settings[0]) as running, start(reader.service, settings[1]) as reading:
        transport = httpx.ASGITransport(app=running.asgi)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            token = Signer(database.secrets()["token_private"]).sign(publisher.caller, "customers")
            created = await client.post("/v1/customers", json=a_customer(), headers={HEADER: token})
        assert created.status_code == 201
        async with await open_pool(settings[1].worker_database_url, settings[1], 1) as pool:  # type: ignore[arg-type]
            await announce(pool, reader)
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not await is_applied(pool, reader):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
            await pool.execute("delete from chassis.tenant where tenant_id = $1", reader.tenant.id)
        status = await reading.status.read()
        assert status.consumer_lag == 0, "the status page reads Kafka with the same rights"


async def announce(pool: Any, service: ServiceUnderTest) -> None:
    """Store the tenant as its own event would: the gateway does not run here."""
    statement = "insert into chassis.tenant (tenant_id, facts) values ($1, $2)"
    await pool.execute(statement, service.tenant.id, service.tenant.facts)


async def is_applied(pool: Any, service: ServiceUnderTest) -> bool:
    statement = (
        "select exists (select from chassis.inbox where tenant_id = $1 and type = 'customers.customer_created.v1')"
    )
    return bool(await pool.fetchval(statement, service.tenant.id))


async def test_a_service_cannot_write_the_topic_of_another(kafka: SecureKafka) -> None:
    admin = AIOKafkaAdminClient(**kafka.client_options("interactions"))
    await admin.start()
    try:
        assert "rapport.customers" in await admin.list_topics()
    finally:
        await admin.close()
    producer = AIOKafkaProducer(**kafka.client_options("interactions"))
    await producer.start()
    try:
        with pytest.raises(TopicAuthorizationFailedError):
            await producer.send_and_wait("rapport.customers", b"{}")
    finally:
        await producer.stop()


@pytest.mark.parametrize("reason", ["no TLS", "no password", "a wrong password", "an unknown authority"])
async def test_a_client_without_credentials_is_refused(kafka: SecureKafka, reason: str) -> None:
    options = kafka.client_options("customers")
    if reason == "no TLS":
        options = {"bootstrap_servers": kafka.address}
    elif reason == "no password":
        options = {name: options[name] for name in ("bootstrap_servers", "ssl_context")} | {"security_protocol": "SSL"}
    elif reason == "a wrong password":
        options = kafka.client_options("customers", "wrong")
    else:
        options |= {"ssl_context": ssl.create_default_context()}
    admin = AIOKafkaAdminClient(request_timeout_ms=5_000, **options)
    try:
        with pytest.raises((KafkaError, OSError, TimeoutError)):
            await asyncio.wait_for(admin.start(), 10)
    finally:
        await admin.close()
