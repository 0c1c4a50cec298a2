"""Records: primary contacts, owners, transitions, profiles, archived customers, and distances."""

import asyncio
from typing import Any

import httpx
import pytest

from chassis.types.ids import uuid7
from tests.support.facts import a_customer, known_as
from tests.support.service import ServiceUnderTest

ENGINES = {"kind": "organization", "name": "Engines Ltd"}


async def create(customers: ServiceUnderTest, **fields: Any) -> dict[str, Any]:
    answer = await customers.post("/v1/customers", a_customer(**fields))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def patch(customers: ServiceUnderTest, customer: dict[str, Any], **fields: Any) -> httpx.Response:
    return await customers.patch(f"/v1/customers/{customer['id']}", fields)


async def refusal(customers: ServiceUnderTest, **fields: Any) -> tuple[str, str]:
    answer = await customers.post("/v1/customers", a_customer(**fields))
    (error,) = answer.json()["errors"]
    return error["pointer"], error["code"]


async def types(customers: ServiceUnderTest) -> list[str]:
    return [event.type.split(".")[1] for event in await customers.published()]


# Contacts


@pytest.mark.parametrize("name", ["emails", "phones", "addresses"])
async def test_a_list_has_one_primary_item(customers: ServiceUnderTest, name: str) -> None:
    items = [
        {
            "emails": {"address": f"{n}@example.com"},
            "phones": {"number": f"020794080{n}"},
            "addresses": {"city": f"{n}"},
        }
        for n in range(3)
    ]
    first = await create(customers, **{name: [item[name] for item in items]})
    third = await create(
        customers,
        **{name: [*(item[name] for item in items[:2]), {**items[2][name], "primary": True}]},
        allow_duplicate=True,
    )
    assert [item["primary"] for item in first[name]] == [True, False, False]
    assert [item["primary"] for item in third[name]] == [False, False, True]
    both = [{**item[name], "primary": True} for item in items[:2]]
    assert await refusal(customers, **{name: both}) == (f"/{name}", "several_primaries")


async def test_an_upsert_with_the_same_contacts_changes_nothing(customers: ServiceUnderTest) -> None:
    body = a_customer(emails=[{"address": "Ada@Example.com"}], phones=[{"number": "1515"}], **known_as("1"))
    body |= {"addresses": [{"latitude": 1.5, "longitude": 2}], "birth_date": "1990-05-17"}
    results = [await customers.post("/v1/customers/batch", {"items": [body]}) for _ in range(2)]
    assert [result.json()["results"][0]["status"] for result in results] == ["created", "unchanged"]
    body["emails"][0]["primary"] = False
    again = await customers.post("/v1/customers/batch", {"items": [body]})
    assert again.json()["results"][0]["status"] == "unchanged", "the first is the primary one"


async def test_computed_forms_are_read_only(customers: ServiceUnderTest) -> None:
    email = {"address": "a@example.com", "normal": "b@example.com"}
    assert await refusal(customers, emails=[email]) == ("/emails/0/normal", "read_only")


# Birthdays


async def test_a_birthday_may_have_no_year(customers: ServiceUnderTest) -> None:
    ada = await create(customers, birthday="--02-29")
    bob = await create(customers, given_name="Bob", birth_date="1996-02-29")
    assert (ada["birth_date"], ada["birthday"], bob["birthday"]) == (None, "--02-29", "--02-29")
    found = (await customers.get("/v1/customers", birthday="--02-29")).json()["items"]
    assert found == [ada, bob]
    changed = (await patch(customers, ada, birth_date="1996-03-01")).json()
    assert (changed["birth_date"], changed["birthday"]) == ("1996-03-01", "--03-01")
    assert (await patch(customers, bob, birthday="--03-01")).json()["errors"][0]["code"] == "birthday_differs"
    assert await refusal(customers, birthday="--02-30") == ("/birthday", "not_a_date")


# Owners, transitions, profiles


async def test_an_owner_makes_a_client_and_is_announced(customers: ServiceUnderTest) -> None:
    ada = await create(customers)
    await customers.published()
    client = (await patch(customers, ada, owner_id="agent-7")).json()
    updated, assigned = await customers.published()
    assert (client["owner_id"], client["lifecycle"]) == ("agent-7", "client")
    assert updated.data["changed"] == ["lifecycle", "owner_id"]
    assert (assigned.type, assigned.data["owner_id"], assigned.data["previous_owner_id"]) == (
        "customers.owner_assigned.v1",
        "agent-7",
        None,
    )
    assert (await patch(customers, ada, owner_id="agent-7")).json()["version"] == client["version"]
    assert await types(customers) == []
    assert (await patch(customers, ada, owner_id=None)).json()["lifecycle"] == "client"
    assert await types(customers) == ["customer_updated", "owner_assigned"]
    assert (await customers.get("/v1/customers", owner_id="agent-7")).json()["items"] == []


async def test_an_owner_needs_a_name(customers: ServiceUnderTest) -> None:
    card = (await customers.post("/v1/customers", {"kind": "person", **known_as("card")})).json()
    assert (await patch(customers, card, owner_id="a")).json()["code"] == "owner_needs_name"
    assert (await patch(customers, card, owner_id="a", given_name="Ada")).status_code == 200
    nameless = await patch(customers, card, given_name=None)
    assert (nameless.status_code, nameless.json()["code"]) == (409, "owner_needs_name")
    item = {"kind": "person", "owner_id": "a", **known_as("card 2")}
    (result,) = (await customers.post("/v1/customers/batch", {"items": [item]})).json()["results"]
    assert result["problem"]["code"] == "owner_needs_name"


async def test_a_forbidden_transition_lists_those_that_are_allowed(customers: ServiceUnderTest) -> None:
    ada = await create(customers, lifecycle="client", **known_as("1"))
    refused = await patch(customers, ada, lifecycle="prospect")
    assert (refused.status_code, refused.json()["code"]) == (409, "transition_not_allowed")
    assert (refused.json()["current"], refused.json()["allowed"]) == ("client", ["customer", "former"])
    item = a_customer(lifecycle="prospect", **known_as("1"))
    (result,) = (await customers.post("/v1/customers/batch", {"items": [item]})).json()["results"]
    assert result["problem"]["code"] == "transition_not_allowed"
    for state, status in (("merged", 409), ("erased", 409), ("ended", 409), ("active", 200), ("blocked", 200)):
        assert (await patch(customers, ada, state=state)).status_code == status, state
    assert (await patch(customers, ada, state="ended")).json()["allowed"] == ["active"]
    assert (await customers.get("/v1/customers", state="blocked")).json()["items"][0]["id"] == ada["id"]


async def test_of_concurrent_transitions_each_follows_the_one_before(customers: ServiceUnderTest) -> None:
    ada = await create(customers)
    wanted = ("customer", "client", "former") * 3
    answers = await asyncio.gather(*(patch(customers, ada, lifecycle=lifecycle) for lifecycle in wanted))
    history = (await customers.get(f"/v1/customers/{ada['id']}/history")).json()["items"][-2::-1]
    stages = [(one["before"], one["after"]) for entry in history for one in entry["changes"]]
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert [before for before, _ in stages] == ["prospect", *(after for _, after in stages[:-1])]


async def test_a_profile_is_completed_once(customers: ServiceUnderTest) -> None:
    ada = await create(customers, birthday="--12-10", emails=[{"address": "ada@example.com"}])
    assert await types(customers) == ["customer_created"]
    whole = (await patch(customers, ada, addresses=[{"city": "London"}])).json()
    assert await types(customers) == ["customer_updated", "profile_completed"]
    assert whole["profile_completed_at"] == whole["updated_at"]
    for addresses in ([], [{"city": "Paris"}]):
        again = (await patch(customers, ada, addresses=addresses)).json()
        assert again["profile_completed_at"] == whole["profile_completed_at"]
    assert await types(customers) == ["customer_updated"] * 2
    item = ENGINES | {"phones": [{"number": "1"}], "addresses": [{"city": "London"}], **known_as("1")}
    await customers.post("/v1/customers/batch", {"items": [item]})
    assert await types(customers) == ["customer_created", "profile_completed"]


# Facts about persons and organizations


async def test_the_whole_profile_reads_back(customers: ServiceUnderTest) -> None:
    fields: dict[str, Any] = {
        "preferred_name": "Countess",
        "salutation": "Lady",
        "needs": ["tea", "tea"],
        "interests": ["engines"],
        "travel_distance_km": 25,
        "strategic": True,
        "strategic_reason": "writes programs",
        "social_profiles": [{"network": "mastodon", "handle": "@ada@example.social"}],
        "preferences": {"delivery": "pickup", "times": [{"days": ["monday"], "start": "09:00", "end": "12:30"}]},
        "account_kinds": ["vendor", "partner"],
    }
    ada = await create(customers, **fields)
    assert {name: ada[name] for name in fields} == fields | {
        "needs": ["tea"],
        "social_profiles": [{"network": "mastodon", "handle": "@ada@example.social", "url": None}],
        "preferences": {**fields["preferences"], "payment": None},
    }
    assert (await customers.get(f"/v1/customers/{ada['id']}")).json() == ada
    assert (await customers.get("/v1/customers", q="countess")).json()["items"] == [ada]
    found = await customers.get("/v1/customers", account_kind="partner", strategic="true", lifecycle="prospect")
    assert found.json()["items"] == [ada]
    merged = (await patch(customers, ada, preferences={"payment": "invoice", "times": None})).json()
    assert merged["preferences"] == {"delivery": "pickup", "payment": "invoice", "times": None}
    assert (await patch(customers, ada, strategic=False)).json()["strategic_reason"] is None


async def test_an_organization_has_firmographics(customers: ServiceUnderTest) -> None:
    revenue = {"amount": "1250000.5", "currency": "EUR"}
    facts = {"industry": "engines", "employees": 12, "annual_revenue": revenue, "website": "engines.example/about"}
    body = ENGINES | {"firmographics": {**facts, "founded_year": 1834, "legal_form": "Ltd"}}
    made = (await customers.post("/v1/customers", body)).json()
    assert made["firmographics"]["annual_revenue"] == {"amount": "1250000.50", "currency": "EUR"}
    merged = (await patch(customers, made, firmographics={"employees": 13, "website": None})).json()["firmographics"]
    assert (merged["employees"], merged["website"], merged["founded_year"]) == (13, None, 1834)
    assert (await patch(customers, made, firmographics=None)).json()["firmographics"] is None


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"firmographics": {"employees": 1}}, "/firmographics", "firmographics_of_a_person"),
        ({"strategic": True}, "/strategic_reason", "required"),
        ({"strategic_reason": "large"}, "/strategic_reason", "reason_without_strategic"),
        ({"social_profiles": [{"network": "x"}]}, "/social_profiles/0", "required"),
        (
            {"social_profiles": [{"network": "x", "url": "javascript:alert(1)"}]},
            "/social_profiles/0/url",
            "wrong_format",
        ),
        ({"preferences": {"times": [{"start": "10:00", "end": "09:00"}]}}, "/preferences/times/0", "not_after"),
        ({"travel_distance_km": -1}, "/travel_distance_km", "too_small"),
    ],
)
async def test_contradictions_are_refused(
    customers: ServiceUnderTest, fields: dict[str, Any], pointer: str, code: str
) -> None:
    assert await refusal(customers, **fields) == (pointer, code)


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"annual_revenue": {"amount": "-1", "currency": "EUR"}}, "too_small"),
        ({"annual_revenue": {"amount": "1.005", "currency": "EUR"}}, "not_an_amount"),
        ({"founded_year": 2198}, "in_the_future"),
        ({"employees": 1.5}, "wrong_type"),
    ],
)
async def test_impossible_firmographics_are_refused(customers: ServiceUnderTest, facts: Any, code: str) -> None:
    answer = await customers.post("/v1/customers", ENGINES | {"firmographics": facts})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, code), answer.text


# Archived customers


async def test_an_archived_customer_is_left_out_and_unchanged_until_it_is_restored(customers: ServiceUnderTest) -> None:
    ada = await create(customers, emails=[{"address": "ada@example.com"}], **known_as("1"))
    path, by_id = f"/v1/customers/{ada['id']}", "/v1/customers/by-external-id"
    await customers.published()
    archived = (await customers.request("POST", f"{path}/archive")).json()
    again = (await customers.request("POST", f"{path}/archive")).json()
    assert (archived["version"], again) == (2, archived)
    (event,) = await customers.published()
    assert (event.data["changed"], event.data["archived_at"]) == (["archived_at"], archived["archived_at"])

    # it is left out of lists and look-ups, and its record does not change
    for filters in ({}, {"email": "ada@example.com"}, {"q": "ada"}):
        assert (await customers.get("/v1/customers", **filters)).json()["items"] == []
        found = (await customers.get("/v1/customers", archived="true", **filters)).json()["items"]
        assert [one["id"] for one in found] == [ada["id"]]
    assert (await customers.get(by_id, source="till", id="1")).status_code == 404
    assert (await customers.get(by_id, source="till", id="1", archived="true")).json() == archived
    assert (await customers.get(path)).json() == archived
    item = a_customer(area="north", **known_as("1"))
    refused = [await patch(customers, ada, area="north"), await customers.put(f"{by_id}?source=till&id=1", item)]
    assert {(one.status_code, one.json()["code"]) for one in refused} == {(409, "customer_archived")}
    (result,) = (await customers.post("/v1/customers/batch", {"items": [item]})).json()["results"]
    assert result["problem"]["code"] == "customer_archived"

    # but a withdrawal is recorded, and no contact is permitted
    consent = {"purpose": "survey", "channel": "email", "source": "form", "decision": "granted"}
    assert (await customers.post(f"{path}/consents", consent)).status_code == 201
    permission = (await customers.get(f"{path}/may-contact", purpose="survey", channel="email")).json()
    assert (permission["permitted"], permission["reason"]) == (False, "not_active")

    restored = (await customers.request("POST", f"{path}/restore", headers={"if-match": '"2"'})).json()
    assert (restored["archived_at"], restored["version"]) == (None, 3)
    assert (await patch(customers, ada, area="north")).status_code == 200
    await customers.request("POST", f"{path}/archive")
    end = await customers.post(f"{path}/end-relationship", {"reason": "price"})
    assert (end.status_code, end.json()["code"]) == (409, "customer_archived")
    stale = await customers.request("POST", f"{path}/archive", headers={"if-match": '"2"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "version_mismatch")


async def test_a_change_and_an_archive_at_the_same_time_exclude_each_other(customers: ServiceUnderTest) -> None:
    ada = await create(customers)
    changes = [patch(customers, ada, area=f"area {number}") for number in range(6)]
    archive = customers.request("POST", f"/v1/customers/{ada['id']}/archive")
    answers = await asyncio.gather(*changes[:3], archive, *changes[3:])
    record = (await customers.get(f"/v1/customers/{ada['id']}")).json()
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert record["version"] == 1 + sum(answer.status_code == 200 for answer in answers)


# Distances


async def test_customers_are_found_near_a_place(customers: ServiceUnderTest) -> None:
    places = {"Dam": (52.3731, 4.8926), "Delft": (52.0116, 4.3571), "Fiji": (-17, 179.99), "Taveuni": (-17, -179.99)}
    places |= {"Pole": (89.99, 10.0), "Beyond": (89.99, -170.0)}
    for name, (latitude, longitude) in places.items():
        await create(customers, given_name=name, addresses=[{"latitude": latitude, "longitude": longitude}])
    await create(customers, given_name="Nowhere", addresses=[{"city": "Delft"}])

    async def near(text: str, **filters: str) -> set[str]:
        items = (await customers.get("/v1/customers", near=text, **filters)).json()["items"]
        return {item["given_name"] for item in items}

    assert await near("52.37,4.89,10") == {"Dam"}
    assert await near("52.37,4.89,60") == {"Dam", "Delft"}
    assert await near("-17,180,2") == {"Fiji", "Taveuni"}
    assert await near("89.99,10,2.3") == {"Pole", "Beyond"}
    assert await near("0,0,20016") == set(places)
    assert await near("52.37,4.89,60", q="delft") == {"Delft"}
    for wrong in ("91,0,1", "0,181,1", "0,0,20017", "1,2", "a,b,c", "1,2,-3"):
        assert (await customers.get("/v1/customers", near=wrong)).status_code in (400, 422), wrong


async def test_a_moved_customer_is_found_at_the_new_place_only(customers: ServiceUnderTest) -> None:
    ada = await create(customers, addresses=[{"latitude": 52.0, "longitude": 4.0}], **known_as("1"))
    await patch(customers, ada, addresses=[{"latitude": 10.0, "longitude": 4.0}])
    item = a_customer(addresses=[{"latitude": 20.0, "longitude": 4.0}], **known_as("1"))
    rows = await customers.rows("select latitude from place")
    await customers.post("/v1/customers/batch", {"items": [item]})
    assert (rows, await customers.rows("select latitude from place")) == ([{"latitude": 10.0}], [{"latitude": 20.0}])


# History


async def test_history_has_each_field_with_its_actor_and_time(customers: ServiceUnderTest) -> None:
    ada = await create(customers, tags=["a"], **known_as("1"))
    path = f"/v1/customers/{ada['id']}"
    changed = (await patch(customers, ada, tags=["b"], occupation="poet")).json()
    await customers.post("/v1/customers/batch", {"items": [a_customer(occupation="analyst", **known_as("1"))]})
    await customers.request("POST", f"{path}/archive")
    first = (await customers.get(f"{path}/history", limit="2")).json()
    rest = (await customers.get(f"{path}/history", limit="2", cursor=first["next_cursor"])).json()
    entries = [*first["items"], *rest["items"]]
    assert [entry["action"] for entry in entries] == ["updated", "updated", "updated", "created"]
    assert {entry["actor"] for entry in entries} == {"key:test"}
    assert entries[1]["changes"] == [{"field": "occupation", "before": "poet", "after": "analyst"}]
    assert (entries[2]["at"], entries[2]["changes"]) == (
        changed["updated_at"],
        [
            {"field": "occupation", "before": None, "after": "poet"},
            {"field": "tags", "before": ["a"], "after": ["b"]},
        ],
    )
    created = {one["field"]: one["after"] for one in entries[3]["changes"]}
    assert created.keys() == {"kind", "given_name", "external_ids", "lifecycle", "state", "tags"}
    assert (await customers.get(f"/v1/customers/{uuid7()}/history")).status_code == 404


async def test_a_page_of_history_ends_early_if_its_changes_are_large(customers: ServiceUnderTest) -> None:
    ada = await create(customers)
    for number in range(60):
        await patch(customers, ada, custom={"text": f"{number}" + "x" * 60_000})
    seen, cursor, pages = 0, {}, 0
    while cursor is not None:
        answer = await customers.get(f"/v1/customers/{ada['id']}/history", limit="200", **cursor)
        assert len(answer.content) < 5_000_000
        seen, pages = seen + len(answer.json()["items"]), pages + 1
        cursor = {"cursor": answer.json()["next_cursor"]} if answer.json()["next_cursor"] else None
    assert (seen, pages) == (61, 2)
