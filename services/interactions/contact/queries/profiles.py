"""Look-ups of customers by their addresses and ids."""

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
_ADDRESS = Query(
    str,
    """
    select address from contact_key where customer_id = :customer_id and kind = :kind
    order by is_primary desc, normal limit 1
    """,
)
