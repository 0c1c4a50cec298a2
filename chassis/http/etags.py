"""Versions of a record: strong ETags and If-Match, and JSON Merge Patch (RFC 7396)."""

import re
from typing import Annotated, Any

from fastapi import Depends, Header

from chassis.core.field_errors import FieldError
from chassis.core.problems import MalformedRequest

_ETAG = re.compile(r'^"([0-9]{1,18})"$')


def etag(version: int) -> str:
    """Return the strong ETag of a version."""
    return f'"{version}"'


def _if_match(
    if_match: Annotated[
        str | None, Header(description="Change the record only if it still has this ETag.", examples=['"3"'])
    ] = None,
) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    match = _ETAG.match(if_match.strip())
    if match is None:
        error = FieldError(
            location="header", pointer="/if-match", code="etag", detail="an ETag of this record is expected"
        )
        raise MalformedRequest(error.detail, errors=[error])
    return int(match.group(1))


IfMatch = Annotated[int | None, Depends(_if_match)]
"""The version that the client has seen, or None. Pass it to `work.check_version`."""


def merge_patch(target: Any, patch: Any) -> Any:
    """Return a value changed by a JSON Merge Patch: null removes, an object is merged, anything else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged
