"""The story of a suggestion: customers post it and vote for it with their tokens, and hear that it is done."""

from tests.support.facts import a_customer
from tests.support.records import made
from tests.support.stack import RunningStack, Visitor
from tests.support.voice import a_suggestion, a_vote


async def test_a_suggestion_is_voted_for_and_done(stack: RunningStack, visitor: Visitor) -> None:
    # given two customers with tokens
    ada, grace = [(await made(visitor, "/v1/customers", a_customer()))["id"] for _ in range(2)]
    tokens = [{"customer_id": id, "scopes": ["interactions:read", "interactions:write"]} for id in (ada, grace)]
    holders = [Visitor(stack, (await made(visitor, "/v1/customer-tokens", token))["token"]) for token in tokens]

    # when one of them suggests, the other votes, and the suggestion is carried out
    suggestion = await made(holders[0], "/v1/suggestions", a_suggestion(ada))
    path = f"/v1/suggestions/{suggestion['id']}"
    tally = await made(holders[1], f"{path}/vote", a_vote(grace))
    done = await visitor.request("PATCH", path, json={"state": "done", "answer": "The next model whistles."})
    await visitor.drained()

    # then its author reads the answer, and the event names it with its votes
    assert (tally["votes"], done.status_code) == (1, 200)
    assert (await holders[0].request("GET", path)).json()["answer"] == "The next model whistles."
    (event,) = (await visitor.request("GET", "/v1/events?types=interactions.suggestion_done.v1")).json()["items"]
    assert (event["data"]["suggestion_id"], event["data"]["votes"]) == (suggestion["id"], 1)
    (voter,) = (await visitor.request("GET", f"{path}/votes")).json()["items"]
    assert voter["customer_id"] == grace
    for holder in holders:
        await holder.close()
