"""The audit: what the services say now, beside what was acknowledged; and what Kafka holds, in which order."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer

from chassis import json
from tests.auditor.books import Books
from tests.support.stack import RunningStack, Visitor


async def audit(stack: RunningStack, visitor: Visitor, books: Books) -> None:
    """Compares every customer of a tenant in every service. Everything must have arrived."""
    await _settle_the_unsure(stack, books)
    for customer, version in books.versions.items():
        record = (await visitor.insist("GET", f"/v1/customers/{customer}")).json()
        assert record["version"] == version, f"customer {customer}"
        timeline = Counter([one["kind"] async for one in items(visitor, f"/v1/timelines/{customer}?limit=200")])
        assert timeline == books.happened_to(customer), f"timeline of {customer}"
        figures = (await visitor.insist("GET", f"/v1/analytics/customers/{customer}")).json()["sums"]
        revenue = sum(round(float(one["revenue"]) * 100) for one in figures)
        assert revenue == books.cents_of(customer), f"revenue of {customer}"
        assert await points_of(visitor, customer) == books.points_of(customer), f"points of {customer}"
    for spent in books.spendings.values():
        assert (await visitor.insist("GET", f"/v1/redemptions/{spent.id}")).json()["state"] == spent.state
    assert (await visitor.insist("GET", "/v1/ledger/verify")).json()["differences"] == []


async def _settle_the_unsure(stack: RunningStack, books: Books) -> None:
    """What nobody was told of is there or not: once it is, every service must say so."""
    rows = await stack.rows(
        "interactions", "select id, source_id from purchase where source_id = any($1)", list(books.unsure)
    )
    for row in rows:
        bought = books.unsure.pop(row["source_id"])  # KeyError: it is there twice
        bought.id = str(row["id"])
        books.purchases[row["source_id"]] = bought
    books.unsure.clear()


async def points_of(visitor: Visitor, customer: str) -> int:
    """What a customer holds in all buckets."""
    memberships = (await visitor.insist("GET", f"/v1/memberships?customer_id={customer}")).json()["items"]
    assert len(memberships) <= 1, f"{customer} has joined twice"
    points = 0
    for membership in memberships:
        balance = (await visitor.insist("GET", f"/v1/memberships/{membership['id']}/balance")).json()
        points += balance["pending"] + balance["available"] + balance["reserved"] - balance["debt"]
    return points


async def items(visitor: Visitor, path: str) -> Any:
    """A list, over all its pages."""
    cursor = ""
    while cursor is not None:
        page = (await visitor.insist("GET", f"{path}{cursor and '&cursor='}{cursor}")).json()
        for one in page["items"]:
            yield one
        cursor = page["next_cursor"]


# What Kafka holds


async def audit_topics(stack: RunningStack, all_books: list[Books]) -> None:
    """Each acknowledged write was announced by one event (perhaps delivered again), and in the order of its record."""
    events = {topic: first_of_each(await records_of(stack, f"rapport.{topic}")) for topic in PUBLISHERS}
    announced: Counter[str] = Counter()
    refunded, versions, sequences = defaultdict(list), defaultdict(list), defaultdict(list)
    for type, _, data in events["interactions"]:
        if type == PURCHASE:
            announced[data["purchase_id"]] += 1
        elif type == REFUND:
            refunded[data["purchase_id"]].append(round(float(data["refunded"]["amount"]) * 100))
    for _, _, data in events["customers"]:
        versions[data["customer_id"]].append(data["version"])
    for _, sequence, data in events["loyalty"]:
        sequences[data["customer_id"]].append(sequence)
    for books in all_books:
        for bought in books.purchases.values():
            assert announced[bought.id] == 1, f"purchase {bought.id} was announced {announced[bought.id]} times"
            gone_back = refunded[bought.id]
            assert len(gone_back) == len(bought.refunds), f"refunds of {bought.id}"
            assert gone_back == sorted(gone_back), f"refunds of {bought.id} are out of order"
        for customer, version in books.versions.items():
            assert versions[customer] == list(range(1, version + 1)), f"events of customer {customer}"
            assert sequences[customer] == sorted(sequences[customer]), f"points of {customer} are out of order"


PUBLISHERS = ("customers", "interactions", "loyalty")
PURCHASE, REFUND = "interactions.purchase_recorded.v1", "interactions.purchase_refunded.v1"


def first_of_each(records: Iterable[Any]) -> list[tuple[str, int, dict[str, Any]]]:
    """Type, sequence and data of each event where it stands first: what was sent again is passed over."""
    found, seen = [], set()
    for record in records:
        headers = dict(record.headers)
        if headers.get("ce_id") in seen or "ce_id" not in headers:
            continue
        seen.add(headers["ce_id"])
        found.append((headers["ce_type"].decode(), int(headers["ce_sequence"]), json.loads(record.value)))
    return found


async def records_of(stack: RunningStack, topic: str) -> list[Any]:
    """Return everything that a topic holds now, in the order of each partition."""
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
