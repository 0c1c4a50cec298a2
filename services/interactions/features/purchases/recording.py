"""Recording: many purchases by a few statements, each once by (source, source id)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from chassis import Again, Invalid, Money, Problem, Work, json, uuid7
from chassis.money import minor_from_text, text_from_minor
from services.interactions import rules
from services.interactions.features.purchases.facts import PurchaseRecorded, RecordedLine, SourceIdReused
from services.interactions.features.purchases.wire import NewPurchase
from services.interactions.model import Purchase

CLOCKS_DIFFER = timedelta(days=1)
"""How far a till's clock may be ahead of ours."""
Key = tuple[str, str]
Outcome = tuple[Literal["created", "unchanged"], UUID] | Problem


async def record_purchases(work: Work, items: Sequence[tuple[int, NewPurchase]]) -> dict[int, Outcome]:
    """Records each purchase that is not recorded yet; the outcomes by place."""
    standing = await _standing(work, [item for _, item in items])
    outcomes: dict[int, Outcome] = {}
    new: list[dict[str, Any]] = []
    for index, item in items:
        if item.purchased_at > work.now + CLOCKS_DIFFER:
            outcomes[index] = Invalid.field("/purchased_at", "in_the_future", "nothing is bought tomorrow")
            continue
        row = row_of(work, item)
        key = (item.source, item.source_id)
        known = standing.get(key)
        if known is None:
            standing[key] = (row["id"], row["content_hash"])
            new.append(row)
            outcomes[index] = ("created", row["id"])
        elif known[1] == row["content_hash"]:
            outcomes[index] = ("unchanged", known[0])
        else:
            outcomes[index] = SourceIdReused(purchase_id=str(known[0]))
    await _store(work, new)
    return outcomes


async def _standing(work: Work, items: Sequence[NewPurchase]) -> dict[Key, tuple[UUID, str]]:
    rows = await work.fetch(
        """
        select purchase.id, source, source_id, content_hash from purchase
        join unnest($1::text[], $2::text[]) as asked(source, source_id) using (source, source_id)
        """,
        [item.source for item in items],
        [item.source_id for item in items],
    )
    return {(row["source"], row["source_id"]): (row["id"], row["content_hash"]) for row in rows}


async def _store(work: Work, rows: list[dict[str, Any]]) -> None:
    rows.sort(key=lambda row: (row["source"], row["source_id"]))  # two batches with the same rows must not deadlock
    if len(await work.insert_all(Purchase, rows, new_only=True)) < len(rows):
        raise Again
    await _await_customers(work, Counter(row["customer_id"] for row in rows))
    for row in rows:
        work.publish(_recorded(row))


async def _await_customers(work: Work, records: Mapping[UUID, int]) -> None:
    """Notes the customers that nobody has told of yet: their records may still be on their way."""
    if not records:
        return
    await work.execute(
        """
        insert into awaited_customer (id, since, records)
        select id, now(), records from unnest($1::uuid[], $2::bigint[]) as bought(id, records)
        where not exists (select from known_customer where known_customer.id = bought.id)
        order by id
        on conflict (tenant_id, id) do update set records = awaited_customer.records + excluded.records
        """,
        list(records),
        list(records.values()),
    )


def row_of(work: Work, item: NewPurchase) -> dict[str, Any]:
    """The purchase's row. Its hash is of what was said, not of how: 1 and "1.000" are the same quantity."""
    content = {
        "customer_id": item.customer_id,
        "source": item.source,
        "source_id": item.source_id,
        "purchased_at": item.purchased_at,
        "currency": item.currency,
        "channel": item.channel,
        "store": item.store,
        "sold_through": item.sold_through,
        "total_minor": rules.total_minor(item.amounts),
        "lines": _lines_of(item),
    }
    content_hash = rules.content_hash(json.dumps(content))
    return {"id": uuid7(), **content, "content_hash": content_hash, "recorded_at": work.now}


def _lines_of(item: NewPurchase) -> list[dict[str, Any]]:
    return [
        {
            "number": number,
            "sku": line.sku,
            "name": line.name,
            "category": line.category,
            "quantity": _plain(line.quantity),
            "unit_price": _plain(line.unit_price),
            "discount": line.discount and text_from_minor(minor_from_text(line.discount, item.currency), item.currency),
            "amount": text_from_minor(amount, item.currency),
            "unit_cost": _plain(line.unit_cost),
        }
        for number, (line, amount) in enumerate(zip(item.lines, item.amounts, strict=True), 1)
    ]


def _plain(value: Decimal | None) -> str | None:
    """A decimal without trailing zeros and without an exponent."""
    return None if value is None else format(value.normalize(), "f")


def _recorded(row: Mapping[str, Any]) -> PurchaseRecorded:
    lines = [
        RecordedLine.model_construct(**{name: line[name] for name in RecordedLine.model_fields})
        for line in row["lines"]
    ]
    return PurchaseRecorded.model_construct(
        purchase_id=row["id"],
        customer_id=row["customer_id"],
        source=row["source"],
        source_id=row["source_id"],
        purchased_at=row["purchased_at"],
        recorded_at=row["recorded_at"],
        total=Money.of(row["total_minor"], row["currency"]),
        channel=row["channel"],
        store=row["store"],
        sold_through=row["sold_through"],
        lines=lines,
    )
