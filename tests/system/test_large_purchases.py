"""Large purchases: the event of a wholesale invoice with 5,000 lines passes through Kafka to every reader."""

import random
from typing import Any

from chassis.core.events import MAX_EVENT_BYTES
from chassis.types import json
from chassis.types.ids import uuid7
from services.interactions.orders.rules.amounts import MAX_LINES
from tests.auditor.audit import records_of
from tests.support.facts import a_purchase
from tests.support.interactions import a_refund
from tests.support.stack import RunningStack, Visitor
from tests.system.test_stories import a_program_with_points, balance_of


def wholesale_lines(count: int, name: str) -> list[dict[str, Any]]:
    """Return lines as a wholesaler prints them. Their skus do not compress."""
    rng = random.Random(1)
    return [
        {
            "sku": f"{rng.randrange(10**13):013}",
            "name": name,
            "category": "Home and garden",
            "quantity": str(rng.randint(1, 48)),
            "unit_price": "2.55",
            "unit_cost": "1.7325",
        }
        for _ in range(count)
    ]


def dead_letters(status: dict[str, Any]) -> dict[str, int]:
    """Return the dead letters of each service. Other tests of the stack may have caused some."""
    return {name: service["dead_letters"] for name, service in status["services"].items()}


async def test_a_purchase_of_5000_lines_is_counted_refunded_and_read(stack: RunningStack, visitor: Visitor) -> None:
    await a_program_with_points(visitor)
    before, customer = dead_letters(await visitor.drained()), str(uuid7())
    body = a_purchase(customer, lines=wholesale_lines(MAX_LINES, "White hanging heart t-light holder"))
    bought = await visitor.request("POST", "/v1/purchases", json=body)
    assert bought.status_code == 201, bought.text
    total, purchase = bought.json()["total"]["amount"], bought.json()["id"]
    await visitor.drained()
    assert (await balance_of(visitor, customer))["available"] == int(float(total))

    everything = [{"number": number, "quantity": line["quantity"]} for number, line in enumerate(body["lines"], 1)]
    refund = await visitor.request("POST", f"/v1/purchases/{purchase}/refunds", json=a_refund(lines=everything))
    assert (refund.status_code, refund.json()["amount"]["amount"]) == (201, total), refund.text
    await visitor.request("POST", "/v1/purchases", json=a_purchase(customer))  # what follows it is not held up
    status = await visitor.drained()
    assert dead_letters(status) == before
    assert (await balance_of(visitor, customer))["available"] == 5
    (sums,) = (await visitor.request("GET", f"/v1/analytics/customers/{customer}")).json()["sums"]
    assert (sums["revenue"], sums["purchases"]) == ("5.00", 2)
    history = (await visitor.request("GET", f"/v1/shopping-histories/{customer}")).json()
    assert (history["totals"][0]["refunded"]["amount"], len(history["items"])) == (total, 200)
    sizes = [len(record.value) for record in await records_of(stack, "rapport.interactions")]
    assert max(sizes) > 700_000


async def test_an_event_that_kafka_would_not_accept_is_rejected_with_its_purchase(
    stack: RunningStack, visitor: Visitor
) -> None:
    before, lines = dead_letters(await visitor.drained()), wholesale_lines(MAX_LINES, "x" * 100)
    too_large = await visitor.request("POST", "/v1/purchases", json=a_purchase(lines=lines))
    assert (too_large.status_code, too_large.json()["code"]) == (413, "payload_too_large")
    assert str(MAX_EVENT_BYTES) in too_large.json()["detail"]

    body = a_purchase(lines=lines)
    line = len(json.dumps(lines[0])) + len('"number":5000,"amount":"1234.56",')
    body["lines"] = lines[: (MAX_EVENT_BYTES - 1_000) // line]
    largest = await visitor.request("POST", "/v1/purchases", json=body)
    assert largest.status_code == 201, largest.text
    status = await visitor.drained()
    assert dead_letters(status) == before
    assert max(len(record.value) for record in await records_of(stack, "rapport.interactions")) > 900_000
