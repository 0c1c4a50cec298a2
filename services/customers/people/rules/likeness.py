"""How alike two records are: the evidence for and against a single customer, in points.

The points of a finding estimate log2 of a ratio: how often two records of the same customer have it, divided by how
often records of two customers have it (Fellegi and Sunter, "A Theory for Record Linkage", 1969). They are set by hand.
Plain values in, plain values out.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from rapidfuzz.distance import OSA, JaroWinkler
from typing_extensions import TypeAliasType, TypedDict

from services.customers.people.rules.contacts import contact_points, phone_forms
from services.customers.people.rules.names import split

Attribute = TypeAliasType("Attribute", Literal["name", "email", "phone", "birth_date", "address"])
ENOUGH = 8.0
"""The points from which two records may be of the same customer."""

GIVEN, FAMILY, WHOLE = (3.0, -5.0), (4.0, -4.0), (7.0, -7.0)
"""The points of an equal and of a different name. The whole name is that of an organization, or undivided."""
OTHER_NAME = -7.0
"""Two parts of a name are often wrong together, so both count less than their sum."""
SWAPPED = -1.0
PART = 0.9
"""The similarity of a name and a part of it: "Ada Maria" and "Ada", and "A." and "Ada"."""
EMAIL, PHONE = 12.0, 8.0
BIRTH_DATE, NEAR_BIRTH_DATE, BIRTHDAY, OTHER_BIRTH_DATE = 8.0, 4.0, 4.0, -3.5
POSTAL_CODE, NEAR_POSTAL_CODE, STREET, HOUSE, CITY, OTHER_ADDRESS = 3.5, 1.5, 2.5, 1.5, 0.5, -2.0
"""Members of a household share an address, so even the same house is less than enough."""
EQUAL, DIFFERENT = 0.95, 0.7
"""Words that are at least this similar count as equal, and words below as different, with points between."""
SAME_STREET, SAME_CITY = 0.85, 0.9
MAX_ADDRESSES = 5
"""Further addresses are not compared: each is compared with each of the other record."""
LEGAL_FORM = re.compile(
    "ab|ag|aps|as|bv|co|corp|corporation|cv|gmbh|inc|kg|limited|llc|llp|ltd|ltda|nv|oy|plc|pty|sa|sarl|sas|sl|spa|srl|vof"
)


class Evidence(TypedDict):
    """The finding about an attribute that two records have."""

    attribute: Attribute
    similarity: float
    points: float


@dataclass(frozen=True, slots=True)
class PostalTraits:
    """A postal address, by which it is compared."""

    postal_code: str
    city: str
    street: str
    sorted_street: str
    numbers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Traits:
    """The attributes by which a record is compared."""

    kind: str
    given: str
    family: str
    whole: str
    """The words of a name that is not divided into given and family name."""
    emails: frozenset[str]
    phones: frozenset[str]
    birth_date: date | None
    birthday: str | None
    addresses: tuple[PostalTraits, ...]

    @property
    def all_names(self) -> str:
        """The words of all names, sorted."""
        return " ".join(sorted(f"{self.given} {self.family} {self.whole}".split()))

    def to_document(self) -> list[Any]:
        """Return the attributes as they are stored."""
        addresses = [
            [place.postal_code, place.city, place.street, place.sorted_street, sorted(place.numbers)]
            for place in self.addresses
        ]
        born = self.birth_date and self.birth_date.isoformat()
        names = [self.kind, self.given, self.family, self.whole]
        return [*names, sorted(self.emails), sorted(self.phones), born, self.birthday, addresses]

    @classmethod
    def from_document(cls, document: list[Any]) -> "Traits":
        """Return stored attributes."""
        kind, given, family, whole, emails, phones, born, birthday, addresses = document
        places = tuple(
            PostalTraits(code, city, street, sorted_street, frozenset(numbers))
            for code, city, street, sorted_street, numbers in addresses
        )
        birth_date = None if born is None else date.fromisoformat(born)
        return cls(kind, given, family, whole, frozenset(emails), frozenset(phones), birth_date, birthday, places)


def traits_of(record: Any) -> Traits:
    """Return the attributes of a record by which it is compared."""
    points = contact_points(record.emails, record.phones)
    given, family = _words(record.given_name), _words(record.family_name)
    return Traits(
        kind=record.kind,
        given=given,
        family=family,
        whole="" if given or family else _without_legal_form(_words(record.name)),
        emails=frozenset(normal for kind, normal in points if kind == "email"),
        phones=frozenset(phone_forms(normal)[0] for kind, normal in points if kind == "phone"),
        birth_date=record.birth_date,
        birthday=record.birthday,
        addresses=tuple(_postal_traits(address) for address in record.addresses[:MAX_ADDRESSES]),
    )


def _words(name: str | None) -> str:
    return " ".join(split(name)) if name else ""


def _without_legal_form(name: str) -> str:
    words = name.split()
    return " ".join([word for word in words if not LEGAL_FORM.fullmatch(word)] or words)


def _postal_traits(address: dict[str, Any]) -> PostalTraits:
    words = split(address.get("street") or "")
    letters = [word for word in words if not word.isdigit()]
    return PostalTraits(
        postal_code="".join(split(address.get("postal_code") or "")),
        city="".join(split(address.get("city") or "")),
        street="".join(letters),
        sorted_street="".join(sorted(letters)),
        numbers=frozenset(words).difference(letters),
    )


def total(evidence: list[Evidence]) -> float:
    """Return the points of all evidence."""
    return sum(item["points"] for item in evidence)


def score(points: float) -> int:
    """Return points as a score of 0 to 100. `ENOUGH` is 50, and each point more halves the doubt."""
    return round(100 / (1 + float(2 ** (ENOUGH - points))))


def compare(a: Traits, b: Traits) -> list[Evidence]:
    """Compare the attributes that both records have. A person and an organization have none in common."""
    found: list[Evidence] = []
    if a.kind != b.kind:
        return found
    _add(found, "name", _compare_names(a, b))
    if a.emails & b.emails:
        _add(found, "email", (1.0, EMAIL))
    if a.phones & b.phones:
        _add(found, "phone", (1.0, PHONE))
    _add(found, "birth_date", _compare_births(a, b))
    _add(found, "address", _compare_addresses(a, b))
    return found


def contradicts(evidence: list[Evidence]) -> bool:
    """Return whether the names or the birth dates of two records are of different customers."""
    return any(item["points"] < 0 for item in evidence if item["attribute"] in ("name", "birth_date"))


Finding = tuple[float, float]
"""A similarity of 0 to 1, and its points."""


def _add(found: list[Evidence], attribute: Attribute, finding: Finding | None) -> None:
    if finding is not None:
        similarity, points = finding
        found.append({"attribute": attribute, "similarity": round(similarity, 2), "points": round(points, 1)})


def _compare_names(a: Traits, b: Traits) -> Finding | None:
    if a.whole or b.whole:
        first, second = a.all_names, b.all_names
        return _rated(_similarity(first, second), WHOLE) if first and second else None
    straight = _both(_pair(a.given, b.given, GIVEN), _pair(a.family, b.family, FAMILY))
    if straight is not None and straight[1] >= GIVEN[0] + FAMILY[0]:
        return straight
    swapped = _both(_pair(a.given, b.family, GIVEN), _pair(a.family, b.given, FAMILY))
    if swapped is not None:
        swapped = swapped[0], swapped[1] + SWAPPED
    best = max((each for each in (straight, swapped) if each), key=lambda each: each[1], default=None)
    return best and (best[0], max(best[1], OTHER_NAME))


def _both(first: Finding | None, second: Finding | None) -> Finding | None:
    if first is None or second is None:
        return first or second
    return (first[0] + second[0]) / 2, first[1] + second[1]


def _pair(a: str, b: str, points: tuple[float, float]) -> Finding | None:
    return _rated(_similarity(a, b), points) if a and b else None


def _rated(similarity: float, points: tuple[float, float]) -> Finding:
    """Return a similarity and its points: those of equal names, of different names, or between."""
    equal, different = points
    share = min(max((similarity - DIFFERENT) / (EQUAL - DIFFERENT), 0.0), 1.0)
    return similarity, different + share * (equal - different)


def _similarity(a: str, b: str) -> float:
    if a == b:
        return 1.0
    similarity: float = JaroWinkler.similarity(a, b)
    return max(similarity, PART) if similarity < PART and _is_part(a, b) else similarity


def _is_part(a: str, b: str) -> bool:
    """Return whether the words of a name are some of the other's, or an initial of it."""
    fewer, more = sorted((set(a.split()), set(b.split())), key=len)
    initials = {word[0] for word in more}
    return all(word in more or word in initials for word in fewer)


def _compare_births(a: Traits, b: Traits) -> Finding | None:
    if a.birth_date and b.birth_date:
        if a.birth_date == b.birth_date:
            return 1.0, BIRTH_DATE
        one, other = a.birth_date.strftime("%Y%m%d"), b.birth_date.strftime("%Y%m%d")
        is_near = OSA.distance(one, other, score_cutoff=1) <= 1 or one == other[:4] + other[6:] + other[4:6]
        return (0.9, NEAR_BIRTH_DATE) if is_near else (0.0, OTHER_BIRTH_DATE)
    if a.birthday and b.birthday:
        return (1.0, BIRTHDAY) if a.birthday == b.birthday else (0.0, OTHER_BIRTH_DATE)
    return None


def _compare_addresses(a: Traits, b: Traits) -> Finding | None:
    """Compare the most similar addresses of two records."""
    points = max((_address_points(one, other) for one in a.addresses for other in b.addresses), default=None)
    if points is None:
        return None
    return points / (POSTAL_CODE + STREET + HOUSE + CITY), points or OTHER_ADDRESS


def _address_points(a: PostalTraits, b: PostalTraits) -> float:
    points = 0.0
    if a.postal_code and b.postal_code:
        if a.postal_code == b.postal_code:
            points += POSTAL_CODE
        elif OSA.distance(a.postal_code, b.postal_code, score_cutoff=1) <= 1:
            points += NEAR_POSTAL_CODE
    if a.city and b.city and (a.city == b.city or JaroWinkler.similarity(a.city, b.city) >= SAME_CITY):
        points += CITY
    if a.numbers & b.numbers:
        points += HOUSE
    if a.street and b.street and _is_same_street(a, b):
        points += STREET
    return points


def _is_same_street(a: PostalTraits, b: PostalTraits) -> bool:
    return (
        a.street == b.street
        or JaroWinkler.similarity(a.street, b.street) >= SAME_STREET
        or JaroWinkler.similarity(a.sorted_street, b.sorted_street) >= SAME_STREET
    )
