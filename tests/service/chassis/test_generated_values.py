"""Generated values: cursors, merge patches, and the headers that guard a change, sent to the services.

Each property runs some twenty-five times, and more often by `make fuzz`.
"""

import base64
import copy
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.types.ids import uuid7
from chassis.types.json import json_equal
from chassis.types.times import _zones
from tests.support.facts import a_customer
from tests.support.problems import assert_problem
from tests.support.requests import a_few_programs
from tests.support.rfc7396 import merge_patch_of_the_rfc
from tests.support.service import ServiceUnderTest

some = settings(max_examples=settings().max_examples // 4)

# Cursors

LISTS = [
    {"sort": sort} | ({"tag": tag} if tag else {})
    for sort in ("created_at", "-created_at", "updated_at")
    for tag in (None, "a", "b")
]


async def a_cursor(loyalty: ServiceUnderTest) -> str:
    await a_few_programs(loyalty, 2)
    return str((await loyalty.get("/v1/programs", limit="1")).json()["next_cursor"])


def read(cursor: str) -> bytes | None:
    """Return the decoded bytes of a cursor, or None if it is not base64."""
    try:
        return base64.urlsafe_b64decode(cursor.encode("ascii") + b"==")
    except ValueError:
        return None


@some
@given(st.data())
async def test_a_cursor_that_was_touched_is_refused(running_loyalty: ServiceUnderTest, data: st.DataObject) -> None:
    loyalty = await running_loyalty.for_new_tenant()
    cursor = await a_cursor(loyalty)
    cut, more = data.draw(st.integers(0, len(cursor) - 1)), data.draw(st.text(max_size=5).map(encodable))
    touched = data.draw(
        st.sampled_from([cursor[:cut], cursor[:cut] + more, cursor[:cut] + more + cursor[cut + 1 :], more + cursor])
        | st.binary(max_size=200).map(lambda raw: base64.urlsafe_b64encode(raw).decode())
        | st.text(max_size=60).map(encodable)
    )
    answer = await loyalty.get("/v1/programs", limit="1", cursor=touched)
    if read(touched) == read(cursor):  # base64 ignores characters outside its alphabet, so the cursor is still the same
        assert answer.status_code == 200
    else:
        assert_problem(answer, 400, "malformed_request" if "\0" in touched else "invalid_cursor")


def encodable(text: str) -> str:
    """Return the text without lone surrogates, which a URL cannot carry."""
    return text.encode("utf-8", "ignore").decode()


@some
@given(st.sampled_from(LISTS), st.sampled_from(LISTS), st.booleans())
async def test_a_cursor_opens_the_list_that_it_was_made_for(
    running_customers: ServiceUnderTest, made_for: dict[str, str], used_for: dict[str, str], by_another: bool
) -> None:
    owner = await running_customers.for_new_tenant()
    for _ in range(2):
        await owner.post("/v1/customers", a_customer(tags=["a", "b"]))
    cursor = (await owner.get("/v1/customers", **made_for, limit="1")).json()["next_cursor"]
    asking = await running_customers.for_new_tenant() if by_another else owner
    answer = await asking.get("/v1/customers", **used_for, limit="2", cursor=cursor)
    if made_for == used_for and not by_another:
        assert len(answer.json()["items"]) == 1
    else:
        assert_problem(answer, 400, "invalid_cursor")


# Merge patches

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
# PostgreSQL writes a larger float with all its digits, and it is read back as the nearest integer.
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(-1e15, 1e15)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
SMALL = st.sampled_from([None, True, False, 1, 0, 1.0, {"a": 1}, [True]])
WORDS = st.sampled_from(["Ada", "north", "poet"])
PATCHES = st.fixed_dictionaries(
    {},
    optional={
        "given_name": st.none() | WORDS,
        "area": st.none() | WORDS,
        "tags": st.none() | st.lists(WORDS, max_size=3, unique=True),
        "occupation": st.none() | WORDS,
        "custom": st.none() | st.dictionaries(WORDS, SMALL) | st.dictionaries(TEXT, JSON, max_size=3),
    },
)
NOTHING_KNOWN: dict[str, Any] = {"given_name": None, "area": None, "tags": [], "occupation": None, "custom": {}}
"""The values of removed fields."""


@some
@given(st.lists(PATCHES, min_size=1, max_size=4))
async def test_patches_of_a_customer_do_what_the_rfc_says(
    running_customers: ServiceUnderTest, patches: list[dict[str, Any]]
) -> None:
    customers = await running_customers.for_new_tenant()
    shown = (await customers.post("/v1/customers", a_customer(family_name="Lovelace"))).json()
    for patch in patches:
        known = {name: shown[name] for name in NOTHING_KNOWN}
        expected = NOTHING_KNOWN | merge_patch_of_the_rfc(known, copy.deepcopy(patch))
        answer = await customers.patch(f"/v1/customers/{shown['id']}", patch, if_match=f'"{shown["version"]}"')
        assert answer.status_code == 200, answer.text
        changed = answer.json()
        assert json_equal({name: changed[name] for name in NOTHING_KNOWN}, expected), f"{shown} {patch}"
        assert (changed["version"] == shown["version"]) is json_equal(known, expected)
        shown = changed


# Pages

ODD_TEXTS = st.sampled_from(['say "hi"', "back\\slash", "</script>", "\u00e9\u4e2d\U0001f600", "a\u2028b", "{}"])
TIMES = st.datetimes(datetime(2001, 1, 1), datetime(2199, 1, 1), timezones=st.just(UTC))
CUSTOM = st.dictionaries(
    TEXT | ODD_TEXTS, JSON | st.floats(allow_nan=False, allow_infinity=False) | st.just(2**64 - 1), max_size=4
)


@some
@given(CUSTOM, ODD_TEXTS, TIMES | TIMES.map(lambda at: at.replace(microsecond=0)))
async def test_a_page_writes_a_record_as_a_single_read_does(
    running_customers: ServiceUnderTest, custom: dict[str, Any], text: str, at: datetime
) -> None:
    customers = await running_customers.for_new_tenant(kind="sandbox", clock_at=at)
    emails = [{"address": "ada@example.org", "label": text}]
    body = a_customer(custom=custom, area=text, tags=[text, "a,b"], emails=emails, birth_date="1999-12-31")
    created = await customers.post("/v1/customers", body)
    assert created.status_code == 201, created.text
    single = await customers.get(f"/v1/customers/{created.json()['id']}")
    page = await customers.get("/v1/customers")
    assert values_in_order(page.text) == [("items", [values_in_order(single.text)]), ("next_cursor", None)]


def values_in_order(text: str) -> Any:
    """Return a JSON value with the order of its names. Numbers are exact, whether they have an exponent or not."""
    return json.loads(text, object_pairs_hook=list, parse_float=written_number, parse_int=written_number)


def written_number(text: str) -> tuple[Decimal, bool]:
    """Return a number, and whether it is written as an integer. Large numbers may be written either way."""
    number = Decimal(text)
    return number, abs(number) < 10**16 and "." not in text and "e" not in text


# Headers

HEADER = st.text(st.characters(max_codepoint=0xFF, exclude_categories=["Cc"]), max_size=260)


@some
@given(HEADER, HEADER)
async def test_headers_that_guard_a_change_let_it_through_or_are_refused(
    running_customers: ServiceUnderTest, key: str, if_match: str
) -> None:
    headers = {"idempotency-key": key.encode("latin-1"), "if-match": if_match.encode("latin-1")}
    customer = f"/v1/customers/{uuid7()}"
    answer = await running_customers.request("PATCH", customer, json={"area": "north"}, headers=headers)
    problem = assert_problem(answer, answer.status_code, answer.json()["code"])
    assert problem["code"] in ("idempotency_key_malformed", "malformed_request", "not_found")


# Time zones


async def test_postgresql_knows_every_time_zone_that_is_taken(customers: ServiceUnderTest) -> None:
    known = await customers.rows("select name from pg_timezone_names")
    assert _zones() - {row["name"] for row in known} == set()
