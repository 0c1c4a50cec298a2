"""Saved views: valid parameters of a list under a name, private or shared, combined with those of a request."""

from typing import Any

import pytest

from chassis.core.identity import Caller
from tests.support.custom_fields import customer_with, define
from tests.support.facts import a_customer
from tests.support.service import ServiceUnderTest


class Colleague(ServiceUnderTest):
    """The same tenant, with another API key."""

    @property
    def caller(self) -> Caller:
        return Caller(self.tenant, "key:colleague", self.scopes, None)


def a_colleague_of(customers: ServiceUnderTest) -> ServiceUnderTest:
    other = Colleague(customers.service, customers.data_dir)
    other.tenant, other._shared = customers.tenant, customers.shared
    return other


async def save(customers: ServiceUnderTest, filters: dict[str, list[str]], **properties: Any) -> dict[str, Any]:
    body = {"record_kind": "customer", "name": "A view", "filters": filters, **properties}
    answer = await customers.post("/v1/views", body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def some_customers(customers: ServiceUnderTest) -> None:
    for name, tags, lifecycle in (
        ("Cem", ["vip"], "client"),
        ("Ada", ["vip"], "prospect"),
        ("Bea", [], "client"),
        ("Dan", ["vip"], "client"),
    ):
        await customers.post("/v1/customers", a_customer(given_name=name, tags=tags, lifecycle=lifecycle))


async def names(customers: ServiceUnderTest, **params: Any) -> list[str]:
    answer = await customers.get("/v1/customers", **params)
    assert answer.status_code == 200, answer.text
    return [item["given_name"] for item in answer.json()["items"]]


async def test_a_view_combines_with_the_parameters_of_a_request(customers: ServiceUnderTest) -> None:
    await some_customers(customers)
    view = await save(customers, {"lifecycle": ["client"]}, sort="-created_at", columns=["given_name"])
    assert await names(customers, view=view["id"]) == ["Dan", "Bea", "Cem"]
    assert await names(customers, view=view["id"], tag="vip", sort="created_at") == ["Cem", "Dan"]
    assert await names(customers, view=view["id"], lifecycle="prospect") == ["Ada"]
    assert await names(customers, view=view["id"], q="bea") == ["Bea"]


async def test_the_pages_of_a_view_meet_until_it_changes(customers: ServiceUnderTest) -> None:
    await some_customers(customers)
    view = await save(customers, {"lifecycle": ["client"]}, sort="name")
    first = (await customers.get("/v1/customers", view=view["id"], limit="2")).json()
    more = {"view": view["id"], "limit": "2", "cursor": first["next_cursor"]}
    assert [item["given_name"] for item in first["items"]] + await names(customers, **more) == ["Bea", "Cem", "Dan"]
    await customers.patch(f"/v1/views/{view['id']}", {"sort": "-name"})
    assert (await customers.get("/v1/customers", **more)).json()["code"] == "invalid_cursor"


async def test_a_private_view_is_its_owners_alone_and_a_shared_one_everybodys(customers: ServiceUnderTest) -> None:
    colleague = a_colleague_of(customers)
    private, shared = await save(customers, {}), await save(customers, {}, shared=True)
    assert [item["id"] for item in (await colleague.get("/v1/views")).json()["items"]] == [shared["id"]]
    assert len((await customers.get("/v1/views", record_kind="customer")).json()["items"]) == 2
    path = f"/v1/views/{private['id']}"
    hidden = [
        await colleague.get(path),
        await colleague.patch(path, {"name": "Mine"}),
        await colleague.request("DELETE", path),
        await colleague.get("/v1/customers", view=private["id"]),
    ]
    assert [answer.status_code for answer in hidden] == [404] * 4
    assert (await colleague.patch(f"/v1/views/{shared['id']}", {"name": "Ours"})).json()["owner"] == "key:test"
    assert (await customers.request("DELETE", path)).status_code == 204
    assert (await customers.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("properties", "pointer", "code"),
    [
        ({"filters": {"lifecycle": ["friend"]}}, "/filters/lifecycle/0", "not_one_of"),
        ({"filters": {"colour": ["red"]}}, "/filters/colour", "unknown_parameter"),
        ({"filters": {"custom.tea": ["assam"]}}, "/filters/custom.tea", "undefined_field"),
        ({"filters": {"created_at.gte": ["yesterday"]}}, "/filters/created_at.gte", "not_a_time"),
        ({"filters": {"q": ["ada"]}}, "/filters", "not_of_a_view"),
        ({"filters": {"limit": ["5"]}}, "/filters", "not_of_a_view"),
        ({"filters": {"tag": []}}, "/filters/tag", "too_few_items"),
        ({"filters": {"tag": ["a\u0000b"]}}, "/filters/tag/0", "control_character"),
        ({"filters": {}, "sort": "colour"}, "/sort", "not_one_of"),
        ({"filters": {}, "record_kind": "deal"}, "/record_kind", "no_list"),
    ],
)
async def test_a_view_that_no_list_takes_is_refused(
    customers: ServiceUnderTest, properties: dict[str, Any], pointer: str, code: str
) -> None:
    answer = await customers.post("/v1/views", {"record_kind": "customer", "name": "A view", **properties})
    assert answer.status_code == 422, answer.text
    assert [(error["in"], error["pointer"], error["code"]) for error in answer.json()["errors"]] == [
        ("body", pointer, code)
    ]


async def test_a_view_whose_field_was_deleted_explains_itself(customers: ServiceUnderTest) -> None:
    field = await define(customers, "tea", indexed=True)
    await customer_with(customers, tea="Assam")
    view = await save(customers, {"custom.tea": ["assam"]})
    assert await names(customers, view=view["id"]) == ["Ada"]
    await customers.request("DELETE", f"/v1/custom-fields/{field['id']}", params={"misfits": "leave"})
    outdated = await customers.get("/v1/customers", view=view["id"])
    assert (outdated.status_code, outdated.json()["code"]) == (409, "view_outdated")
    assert [(error["pointer"], error["code"]) for error in outdated.json()["errors"]] == [
        ("/custom.tea", "undefined_field")
    ]
    own_mistake = await customers.get("/v1/customers", view=view["id"], lifecycle="friend")
    assert own_mistake.status_code in (409, 422)
    await customers.patch(f"/v1/views/{view['id']}", {"filters": {}})
    assert await names(customers, view=view["id"]) == ["Ada"]


async def test_customers_are_sorted_by_name_in_every_script(customers: ServiceUnderTest) -> None:
    for family_name, given_name in (
        ("Ørsted", "Bo"),
        ("Orsted", "Ann"),
        ("de Vries", "Jan"),
        ("Ωμέγα", "Νίκος"),
        ("Zola", "Émile"),
        ("李", "伟"),
    ):
        await customers.post("/v1/customers", a_customer(given_name=given_name, family_name=family_name))
    await customers.post("/v1/customers", {"kind": "organization", "name": "Engines Ltd"})
    nameless = await customers.post("/v1/customers", {"kind": "person", "emails": [{"address": "a@example.org"}]})
    id = nameless.json()["id"]
    expected = ["Jan", None, "Ann", "Bo", "Émile", "Νίκος", "伟", None]
    for sort, order in (("name", expected), ("-name", expected[::-1])):
        found, cursor = [], {}
        while cursor is not None:
            page = (await customers.get("/v1/customers", sort=sort, limit="3", **cursor)).json()
            found += [item["given_name"] for item in page["items"]]
            cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
        assert found == order
    await customers.patch(f"/v1/customers/{id}", {"family_name": "Aalto", "given_name": "Eva"})
    assert (await names(customers, sort="name"))[0] == "Eva"


async def test_a_merge_sorts_the_survivor_by_its_new_name(customers: ServiceUnderTest) -> None:
    nameless = (await customers.post("/v1/customers", {"kind": "person", "phones": [{"number": "020 1234567"}]})).json()
    ids = {}
    for family_name in ("Aalto", "Berg", "Zola"):
        body = a_customer(given_name=family_name, family_name=family_name)
        ids[family_name] = (await customers.post("/v1/customers", body)).json()["id"]
    merged = await customers.post(f"/v1/customers/{nameless['id']}/merge", {"merged_id": ids["Aalto"]})
    assert merged.is_success, merged.text
    listed = (await customers.get("/v1/customers", sort="name")).json()["items"]
    assert [item["id"] for item in listed] == [nameless["id"], ids["Berg"], ids["Zola"]]
