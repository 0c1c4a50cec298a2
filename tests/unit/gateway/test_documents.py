"""The gateway's own documents: compressed once, with an ETag of each form, and AsyncAPI in a single file."""

import gzip
import re

import pytest
from starlette.requests import Request

from chassis.types import json
from gateway.pages.bundle import bundled_asyncapi
from gateway.pages.documents import Document
from local.generated import ROOT

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


def test_the_asyncapi_document_refers_to_nothing_outside_itself() -> None:
    document = bundled_asyncapi(ROOT / "contracts")
    references = set(re.findall(r'"\$ref":"([^"]+)"', json.dumps(document).decode()))
    assert len(references) > 20
    for reference in references:
        target = document
        for name in reference.removeprefix("#/").split("/"):
            target = target[name]
    payload = document["channels"]["interactions"]["messages"]["interactions_purchase_recorded_v1"]["payload"]
    assert payload == {"$ref": "#/components/schemas/interactions.purchase_recorded.v1"}
    schema = document["components"]["schemas"]["interactions.purchase_recorded.v1"]
    lines = schema["properties"]["lines"]["items"]["$ref"]
    assert lines.startswith("#/components/schemas/interactions.purchase_recorded.v1.")
