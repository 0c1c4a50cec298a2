"""The cases that an article has solved, the customers whom it has helped, and the articles for a case."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import Query as Parameter

from chassis import (
    UNKNOWN_RECORD,
    Command,
    Feature,
    Moves,
    PersonErased,
    Query,
    ShortLine,
    UnitOfWork,
    ValidationFailed,
    Work,
    current_person,
    reject_erased,
)
from services.interactions.contact.queries.profiles import profile_of
from services.interactions.helpdesk.tables import SupportCase
from services.interactions.voice import tables
from services.interactions.voice.articles.schemas import Article, Articles, ArticleSolutionRequest, ArticleTally
from services.interactions.voice.rules.articles import primary_language, solution_key

feature = Feature("articles")
MAX_FOR_CASE = 20


@feature.post("/articles/{id:uuid}/solved", scope="interactions:write", raises=[PersonErased], owner="customer_id")
async def record_solution(work: Work, id: UUID, body: ArticleSolutionRequest) -> ArticleTally:
    """Record that an article has solved a case, or has helped a customer. A repeat changes nothing."""
    await work.get(tables.Article, id, for_update=True)
    customer_id = body.customer_id
    if customer_id is not None:
        await reject_erased(work, customer_id)
        customer_id = await current_person(work, customer_id)
    elif await work.find(SupportCase, id=body.case_id) is None:
        raise ValidationFailed.field("/case_id", UNKNOWN_RECORD, "no case has this id")
    solution = tables.ArticleSolution(
        article_id=id,
        case_id=body.case_id,
        customer_id=customer_id,
        solver=solution_key(body.case_id, customer_id),
        solved_at=work.now,
    )
    await work.insert_or_ignore(solution)
    return ArticleTally(article_id=id, solved=await work.fetch_row(_RECOUNT, id=id))


@feature.get("/cases/{id:uuid}/articles", scope="interactions:read")
async def suggest_articles(
    work: Work,
    id: UUID,
    language: Annotated[
        ShortLine | None, Parameter(description="Only in this language. Default: the languages of the customer.")
    ] = None,
) -> Articles:
    """Suggest up to 20 published articles for a case, those that have helped most often first.

    They are those of its category or of its cause, in its language without a region: `pt` finds `pt-BR`.
    """
    case = await work.get(SupportCase, id)
    tags = [language] if language is not None else await _languages_of(work, case.customer_id)
    languages = [primary_language(tag) for tag in tags] or None
    rows = await work.select(
        _FOR_CASE, category=case.category, cause=case.cause, languages=languages, most=MAX_FOR_CASE
    )
    return Articles(items=[Article.from_row(row) for row in rows])


@feature.moves(tables.ArticleSolution)
async def recount_solutions_of_merged_customers(work: Work, moved: Moves) -> None:
    """Count the solutions of every article that has helped a merged customer. Two that are merged count once."""
    await _recount(work, await work.fetch(_HELPED, ids=list(moved.targets)))


@feature.erases(tables.ArticleSolution)
async def delete_solutions(work: Work, ids: Sequence[UUID]) -> int:
    """Delete the solutions of persons, and count the others. Returns the number of solutions."""
    articles = await work.fetch(_HELPED, ids=list(ids))
    deleted = await work.execute(_DELETE, ids=list(ids))
    await _recount(work, articles)
    return deleted


async def _recount(work: UnitOfWork, articles: Sequence[UUID]) -> None:
    for id in sorted(articles):
        await work.get(tables.Article, id, for_update=True)
        await work.fetch_row(_RECOUNT, id=id)


async def _languages_of(work: UnitOfWork, customer_id: UUID | None) -> list[str]:
    """Return the languages of a customer, as far as they are known."""
    profile = None if customer_id is None else await profile_of(work, customer_id)
    return [] if profile is None else profile.languages


_HELPED = Query(UUID, "select distinct article_id from article_solution where customer_id = any(:ids)")
_DELETE = Command("delete from article_solution where customer_id = any(:ids)")
_RECOUNT = Query(
    int,
    """
    update article set solved = counted.solved,
        version = version + case when article.solved = counted.solved then 0 else 1 end
    from (
        select count(distinct coalesce(customer_id::text, solver)) as solved
        from article_solution where article_id = :id
    ) as counted
    where id = :id
    returning article.solved
    """,
)
_FOR_CASE = Query(
    tables.Article,
    """
    select * from article
    where state = 'published' and (:category::text = any(categories) or :cause::text = any(causes))
        and (:languages::text[] is null or lower(split_part(language, '-', 1)) = any(:languages))
    order by solved desc, id limit :most
    """,
)
