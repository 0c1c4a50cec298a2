"""HTML forms, for pages that work without a script: their fields, as browsers send them.

A route with `form=True` takes a form as its body, and reads it as `FormFields`.
"""

from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from chassis.core.problems import MalformedRequest

FORM = "application/x-www-form-urlencoded"
MAX_FORM_BYTES = 262_144
MAX_FORM_FIELDS = 500


def parse_form(body: bytes) -> list[tuple[str, str]]:
    """Return the fields of a form, in order: names may repeat. Raises MalformedRequest."""
    try:
        text = body.decode("ascii")
        fields = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FORM_FIELDS)
    except ValueError:
        limit = f"of at most {MAX_FORM_FIELDS} fields"
        raise MalformedRequest(f"The body is not a form in UTF-8 {limit}, URL-encoded.") from None
    if any("\0" in name + value for name, value in fields):
        raise MalformedRequest("The form contains a NUL.")
    return fields


async def _injected_form(request: Request) -> list[tuple[str, str]]:
    return parse_form(bytes(await request.body()))


FormFields = Annotated[list[tuple[str, str]], Depends(_injected_form)]
"""The fields of a form, in order, as names and values. A name may repeat."""
