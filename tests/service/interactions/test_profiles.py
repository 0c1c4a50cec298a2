"""Profiles: customers are found by the addresses that the customers service has published."""

import random
from uuid import UUID

from chassis.types.ids import uuid7
from services.interactions.contact.queries.profiles import find_by_email, find_by_phone, primary_address, profile_of
from services.interactions.contact.tables import CustomerProfile
from tests.support.erasure import erase, tables_with
from tests.support.interactions import a_contact, customer_created, customer_removed, customer_updated
from tests.support.merges import customers_merged, merge_undone
from tests.support.service import ServiceUnderTest

ADA = a_contact(
    "Ada@Example.com",
    "countess@example.org",
    phones=["+31 20 794 0800"],
    name="Ada",
    languages=["en"],
    owner_id="agent-7",
    country="NL",
)


async def by_email(interactions: ServiceUnderTest, address: str) -> list[UUID]:
    async with interactions.work(writes=False) as work:
        return [profile.id for profile in await find_by_email(work, address)]


async def by_phone(interactions: ServiceUnderTest, number: str) -> list[UUID]:
    async with interactions.work(writes=False) as work:
        return [profile.id for profile in await find_by_phone(work, number)]


async def profile(interactions: ServiceUnderTest, id: UUID) -> CustomerProfile | None:
    async with interactions.work(writes=False) as work:
        return await profile_of(work, id)


async def test_a_customer_is_found_by_each_address(interactions: ServiceUnderTest) -> None:
    ada = uuid7()
    await interactions.deliver(customer_created(ada, contact=ADA))
    for address in ("ada@example.com", " ADA@example.COM ", "countess@example.org"):
        assert await by_email(interactions, address) == [ada], address
    for number in ("020 794 0800", "+31 (0)20-7940800", "0031 20 794 0800"):
        assert await by_phone(interactions, number) == [ada], number
    assert await by_email(interactions, "no address") == await by_phone(interactions, "none") == []
    async with interactions.work(writes=False) as work:
        assert await primary_address(work, ada, "email") == "Ada@Example.com"
    found = await profile(interactions, ada)
    assert found is not None
    assert (found.name, found.languages, found.owner_id, found.timezone) == (
        "Ada",
        ["en"],
        "agent-7",
        "Europe/Amsterdam",
    )
    assert (found.version, found.state, found.lifecycle) == (1, "active", "prospect")


async def test_an_address_of_two_customers_finds_both(interactions: ServiceUnderTest) -> None:
    one, other = sorted([uuid7(), uuid7()])
    contact = a_contact("family@example.org", phones=["+31207940801"])
    await interactions.deliver(customer_created(other, contact=contact), customer_created(one, contact=contact))
    assert await by_email(interactions, "family@example.org") == [one, other]
    assert await by_phone(interactions, "+31207940801") == [one, other]


async def test_a_former_address_finds_nobody(interactions: ServiceUnderTest) -> None:
    ada = uuid7()
    new = a_contact("new@example.org")
    await interactions.deliver(customer_created(ada, contact=a_contact("old@example.org")))
    await interactions.deliver(customer_updated(ada, 2, contact=new), customer_updated(ada, 3, lifecycle="client"))
    assert (await by_email(interactions, "old@example.org"), await by_email(interactions, "new@example.org")) == (
        [],
        [ada],
    )


async def test_any_order_of_the_events_leads_to_the_same_profile(interactions: ServiceUnderTest) -> None:
    rng = random.Random(3)
    for _ in range(5):
        ada = uuid7()
        facts = [
            customer_created(ada, contact=a_contact("1@example.org")),
            customer_updated(ada, 2, lifecycle="customer"),
            customer_updated(ada, 3, contact=a_contact("3@example.org", name="Ada")),
            customer_updated(ada, 4, lifecycle="client"),
        ]
        told = [fact | {"id": uuid7()} for fact in facts for _ in range(2)]
        rng.shuffle(told)
        for fact in told:
            await interactions.deliver(fact)
        found = await profile(interactions, ada)
        assert found is not None
        assert (found.version, found.lifecycle, found.contact_version, found.name) == (4, "client", 3, "Ada")
        keys = await interactions.rows("select normal from contact_key where customer_id = $1", ada)
        assert [key["normal"] for key in keys] == ["3@example.org"]


async def test_contact_details_that_are_published_later_are_stored(interactions: ServiceUnderTest) -> None:
    ada = uuid7()
    old = customer_created(ada)
    del old["data"]["contact"]
    await interactions.deliver(old)
    assert await by_email(interactions, "ada@example.com") == []
    await interactions.deliver(customer_updated(ada, 1, contact=ADA, changed=[]))
    assert await by_email(interactions, "ada@example.com") == [ada]


async def test_a_merged_customer_is_found_as_its_survivor_until_the_undo(interactions: ServiceUnderTest) -> None:
    survivor, merged, merge_id = uuid7(), uuid7(), uuid7()
    both = a_contact("one@example.org", "two@example.org", name="One")
    await interactions.deliver(customer_created(survivor, contact=a_contact("one@example.org", name="One")))
    await interactions.deliver(customer_created(merged, contact=a_contact("two@example.org", name="Two")))
    await interactions.deliver(customer_updated(merged, 2, state="merged"), customer_updated(survivor, 2, contact=both))
    await interactions.deliver(customers_merged(survivor, merged, merge_id=merge_id))
    assert await by_email(interactions, "two@example.org") == [survivor]
    found = await profile(interactions, merged)
    assert found is not None
    assert found.id == survivor
    apart = a_contact("one@example.org", name="One")
    await interactions.deliver(customer_updated(survivor, 3, contact=apart), customer_updated(merged, 3))
    await interactions.deliver(merge_undone(survivor, merged, merge_id=merge_id))
    assert await by_email(interactions, "two@example.org") == [merged]
    again = await profile(interactions, merged)
    assert again is not None
    assert again.name == "Two"


async def test_a_removed_customer_is_not_found_even_if_an_event_is_late(interactions: ServiceUnderTest) -> None:
    ada = uuid7()
    await interactions.deliver(customer_removed(ada), customer_created(ada, contact=ADA))
    assert await by_email(interactions, "ada@example.com") == []
    assert await tables_with(interactions, "countess") == []


async def test_an_erasure_removes_the_profile_and_its_addresses(interactions: ServiceUnderTest) -> None:
    ada = uuid7()
    contact = a_contact("zebedina@example.org", phones=["+31207940802"], name="Zebedina")
    await interactions.deliver(customer_created(ada, contact=contact))
    rows = await erase(interactions, ada)
    assert (rows["customer_profile", "deleted"], rows["contact_key", "deleted"]) == (1, 2)
    await interactions.deliver(customer_updated(ada, 2, contact=contact))
    assert await tables_with(interactions, "zebedina") == []
