"""The suggestions and reviews of the scenario in `tests.support.release`: each event of them happens once."""

from tests.support.release_of_sales import patch, post
from tests.support.stack import Visitor
from tests.support.voice import a_review, a_suggestion, a_vote


async def use_voice(visitor: Visitor, customer: str) -> None:
    """Post a suggestion, vote for it, and carry it out. Record a review whose author becomes known."""
    suggestion = await post(visitor, "/v1/suggestions", a_suggestion(customer, sku="KETTLE-2"))
    await post(visitor, f"/v1/suggestions/{suggestion['id']}/vote", a_vote(customer))
    await patch(visitor, f"/v1/suggestions/{suggestion['id']}", {"state": "done", "answer": "The next model whistles."})
    review = await post(visitor, "/v1/reviews", a_review(sku="KETTLE-2"))
    await post(visitor, f"/v1/reviews/{review['id']}/link", {"customer_id": customer})
