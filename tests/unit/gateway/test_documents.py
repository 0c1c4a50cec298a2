"""The gateway's own documents: compressed once, with an ETag of each form."""

import gzip

import pytest
from starlette.requests import Request

from gateway.pages.documents import Document

CONTENT = b'{"openapi": "3.1.0"}'
DOCUMENT = Document(CONTENT, "application/json")


def asked(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "headers": raw})


@pytest.mark.parametrize("accepted", ["gzip", "identity"])
def test_a_document_has_an_etag_for_each_form_and_is_asked_for_again_cheaply(accepted: str) -> None:
    response = DOCUMENT.respond(asked(accept_encoding=accepted))
    body = bytes(response.body)
    assert (gzip.decompress(body) if accepted == "gzip" else body) == CONTENT
    assert response.headers.get("content-encoding") == ("gzip" if accepted == "gzip" else None)
    assert (response.headers["cache-control"], response.headers["vary"]) == ("no-cache", "Accept-Encoding")
    tag = response.headers["etag"]
    again = DOCUMENT.respond(asked(accept_encoding=accepted, if_none_match=f'"other", W/{tag}'))
    assert (again.status_code, again.body, again.headers["etag"]) == (304, b"", tag)


def test_the_etag_is_that_of_the_content_and_of_its_form() -> None:
    plain, compressed = (DOCUMENT.respond(asked(accept_encoding=form)).headers["etag"] for form in ("", "gzip"))
    other = Document(CONTENT + b" ", "application/json").respond(asked()).headers["etag"]
    assert len({plain, compressed, other}) == 3
    assert Document(CONTENT, "application/json").respond(asked()).headers["etag"] == plain
