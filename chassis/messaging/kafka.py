"""Kafka: the options of every client, and the creation of topics before their first use."""

import ssl
from collections.abc import Iterable
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from chassis.core.settings import Settings

DAY_MILLISECONDS = 86_400_000


def client_options(settings: Settings) -> dict[str, Any]:
    """Return the options of every Kafka client."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "security_protocol": settings.kafka_security_protocol,
    }
    if settings.kafka_security_protocol.endswith("SSL"):
        options["ssl_context"] = ssl.create_default_context(cafile=settings.kafka_tls_ca)
    if settings.kafka_security_protocol.startswith("SASL"):
        password = settings.kafka_sasl_password
        options |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_sasl_username,
            "sasl_plain_password": password.get_secret_value() if password else None,
        }
    return options


async def ensure_topics(settings: Settings, topics: Iterable[str]) -> None:
    """Create the topics that do not exist. Publishers and readers both do: a consumer hangs on a missing topic."""
    admin = AIOKafkaAdminClient(**client_options(settings))
    await admin.start()
    try:
        missing = set(topics) - set(await admin.list_topics())
        if not missing:
            return
        response = await admin.create_topics([_new_topic(name, settings) for name in sorted(missing)])
        for name, code, *_ in response.topic_errors:
            error = for_code(code)
            if code != 0 and error is not TopicAlreadyExistsError:
                raise error(f"topic {name}")
    finally:
        await admin.close()


def _new_topic(name: str, settings: Settings) -> NewTopic:
    return NewTopic(
        name=name,
        num_partitions=settings.kafka_partitions,
        replication_factor=settings.kafka_replication,
        topic_configs={
            "retention.ms": str(settings.kafka_retention_days * DAY_MILLISECONDS),
            "min.insync.replicas": str(max(1, settings.kafka_replication - 1)),
        },
    )
