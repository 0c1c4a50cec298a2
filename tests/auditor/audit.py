"""The audit: compare the services with the acknowledged writes, and check the events in Kafka and their order."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer

from chassis.types import json
from tests.auditor.books import Books
from tests.support.stack import RunningStack, Visitor


async def audit(stack: RunningStack, visitor: Visitor, books: Books) -> None:
    """Compare every customer of a tenant in every service. All events must have arrived."""
    await _settle_the_unsure(stack, books)
    for customer, version in books.versions.items():
        record = (await visitor.request_until_answered("GET", f"/v1/customers/{customer}")).json()
        assert record["version"] == version, f"customer {customer}"
        timeline = Counter([one["kind"] async for one in items(visitor, f"/v1/timelines/{customer}?limit=200")])
        assert timeline == books.happened_to(customer), f"timeline of {customer}"
        figures = (await visitor.request_until_answered("GET", f"/v1/analytics/customers/{customer}")).json()["sums"]
        revenue = sum(round(float(one["revenue"]) * 100) for one in figures)
        assert revenue == books.cents_of(customer), f"revenue of {customer}"
        assert await points_of(visitor, customer) == books.points_of(customer), f"points of {customer}"
    for spent in books.spendings.values():
        assert (await visitor.request_until_answered("GET", f"/v1/redemptions/{spent.id}")).json()[
            "state"
        ] == spent.state
    assert (await visitor.request_until_answered("GET", "/v1/ledger/verify")).json()["differences"] == []


async def _settle_the_unsure(stack: RunningStack, books: Books) -> None:
    """Add unconfirmed purchases that were recorded to the books, because every service must then include them."""
    rows = await stack.rows(
        "interactions", "select id, source_id from purchase where source_id = any($1)", list(books.unsure)
    )
    for row in rows:
        purchase_recorded = books.unsure.pop(row["source_id"])  # KeyError: it was recorded twice
        purchase_recorded.id = str(row["id"])
        books.purchases[row["source_id"]] = purchase_recorded
    books.unsure.clear()


async def points_of(visitor: Visitor, customer: str) -> int:
    """Return the sum of a customer's points in all buckets, less the debt."""
    memberships = (await visitor.request_until_answered("GET", f"/v1/memberships?customer_id={customer}")).json()[
        "items"
    ]
    assert len(memberships) <= 1, f"{customer} has joined twice"
    points = 0
    for membership in memberships:
        balance = (await visitor.request_until_answered("GET", f"/v1/memberships/{membership['id']}/balance")).json()
        points += balance["pending"] + balance["available"] + balance["reserved"] - balance["debt"]
    return points


async def items(visitor: Visitor, path: str) -> Any:
    """Iterate over a list across all of its pages."""
    cursor = ""
    while cursor is not None:
        page = (await visitor.request_until_answered("GET", f"{path}{cursor and '&cursor='}{cursor}")).json()
        for one in page["items"]:
            yield one
        cursor = page["next_cursor"]


# Events in Kafka


async def audit_topics(stack: RunningStack, all_books: list[Books]) -> None:
    """Check that a single event, perhaps delivered repeatedly, announces each write, in the order of its record."""
    events = {topic: first_of_each(await records_of(stack, f"rapport.{topic}")) for topic in PUBLISHERS}
    announced: Counter[str] = Counter()
    refunded, versions, sequences = defaultdict(list), defaultdict(list), defaultdict(list)
    for type, _, data in events["interactions"]:
        if type == PURCHASE:
            announced[data["purchase_id"]] += 1
        elif type == REFUND:
            refunded[data["purchase_id"]].append(round(float(data["refunded"]["amount"]) * 100))
    for _, _, data in [event for event in events["customers"] if event[0] in CHANGES_OF_CUSTOMERS]:
        versions[data["customer_id"]].append(data["version"])
    for _, sequence, data in events["loyalty"]:
        sequences[data.get("customer_id")].append(sequence)  # programs and their rules have none
    for books in all_books:
        for purchase_recorded in books.purchases.values():
            assert announced[purchase_recorded.id] == 1, (
                f"purchase {purchase_recorded.id} was announced {announced[purchase_recorded.id]} times"
            )
            gone_back = refunded[purchase_recorded.id]
            assert len(gone_back) == len(purchase_recorded.refunds), f"refunds of {purchase_recorded.id}"
            assert gone_back == sorted(gone_back), f"refunds of {purchase_recorded.id} are out of order"
        for customer, version in books.versions.items():
            assert versions[customer] == list(range(1, version + 1)), f"events of customer {customer}"
            assert sequences[customer] == sorted(sequences[customer]), f"points of {customer} are out of order"


PUBLISHERS = ("customers", "interactions", "loyalty")
CHANGES_OF_CUSTOMERS = ("customers.customer_created.v1", "customers.customer_updated.v1")
PURCHASE, REFUND = "interactions.purchase_recorded.v1", "interactions.purchase_refunded.v1"


def first_of_each(records: Iterable[Any]) -> list[tuple[str, int, dict[str, Any]]]:
    """Return type, sequence and data of each event at its first delivery. Repeated deliveries are skipped."""
    found, seen = [], set()
    for record in records:
        headers = dict(record.headers)
        if headers.get("ce_id") in seen or "ce_id" not in headers:
            continue
        seen.add(headers["ce_id"])
        found.append((headers["ce_type"].decode(), int(headers["ce_sequence"]), json.loads(record.value)))
    return found


async def records_of(stack: RunningStack, topic: str) -> list[Any]:
    """Return the records that a topic contains now, in the order of each partition."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=stack.kafka, auto_offset_reset="earliest")
    await consumer.start()
    found: list[Any] = []
    try:
        ends = await consumer.end_offsets(consumer.assignment())
        while any([await consumer.position(partition) < end for partition, end in ends.items()]):
            batches = await consumer.getmany(timeout_ms=500)
            found += [record for batch in batches.values() for record in batch]
    finally:
        await consumer.stop()
    return found
