"""Templates: refused when they could run long, kept in versions, and rendered for a customer."""

import asyncio
from typing import Any

import pytest

from chassis.types.ids import uuid7
from tests.support.campaigns import a_template
from tests.support.interactions import a_contact, customer_created
from tests.support.promises import created
from tests.support.service import ServiceUnderTest

PATH = "/v1/templates"


async def preview(service: ServiceUnderTest, template: dict[str, Any], **body: Any) -> dict[str, Any]:
    response = await service.post(f"{PATH}/{template['id']}/preview", body)
    assert response.status_code == 200, response.text
    return dict(response.json())


async def test_a_template_reads_back_as_created(interactions: ServiceUnderTest) -> None:
    html = "<b>{{ campaign.price }}</b>"
    template = await created(interactions, PATH, a_template(html=html, variables=["shop", "price", "shop"]))
    assert (template["number"], template["version"], template["variables"]) == (1, 1, ["price", "shop"])
    assert (await interactions.get(f"{PATH}/{template['id']}")).json() == template
    assert (await interactions.get(PATH)).json()["items"] == [template]


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"text": "{% for x in 'abc' %}{% endfor %}"}, [("/text", "template_expression")]),
        ({"text": "{{ customer.__class__ }}"}, [("/text", "unknown_variable")]),
        (
            {"subject": "{{", "html": "{{ campaign.price }}"},
            [("/subject", "template_syntax"), ("/html", "unknown_variable")],
        ),
        ({"variables": ["Price"]}, [("/variables/0", "wrong_format")]),
        ({"variables": ["_price"]}, [("/variables/0", "wrong_format")]),
        ({"text": "x" * 100_001}, [("/text", "too_long")]),
        ({"text": " "}, [("/text", "empty")]),
    ],
)
async def test_bad_templates_are_refused_with_their_places(
    interactions: ServiceUnderTest, fields: dict[str, Any], errors: list[tuple[str, str]]
) -> None:
    response = await interactions.post(PATH, a_template(**fields))
    assert response.status_code == 422, response.text
    assert [(error["pointer"], error["code"]) for error in response.json()["errors"]] == errors
    assert (await interactions.get(PATH)).json()["items"] == []


async def test_another_content_is_a_new_version_and_the_first_stays(interactions: ServiceUnderTest) -> None:
    template = await created(interactions, PATH, a_template())
    path = f"{PATH}/{template['id']}"
    renamed = (await interactions.patch(path, {"name": "Pots"})).json()
    assert (renamed["number"], renamed["version"]) == (1, 2)
    changed = (await interactions.patch(path, {"text": "Hello", "subject": None}, if_match='"2"')).json()
    assert (changed["number"], changed["version"], changed["subject"]) == (2, 3, None)
    assert (await interactions.patch(path, {"text": "Hello"})).json() == changed
    assert (await interactions.patch(path, {"text": "Late"}, if_match='"2"')).status_code == 412
    versions = (await interactions.get(f"{path}/versions")).json()["items"]
    assert [(each["number"], each["text"]) for each in versions] == [(1, template["text"]), (2, "Hello")]
    assert (await preview(interactions, template, number=1))["subject"] == "Kettles are back"


async def test_a_change_must_fit_the_rest_of_the_template(interactions: ServiceUnderTest) -> None:
    template = await created(interactions, PATH, a_template(html="{{ campaign.price }}", variables=["price"]))
    response = await interactions.patch(f"{PATH}/{template['id']}", {"variables": []})
    assert [error["pointer"] for error in response.json()["errors"]] == ["/html"]
    assert (await interactions.get(f"{PATH}/{template['id']}")).json() == template


async def test_changes_at_once_are_different_versions(interactions: ServiceUnderTest) -> None:
    template = await created(interactions, PATH, a_template())
    path = f"{PATH}/{template['id']}"
    responses = await asyncio.gather(*(interactions.patch(path, {"text": f"Text {n}"}) for n in range(5)))
    assert sorted(response.json()["number"] for response in responses) == [2, 3, 4, 5, 6]
    versions = (await interactions.get(f"{path}/versions")).json()["items"]
    stored = {each["number"]: each["text"] for each in versions}
    assert all(stored[response.json()["number"]] == response.json()["text"] for response in responses)


async def test_a_preview_is_for_a_customer_or_for_sample_values(interactions: ServiceUnderTest) -> None:
    customer = uuid7()
    await interactions.deliver(customer_created(customer, contact=a_contact(name="Ada <b>King", given_name="Ada")))
    template = await created(
        interactions,
        PATH,
        a_template(
            subject="{{ customer.name }}:\n{{ campaign.price }}",
            html="<p>{{ customer.name | default('you') }}</p>",
            variables=["price"],
        ),
    )
    values = {"variables": {"price": "29\nBcc: all@example.org"}}
    shown = await preview(interactions, template, customer_id=str(customer), **values)
    assert shown == {
        "number": 1,
        "subject": "Ada <b>King: 29 Bcc: all@example.org",
        "text": "Dear Ada <b>King, look.",
        "html": "<p>Ada &lt;b&gt;King</p>",
    }
    assert (await preview(interactions, template, **values))["html"] == "<p>you</p>"
    sample = await preview(interactions, template, customer={"name": "Bo"}, **values)
    assert sample["html"] == "<p>Bo</p>"
    assert await interactions.published() == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/variables"),
        ({"number": 2, "variables": {"price": "1"}}, "/number"),
        ({"customer_id": str(uuid7()), "variables": {"price": "1"}}, "/customer_id"),
        ({"customer_id": str(uuid7()), "customer": {"name": "Bo"}, "variables": {"price": "1"}}, ""),
        ({"variables": {"price": "x" * 500}}, "/variables"),
    ],
)
async def test_a_preview_names_what_it_lacks(
    interactions: ServiceUnderTest, body: dict[str, Any], pointer: str
) -> None:
    text = "{{ campaign.price }}" * 201
    template = await created(interactions, PATH, a_template(text=text, variables=["price"]))
    response = await interactions.post(f"{PATH}/{template['id']}/preview", body)
    assert response.status_code == 422, response.text
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]


async def test_another_tenant_sees_no_template(interactions: ServiceUnderTest) -> None:
    template = await created(interactions, PATH, a_template())
    other = await interactions.for_new_tenant()
    assert (await other.get(f"{PATH}/{template['id']}")).status_code == 404
    assert (await other.post(f"{PATH}/{template['id']}/preview", {})).status_code == 404
    assert (await other.get(PATH)).json()["items"] == []
