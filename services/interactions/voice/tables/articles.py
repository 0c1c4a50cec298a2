"""Articles, their versions, and the cases and customers that they have helped."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from chassis import (
    Person,
    Versioned,
    belongs_to,
    bigint,
    check,
    choice,
    index,
    long_text,
    text_list,
    timestamp,
    unique,
)
from services.interactions.base import Base
from services.interactions.voice.rules.articles import ArticleState


class Article(Versioned, Base, table=True):
    """A short article that helps with cases. `revision` counts its versions, and `solved` whom it has helped."""

    __tablename__ = "article"
    __table_args__ = (
        belongs_to("suggestion_id", "suggestion"),
        unique("suggestion_id"),
        check("counts", "solved >= 0 and revision > 0"),
        check("published", "state <> 'published' or published_at is not null"),
        index("state", "solved", "id"),
        index("solved", "id"),
        index("created_at", "id"),
    )
    audited: ClassVar[bool] = True
    computed: ClassVar[frozenset[str]] = frozenset(("solved",))

    title: str
    text: str = long_text()
    language: str
    categories: list[str] = text_list()
    causes: list[str] = text_list()
    state: ArticleState = choice(ArticleState, "state", default="draft")
    revision: int = bigint(default=1)
    solved: int = bigint(default=0)
    suggestion_id: UUID | None = None
    published_at: datetime | None = timestamp(nullable=True, default=None)


class ArticleVersion(Base, table=True):
    """A version of the title and the text of an article, counted from 1. Append-only."""

    __tablename__ = "article_version"
    __table_args__ = (belongs_to("article_id", "article"), unique("article_id", "revision"))

    article_id: UUID
    revision: int = bigint()
    title: str
    text: str = long_text()
    written_by: str
    written_at: datetime = timestamp()


class ArticleSolution(Base, table=True):
    """A case that an article has solved, or a customer whom it has helped. `solver` is the key of either."""

    __tablename__ = "article_solution"
    __table_args__ = (
        belongs_to("article_id", "article"),
        belongs_to("case_id", "support_case"),
        unique("article_id", "solver"),
        check("solver", "(case_id is null) <> (customer_id is null)"),
        index("case_id", postgresql_where=text("case_id is not null")),
        index("customer_id", postgresql_where=text("customer_id is not null")),
    )
    persons: ClassVar[tuple[Person, ...]] = (Person(erase="own"),)

    article_id: UUID
    case_id: UUID | None
    customer_id: UUID | None
    solver: str
    solved_at: datetime = timestamp()
