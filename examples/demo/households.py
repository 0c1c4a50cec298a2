"""The households of the Complete Journey and their year, as a shop would send it.

Baskets, mailings, coupons and demographics come from the data set. It contains no returns and no permissions. Fixed
rules derive them, so that they are the same in each run.
"""

import csv
import gzip
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent.parent / "data"
SOURCE = "complete-journey"
CURRENCY = "USD"
A_REFUND_EVERY = 50
EARLY_REFUNDS = 25
"""Number of refunds sent before their basket, as an out-of-order feed would send them."""
ENOUGH_MAILINGS = 6
"""A household that got this many mailings and used no coupon withdraws its permission."""


@dataclass
class Basket:
    """A visit to the till."""

    id: str
    household: str
    store: str
    at: datetime
    lines: list[dict[str, Any]] = field(default_factory=list)
    cents: int = 0


def read_baskets() -> list[Basket]:
    """Return every basket with its lines, in chronological order."""
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
    """Return each household as a customer: without a name, with its card as external id, some with demographics."""
    demographics = {row["household_id"]: row for row in _rows("demographics")}
    customers = []
    for household in sorted({basket.household for basket in baskets}, key=int):
        facts = {
            name: value for name, value in demographics.get(household, {}).items() if name != "household_id" and value
        }
        customer: dict[str, Any] = {
            "kind": "person",
            "external_ids": [{"source": SOURCE, "id": household}],
            "lifecycle": "customer",
        }
        if facts:
            customer["custom"] = facts
        customers.append(customer)
    return customers


@dataclass(frozen=True)
class Return:
    """A returned line of a basket."""

    basket: Basket
    cents: int
    body: dict[str, Any]


def read_returns(baskets: list[Basket]) -> list[Return]:
    """Return the most expensive line of every fiftieth basket as a refund, a week after the end of the year."""
    at = (baskets[-1].at + timedelta(days=7)).isoformat()
    returns = []
    for basket in baskets[::A_REFUND_EVERY]:
        amounts = [_cents(line["amount"]) for line in basket.lines]
        cents = max(amounts)
        if cents:
            body = {
                "purchase": {"source": SOURCE, "source_id": basket.id},
                "source": SOURCE,
                "source_id": f"return-{basket.id}",
                "refunded_at": at,
                "lines": [{"number": amounts.index(cents) + 1, "amount": basket.lines[amounts.index(cents)]["amount"]}],
            }
            returns.append(Return(basket, cents, body))
    return returns


def read_touch_points(ids: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return every mailing to a household and every used coupon, as the API accepts them."""
    campaigns = {row["campaign_id"]: row for row in _rows("campaign_descriptions")}
    mailings = [
        {
            "customer_id": ids[row["household_id"]],
            "source": "mailings",
            "source_id": f"{row['campaign_id']}-{row['household_id']}",
            "channel": "post",
            "direction": "outbound",
            "phase": "before",
            "subject": f"Campaign {row['campaign_id']}, {campaigns[row['campaign_id']]['campaign_type']}",
            "occurred_at": f"{campaigns[row['campaign_id']]['start_date']}T08:00:00Z",
        }
        for row in _rows("campaigns")
        if row["household_id"] in ids
    ]
    coupons = [
        {
            "customer_id": ids[row["household_id"]],
            "source": "coupons",
            "source_id": str(number),
            "channel": "store",
            "direction": "inbound",
            "phase": "during",
            "subject": "Coupon used",
            "occurred_at": f"{row['redemption_date']}T12:00:00Z",
            "data": {"coupon": row["coupon_upc"], "campaign": row["campaign_id"]},
        }
        for number, row in enumerate(_rows("coupon_redemptions"), 1)
        if row["household_id"] in ids
    ]
    return mailings + coupons


@dataclass(frozen=True)
class Permission:
    """A household's permission for mail, and whether the household withdrew it."""

    household: str
    withdrawn: bool


def read_permissions(households: Iterable[str]) -> list[Permission]:
    """Derive permissions: households with demographics grant it, and withdraw after many mailings and no coupon."""
    customers = set(households)
    mailed = Counter(row["household_id"] for row in _rows("campaigns"))
    used = {row["household_id"] for row in _rows("coupon_redemptions")}
    return [
        Permission(household, mailed[household] >= ENOUGH_MAILINGS and household not in used)
        for household in (row["household_id"] for row in _rows("demographics"))
        if household in customers
    ]


def as_purchase(basket: Basket, customer_id: str) -> dict[str, Any]:
    """Return a basket as the API accepts it."""
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


def _cents(amount: str) -> int:
    return int(Decimal(amount) * 100)


def _rows(name: str) -> Iterator[dict[str, str]]:
    with gzip.open(DATA / f"completejourney_{name}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
