"""Look-ups of customers by their addresses and ids."""

from collections.abc import Collection
from uuid import UUID

from chassis import Query, UnitOfWork, found_person_sql, normalize_email, normalize_phone
from services.interactions.contact import tables
from services.interactions.contact.rules.profiles import UNREACHABLE, ContactKind
from services.interactions.contact.tables import CustomerProfile


async def find_by_email(work: UnitOfWork, address: str) -> list[CustomerProfile]:
    """Return every customer with an e-mail address, by id. Empty if the text is not an address."""
    try:
        return await _find(work, "email", normalize_email(address.strip()))
    except ValueError:
        return []


async def find_by_phone(work: UnitOfWork, number: str) -> list[CustomerProfile]:
    """Return every customer with a phone number, in any notation, by id. Empty if the text has no digits."""
    try:
        return await _find(work, "phone", normalize_phone(number, work.tenant.region))
    except ValueError:
        return []


async def profile_of(work: UnitOfWork, id: UUID) -> CustomerProfile | None:
    """Return the profile of a customer, or of the one into which it was merged. None if no event has arrived."""
    return next(iter(await work.select(_PROFILE, id=id)), None)


async def profiles_of(work: UnitOfWork, ids: Collection[UUID]) -> dict[UUID, CustomerProfile]:
    """Return the profiles under these very ids, by id. Customers of whom no event has arrived have none."""
    return {profile.id: profile for profile in await work.select(_PROFILES, ids=list(ids))}


async def primary_keys(work: UnitOfWork, ids: Collection[UUID], kind: ContactKind) -> dict[UUID, str]:
    """Return the primary address or number under each of these ids, in the form in which it is looked up."""
    return {row.customer_id: row.normal for row in await work.select(_PRIMARY_KEYS, ids=list(ids), kind=kind)}


async def primary_address(work: UnitOfWork, customer_id: UUID, kind: ContactKind) -> str | None:
    """Return the primary e-mail address or phone number under this very id, as it was given, or None."""
    return next(iter(await work.select(_ADDRESS, customer_id=customer_id, kind=kind)), None)


async def _find(work: UnitOfWork, kind: ContactKind, normal: str) -> list[CustomerProfile]:
    return await work.select(_BY_KEY, kind=kind, normal=normal, hidden=list(UNREACHABLE))


_BY_KEY = Query(
    tables.CustomerProfile,
    """
    select profile.* from customer_profile as profile
    where profile.id in (select customer_id from contact_key where kind = :kind and normal = :normal)
        and state <> all(:hidden::text[]) order by profile.id
    """,
)
_PROFILE = Query(tables.CustomerProfile, f"select * from customer_profile where id = {found_person_sql(':id::uuid')}")
_PROFILES = Query(CustomerProfile, "select * from customer_profile where id = any(:ids)")
_PRIMARY_KEYS = Query(
    tables.ContactKey,
    """
    select distinct on (customer_id) * from contact_key where customer_id = any(:ids) and kind = :kind
    order by customer_id, is_primary desc, normal
    """,
)
_ADDRESS = Query(
    str,
    """
    select address from contact_key where customer_id = :customer_id and kind = :kind
    order by is_primary desc, normal limit 1
    """,
)
