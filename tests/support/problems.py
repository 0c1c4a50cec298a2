"""Problem documents, as a test expects them."""

from typing import Any

import httpx


def assert_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Return the problem of a response, which has this status and code and every member of a problem."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    problem: dict[str, Any] = answer.json()
    assert (problem["status"], problem["code"]) == (status, code), answer.text
    assert {"type", "title", "detail", "instance", "errors", "trace_id"} <= problem.keys()
    return problem
