"""The sales of the scenario in `tests.support.release`: every record and every event of the area happens once."""

from typing import Any

from chassis.types.ids import uuid7
from tests.support.facts import a_customer
from tests.support.stack import RunningStack, Visitor, a_sandbox

STAGES = [
    {"name": "Talks", "probability": "0.1", "stalled_after_days": 10},
    {"name": "Offer", "probability": "0.5"},
    {"name": "Won", "kind": "won"},
    {"name": "Lost", "kind": "lost"},
]


async def post(visitor: Visitor, path: str, body: Any = None) -> dict[str, Any]:
    headers = {"idempotency-key": str(uuid7())}
    answer = await visitor.request("POST", path, headers=headers, **({} if body is None else {"json": body}))
    assert answer.status_code < 300, f"{path}: {answer.text}"
    return dict(answer.json())


async def patch(visitor: Visitor, path: str, body: Any) -> None:
    answer = await visitor.request("PATCH", path, json=body)
    assert answer.status_code == 200, f"{path}: {answer.text}"


async def use_sales(stack: RunningStack) -> None:
    """In a sandbox, whose clock passes what becomes due."""
    seller = a_sandbox(stack, clock="2026-03-01T10:00:00Z")
    scopes = ["customers:read", "customers:approve"]
    approver = Visitor(stack, (await post(seller, "/v1/api-keys", {"name": "approver", "scopes": scopes}))["key"])
    buyer = (await post(seller, "/v1/customers", a_customer(family_name="Hopper")))["id"]
    await make_deals(seller, approver, buyer)
    await convert_a_lead(seller)
    await sign_contracts(seller, buyer)
    for days in (12, 16, 30):
        await post(seller, "/v1/sandbox/clock", {"advance": f"P{days}D"})
        await seller.request("GET", "/v1/sandbox/clock?wait_seconds=30")
    await seller.close()
    await approver.close()


async def make_deals(seller: Visitor, approver: Visitor, buyer: str) -> None:
    """Make deals that are won with an approved discount, lost and opened again, and forgotten."""
    body = {"name": "Wholesale", "stages": STAGES, "discount_percent": "10"}
    pipeline = await post(seller, "/v1/pipelines", body)
    await patch(seller, f"/v1/pipelines/{pipeline['id']}", {"allows_skipping": True})
    deals = []
    for name in ("Kettles", "Pots", "Pans"):
        deal = {"customer_id": buyer, "name": name, "pipeline_id": pipeline["id"]}
        deals.append(f"/v1/deals/{(await post(seller, '/v1/deals', deal))['id']}")
    won, lost, _ = deals
    for path, discount in ((won, "4.00"), (lost, "0.00")):
        line = {"name": "Kettles", "quantity": "1", "unit_price": "9.00", "discount": discount}
        replaced = await seller.request("PUT", f"{path}/lines", json={"lines": [line]})
        assert replaced.status_code == 200, replaced.text
    await post(seller, f"{won}/stage-changes", {"stage_id": pipeline["stages"][1]["id"]})
    for decision, content in (("refuse", {"reason": "Too much."}), ("approve", {})):
        asked = await post(seller, f"{won}/discount-approvals", {"reason": "A large order."})
        await post(approver, f"/v1/discount-approvals/{asked['id']}/{decision}", content)
    await quote(seller, won, "2026-03-20", "accept")
    await post(seller, f"{won}/win", {})
    await quote(seller, lost, "2026-03-20", "decline", {"reason": "price"})
    await quote(seller, lost, "2026-03-20")
    await post(seller, f"{lost}/lose", {"reason": "price"})
    await post(seller, f"{lost}/reopen", {})


async def quote(seller: Visitor, deal: str, until: str, decision: str | None = None, body: Any = None) -> None:
    """Send a quote of a deal, which is then accepted or declined, or expires after its last day."""
    quote = await post(seller, "/v1/quotes", {"deal_id": deal.rpartition("/")[2], "valid_until": until})
    await post(seller, f"/v1/quotes/{quote['id']}/send")
    if decision is not None:
        await post(seller, f"/v1/quotes/{quote['id']}/{decision}", body)


async def convert_a_lead(seller: Visitor) -> None:
    """Work on a lead until it is a customer with a deal."""
    lead = await post(seller, "/v1/leads", {"kind": "person", "given_name": "Grace", "source": "fair"})
    await patch(seller, f"/v1/leads/{lead['id']}", {"state": "working"})
    await post(seller, f"/v1/leads/{lead['id']}/convert", {"deal": {"name": "Kettles"}})


async def sign_contracts(seller: Visitor, buyer: str) -> None:
    """Sign a contract that is renewed on request, and one of which its notice and its end come near."""
    term = {"customer_id": buyer, "starts_on": "2025-03-20"}
    renewed = await post(seller, "/v1/contracts", {**term, "name": "Service", "ends_on": "2026-12-31"})
    await patch(seller, f"/v1/contracts/{renewed['id']}", {"notice_days": 60})
    await post(seller, f"/v1/contracts/{renewed['id']}/renew", {"ends_on": "2027-12-31"})
    near = {"name": "Hosting", "ends_on": "2026-04-10", "notice_days": 20, "renewal": "manual"}
    await post(seller, "/v1/contracts", term | near)
