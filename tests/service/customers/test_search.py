"""The search by name: letters of any language, parts of words, several words, and the vocabulary behind it."""

import asyncio
from typing import Any

import pytest

from chassis import UnitOfWork
from services.customers.people import tables
from services.customers.people.queries import store_name_words
from tests.support.facts import a_customer
from tests.support.service import ServiceUnderTest

NAMES = [
    "Bjørn Hauk",
    "Bjorn Vik",
    "Björk Gud",
    "Ørn Ness",
    "Łoś Kowal",
    "Đỗ Minh",
    "Cœur Lion",
    "Æsir Odin",
    "Þór Grim",
    "Sørby Lund",
    "李 伟",
    "Ada Lovelace",
    "Ada Byron",
    "Augusta Lovelock",
    "Jan van den Berg",
    "Seán O'Brien",
]
INSERT_ADA = """
    insert into customer (kind, version, created_at, updated_at, account_kinds, emails, phones, addresses, external_ids,
        languages, tags, lifecycle, state, custom, given_name, search_words)
    values ('person', 1, now(), now(), '{}', '[]', '[]', '[]', '[]', '{}', '{}', 'prospect', 'active', '{}', 'Ada',
        '{ada}')
"""
ORGANIZATIONS = ["株式会社トヨタ自動車", "Microsoft", "Müller-Schmidt & Söhne"]


async def a_directory(customers: ServiceUnderTest) -> None:
    people = [dict(zip(("given_name", "family_name"), name.split(" ", 1), strict=True)) for name in NAMES]
    items: list[dict[str, Any]] = [a_customer(**names) for names in people]
    items += [{"kind": "organization", "name": name} for name in ORGANIZATIONS]
    assert (await customers.post("/v1/customers/batch", {"items": items})).status_code == 200


SPELLINGS = [
    ("Straße", "STRASSE"),
    ("Όδος", "οδοσ"),
    ("مُحَمَّد", "محمد"),
    ("محـمد", "محمد"),
    ("فاطمة", "فاطمه"),
    ("علی", "علي"),
    ("שָׁלוֹם", "שלום"),
    ("ｶﾞｷ", "ガキ"),
    ("たなか", "タナカ"),
    ("İnci", "inci"),
    ("Işık", "isik"),  # noqa: RUF001
    ("Nguyễn", "nguyen"),
    ("Фёдор", "Федор"),
    ("ＡＢＣ", "abc"),  # noqa: RUF001
]


@pytest.mark.parametrize(("stored", "searched"), SPELLINGS)
async def test_a_name_is_found_by_either_spelling(customers: ServiceUnderTest, stored: str, searched: str) -> None:
    for name, q in ((stored, searched), (searched, stored)):
        await customers.post("/v1/customers", {"kind": "organization", "name": name})
        assert name in await search(customers, q)


async def search(customers: ServiceUnderTest, q: str) -> list[str]:
    answer = await customers.get("/v1/customers", q=q)
    assert answer.status_code == 200, answer.text
    parts = [(one["given_name"], one["family_name"], one["name"]) for one in answer.json()["items"]]
    return [" ".join(part for part in names if part) for names in parts]


async def words(customers: ServiceUnderTest) -> list[str]:
    return [row["word"] for row in await customers.rows("select word from name_word order by word")]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("bjorn", {"Bjørn Hauk", "Bjorn Vik", "Björk Gud"}),
        ("Bjørn", {"Bjørn Hauk", "Bjorn Vik", "Björk Gud"}),
        ("orn", {"Ørn Ness", "Bjørn Hauk", "Bjorn Vik"}),
        ("los", {"Łoś Kowal"}),
        ("do", {"Đỗ Minh"}),
        ("coeur", {"Cœur Lion"}),
        ("aesir", {"Æsir Odin"}),
        ("thor", {"Þór Grim"}),
        ("sorby", {"Sørby Lund"}),
        ("李伟", {"李 伟"}),
        ("伟李", {"李 伟"}),
        ("李", {"李 伟"}),
        ("伟", {"李 伟"}),
        ("トヨタ", {"株式会社トヨタ自動車"}),
        ("cro", {"Microsoft"}),
        ("micorsoft", {"Microsoft"}),
        ("vandenberg", {"Jan van den Berg"}),
        ("van den berg", {"Jan van den Berg"}),
        ("O’Brien", {"Seán O'Brien"}),  # noqa: RUF001
        ("brien sean", {"Seán O'Brien"}),
        ("muller schmidt", {"Müller-Schmidt & Söhne"}),
        ("sohne", {"Müller-Schmidt & Söhne"}),
    ],
)
async def test_names_of_any_language_are_found(customers: ServiceUnderTest, q: str, found: set[str]) -> None:
    await a_directory(customers)
    assert set(await search(customers, q)) == found


async def test_every_word_of_a_search_counts(customers: ServiceUnderTest) -> None:
    await a_directory(customers)
    assert (await search(customers, "ada lovelac"))[0] == "Ada Lovelace"
    assert (await search(customers, "lovelace, ada"))[0] == "Ada Lovelace"
    assert (await search(customers, "lovelace ada xyzzyxyzzyxyzzyxyzzy")) == []


async def test_distant_matches_come_last(customers: ServiceUnderTest) -> None:
    await a_directory(customers)
    assert (await search(customers, "bjorn"))[-1] == "Björk Gud"


async def test_the_words_of_former_names_are_removed(customers: ServiceUnderTest) -> None:
    ada, eve = [
        (await customers.post("/v1/customers", a_customer(given_name=name, family_name="Byron"))).json()["id"]
        for name in ("Ada", "Eve")
    ]
    assert (await customers.patch(f"/v1/customers/{ada}", {"given_name": "Zoë", "family_name": None})).is_success
    await customers.run_periodic_tasks()
    assert await words(customers) == ["byron", "eve", "zoe"]
    await customers.rows("delete from customer where id = $1", eve)
    await customers.run_periodic_tasks()
    assert await words(customers) == ["zoe"]
    assert await search(customers, "zoe") == ["Zoë"]


async def test_a_word_that_is_about_to_be_used_is_not_removed(customers: ServiceUnderTest) -> None:
    await customers.rows("insert into name_word (word) values ('ada')")  # of a customer that no longer exists
    async with customers.transaction() as transaction:
        work = UnitOfWork(transaction)
        await store_name_words(work, [tables.Customer(search_words=["ada"])])
        await transaction.begin()
        removal = asyncio.create_task(customers.run_periodic_tasks())
        await asyncio.sleep(0.2)
        assert not removal.done()
        await (await transaction.connection()).execute(INSERT_ADA)
    await removal
    assert await words(customers) == ["ada"]


async def test_concurrent_batches_with_the_same_new_words_all_succeed(customers: ServiceUnderTest) -> None:
    names = [f"name{number}" for number in range(60)]
    batches = [{"items": [a_customer(given_name=name) for name in names[::step]]} for step in (1, -1, 1, -1)]
    answers = await asyncio.gather(*(customers.post("/v1/customers/batch", batch) for batch in batches))
    assert [answer.status_code for answer in answers] == [200] * 4
    assert await words(customers) == sorted(names)


async def test_a_very_long_word_is_stored_and_found(customers: ServiceUnderTest) -> None:
    created = await customers.post("/v1/customers", {"kind": "organization", "name": "\ufdfa" * 200})
    assert created.status_code == 201
    assert len(await search(customers, "\ufdfa")) == 1
