"""The event of articles, and the problem of a suggestion that has no answer yet."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chassis import Event, Problem


class ArticlePublished(Event, type="interactions.article_published.v1", partition_key="article_id"):
    """An article was published, or a published article has a new version. Its text is read from the API."""

    article_id: UUID
    """The article."""
    revision: Annotated[int, Field(description="The version, counted from 1.", examples=[2])]
    language: Annotated[str, Field(description="Its language, as a tag of BCP 47.", examples=["en"])]
    published_at: datetime
    """When it was first published."""


class SuggestionNotAnswered(Problem, status=409):
    """The suggestion has no public answer that could become an article.

    Answer it first, or send a text.
    """
