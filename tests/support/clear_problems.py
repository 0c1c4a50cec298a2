"""Hooks for schemathesis: an additional check of every response, and protection of the API key in use."""

import os
import re
from uuid import uuid4

import schemathesis
from jsonschema import Draft202012Validator
from schemathesis.checks import CheckContext
from schemathesis.core.transport import Response
from schemathesis.generation.case import Case
from schemathesis.hooks import HookContext

GENERIC = ("malformed_request", "unknown_parameter", "validation_failed")
OTHER_PATHS = ("batch", "by-external-id")
OWN_KEY = os.environ["RAPPORT_KEY"].split("_")[2]


@schemathesis.check
def every_error_is_a_clear_problem(_: CheckContext, response: Response, case: Case) -> None:
    """Require a problem document with a known code. A generic problem must also give details."""
    if response.status_code < 400:
        return
    assert response.headers["content-type"] == ["application/problem+json"], response.headers
    problem, document = response.json(), case.operation.schema.raw_schema
    Draft202012Validator({"$ref": "#/components/schemas/Problem", "components": document["components"]}).validate(
        problem
    )
    declared = document["x-problems"][problem["code"]]
    assert (declared["status"], declared["title"]) == (response.status_code, problem["title"]), problem
    assert {error["code"] for error in problem["errors"]} <= document["x-field-codes"].keys(), problem
    assert problem["status"] == response.status_code
    assert problem["type"] == f"/problems/{problem['code'].replace('_', '-')}"
    assert re.fullmatch("[0-9a-f]{32}", problem["trace_id"]), problem
    assert problem["instance"].startswith("/")
    if problem["code"] in GENERIC:
        assert problem["errors"] or problem["detail"] != problem["title"], problem


@schemathesis.hook
def before_call(_: HookContext, case: Case, kwargs: dict[str, object]) -> None:
    """Replace the id of the API key in use, so that no generated request ends it, and ids that make another path."""
    if case.path_parameters.get("id") in OTHER_PATHS:
        case.path_parameters["id"] = str(uuid4())
    ends_a_key = case.method == "DELETE" or case.path.endswith("/rotate")
    if ends_a_key and str(case.path_parameters.get("id")).replace("-", "") == OWN_KEY:
        case.path_parameters["id"] = str(uuid4())
