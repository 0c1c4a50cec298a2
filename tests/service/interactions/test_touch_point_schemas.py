"""Schemas of a tenant for the data of touch points: versions, limits, and what they refuse."""

import time
from typing import Any

import pytest

from chassis.types.ids import uuid7
from tests.support.interactions import a_touch_point
from tests.support.service import ServiceUnderTest

RATING = {
    "type": "object",
    "properties": {"rating": {"type": "integer", "minimum": 1, "maximum": 5}},
    "required": ["rating"],
    "additionalProperties": False,
}


async def set_schema(interactions: ServiceUnderTest, schema: Any, channel: str = "review") -> dict[str, Any]:
    body = {"channel": channel, "schema_document": schema}
    response = await interactions.post("/v1/touch-point-schemas", body)
    assert response.status_code == 201, response.text
    return dict(response.json())


def a_review(rating: object, **fields: Any) -> dict[str, Any]:
    return a_touch_point(uuid7(), channel="review", **({"data": {"rating": rating}} | fields))


async def test_data_that_a_schema_refuses_is_refused_with_its_place(interactions: ServiceUnderTest) -> None:
    await set_schema(interactions, RATING)
    refused = await interactions.post("/v1/touch-points", a_review(7))
    (error,) = refused.json()["errors"]
    assert (refused.status_code, error["pointer"], error["code"]) == (422, "/data/rating", "schema_mismatch")
    assert (await interactions.post("/v1/touch-points", a_review(5))).status_code == 201
    other = a_touch_point(uuid7(), channel="chat", data={"rating": 7})
    assert (await interactions.post("/v1/touch-points", other)).status_code == 201
    without = a_touch_point(uuid7(), channel="review")
    assert (await interactions.post("/v1/touch-points", without)).status_code == 201


async def test_a_batch_refuses_only_the_items_that_a_schema_refuses(interactions: ServiceUnderTest) -> None:
    await set_schema(interactions, RATING)
    batch = {"items": [a_review(1), a_review(0), a_review(2), a_review(3, data={"stars": 3})]}
    results = (await interactions.post("/v1/touch-points/batch", batch)).json()["results"]
    assert [result["status"] for result in results] == ["created", "refused", "created", "refused"]
    assert results[1]["problem"]["errors"][0]["pointer"] == "/data/rating"
    assert len(await interactions.published()) == 2


async def test_the_newest_version_is_in_force_and_a_repeat_stays_unchanged(interactions: ServiceUnderTest) -> None:
    first = await set_schema(interactions, RATING)
    assert (await set_schema(interactions, RATING))["id"] == first["id"]
    review = a_review(5)
    assert (await interactions.post("/v1/touch-points", review)).status_code == 201
    second = await set_schema(interactions, {"properties": {"rating": {"type": "string"}}})
    assert (first["number"], second["number"]) == (1, 2)
    assert (await interactions.post("/v1/touch-points", review)).status_code == 200
    results = (await interactions.post("/v1/touch-points/batch", {"items": [review, a_review(4)]})).json()["results"]
    assert [result["status"] for result in results] == ["unchanged", "refused"]
    assert (await interactions.post("/v1/touch-points", a_review("five"))).status_code == 201
    listed = (await interactions.get("/v1/touch-point-schemas", channel="review")).json()["items"]
    assert sorted(item["number"] for item in listed) == [1, 2]


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        ({"requried": ["rating"]}, "/requried"),
        ({"properties": {"a": {"type": "objekt"}}}, "/properties/a/type"),
        ({"properties": {"a": {"$ref": "https://example.com/schema"}}}, "/properties/a/$ref"),
        ({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, "/properties/a/$ref"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}}, "/$ref/items/$ref"),
        ({"$id": "https://example.com"}, "/$id"),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, "/$schema"),
        ({"pattern": "(?=a)b"}, "/pattern"),
        ({"properties": {"a": {"pattern": "("}}}, "/properties/a/pattern"),
        ({"pattern": "(a{1000}){1000}"}, "/pattern"),
        ({"format": "rhyme"}, "/format"),
        ({"properties": [1]}, "/properties"),
        ({"allOf": {"type": "string"}}, "/allOf"),
        ({"const": "x" * 17_000}, ""),
    ],
)
async def test_an_invalid_schema_returns_422(interactions: ServiceUnderTest, schema: Any, pointer: str) -> None:
    body = {"channel": "review", "schema_document": schema}
    response = await interactions.post("/v1/touch-point-schemas", body)
    (error,) = response.json()["errors"]
    assert (response.status_code, error["pointer"]) == (422, f"/schema_document{pointer}"), response.text
    assert error["code"] == "invalid_schema"


async def test_a_schema_does_not_multiply_by_its_references(interactions: ServiceUnderTest) -> None:
    doubled = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 4} for n in range(7)}
    schema = {"$ref": "#/$defs/d0", "$defs": doubled | {"d7": {}}}
    response = await interactions.post("/v1/touch-point-schemas", {"channel": "x", "schema_document": schema})
    assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "invalid_schema")
    nested: dict[str, Any] = {}
    for _ in range(17):
        nested = {"items": nested}
    response = await interactions.post("/v1/touch-point-schemas", {"channel": "x", "schema_document": nested})
    assert (response.status_code, response.json()["errors"][0]["code"]) == (422, "invalid_schema")


async def test_a_regular_expression_is_linear_in_the_text(interactions: ServiceUnderTest) -> None:
    await set_schema(interactions, {"properties": {"text": {"pattern": "^(a+)+$"}}})
    body = a_touch_point(uuid7(), channel="review", data={"text": "a" * 60_000 + "!"})
    started = time.perf_counter()
    refused = await interactions.post("/v1/touch-points", body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/data/text")
    assert len(refused.json()["errors"][0]["detail"]) < 300
    assert time.perf_counter() - started < 2
