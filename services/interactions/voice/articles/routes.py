"""The operations that write, read, change and list articles."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query as Parameter

from chassis import (
    Feature,
    Filter,
    IfMatch,
    Page,
    PageParams,
    RecordTooLarge,
    ShortLine,
    UnitOfWork,
    Upserted,
    VersionMismatch,
    Work,
    condition,
    equals,
    paginate,
)
from services.interactions.voice import tables
from services.interactions.voice.articles.events import ArticlePublished, SuggestionNotAnswered
from services.interactions.voice.articles.schemas import (
    Article,
    ArticleCreate,
    ArticleUpdate,
    ArticleVersion,
    SuggestionArticleCreate,
)
from services.interactions.voice.rules.articles import ArticleState

feature = Feature("articles")
Sort = Literal["created_at", "-created_at", "solved", "-solved"]


@feature.post("/articles", scope="interactions:write", status_code=201, raises=[RecordTooLarge])
async def create_article(work: Work, body: ArticleCreate) -> Article:
    """Write an article. It is a draft."""
    article = await work.insert(tables.Article(**body.values()))
    await _insert_version(work, article)
    return Article.from_row(article)


@feature.post(
    "/suggestions/{id:uuid}/article", scope="interactions:write", raises=[RecordTooLarge, SuggestionNotAnswered]
)
async def create_article_of_suggestion(work: Work, id: UUID, body: SuggestionArticleCreate) -> Upserted[Article]:
    """Write an article from the public answer to a suggestion. An article that exists is returned with 200."""
    suggestion = await work.get(tables.Suggestion, id, for_update=True)
    existing = await work.find(tables.Article, suggestion_id=id)
    if existing is not None:
        return Upserted(Article.from_row(existing), created=False)
    columns = body.values()
    columns["text"] = body.text or suggestion.answer
    if not columns["text"]:
        raise SuggestionNotAnswered
    article = await work.insert(tables.Article(**columns, suggestion_id=id))
    await _insert_version(work, article)
    return Upserted(Article.from_row(article), created=True)


@feature.get("/articles", scope="interactions:read")
async def list_articles(
    work: Work,
    params: PageParams,
    state: Annotated[ArticleState | None, Parameter(description="Only articles in this state.")] = None,
    language: Annotated[ShortLine | None, Parameter(description="Only articles in this language.")] = None,
    category: Annotated[ShortLine | None, Parameter(description="Only those for cases of this category.")] = None,
    cause: Annotated[ShortLine | None, Parameter(description="Only those for complaints with this cause.")] = None,
    sort: Annotated[Sort, Parameter(description="Sort field; prefix with `-` for descending.")] = "-solved",
) -> Page[Article]:
    """List articles, those that have helped most often first."""
    where: list[Filter] = equals(state=state, language=language)
    if category is not None:
        where.append(condition(":category = any(categories)", category=category))
    if cause is not None:
        where.append(condition(":cause = any(causes)", cause=cause))
    return await paginate(work, params, tables.Article, Article, sort=sort, where=where)


@feature.get("/articles/{id:uuid}", scope="interactions:read")
async def read_article(work: Work, id: UUID) -> Article:
    """Return an article."""
    return Article.from_row(await work.get(tables.Article, id))


@feature.patch("/articles/{id:uuid}", scope="interactions:write", raises=[RecordTooLarge, VersionMismatch])
async def update_article(work: Work, id: UUID, body: ArticleUpdate, if_match: IfMatch) -> Article:
    """Change the fields that are named. Another title or text is a new version."""
    before = await work.get(tables.Article, id, for_update=True)
    work.check_version(before, if_match)
    changes: dict[str, Any] = {name: value for name, value in body.changes().items() if value != getattr(before, name)}
    if not changes:
        return Article.from_row(before)
    is_new_version = bool({"title", "text"} & changes.keys())
    if is_new_version:
        changes["revision"] = before.revision + 1
    if changes.get("state") == "published" and before.published_at is None:
        changes["published_at"] = work.now
    article = await work.update(before, **changes)
    if is_new_version:
        await _insert_version(work, article)
    if article.state == "published" and (is_new_version or before.state != "published"):
        work.publish(ArticlePublished.from_row(article, article_id=id))
    return Article.from_row(article)


@feature.get("/articles/{id:uuid}/versions", scope="interactions:read")
async def list_article_versions(work: Work, id: UUID, params: PageParams) -> Page[ArticleVersion]:
    """List the versions of an article, the oldest first."""
    await work.get(tables.Article, id)
    where = equals(article_id=id)
    return await paginate(work, params, tables.ArticleVersion, ArticleVersion, sort="revision", where=where)


async def _insert_version(work: UnitOfWork, article: tables.Article) -> None:
    version = tables.ArticleVersion(
        article_id=article.id,
        revision=article.revision,
        title=article.title,
        text=article.text,
        written_by=work.actor,
        written_at=work.now,
    )
    await work.insert(version)
