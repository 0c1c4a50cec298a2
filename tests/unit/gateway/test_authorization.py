"""Other credentials than a bearer key: the 401 names them, and the header to send."""

import pytest

from chassis.core.problems import Unauthenticated
from gateway.proxy.authorization import bearer_key

SECRET = "rap_live_0123_secret"
ADVICE = "Send the API key as `Authorization: Bearer rap_...`."


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ({}, "The Authorization header is missing."),
        ({"x-api-key": SECRET}, "Found the header X-Api-Key."),
        ({"api-key": SECRET}, "Found the header Api-Key."),
        ({"authorization": "Basic c2VjcmV0OnNlY3JldA=="}, "Found Basic credentials."),
        ({"authorization": f"token {SECRET}"}, "Found Token credentials."),
        ({"authorization": SECRET}, "The Authorization header has a key without its scheme."),
        ({"authorization": SECRET, "x-api-key": SECRET}, "The Authorization header has a key without its scheme."),
        ({"authorization": f"{SECRET[4:]}"}, "The Authorization header has another scheme than Bearer."),
        ({"authorization": ""}, "The Authorization header is missing."),
    ],
)
def test_other_credentials_are_named_without_their_secret(headers: dict[str, str], text: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        bearer_key([(name.encode(), value.encode()) for name, value in headers.items()])
    assert refused.value.detail == f"{text} {ADVICE}"
    assert "secret" not in refused.value.detail
    assert refused.value.headers == {"WWW-Authenticate": "Bearer"}


@pytest.mark.parametrize("value", [f"Bearer {SECRET}", f"bearer {SECRET}", f"BEARER  {SECRET} "])
def test_the_scheme_is_read_in_any_case(value: str) -> None:
    assert bearer_key([(b"authorization", value.encode())]) == SECRET


def test_several_headers_are_refused() -> None:
    """Servers differ in which of them they read."""
    headers = [(b"authorization", f"Bearer {SECRET}".encode()), (b"authorization", b"Bearer wrong")]
    for order in (headers, headers[::-1]):
        with pytest.raises(Unauthenticated, match="more than one Authorization header"):
            bearer_key(order)
