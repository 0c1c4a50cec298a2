"""Paths without a route: the suggestion names the route that was probably meant, or none."""

import time

import pytest

from chassis.http.unmatched import closest, fits, is_unambiguous, no_such_route

ID = "01989f0e-9f6a-7e3c-8e59-0d9f1a2b3c4d"
TEMPLATES = (
    "/docs",
    "/v1/customers",
    "/v1/customers/{id}",
    "/v1/customers/{id}/consents",
    "/v1/programs/{id}/earning-rules/{rule_id}",
    "/v1/purchases",
    "/v1/touch-points",
)
MEANT = [
    ("a trailing slash", "/v1/customers/", "/v1/customers"),
    ("a trailing slash after an id", f"/v1/customers/{ID}/", f"/v1/customers/{ID}"),
    ("no version", "/customers", "/v1/customers"),
    ("no version, an id", f"/customers/{ID}/consents", f"/v1/customers/{ID}/consents"),
    ("a double slash first", "//v1/customers", "/v1/customers"),
    ("a double slash", f"/v1//customers/{ID}", f"/v1/customers/{ID}"),
    ("the singular", "/v1/customer", "/v1/customers"),
    ("the singular, an id", f"/v1/customer/{ID}", "/v1/customers/{id}"),
    ("the singular, a number", "/v1/customer/42", "/v1/customers/{id}"),
    ("the singular without the version", "/customer", "/v1/customers"),
    ("an underscore", "/v1/touch_points", "/v1/touch-points"),
    ("a typing error", "/v1/purcahses", "/v1/purchases"),
    ("two ids", f"/v1/programs/{ID}/earning-rule/{ID}", "/v1/programs/{id}/earning-rules/{rule_id}"),
    ("a page", "/docs/", "/docs"),
    ("nothing similar", "/v1/weather", None),
    ("the root", "/", None),
    ("a star", "*", None),
    ("WordPress", "/wp-login.php", None),
]


@pytest.mark.parametrize(("case", "path", "suggestion"), MEANT)
def test_the_route_that_was_meant_is_suggested(case: str, path: str, suggestion: str | None) -> None:
    assert closest(path, TEMPLATES) == suggestion


def test_the_problem_names_method_path_and_suggestion() -> None:
    problem = no_such_route("GET", "/v1/customers/", TEMPLATES)
    assert (problem.status, problem.code) == (404, "no_such_route")
    assert problem.detail == "No route GET /v1/customers/. Did you mean /v1/customers?"
    assert no_such_route("PUT", "/v1/weather", TEMPLATES).detail == "No route PUT /v1/weather."


def test_a_parameter_of_any_form_fits_but_not_an_empty_one() -> None:
    assert fits("/v1/customers/42", "/v1/customers/{id}")
    assert not fits("/v1/customers/", "/v1/customers/{id}")
    assert not fits("/v1/customers/4/2", "/v1/customers/{id}")


@pytest.mark.parametrize(
    ("path", "raw_path", "expected"),
    [
        ("/v1/customers", "/v1/customers", True),
        ("/v1/customers", "/v1/%63ustomers", True),
        ("/v1/a b", "/v1/a%20b", True),
        ("/v1/.well-known", "/v1/.well-known", True),
        ("/v1/a..b", "/v1/a..b", True),
        ("/v1/../x", "/v1/../x", False),
        ("/v1/../x", "/v1/%2e%2E/x", False),
        ("/v1/./x", "/v1/./x", False),
        ("/v1/..", "/v1/..", False),
        ("/v1/a/b", "/v1/a%2fb", False),
        ("/v1/a\\b", "/v1/a\\b", False),
        ("/v1/a\\b", "/v1/a%5Cb", False),
        ("/v1/a\0", "/v1/a%00", False),
        ("/v1/a\r\nb", "/v1/a%0d%0ab", False),
    ],
)
def test_a_path_that_servers_read_differently_is_ambiguous(path: str, raw_path: str, expected: bool) -> None:
    assert is_unambiguous(path, raw_path.encode()) is expected


def test_a_long_path_costs_little() -> None:
    templates = [f"/v1/{'abcdefgh' * 5}{number}/{{id}}" for number in range(300)]
    started = time.perf_counter()
    for path in ("/v1/" + "x" * 60_000, "/v1/" + "abcdefgh" * 14):
        assert len(no_such_route("GET", path, templates).detail) < 400
    assert time.perf_counter() - started < 1
