"""The story of a complaint: the customer opens and follows it, and an agent decides it."""

from tests.support.cases import TO_A_DECISION, a_case
from tests.support.facts import a_customer
from tests.support.records import made
from tests.support.stack import RunningStack, Visitor


async def test_a_customer_complains_and_reads_the_answer(stack: RunningStack, visitor: Visitor) -> None:
    # given a customer with a token
    customer = (await made(visitor, "/v1/customers", a_customer()))["id"]
    asked = {"customer_id": customer, "scopes": ["interactions:read", "interactions:write"]}
    holder = Visitor(stack, (await made(visitor, "/v1/customer-tokens", asked))["token"])

    # when the customer complains, and an agent decides
    case = await made(holder, "/v1/cases", a_case(customer))
    path = f"/v1/cases/{case['id']}"
    for step in TO_A_DECISION:
        assert (await visitor.request("POST", f"{path}/transitions", json=step)).status_code == 200
    await made(visitor, f"{path}/messages", {"body": "A difficult one.", "visibility": "internal"})
    await made(visitor, f"{path}/messages", {"body": "You get your money back."})

    # then the customer reads the decision, and not the note
    read = (await holder.request("GET", path)).json()
    assert (read["state"], read["remedy"]) == ("decision_communicated", "refund")
    messages = (await holder.request("GET", f"{path}/messages")).json()["items"]
    assert [message["body"] for message in messages] == ["You get your money back."]
    await holder.close()
