"""Blocks: an erased person is not recorded again, by any operation, and only keyed hashes are kept for it."""

import asyncio
import hashlib
import hmac
from typing import Any

import httpx
import pytest

from chassis.cli.backups.surviving import add_surviving, read_surviving
from chassis.types.ids import uuid7
from services.customers.base import Base
from tests.support.erasure import tables_with
from tests.support.facts import a_customer, known_as
from tests.support.round_trips import round_trips
from tests.support.service import ServiceUnderTest
from tests.support.transfer import act, counts, errors, imported, read, records

PERSON: dict[str, Any] = {
    "given_name": "Zebedina",
    "emails": [{"address": "Zebedina@Quorthon.example"}],
    "phones": [{"number": "+31 20 794 0801"}],
    "external_ids": [{"source": "till", "id": "zeb-4711"}],
}
AGAIN: list[dict[str, Any]] = [
    {"emails": [{"address": "other@quorthon.example"}, {"address": "zebedina@QUORTHON.example"}]},
    {"phones": [{"number": "020 7940801"}]},
    {"external_ids": [{"source": "till", "id": "zeb-4711"}]},
]
"""The person again, in other notations, each with the place by which it is recognized."""
POINTERS = ["/emails/1", "/phones/0", "/external_ids/0"]


async def a_person(customers: ServiceUnderTest, **fields: Any) -> str:
    response = await customers.post("/v1/customers", a_customer(**fields))
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


async def erase(customers: ServiceUnderTest, customer: str, *, block: bool = True) -> str:
    body = {"customer_id": customer, "reason": "objection", "grace_days": 0, "block": block}
    erasure = await customers.post("/v1/erasures", body)
    assert (erasure.status_code, erasure.json()["block"]) == (202, block), erasure.text
    events = await customers.published()
    await customers.deliver([{"id": one.id, "type": one.type, "key": one.subject, "data": one.data} for one in events])
    return str(erasure.json()["id"])


async def a_blocked_person(customers: ServiceUnderTest) -> dict[str, Any]:
    """Erase a person with a block, and return the block."""
    erasure = await erase(customers, await a_person(customers, **PERSON))
    (block,) = (await customers.get("/v1/blocks", erasure_id=erasure)).json()["items"]
    return dict(block)


def refusal(response: httpx.Response) -> tuple[int, str, str]:
    problem = response.json()
    return response.status_code, problem["code"], problem["pointer"]


@pytest.mark.parametrize(("fields", "pointer"), list(zip(AGAIN, POINTERS, strict=True)))
async def test_a_blocked_person_is_not_recorded_again(
    customers: ServiceUnderTest, fields: dict[str, Any], pointer: str
) -> None:
    block = await a_blocked_person(customers)
    other = await a_person(customers, **known_as("other"))
    named = {"source": "crm", "id": "9"}
    answers = [
        await customers.post("/v1/customers", a_customer(**fields)),
        await customers.patch(f"/v1/customers/{other}", fields),
        await customers.post("/v1/leads", {"kind": "person", **fields}),
        await customers.request("PUT", "/v1/customers/by-external-id", params=named, json=a_customer(**fields)),
    ]
    expected = (409, "person_blocked", pointer)
    after_the_id_of_the_path = (409, "person_blocked", pointer.replace("ids/0", "ids/1"))
    assert [refusal(answer) for answer in answers] == [expected] * 3 + [after_the_id_of_the_path]
    assert {answer.json()["block_id"] for answer in answers} == {block["id"]}
    assert "uorthon" not in "".join(answer.text for answer in answers)
    assert len(await customers.rows("select id from customer where state = 'active'")) == 1


async def test_a_batch_refuses_the_items_of_blocked_persons_alone(customers: ServiceUnderTest) -> None:
    await a_blocked_person(customers)
    items = [a_customer(**known_as(str(number))) for number in range(5)]
    items[1] |= {"emails": PERSON["emails"]}
    items[3] |= {"phones": [{"number": "+31207940801"}]}
    response = await customers.post("/v1/customers/batch", {"items": items})
    results = response.json()["results"]
    assert [result["status"] for result in results] == ["created", "refused", "created", "refused", "created"]
    assert {results[at]["problem"]["code"] for at in (1, 3)} == {"person_blocked"}
    assert len(await customers.rows("select id from customer where state = 'active'")) == 3


async def test_an_import_refuses_the_rows_of_blocked_persons_alone(customers: ServiceUnderTest) -> None:
    await a_blocked_person(customers)
    file = "email,given_name\nada@x.org,Ada\nzebedina@QUORTHON.example,Zebedina\n"
    for dry_run in (True, False):
        done = await imported(customers, file, dry_run=dry_run)
        assert counts(done) == (1, 0, 0, 1)
        (error,) = await errors(customers, done["id"])
        assert (error["row"], error["code"], error["email"]) == ("2", "person_blocked", "")
    assert [record["given_name"] for record in await records(customers)] == ["Ada"]


async def test_the_revert_of_an_import_brings_no_blocked_identity_back(customers: ServiceUnderTest) -> None:
    await a_person(customers, emails=PERSON["emails"], **known_as("1"))
    mapping = {"id": "external_ids.till", "email": "emails.1"}
    done = await imported(customers, "id,email\n1,ada@x.org\n", mapping=mapping)
    assert counts(done) == (0, 1, 0, 0)
    await a_blocked_person(customers)
    await act(customers, done["id"], "revert")
    await customers.run_jobs()
    revert = (await read(customers, done["id"]))["revert"]
    assert (revert["restored"], [each["reason"] for each in revert["kept"]]) == (0, ["values_refused"])
    assert [record["emails"][0]["address"] for record in await records(customers)] == ["ada@x.org"]


async def test_who_shares_an_address_with_a_blocked_person_stays_and_may_change(customers: ServiceUnderTest) -> None:
    shared: dict[str, Any] = {"emails": PERSON["emails"]}
    partner = await a_person(customers, **shared, **known_as("partner"))
    await a_blocked_person(customers)
    more = {"emails": [*shared["emails"], {"address": "new@example.com"}]}
    assert (await customers.patch(f"/v1/customers/{partner}", more)).status_code == 200
    item = a_customer(**more, area="x", **known_as("partner"))
    batch = await customers.post("/v1/customers/batch", {"items": [item]})
    assert batch.json()["results"][0]["status"] == "updated"
    assert (await customers.patch(f"/v1/customers/{partner}", {"emails": []})).status_code == 200
    assert refusal(await customers.patch(f"/v1/customers/{partner}", shared))[2] == "/emails/0"


async def test_an_erasure_without_a_block_lets_the_person_return(customers: ServiceUnderTest) -> None:
    await erase(customers, await a_person(customers, **PERSON), block=False)
    assert (await customers.post("/v1/customers", a_customer(**PERSON))).status_code == 201
    assert await customers.rows("select * from block_key") == []


async def test_a_removed_block_lets_the_person_return_unless_another_is_in_force(customers: ServiceUnderTest) -> None:
    twins = [{"emails": PERSON["emails"], "allow_duplicate": True, **known_as(number)} for number in "12"]
    for twin in [await a_person(customers, **fields) for fields in twins]:
        await erase(customers, twin)
    blocks = [block["id"] for block in (await customers.get("/v1/blocks")).json()["items"]]
    returning = a_customer(emails=PERSON["emails"])
    for block in blocks:
        assert (await customers.post("/v1/customers", returning)).status_code == 409
        assert (await customers.request("DELETE", f"/v1/blocks/{block}")).status_code == 204
    assert (await customers.post("/v1/customers", returning)).status_code == 201
    assert (await customers.request("DELETE", f"/v1/blocks/{blocks[0]}")).status_code == 404
    audited = await customers.rows("select action from chassis.audit where entity = 'block' order by at, id")
    assert [row["action"] for row in audited] == ["created", "created", "deleted", "deleted"]


async def test_the_identities_of_merged_records_are_blocked_too(customers: ServiceUnderTest) -> None:
    addresses = ("a@quorthon.example", "b@quorthon.example")
    kept, merged = [await a_person(customers, emails=[{"address": each}], **known_as(each)) for each in addresses]
    assert (await customers.post(f"/v1/customers/{kept}/merge", {"merged_id": merged})).is_success
    await erase(customers, kept)
    for address in addresses:
        by_email = await customers.post("/v1/customers", a_customer(emails=[{"address": address}]))
        by_id = await customers.post("/v1/customers", a_customer(**known_as(address)))
        assert [refusal(answer)[2] for answer in (by_email, by_id)] == ["/emails/0", "/external_ids/0"]


async def test_a_block_keeps_keyed_hashes_and_nothing_else_of_the_person(customers: ServiceUnderTest) -> None:
    block = await a_blocked_person(customers)
    assert block.keys() == {"id", "erasure_id", "identities", "actor", "created_at"}
    assert (block["identities"], (await customers.get(f"/v1/blocks/{block['id']}")).json()) == (3, block)
    assert await tables_with(customers, "zeb-4711", "31207940801", "quorthon") == []
    (pads,) = await customers.rows("select inner_pad, outer_pad from block_key")
    key = bytes(byte ^ 0x36 for byte in pads["inner_pad"])
    assert key == bytes(byte ^ 0x5C for byte in pads["outer_pad"])
    hashes = {row["hash"] for row in await customers.rows("select hash from blocked_identity")}
    texts = ["email:zebedina@quorthon.example", "phone:+31207940801", "external_id:4:till:zeb-4711"]
    assert hashes == {hmac.new(key, text.encode(), hashlib.sha256).digest() for text in texts}


async def test_tenants_block_apart_and_hash_apart(customers: ServiceUnderTest) -> None:
    other = await customers.for_new_tenant()
    await a_blocked_person(customers)
    person = await a_person(other, **PERSON)
    assert (await other.get("/v1/blocks")).json()["items"] == []
    await erase(other, person)
    mine, theirs = [await each.rows("select hash from blocked_identity") for each in (customers, other)]
    assert {row["hash"] for row in mine}.isdisjoint(row["hash"] for row in theirs)


async def test_the_first_blocks_of_a_tenant_at_the_same_time_share_a_key(customers: ServiceUnderTest) -> None:
    people: list[dict[str, Any]] = [{"emails": [{"address": f"p{number}@quorthon.example"}]} for number in range(4)]
    ids = [await a_person(customers, **person) for person in people]
    body = {"reason": "requested", "grace_days": 0, "block": True}
    await asyncio.gather(*(customers.post("/v1/erasures", body | {"customer_id": id}) for id in ids))
    assert len(await customers.rows("select * from block_key")) == 1
    answers = [await customers.post("/v1/customers", a_customer(**person)) for person in people]
    assert {refusal(answer) for answer in answers} == {(409, "person_blocked", "/emails/0")}


async def test_a_restored_backup_does_not_bring_the_person_back(customers: ServiceUnderTest) -> None:
    await a_blocked_person(customers)
    settings = customers.shared.running.settings
    surviving = await read_surviving(settings, Base.metadata)
    mine = f"where tenant_id = '{customers.tenant.id}'"
    await customers.as_owner(f"delete from block {mine}", f"delete from block_key {mine}")  # an older backup
    for _ in range(2):
        await add_surviving(settings, surviving)
    assert (await customers.post("/v1/customers", a_customer(**PERSON))).json()["code"] == "person_blocked"
    assert len(await customers.rows("select * from blocked_identity")) == 3


@pytest.mark.parametrize("blocks", [0, 1])
async def test_a_new_customer_takes_no_round_trip_for_blocks(customers: ServiceUnderTest, blocks: int) -> None:
    for _ in range(blocks):
        await a_blocked_person(customers)
    await customers.post("/v1/customers", a_customer())  # the connection is set to the tenant then
    address = {"street": "Quay 1", "latitude": 52.37, "longitude": 4.89}
    person = PERSON | {"emails": [{"address": "ada@example.com"}], "phones": [{"number": "+31207940802"}]}
    with round_trips() as sent:
        response = await customers.post("/v1/customers", a_customer(**person | known_as("1"), addresses=[address]))
    assert response.status_code == 201
    assert len(sent) == 1, "\n".join(sent)


async def test_a_refusal_is_repeated_for_its_idempotency_key(customers: ServiceUnderTest) -> None:
    await a_blocked_person(customers)
    key = str(uuid7())
    answers = [await customers.post("/v1/customers", a_customer(**PERSON), Idempotency_Key=key) for _ in range(2)]
    assert [refusal(answer)[:2] for answer in answers] == [(409, "person_blocked")] * 2
