"""The status of a service: the counts of its database, and every gauge of its features."""

from typing import Any, cast

from chassis.core.settings import Settings
from chassis.core.version import VERSION
from chassis.feature import Feature
from chassis.messaging.status import StatusReader

SETTINGS = Settings(
    database_url="postgresql://nobody@127.0.0.1:1/nothing",
    kafka_bootstrap_servers="127.0.0.1:1",
    internal_token_public_key="",
    cursor_secret="",
)
"""No server listens there."""


class Pool:
    """A database that counts."""

    async def fetchrow(self, _: str) -> dict[str, Any]:
        return {"outbox_pending": 3, "outbox_oldest_seconds": 1.23456, "dead_letters": 2, "backlog": 5}


async def test_the_status_shows_every_gauge_and_the_counts_of_the_database_also_without_kafka() -> None:
    feature, pool = Feature("shelves"), Pool()

    @feature.gauge("unsold")
    async def count_unsold(given: Any) -> int:
        assert given is pool
        return 7

    @feature.gauge("lent")
    async def count_lent(_: Any) -> int:
        return 0

    reader = StatusReader(cast(Any, pool), SETTINGS, "library", ["printing.printed.v1"], feature.gauges, {})
    status = await reader.read()
    await reader.close()
    assert status.model_dump() == {
        "up": True,
        "version": VERSION,
        "outbox_pending": 3,
        "outbox_oldest_seconds": 1.235,
        "consumer_lag": None,
        "dead_letters": 2,
        "gauges": {"unsold": 7, "lent": 0},
        "published": None,
        "applied": None,
        "settled_facts": None,
    }
