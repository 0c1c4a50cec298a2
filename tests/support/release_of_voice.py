"""The suggestions, reviews and articles of the scenario in `tests.support.release`: each event of them happens once."""

from tests.support.release_of_sales import patch, post
from tests.support.stack import Visitor
from tests.support.voice import a_review, a_suggestion, a_vote


async def use_voice(visitor: Visitor, customer: str) -> None:
    """Post a suggestion, vote for it, and carry it out. Record a review whose author becomes known."""
    suggestion = await post(visitor, "/v1/suggestions", a_suggestion(customer, sku="KETTLE-2"))
    await post(visitor, f"/v1/suggestions/{suggestion['id']}/vote", a_vote(customer))
    await patch(visitor, f"/v1/suggestions/{suggestion['id']}", {"state": "done", "answer": "The next model whistles."})
    await publish_an_article(visitor, suggestion["id"], customer)
    review = await post(visitor, "/v1/reviews", a_review(sku="KETTLE-2"))
    await post(visitor, f"/v1/reviews/{review['id']}/link", {"customer_id": customer})


async def publish_an_article(visitor: Visitor, suggestion: str, customer: str) -> None:
    """Publish the answer to a suggestion as an article, which helps a customer."""
    article = await post(visitor, f"/v1/suggestions/{suggestion}/article", {"title": "Whistling", "language": "en"})
    await patch(visitor, f"/v1/articles/{article['id']}", {"state": "published"})
    await post(visitor, f"/v1/articles/{article['id']}/solved", {"customer_id": customer})
