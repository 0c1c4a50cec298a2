"""Look-ups by e-mail, phone, external id and distance, and search by name."""

import math
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
from services.customers.people.rules import names, places, records

MAX_KM = math.ceil(places.MAX_DISTANCE_KM)
NEAR_PATTERN = r"^-?[0-9]{1,2}(\.[0-9]{1,15})?,-?[0-9]{1,3}(\.[0-9]{1,15})?,[0-9]{1,5}(\.[0-9]{1,15})?$"
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


def archived_filter(*, archived: bool) -> Filter:
    """Return the condition of archived customers, or of all others."""
    return condition("archived_at is not null" if archived else "archived_at is null")


def nearby_filter(near: str) -> Filter:
    """Return the condition of customers with an address within a distance. Raises ValidationFailed."""
    latitude, longitude, km = map(float, near.split(","))
    if not (abs(latitude) <= 90 and abs(longitude) <= 180 and km <= places.MAX_DISTANCE_KM):
        detail = f"latitudes are within 90, longitudes within 180 degrees, and distances within {MAX_KM} km"
        raise ValidationFailed.field("/near", WRONG_FORMAT, detail, "query")
    boxes = places.boxes_around(places.Point(latitude, longitude), km)
    return condition(
        _NEARBY,
        bands=[box.band for box in boxes],
        wests=[box.west for box in boxes],
        easts=[box.east for box in boxes],
        latitude=latitude,
        longitude=longitude,
        km=km,
    )


async def find_by_external_id(work: UnitOfWork, source: str, id: str, *, archived: bool) -> Customer:
    """Return the customer that has an external id, if it is archived or not. Raises NotFound."""
    query = _BY_EXTERNAL_ID.where([archived_filter(archived=archived)])
    customers = await work.select(query, source=source, external_id=id)
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
# The boxes are those of the index, and the haversine formula decides. The offset keeps the plan: a look-up of each box.
_NEARBY = f"""
    id in (
        select nearby.customer_id from unnest(:bands::integer[], :wests::float8[], :easts::float8[])
            as box(band, west, east)
        cross join lateral (
            select customer_id, latitude, longitude from place
            where place.band = box.band and place.longitude between box.west and box.east offset 0
        ) as nearby
        where {2 * places.EARTH_RADIUS_KM} * asin(sqrt(least(1.0,
            power(sind((nearby.latitude - :latitude::float8) / 2), 2)
            + cosd(:latitude::float8) * cosd(nearby.latitude)
                * power(sind((nearby.longitude - :longitude::float8) / 2), 2)
        ))) <= :km::float8
    )
"""
_BY_EXTERNAL_ID = Query(
    Customer,
    """
    select customer.* from external_id as known join customer on customer.id = known.customer_id
    where known.source = :source and known.external_id = :external_id and {where}
    """,
)
