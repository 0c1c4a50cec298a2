"""The story of a permission: asked for, confirmed by a link without a login, and used up by contacts."""

from datetime import UTC, datetime

from tests.support.facts import a_customer
from tests.support.records import made
from tests.support.stack import RunningStack, Visitor, client_of

NEWS = {"purpose": "newsletter", "channel": "email"}


async def test_a_permission_is_confirmed_by_its_holder_and_used_within_its_cap(
    stack: RunningStack, visitor: Visitor
) -> None:
    # given a form in which a customer has typed an address, and a cap
    customer = (await made(visitor, "/v1/customers", a_customer(languages=["nl"])))["id"]
    path = f"/v1/customers/{customer}"
    settings = {"frequency_caps": [{"contacts": 1, "days": 7}]}
    assert (await visitor.request("PATCH", "/v1/consent-settings", json=settings)).status_code == 200
    asked = await made(visitor, f"{path}/consents", NEWS | {"decision": "pending", "source": "form"})
    link = await made(visitor, "/v1/preference-links", {"customer_id": customer, "confirms_id": asked["id"]})

    # when the customer opens the link without a login, and clicks
    async with client_of(stack) as browser:
        html = {"accept": "text/html"}
        page = await browser.get(link["path"], headers=html)
        assert 'lang="nl"' in page.text
        assert page.headers["cache-control"] == "no-store"
        assert not (await visitor.request("GET", f"{path}/may-contact", params=NEWS)).json()["permitted"]
        done = await browser.post(f"{link['path']}?action=confirm", headers=html)
        assert done.status_code == 200

    # then contact is permitted and welcome, until a contact has used up the cap
    answer = (await visitor.request("GET", f"{path}/may-contact", params=NEWS)).json()
    assert (answer["permitted"], answer["welcome"]) == (True, True)
    sent = {"source": "mailer", "source_id": "1", "customer_id": customer, "channel": "email"}
    sent |= {"direction": "outbound", "occurred_at": datetime.now(UTC).isoformat()}
    await made(visitor, "/v1/touch-points", sent)
    await visitor.drained()
    answer = (await visitor.request("GET", f"{path}/may-contact", params=NEWS)).json()
    assert (answer["permitted"], answer["welcome"], answer["welcome_reason"]) == (True, False, "frequency_cap")
