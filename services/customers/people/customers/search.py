"""Look-ups by e-mail, phone and external id, and search by name."""

from collections.abc import Callable, Sequence

from chassis import (
    MAX_PAGE_BYTES,
    WRONG_FORMAT,
    Filter,
    NotFound,
    Page,
    Query,
    UnitOfWork,
    ValidationFailed,
    condition,
    normalize_email,
    normalize_phone,
)
from services.customers.people.customers.schemas import Customer
from services.customers.people.rules import names, records

SEARCH_CANDIDATES = 1_000
"""Maximum matches of a search that are considered, before other filters."""
MAX_SEARCHED_WORDS = 10
SIMILARITY_THRESHOLDS = (0.6, 0.5, 0.4)
"""The share of the searched trigrams that a name must have. A wrong letter in six leaves half of them."""


def lookup_filters(work: UnitOfWork, email: str | None, phone: str | None, external_id: str | None) -> list[Filter]:
    """Return the conditions of exact look-ups. Raises ValidationFailed for a value that cannot be looked up."""
    filters = []
    if email is not None:
        filters.append(condition(_BY_EMAIL, email=_normalized("/email", normalize_email, email)))
    if phone is not None:
        filters.append(condition(_BY_PHONE, phone=_normalized("/phone", normalize_phone, phone, work.tenant.region)))
    if external_id is not None:
        keys = records.possible_keys(external_id)
        if not keys:
            raise ValidationFailed.field("/external_id", WRONG_FORMAT, "must be written source:id", "query")
        sources, ids = [source for source, _ in keys], [id for _, id in keys]
        filters.append(condition(BY_EXTERNAL_IDS, sources=sources, ids=ids))
    return filters


def _normalized(pointer: str, normalize: Callable[..., str], *values: str) -> str:
    try:
        return normalize(*values)
    except ValueError as error:
        raise ValidationFailed.field(pointer, WRONG_FORMAT, str(error), "query") from None


async def find_by_external_id(work: UnitOfWork, source: str, id: str) -> Customer:
    """Return the customer that has an external id. Raises NotFound."""
    customers = await work.select(_BY_EXTERNAL_ID, source=source, external_id=id)
    if not customers:
        raise NotFound
    return customers[0]


async def search_by_name(work: UnitOfWork, text: str, limit: int, where: Sequence[Filter]) -> Page[Customer]:
    """Return the best matches of a name, on a single page: distant matches only if there are no close ones.

    The page ends early if the customers are large, as every page does.
    """
    customers: list[Customer] = []
    words = list(dict.fromkeys(names.split(text)))[:MAX_SEARCHED_WORDS]
    for threshold in SIMILARITY_THRESHOLDS:
        customers = await work.select(
            _SEARCH.where(where),
            words=words,
            candidates=SEARCH_CANDIDATES,
            threshold=threshold,
            limit=limit,
            most=MAX_PAGE_BYTES,
        )
        if customers:
            break
    return Page.model_construct(items=customers, next_cursor=None)


_SEARCH = Query(
    Customer,
    """
    with matching as (
        select id, score, pg_column_size(custom #> '{}') as bytes
        from search_customers(:words::text[], :candidates, :threshold) as match
        join customer using (id) where {where} order by score desc, id limit :limit
    ), measured as (
        select id, score,
               sum(bytes) over (order by score desc, id rows between unbounded preceding and 1 preceding) as before
        from matching
    )
    select customer.* from measured join customer using (id)
    where coalesce(before, 0) < :most order by score desc, id
    """,
)
_BY_EMAIL = "id in (select customer_id from contact_point where kind = 'email' and normal = :email)"
_BY_PHONE = "id in (select customer_id from contact_point where kind = 'phone' and normal = :phone)"
# The lateral join has a single plan: a look-up of each pair by the unique index (docs/decisions/0015).
BY_EXTERNAL_IDS = """
    id in (
        select known.customer_id from unnest(:sources::text[], :ids::text[]) as named(source, external_id)
        cross join lateral (
            select customer_id from external_id
            where source = named.source and external_id = named.external_id limit 1
        ) as known
    )
"""
_BY_EXTERNAL_ID = Query(
    Customer,
    """
    select customer.* from external_id as known join customer on customer.id = known.customer_id
    where known.source = :source and known.external_id = :external_id
    """,
)
