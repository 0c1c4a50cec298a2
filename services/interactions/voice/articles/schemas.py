"""Request and response bodies of articles."""

from datetime import datetime
from typing import Annotated, ClassVar, Self
from uuid import UUID

from pydantic import Field, model_validator

from chassis import Fields, Line, MergePatch, MultilineText, RequestBody, Resource, ShortLine
from services.interactions.routing.rules.languages import Language
from services.interactions.voice import tables
from services.interactions.voice.rules.articles import ArticleState

Terms = Annotated[list[ShortLine], Field(max_length=50)]


class ArticleCreate(RequestBody):
    """An article to write. It is a draft until it is published."""

    example = {
        "title": "Descale a kettle",
        "text": "Boil a cup of vinegar, and wait for an hour.",
        "language": "en",
        "categories": ["maintenance"],
        "causes": ["poor_work"],
    }

    title: Line
    """The title."""
    text: MultilineText
    """The text."""
    language: Language
    """Its language."""
    categories: Terms = []
    """The categories of the cases that it helps with."""
    causes: Terms = []
    """The causes of the complaints that it helps with."""


class ArticleUpdate(MergePatch):
    """Fields to change. Another title or text is a new version."""

    example = {"state": "published"}
    never_null: ClassVar[frozenset[str]] = frozenset(("title", "text", "language", "categories", "causes", "state"))

    title: Line | None = None
    """The title."""
    text: MultilineText | None = None
    """The text."""
    language: Language | None = None
    """Its language."""
    categories: Terms | None = None
    """The categories of the cases that it helps with: the whole list."""
    causes: Terms | None = None
    """The causes of the complaints that it helps with: the whole list."""
    state: ArticleState | None = None
    """A draft, published, or retired. Only a published article is suggested for cases."""


class SuggestionArticleCreate(RequestBody):
    """An article to write from the public answer to a suggestion."""

    example = {
        "title": "Kettles that whistle",
        "text": "The red kettle whistles when the water boils.",
        "language": "en",
        "categories": ["information"],
    }

    title: Line
    """The title."""
    text: MultilineText | None = None
    """The text. Default: the public answer to the suggestion."""
    language: Language
    """Its language."""
    categories: Terms = []
    """The categories of the cases that it helps with."""
    causes: Terms = []
    """The causes of the complaints that it helps with."""


class Article(Resource, row=tables.Article, etag="version"):
    """A short article that helps with cases."""

    id: UUID
    """Identifies the article."""
    version: int
    """Counts the changes, also those of `solved`. It is the ETag."""
    title: str
    """The title."""
    text: str
    """The text."""
    language: str
    """Its language."""
    categories: list[str]
    """The categories of the cases that it helps with."""
    causes: list[str]
    """The causes of the complaints that it helps with."""
    state: ArticleState
    """A draft, published, or retired."""
    revision: int
    """The version of its title and text, counted from 1."""
    solved: int
    """The number of cases that it has solved and of customers whom it has helped, each counted once."""
    suggestion_id: UUID | None
    """The suggestion whose answer it was written from, or null."""
    published_at: datetime | None
    """When it was first published, or null."""
    created_at: datetime
    """When it was written."""
    updated_at: datetime
    """When its fields last changed."""


class Articles(Resource):
    """Articles for a case."""

    items: list[Article]
    """The articles, those that have helped most often first."""


class ArticleVersion(Resource, row=tables.ArticleVersion):
    """A version of the title and the text of an article."""

    id: UUID
    """Identifies the version."""
    article_id: UUID
    """The article."""
    revision: int
    """Counts the versions from 1."""
    title: str
    """The title."""
    text: str
    """The text."""
    written_by: str
    """The principal that wrote it."""
    written_at: datetime
    """When it was written."""


class ArticleSolutionFields(Fields):
    """A case that an article has solved, or a customer whom it has helped."""

    case_id: UUID | None = None
    """The case that the article has solved."""
    customer_id: UUID | None = None
    """The customer whom it has helped, without a case."""


class ArticleSolutionRequest(ArticleSolutionFields, RequestBody):
    """A case that an article has solved, or a customer whom it has helped."""

    example = {"customer_id": "0193a7c2-5b1e-7c3a-9d54-0242ac120002"}

    @model_validator(mode="after")
    def _require_one(self) -> Self:
        if (self.case_id is None) == (self.customer_id is None):
            raise ValueError("a case_id or a customer_id is expected, and not both")
        return self


class ArticleTally(Resource):
    """How often an article has helped."""

    article_id: UUID
    """The article."""
    solved: int
    """The number of cases that it has solved and of customers whom it has helped, each counted once."""
