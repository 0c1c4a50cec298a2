"""Keys of records: two records are compared if they have a key in common. Plain values in, plain values out."""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Literal

from typing_extensions import TypeAliasType

from services.customers.people.rules.likeness import Traits

DuplicateState = TypeAliasType("DuplicateState", Literal["open", "merged", "not_a_duplicate"])
RULES = 1
"""The version of the keys and of the comparison. After a new version, the next search compares every record again."""
MAX_WORDS = 3
"""The words of a name, and the numbers of an address, that make keys."""


def keys_of(traits: Traits) -> list[int]:
    """Return the keys of a record, hashed to 64 bits, each once.

    Each combines two or three attributes, so that few other records have it. A wrong attribute leaves the other keys.
    """
    return sorted({_hash(traits.kind, *parts) for parts in _keys(traits)})


def _keys(traits: Traits) -> Iterator[tuple[str, ...]]:
    names = traits.all_names.split()
    initials = sorted({name[0] for name in names})
    yield from (("email", email) for email in traits.emails)
    yield from (("phone", phone) for phone in traits.phones)
    born = traits.birth_date.isoformat() if traits.birth_date else traits.birthday
    if born:
        yield from (("born", born, initial) for initial in initials[:MAX_WORDS])
    if traits.birth_date and len(names) > 1:
        yield "name and year", traits.all_names, str(traits.birth_date.year)
    for place in traits.addresses:
        if place.postal_code and born:
            yield "born there", born, place.postal_code
        if place.postal_code:
            yield from (("postal code", place.postal_code, name[:4]) for name in names[:MAX_WORDS])
        if place.city and len(names) > 1:
            yield "name", traits.all_names, place.city[:4]
        if place.postal_code and place.street:
            yield from (("street", place.postal_code, place.street[:3], initial) for initial in initials[:MAX_WORDS])
        for number in sorted(place.numbers)[:MAX_WORDS]:
            yield from (("house", number, place.street[:3], initial) for initial in initials[:MAX_WORDS])


def _hash(*parts: str) -> int:
    digest = blake2b("\0".join(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
