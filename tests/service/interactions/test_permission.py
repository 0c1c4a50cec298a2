"""Permission: what the events of consents allow, after merges as well."""

from uuid import UUID

from chassis.types.ids import uuid7
from services.interactions.contact.queries.permission import may_contact, may_contact_many
from services.interactions.contact.rules.permission import Permission
from tests.support.erasure import erase
from tests.support.interactions import consent, customer_created, customer_updated
from tests.support.merges import customers_merged, merge_undone
from tests.support.service import ServiceUnderTest


async def asked(
    interactions: ServiceUnderTest, customer: UUID, purpose: str = "newsletter", channel: str = "email"
) -> Permission:
    async with interactions.work(writes=False) as work:
        return await may_contact(work, customer, purpose, channel)


async def reason(interactions: ServiceUnderTest, customer: UUID) -> str:
    return (await asked(interactions, customer)).reason


async def test_nothing_is_allowed_before_a_grant(interactions: ServiceUnderTest) -> None:
    ada = uuid7()
    assert await asked(interactions, ada) == Permission(False, None, "never_asked")
    await interactions.deliver(consent("requested", ada))
    assert await reason(interactions, ada) == "pending"
    granted = consent("granted", ada, "2026-03-02T10:00:00Z")
    await interactions.deliver(granted)
    assert await asked(interactions, ada) == Permission(True, UUID(granted["data"]["receipt_id"]), "granted")
    assert not (await asked(interactions, ada, purpose="survey")).allowed
    assert not (await asked(interactions, ada, channel="sms")).allowed


async def test_the_strictest_wins_in_any_order(interactions: ServiceUnderTest) -> None:
    late, same = "2026-03-02T10:00:00Z", "2026-03-01T10:00:00Z"
    for decisions in (
        [("withdrawn", late), ("granted", same)],
        [("withdrawn", same), ("granted", same)],
        [("granted", same), ("withdrawn", same)],
    ):
        ada = uuid7()
        told = [consent(decision, ada, at) for decision, at in decisions]
        await interactions.deliver(*told)
        await interactions.deliver(*[fact | {"id": uuid7()} for fact in told])  # the same receipts again
        assert await reason(interactions, ada) == "withdrawn"
        await interactions.deliver(consent("granted", ada, "2026-03-03T10:00:00Z"))
        assert await reason(interactions, ada) == "granted"


async def test_a_grant_ends_by_itself(interactions: ServiceUnderTest) -> None:
    ada = uuid7()
    await interactions.deliver(consent("granted", ada, expires_at="2026-03-02T10:00:00Z"))
    assert await reason(interactions, ada) == "expired"


async def test_only_an_active_customer_may_be_contacted(interactions: ServiceUnderTest) -> None:
    ada = uuid7()
    await interactions.deliver(customer_created(ada), consent("granted", ada))
    assert await reason(interactions, ada) == "granted"
    await interactions.deliver(customer_updated(ada, 2, state="blocked"))
    assert await reason(interactions, ada) == "not_active"
    await interactions.deliver(customer_updated(ada, 3, archived_at="2026-03-02T10:00:00Z"))
    assert await reason(interactions, ada) == "not_active"


async def test_a_merge_keeps_the_strictest_and_an_undo_separates(interactions: ServiceUnderTest) -> None:
    survivor, merged, merge_id = uuid7(), uuid7(), uuid7()
    await interactions.deliver(consent("granted", survivor), consent("withdrawn", merged, "2026-03-01T10:00:01Z"))
    await interactions.deliver(customers_merged(survivor, merged, merge_id=merge_id))
    for id in (survivor, merged):
        assert await reason(interactions, id) == "withdrawn"
    await interactions.deliver(consent("withdrawn", merged, purpose="survey"))  # a late event of the merged record
    assert (await asked(interactions, survivor, purpose="survey")).reason == "withdrawn"
    await interactions.deliver(merge_undone(survivor, merged, merge_id=merge_id))
    assert (await reason(interactions, survivor), await reason(interactions, merged)) == ("granted", "withdrawn")
    assert (await asked(interactions, survivor, purpose="survey")).reason == "never_asked"


async def test_many_customers_are_asked_about_at_once(interactions: ServiceUnderTest) -> None:
    granted, withdrawn, unknown = uuid7(), uuid7(), uuid7()
    await interactions.deliver(consent("granted", granted), consent("withdrawn", withdrawn))
    async with interactions.work(writes=False) as work:
        found = await may_contact_many(work, [granted, withdrawn, unknown], "newsletter", "email")
    assert [found[id].allowed for id in (granted, withdrawn, unknown)] == [True, False, False]


async def test_an_erasure_removes_the_decisions(interactions: ServiceUnderTest) -> None:
    ada = uuid7()
    await interactions.deliver(consent("granted", ada))
    assert (await erase(interactions, ada))["consent_decision", "deleted"] == 1
