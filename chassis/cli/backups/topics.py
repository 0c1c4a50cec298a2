"""Kafka's topics, which a restore deletes: what they hold may be newer than the restored publishers."""

import asyncio
from collections.abc import Iterable

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from chassis.cli.backups import BackupError
from chassis.core.settings import Settings
from chassis.messaging.kafka import client_options

CHECK_SECONDS = 0.2


async def delete_topics(settings: Settings, topics: Iterable[str]) -> None:
    """Delete the topics that exist, with the offsets of their readers, and wait until they are gone.

    Raises BackupError if Kafka does not answer, even if there is nothing to delete.
    """
    admin = AIOKafkaAdminClient(**client_options(settings))
    try:
        await admin.start()
        while existing := sorted(set(topics) & set(await admin.list_topics())):
            await admin.delete_topics(existing)
            await asyncio.sleep(CHECK_SECONDS)
    except (KafkaError, OSError) as error:
        raise BackupError(
            f"Kafka does not answer: {error!r}. Its topics may be newer than the backup, so the restore deletes them. "
            "Start Kafka, or restore with --keep-kafka and delete the topics before you start the services."
        ) from None
    finally:
        await admin.close()
