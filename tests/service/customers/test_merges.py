"""Merges: one record survives, the other's id leads to it, and an undo restores both."""

import asyncio
from typing import Any

import pytest

from chassis.types.ids import uuid7
from tests.support.facts import a_customer, known_as
from tests.support.service import ServiceUnderTest

PERMITTED = {"purpose": "newsletter", "channel": "email"}


async def create(customers: ServiceUnderTest, **fields: Any) -> str:
    response = await customers.post("/v1/customers", a_customer(**fields))
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


async def merge(customers: ServiceUnderTest, survivor: str, merged: str, **choices: str) -> dict[str, Any]:
    response = await customers.post(
        f"/v1/customers/{survivor}/merge", {"merged_id": merged, **({"choices": choices} if choices else {})}
    )
    assert response.status_code == 201, response.text
    return dict(response.json())


async def undo(customers: ServiceUnderTest, merge: dict[str, Any]) -> dict[str, Any]:
    response = await customers.request("POST", f"/v1/merges/{merge['id']}/undo")
    assert response.status_code == 200, response.text
    return dict(response.json())


async def read(customers: ServiceUnderTest, id: str) -> dict[str, Any]:
    return dict((await customers.get(f"/v1/customers/{id}")).json())


async def ids_of(customers: ServiceUnderTest, **lookup: str) -> list[str]:
    return [item["id"] for item in (await customers.get("/v1/customers", **lookup)).json()["items"]]


def content(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in ("version", "updated_at")}


async def test_contact_points_and_external_ids_are_united_by_their_normal_form(customers: ServiceUnderTest) -> None:
    ada = await create(customers, emails=[{"address": "ada@x.org"}], **known_as("1"))
    emails = [{"address": "ADA@x.org"}, {"address": "b@x.org"}]
    copy = await create(customers, emails=emails, allow_duplicate=True, **known_as("2"))
    await merge(customers, ada, copy)
    survivor = await read(customers, ada)
    assert [email["address"] for email in survivor["emails"]] == ["ada@x.org", "b@x.org"]
    for id in ("1", "2"):
        found = await customers.get("/v1/customers/by-external-id", source="till", id=id)
        assert found.json()["id"] == ada
    assert await ids_of(customers, email="b@x.org") == [ada]


async def test_the_old_id_answers_with_the_survivor_and_takes_its_writes(customers: ServiceUnderTest) -> None:
    ada, copy = await create(customers), await create(customers, given_name="A.")
    await merge(customers, ada, copy)
    response = await customers.get(f"/v1/customers/{copy}")
    assert response.status_code == 200
    assert response.headers["Content-Location"] == f"/v1/customers/{ada}"
    assert (response.json()["id"], response.json()["merged_into"]) == (ada, ada)
    written = await customers.patch(f"/v1/customers/{copy}", {"occupation": "mathematician"})
    assert written.json()["id"] == ada
    assert (await read(customers, ada))["occupation"] == "mathematician"
    assert "Content-Location" not in (await customers.get(f"/v1/customers/{ada}")).headers


async def test_a_merged_record_is_found_by_nothing_but_its_state(customers: ServiceUnderTest) -> None:
    ada = await create(customers, given_name="Quentin")
    copy = await create(customers, given_name="Quenten")
    await merge(customers, ada, copy)
    assert await ids_of(customers, q="quenten") == [ada]
    assert await ids_of(customers) == [ada]
    assert await ids_of(customers, state="merged") == [copy]


async def test_chains_are_followed_and_undone_from_their_end(customers: ServiceUnderTest) -> None:
    a, b, c = [await create(customers, **known_as(name)) for name in "abc"]
    first = await merge(customers, b, a)
    second = await merge(customers, c, b)
    assert (await read(customers, a))["id"] == c
    refused = await customers.request("POST", f"/v1/merges/{first['id']}/undo")
    assert (refused.status_code, refused.json()["merge_id"]) == (409, second["id"])
    await undo(customers, second)
    assert (await read(customers, a))["id"] == b
    await undo(customers, first)
    assert [(await read(customers, id))["id"] for id in (a, b, c)] == [a, b, c]


async def test_values_survive_by_rule_or_by_choice(customers: ServiceUnderTest) -> None:
    ada = await create(customers, family_name="King", lifecycle="prospect", custom={"size": "S", "tea": "Assam"})
    copy = await create(
        customers, given_name="Augusta", occupation="poet", lifecycle="client", custom={"size": "M", "cup": "blue"}
    )
    preview = (await customers.get(f"/v1/customers/{ada}/merge-preview", merged_id=copy)).json()
    rules = {field["field"]: (field["result"], field["rule"]) for field in preview["fields"]}
    assert rules["given_name"] == ("Ada", "survivor")
    assert rules["occupation"] == ("poet", "merged")
    assert rules["lifecycle"] == ("client", "furthest")
    assert rules["custom"] == ({"size": "S", "tea": "Assam", "cup": "blue"}, "combined")
    await merge(customers, ada, copy, given_name="merged", custom="merged")
    survivor = await read(customers, ada)
    assert (survivor["given_name"], survivor["family_name"]) == ("Augusta", "King")
    assert survivor["custom"] == {"size": "M", "tea": "Assam", "cup": "blue"}


async def test_an_undo_restores_both_records(customers: ServiceUnderTest) -> None:
    ada = await create(customers, emails=[{"address": "ada@x.org"}], birth_date="1815-12-10", **known_as("1"))
    copy = await create(customers, phones=[{"number": "+31207940800"}], occupation="poet", **known_as("2"))
    before = [content(await read(customers, id)) for id in (ada, copy)]
    row = await merge(customers, ada, copy, birth_date="survivor")
    assert (await undo(customers, row))["state"] == "undone"
    assert [content(await read(customers, id)) for id in (ada, copy)] == before
    assert await ids_of(customers, phone="+31207940800") == [copy]
    assert await ids_of(customers, external_id="till:2") == [copy]
    assert await ids_of(customers, q="ada") == [ada, copy] or await ids_of(customers, q="ada") == [copy, ada]
    assert (await undo(customers, row))["version"] == 2  # a repeat changes nothing


async def test_an_undo_keeps_what_has_changed_since(customers: ServiceUnderTest) -> None:
    ada = await create(customers)
    copy = await create(customers, occupation="poet", area="London", tags=["vip"], **known_as("2"))
    row = await merge(customers, ada, copy)
    await customers.patch(f"/v1/customers/{ada}", {"occupation": "mathematician", "tags": ["vip", "new"]})
    await customers.patch(f"/v1/customers/{ada}", {"external_ids": []})
    other = await create(customers, **known_as("2"))
    await undo(customers, row)
    survivor, restored = await read(customers, ada), await read(customers, copy)
    assert (survivor["occupation"], survivor["area"], survivor["tags"]) == ("mathematician", None, ["new"])
    assert (restored["occupation"], restored["external_ids"]) == ("poet", [])
    assert await ids_of(customers, external_id="till:2") == [other]


async def test_undoing_the_first_of_two_merges_leaves_the_second(customers: ServiceUnderTest) -> None:
    ada = await create(customers)
    first = await merge(customers, ada, await create(customers, occupation="poet", tags=["both", "first"]))
    second = await merge(
        customers, ada, await create(customers, occupation="chemist", tags=["both", "second"]), occupation="merged"
    )
    await undo(customers, first)
    survivor = await read(customers, ada)
    assert (survivor["occupation"], survivor["tags"]) == ("chemist", ["both", "second"])
    await undo(customers, second)
    survivor = await read(customers, ada)
    assert (survivor["occupation"], survivor["tags"]) == (None, [])


@pytest.mark.parametrize(
    ("of_survivor", "of_merged", "permitted"),
    [
        (("granted", "2026-05-01T00:00:00Z"), ("withdrawn", "2026-05-03T00:00:00Z"), False),
        (("withdrawn", "2026-05-01T00:00:00Z"), ("granted", "2026-05-03T00:00:00Z"), True),
        (("withdrawn", "2026-05-01T00:00:00Z"), ("granted", "2026-05-01T00:00:00Z"), False),
    ],
)
async def test_the_receipts_of_both_decide_permission(
    customers: ServiceUnderTest, of_survivor: tuple[str, str], of_merged: tuple[str, str], permitted: bool
) -> None:
    ada, copy = await create(customers), await create(customers)
    for id, (decision, at) in ((ada, of_survivor), (copy, of_merged)):
        body = {**PERMITTED, "decision": decision, "decided_at": at, "source": "form"}
        assert (await customers.post(f"/v1/customers/{id}/consents", body)).is_success
    row = await merge(customers, ada, copy)
    for id in (ada, copy):
        answer = (await customers.get(f"/v1/customers/{id}/may-contact", **PERMITTED)).json()
        assert answer["permitted"] is permitted
        assert len((await customers.get(f"/v1/customers/{id}/consents")).json()["items"]) == 2
    late = {**PERMITTED, "channel": "sms", "decision": "granted", "source": "form"}
    assert (await customers.post(f"/v1/customers/{copy}/consents", late)).is_success
    await undo(customers, row)
    kept = (await customers.get(f"/v1/customers/{copy}/consents")).json()["items"]
    assert [receipt["channel"] for receipt in kept] == ["email", "sms"]
    assert len((await customers.get(f"/v1/customers/{ada}/consents")).json()["items"]) == 1


async def test_merges_that_make_no_sense_are_refused(customers: ServiceUnderTest) -> None:
    ada, copy, company = await create(customers), await create(customers), await create(customers, kind="organization")
    stranger = await create(await customers.for_new_tenant())
    path = f"/v1/customers/{ada}/merge"
    for merged, status, code in (
        (ada, 422, "validation_failed"),
        (stranger, 422, "validation_failed"),
        (str(uuid7()), 422, "validation_failed"),
        (company, 409, "kinds_differ"),
    ):
        response = await customers.post(path, {"merged_id": merged})
        assert (response.status_code, response.json()["code"]) == (status, code), response.text
    assert (await customers.post(f"/v1/customers/{stranger}/merge", {"merged_id": ada})).status_code == 404
    wrong = await customers.post(path, {"merged_id": copy, "choices": {"emails": "merged"}})
    assert wrong.json()["errors"][0]["pointer"] == "/choices/emails"
    row = await merge(customers, ada, copy)
    for survivor, merged in ((ada, copy), (copy, ada), (await create(customers), copy)):
        response = await customers.post(f"/v1/customers/{survivor}/merge", {"merged_id": merged})
        assert (response.status_code, response.json()["code"]) == (409, "already_merged")
        assert (response.json()["customer_id"], response.json()["merge_id"]) == (ada, row["id"])


async def test_of_merges_at_the_same_time_one_wins(customers: ServiceUnderTest) -> None:
    a, b, c = [await create(customers) for _ in "abc"]
    attempts = [(a, b), (b, a), (c, a), (c, b), (a, b), (b, c)]
    answers = await asyncio.gather(
        *(customers.post(f"/v1/customers/{survivor}/merge", {"merged_id": merged}) for survivor, merged in attempts)
    )
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert sum(answer.status_code == 201 for answer in answers) == 2  # three records become one
    assert len({(await read(customers, id))["id"] for id in (a, b, c)}) == 1


async def test_a_repeat_under_the_same_key_merges_once(customers: ServiceUnderTest) -> None:
    ada, copy = await create(customers), await create(customers)
    key = {"Idempotency_Key": "merge-1"}
    first, second = [await customers.post(f"/v1/customers/{ada}/merge", {"merged_id": copy}, **key) for _ in range(2)]
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert len((await customers.get("/v1/merges", customer_id=ada)).json()["items"]) == 1


async def test_a_receipt_that_is_stored_while_its_customer_is_merged_follows(customers: ServiceUnderTest) -> None:
    ada, copy = await create(customers), await create(customers)
    row = await merge(customers, ada, copy)
    values = "gen_random_uuid(), $1, 'newsletter', 'email', 'granted', now(), 'form', 'key:test', now()"
    async with customers.shared.worker_pool.acquire() as connection, connection.transaction():
        await connection.execute("select set_config('app.tenant', $1, true)", str(customers.tenant.id))
        await connection.execute(
            "insert into consent_receipt (id, customer_id, purpose, channel, decision, decided_at, source, actor, "
            f"recorded_at) values ({values})",
            copy,
        )
    await customers.as_owner("update chassis.merge set recorded_at = now() - interval '2 minutes'")
    await customers.run_periodic_tasks()
    assert len((await customers.get(f"/v1/customers/{ada}/consents")).json()["items"]) == 1
    await undo(customers, row)
    assert len((await customers.get(f"/v1/customers/{copy}/consents")).json()["items"]) == 1


async def test_the_events_name_both_records(customers: ServiceUnderTest) -> None:
    ada, copy = await create(customers), await create(customers, occupation="poet")
    await customers.published()
    row = await merge(customers, ada, copy)
    await undo(customers, row)
    events = await customers.published()
    assert [(event.type.split(".")[1], event.subject) for event in events] == [
        ("customer_updated", copy),
        ("customer_updated", ada),
        ("customers_merged", ada),
        ("customer_updated", ada),
        ("customer_updated", copy),
        ("merge_undone", ada),
    ]
    assert (events[2].data["merged_id"], events[2].data["number"], events[2].data["merge_id"]) == (copy, 1, row["id"])


async def test_an_archived_record_is_not_merged(customers: ServiceUnderTest) -> None:
    ada, copy = await create(customers), await create(customers)
    assert (await customers.request("POST", f"/v1/customers/{ada}/archive")).is_success
    response = await customers.post(f"/v1/customers/{ada}/merge", {"merged_id": copy})
    assert (response.status_code, response.json()["code"]) == (409, "customer_archived")
    assert (await read(customers, copy))["id"] == copy


async def test_a_unique_custom_value_moves_with_the_merge_and_returns(customers: ServiceUnderTest) -> None:
    field = {"record_kind": "customer", "name": "badge", "type": "text", "unique": True}
    assert (await customers.post("/v1/custom-fields", field)).status_code == 201
    ada, copy = await create(customers), await create(customers, custom={"badge": "B-1"})
    row = await merge(customers, ada, copy)
    assert (await read(customers, ada))["custom"] == {"badge": "B-1"}
    await undo(customers, row)
    assert [(await read(customers, id))["custom"] for id in (ada, copy)] == [{}, {"badge": "B-1"}]
