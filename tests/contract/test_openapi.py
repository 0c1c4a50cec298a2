"""The OpenAPI document: complete, consistent, and suitable for generating SDKs."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from chassis.core.events import Event
from chassis.core.problems import Problem
from chassis.db.statements import table_name
from chassis.db.tables import Table
from chassis.http.openapi import segments
from chassis.http.openapi_schemas import subschemas
from chassis.http.schemas import MergePatch
from chassis.service import Service
from chassis.types.codes import FieldCode
from chassis.types.text import snake_case


def test_every_operation_has_a_name_of_its_own(operations: dict[str, dict[str, Any]]) -> None:
    names = Counter(operation["operationId"] for operation in operations.values())
    assert [name for name, count in names.items() if count > 1] == []
    assert all("_" in name and name == name.lower() for name in names)


FOR_EVERY_CREDENTIAL = ("GET /v1/me",)
LINKS = ("/v1/preferences/{token}", "/v1/survey-answers/{token}")
PUBLIC = tuple(f"{method} {path}" for path in LINKS for method in ("GET", "PUT", "POST"))
PUBLIC += ("GET /v1/unsubscribes/{token}", "POST /v1/unsubscribes/{token}")
"""The operations of persons with a link, which need no credential. Each is a decision of its own."""


def test_every_operation_says_who_may_and_what_it_does(operations: dict[str, dict[str, Any]]) -> None:
    for where, operation in operations.items():
        is_public = operation.get("x-public", False)
        assert operation["security"] == ([] if is_public else [{"api_key": []}]), where
        assert is_public is (where in PUBLIC), where
        if where not in FOR_EVERY_CREDENTIAL and not is_public:
            assert operation["x-scope"].count(":") == 1, where
            assert operation["x-scope"] in operation["description"], where
        assert operation["x-service"], where
        assert len(operation["tags"]) == 1, where


def test_every_error_is_a_declared_problem(operations: dict[str, dict[str, Any]]) -> None:
    for where, operation in operations.items():
        for status, answer in operation["responses"].items():
            if status.startswith(("4", "5")):
                assert list(answer["content"]) == ["application/problem+json"], f"{where} {status}"
        expected = {"400", "422", "503"} if where in PUBLIC else {"400", "401", "403", "422", "503"}
        assert expected <= operation["responses"].keys(), where
        if "{" in where:
            assert "404" in operation["responses"], where


OF_CREDENTIALS = ("gateway.access.bearer_tokens", "gateway.access.key_sets")
"""Any operation may be refused for these, like for those of the reverse proxy."""


def test_every_refusal_of_a_feature_is_declared(services: list[Service], openapi: dict[str, Any]) -> None:
    """A problem that no operation of its service declares would be missing in the API reference and the SDKs."""
    said = str(
        [answer for path in openapi["paths"].values() for one in path.values() for answer in one["responses"].items()]
    )
    own = [
        problem
        for problem in Problem.known.values()
        if problem.__module__.startswith(("services", "gateway.access", "gateway.events", "gateway.pages"))
        and problem.__module__ not in OF_CREDENTIALS
    ]
    assert own
    undeclared = [problem.__name__ for problem in own if f"`{problem.code}`" not in said]
    # An invalid item of a batch is reported inside a 200 response.
    assert undeclared == []
    assert {problem.code for problem in own} <= openapi["x-problems"].keys()


def test_every_problem_says_what_to_do(openapi: dict[str, Any]) -> None:
    assert [code for code, problem in openapi["x-problems"].items() if not problem["explanation"]] == []


def test_every_code_of_an_invalid_value_has_its_cause_and_remedy(openapi: dict[str, Any]) -> None:
    assert openapi["x-field-codes"].keys() == FieldCode.known.keys()
    for code, meaning in openapi["x-field-codes"].items():
        assert meaning["cause"].endswith("."), code
        assert meaning["remedy"].endswith("."), code


def test_links_lead_from_what_was_made_to_every_operation_on_it(operations: dict[str, dict[str, Any]]) -> None:
    """Clients and the tests with generated input follow links from a response to the next request."""
    by_id = {operation["operationId"]: (where, operation) for where, operation in operations.items()}
    reached = set()
    for operation in operations.values():
        for answer in operation["responses"].values():
            for link in answer.get("links", {}).values():
                where, target = by_id[link["operationId"]]
                assert link["parameters"].keys() <= {parameter["name"] for parameter in target["parameters"]}
                # An agent is named by an id of the tenant's own.
                field = "agent_id" if "agent_id" in link["parameters"] else "id"
                assert f"$response.body#/{field}" in link["parameters"].values()
                reached.add(where)
    needing = {where for where in operations if "{" in where}
    # Tenants are created by a command, and deliveries by events.
    deliveries = {"GET /v1/deliveries/{id}", "GET /v1/deliveries/{id}/attempts", "POST /v1/deliveries/{id}/redeliver"}
    request = {"GET /v1/personal-data-requests/{id}"}  # its link leads to the data
    tenants = {"GET /v1/tenants/{id}", "PATCH /v1/tenants/{id}"}
    blocks = {"GET /v1/blocks/{id}", "DELETE /v1/blocks/{id}"}  # created by erasures
    assignments = {"GET /v1/assignments/{id}", "POST /v1/assignments/{id}/finish"}  # begun by dispatch and claims
    clocks = {"GET /v1/sla-clocks/{id}"}  # started by cases; the token of a public link is not its id
    assert needing - reached == {
        *tenants,
        *deliveries,
        *request,
        *blocks,
        *clocks,
        *assignments,
        *PUBLIC,
    }


def test_every_segment_of_a_path_has_one_owner(openapi: dict[str, Any]) -> None:
    owners = segments(openapi)
    assert owners["customers"] == "customers"
    assert owners["purchases"] == "interactions"
    assert owners["memberships"] == owners["ledger"] == "loyalty"
    assert owners["analytics"] == "analytics"
    assert owners["tenants"] == owners["status"] == "gateway"


def test_what_answers_carry_is_always_there(openapi: dict[str, Any], operations: dict[str, dict[str, Any]]) -> None:
    """A default in an output model would make its field optional in every SDK."""
    for name in sorted(_answered(openapi, operations)):
        schema = openapi["components"]["schemas"][name]
        if name != "Problem" and "properties" in schema:
            assert set(schema.get("required", [])) == set(schema["properties"]), name


def _answered(openapi: dict[str, Any], operations: dict[str, dict[str, Any]]) -> set[str]:
    """Return the names of the schemas that responses use."""
    found: set[str] = set()
    waiting = [
        name
        for operation in operations.values()
        for status, answer in operation["responses"].items()
        if status.startswith("2")
        for name in _references(answer.get("content", {}))
    ]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _references(openapi["components"]["schemas"][name])
    return found


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"].rsplit("/", 1)[-1]
        schema = list(schema.values())
    if isinstance(schema, list):
        for one in schema:
            yield from _references(one)


def schemas_of(openapi: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every schema of the document, each with the component or the operation that contains it."""
    for name, schema in openapi["components"]["schemas"].items():
        yield from ((name, each) for each in subschemas(schema))
    for path, methods in openapi["paths"].items():
        for operation in methods.values():
            for parameter in operation.get("parameters", []):
                yield from ((path, each) for each in subschemas(parameter["schema"]))
            for message in (operation.get("requestBody", {}), *operation["responses"].values()):
                for media in message.get("content", {}).values():
                    yield from ((path, each) for each in subschemas(media["schema"]))


def test_every_component_has_a_name_that_all_languages_can_use(openapi: dict[str, Any]) -> None:
    """Generators in other languages make a class of each component, and some make one of each title too."""
    names = list(openapi["components"]["schemas"])
    assert [name for name in names if not re.fullmatch("([A-Z][a-z0-9]+)+", name)] == []
    assert [name for name in names if name.startswith("New")] == []  # Go calls the constructor of X so
    assert [where for where, schema in schemas_of(openapi) if "title" in schema] == []
    modules = {name: snake_case(name) for name in names}  # Python has a module and a class of each
    schemas = openapi["components"]["schemas"]
    assert [name for name, module in modules.items() if module in schemas[name].get("properties", {})] == []


def test_a_json_object_of_any_shape_is_a_component(openapi: dict[str, Any]) -> None:
    """Generators make a class of each use of an inline one, although all of them are the same."""
    free = [where for where, schema in schemas_of(openapi) if schema.get("additionalProperties") is True]
    assert set(free) == {"JsonObject", "Problem"}


def test_every_body_is_a_component_that_says_what_it_is_for(operations: dict[str, dict[str, Any]]) -> None:
    for where, operation in operations.items():
        for media_type, media in operation.get("requestBody", {}).get("content", {}).items():
            if media_type in FILES:
                continue
            name = media["schema"]["$ref"].rpartition("/")[2]
            assert name.endswith(("Create", "Update", "Upsert", "Batch", "Rotate", "Request")), where
        for status, answer in operation["responses"].items():
            for media_type, media in answer.get("content", {}).items():
                if media_type in ("text/event-stream", "text/html", "application/pdf", *FILES):
                    continue
                name = media["schema"]["$ref"].rpartition("/")[2]
                is_list = operation["operationId"].startswith("list_") or name.endswith("Page")
                assert name.endswith("Page") is (is_list and status == "200"), where
        if where.endswith("/batch"):
            assert operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("Batch")


FILES = ("text/csv", "application/jsonl", "application/octet-stream", "application/x-www-form-urlencoded")
"""Bodies without a schema of their own: files, and the forms of pages."""
NULL = {"type": "null"}


def test_null_occurs_only_where_it_has_a_meaning(openapi: dict[str, Any]) -> None:
    """It clears a field of a merge patch, and is the value of a field of a response. Elsewhere a value is left out."""
    in_requests = {
        name
        for name, schema in schemas_of(openapi)
        if NULL in schema.get("anyOf", []) and (name.startswith("/") or name.endswith(("Create", "Upsert", "Update")))
    }
    assert {"CustomerUpdate", "CustomerUpsert", "AddressCreate"} <= in_requests
    assert in_requests <= {each.__name__ for each in every_subclass(MergePatch)}
    assert [where for where, schema in schemas_of(openapi) if "default" in schema and schema["default"] is None] == []


def test_the_kinds_of_access_events_are_the_audited_tables(openapi: dict[str, Any]) -> None:
    """A client with the vocabulary as a type would not understand another one."""
    tables = {each for each in every_subclass(Table) if each.__module__.startswith("gateway.") and each.audited}
    kinds = openapi["components"]["schemas"]["AccessEntity"]["enum"]
    assert set(kinds) == {table_name(each) for each in tables}


def every_subclass(kind: type[Any]) -> Iterator[type[Any]]:
    for each in kind.__subclasses__():
        yield each
        yield from every_subclass(each)


def test_a_vocabulary_that_several_schemas_use_is_a_component(openapi: dict[str, Any]) -> None:
    """Otherwise a client in another language gets a type of its own for each use."""
    inline = Counter(
        (*schema["enum"],)
        for where, schema in schemas_of(openapi)
        if "enum" in schema and schema is not openapi["components"]["schemas"].get(where)
    )
    assert [values for values, uses in inline.items() if uses > 1] == []


def test_every_property_and_parameter_is_described(openapi: dict[str, Any]) -> None:
    silent = [
        f"{where}.{name}"
        for where, schema in schemas_of(openapi)
        for name, value in schema.get("properties", {}).items()
        if "description" not in value and where not in data_of_events(openapi)
    ]
    assert silent == [], "add a docstring below the field"
    for path, methods in openapi["paths"].items():
        for operation in methods.values():
            assert [each["name"] for each in operation.get("parameters", []) if not each.get("description")] == [], path
            assert [each for each in operation["responses"].values() if not each["description"]] == [], path


def data_of_events(openapi: dict[str, Any]) -> set[str]:
    """Return the schemas of the data of events, which docs/events.md describes."""
    schemas = openapi["components"]["schemas"]
    envelopes = [webhook["post"]["requestBody"]["content"] for webhook in openapi["webhooks"].values()]
    names = [media["schema"]["$ref"].rpartition("/")[2] for content in envelopes for media in content.values()]
    return {schemas[name]["properties"]["data"]["$ref"].rpartition("/")[2] for name in names}


def test_every_body_has_an_example_that_its_schema_accepts(
    openapi: dict[str, Any], operations: dict[str, dict[str, Any]]
) -> None:
    """The tests of the services send them. An example in a document that is refused is worse than none."""
    components = {"components": openapi["components"]}
    for where, operation in operations.items():
        for media_type, media in operation.get("requestBody", {}).get("content", {}).items():
            if media_type in FILES:
                continue
            assert "example" in media, where
            Draft202012Validator(media["schema"] | components).validate(media["example"])


def test_a_change_is_a_merge_patch(operations: dict[str, dict[str, Any]]) -> None:
    for where, operation in operations.items():
        if "requestBody" in operation and not operation.get("x-streamed"):
            (media_type,) = operation["requestBody"]["content"]
            if media_type in FILES:
                continue
            assert media_type == ("application/merge-patch+json" if where.startswith("PATCH") else "application/json")


def test_every_tag_is_described(openapi: dict[str, Any], operations: dict[str, dict[str, Any]]) -> None:
    described = {tag["name"]: tag["description"] for tag in openapi["tags"]}
    assert len(described) == len(openapi["tags"])
    used = {tag for operation in operations.values() for tag in operation["tags"]}
    assert described.keys() == used | {"webhooks"}
    assert all(text.endswith(".") for text in described.values())
    assert len(openapi["tags"]) == len({tag["name"] for tag in openapi["tags"]}), "openapi-generator rejects a repeat"


def test_every_response_declares_its_headers(openapi: dict[str, Any], operations: dict[str, dict[str, Any]]) -> None:
    for where, operation in operations.items():
        headers = {status: answer["headers"].keys() for status, answer in operation["responses"].items()}
        assert all("X-Request-Id" in names for names in headers.values()), where
        assert "Retry-After" in headers["429"] & headers["503"], where
    assert {"ETag", "X-Request-Id"} <= set(operations["GET /v1/customers/{id}"]["responses"]["304"]["headers"])
    assert "Location" in operations["POST /v1/customers"]["responses"]["201"]["headers"]
    assert "Link" in operations["GET /v1/customers"]["responses"]["200"]["headers"]
    used = {
        header
        for operation in operations.values()
        for answer in operation["responses"].values()
        for header in answer["headers"]
    }
    assert used == openapi["components"]["headers"].keys()


def test_every_event_is_a_webhook(openapi: dict[str, Any]) -> None:
    assert openapi["webhooks"].keys() == Event.published.keys()
    for type, webhook in openapi["webhooks"].items():
        (media,) = webhook["post"]["requestBody"]["content"].values()
        envelope = openapi["components"]["schemas"][media["schema"]["$ref"].rpartition("/")[2]]
        data = openapi["components"]["schemas"][envelope["properties"]["data"]["$ref"].rpartition("/")[2]]
        assert envelope["properties"]["type"]["const"] == type
        assert data["properties"].keys() == Event.published[type].model_fields.keys()
        assert "additionalProperties" not in data, "a receiver would refuse the next field"


def test_no_schema_has_a_twin(openapi: dict[str, Any]) -> None:
    schemas = openapi["components"]["schemas"]
    assert [name for name in schemas if name.endswith(("-Input", "-Output", "Document")) or "__" in name] == []


def test_two_services_that_disagree_on_a_schema_fail_the_build() -> None:
    from chassis.http.openapi import merge

    one = {"paths": {}, "components": {"schemas": {"A": {"type": "string"}}}}
    other = {"paths": {}, "components": {"schemas": {"A": {"type": "integer"}}}}
    with pytest.raises(ValueError, match="A of b differs"):
        merge({"a": one, "b": other}, "1")


def test_every_decimal_is_a_string(openapi: dict[str, Any]) -> None:
    """A generated client would send a float where a number is allowed, and digits would be lost."""

    def walk(value: Any) -> Iterator[dict[str, Any]]:
        if isinstance(value, dict):
            yield value
        for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from walk(child)

    alternatives = [{each.get("type") for each in schema.get("anyOf", [])} for schema in walk(openapi)]
    assert not [types for types in alternatives if {"number", "string"} <= types]
    schemas = openapi["components"]["schemas"].values()
    described = [each for schema in schemas for field in schema.get("properties", {}).values() for each in walk(field)]
    assert not [each for each in described if {"ge", "le", "gt", "lt", "max_digits", "decimal_places"} & each.keys()]
