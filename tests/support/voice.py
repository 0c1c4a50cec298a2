"""Suggestions, reviews and articles for tests."""

from typing import Any

from chassis.types.ids import uuid7


def a_suggestion(customer_id: object = None, **fields: Any) -> dict[str, Any]:
    """Return a body for POST /v1/suggestions, of staff unless a customer is named."""
    author = {"customer_id": str(customer_id)} if customer_id else {"staff_id": "agent-7"}
    return {"title": "A kettle that whistles", "description": "The new one is too quiet."} | author | fields


def a_vote(customer_id: object = None) -> dict[str, Any]:
    """Return a body for a vote of a customer."""
    return {"customer_id": str(customer_id or uuid7())}


def a_review(**fields: Any) -> dict[str, Any]:
    """Return a body for POST /v1/reviews, of an author whom the platform knows by a handle alone."""
    body = {
        "source": "reviews.example.com",
        "source_id": str(uuid7()),
        "rating": {"value": 4},
        "author_handle": "@ada",
        "posted_at": "2026-03-01T10:00:00Z",
    }
    return body | fields


def an_article(**fields: Any) -> dict[str, Any]:
    """Return a body for POST /v1/articles."""
    body = {"title": "Descale a kettle", "text": "Boil a cup of vinegar.", "language": "en"}
    return body | {"categories": ["maintenance"]} | fields
