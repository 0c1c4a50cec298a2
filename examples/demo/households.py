"""The households of the Complete Journey: their baskets, as a shop would send them."""

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent.parent / "data"
SOURCE = "complete-journey"
CURRENCY = "USD"


@dataclass
class Basket:
    """One visit to the till."""

    id: str
    household: str
    store: str
    at: datetime
    lines: list[dict[str, Any]] = field(default_factory=list)
    cents: int = 0


def read_baskets() -> list[Basket]:
    """Every basket with its lines, in the order of time."""
    products = {row["product_id"]: row for row in _rows("products")}
    baskets: dict[str, Basket] = {}
    for row in _rows("transactions"):
        at = datetime.fromisoformat(row["transaction_timestamp"]).replace(tzinfo=UTC)
        basket = baskets.setdefault(
            row["basket_id"], Basket(row["basket_id"], row["household_id"], row["store_id"], at)
        )
        cents = int((Decimal(row["sales_value"]) * 100).to_integral_value(ROUND_HALF_UP))
        product = products.get(row["product_id"], {})
        line = {
            "sku": row["product_id"],
            "name": product.get("product_type") or None,
            "category": product.get("product_category") or None,
            "quantity": str(Decimal(row["quantity"]).normalize().__format__("f")),
            "amount": f"{cents // 100}.{cents % 100:02d}",
        }
        basket.lines.append({name: value for name, value in line.items() if value is not None})
        basket.cents += cents
    return sorted(baskets.values(), key=lambda basket: (basket.at, basket.id))


def read_households(baskets: list[Basket]) -> list[dict[str, Any]]:
    """Each household as a customer: nameless, known by its card, some with what they told of themselves."""
    told = {row["household_id"]: row for row in _rows("demographics")}
    customers = []
    for household in sorted({basket.household for basket in baskets}, key=int):
        facts = {name: value for name, value in told.get(household, {}).items() if name != "household_id" and value}
        customer: dict[str, Any] = {
            "kind": "person",
            "external_ids": [{"source": SOURCE, "id": household}],
            "lifecycle": "customer",
        }
        if facts:
            customer["custom"] = facts
        customers.append(customer)
    return customers


def as_purchase(basket: Basket, customer_id: str) -> dict[str, Any]:
    """A basket as the API takes it."""
    return {
        "customer_id": customer_id,
        "source": SOURCE,
        "source_id": basket.id,
        "purchased_at": basket.at.isoformat(),
        "currency": CURRENCY,
        "channel": "store",
        "store": basket.store,
        "lines": basket.lines,
    }


def cents_by_household(baskets: list[Basket]) -> dict[str, list[int]]:
    """What each household spent, basket by basket."""
    spent: dict[str, list[int]] = defaultdict(list)
    for basket in baskets:
        spent[basket.household].append(basket.cents)
    return spent


def _rows(name: str) -> Iterator[dict[str, str]]:
    with gzip.open(DATA / f"completejourney_{name}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
