"""Versions of a record: ETags, If-Match and If-None-Match (RFC 9110), and JSON Merge Patch (RFC 7396).

The ETag of a version is `"3"`. A proxy that compresses responses weakens it to `W/"3"`, which is accepted in If-Match
too (docs/decisions/0025-weak-etags-in-if-match.md).
"""

import re
from typing import Annotated, Any

from fastapi import Depends, Header, Request

from chassis.core.field_errors import FieldError
from chassis.core.problems import MalformedRequest
from chassis.types.codes import FieldCode

NOT_AN_ETAG = FieldCode(
    "not_an_etag", "If-Match is not a list of entity tags (RFC 9110).", 'Send the ETag of the record, such as "3".'
)
_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_LIST = re.compile(rf"[ \t,]*+{_TAG}(?:[ \t]*+,[ \t,]*+{_TAG})*+[ \t,]*+")
_VALUE = re.compile(r'"([^"]*)"')
_VERSION = re.compile(r"0|[1-9][0-9]{0,17}")


def etag(version: int) -> str:
    """Return the strong ETag of a version."""
    return f'"{version}"'


def is_unchanged(if_none_match: str | None, current: str) -> bool:
    """Return whether If-None-Match contains the current ETag, by weak comparison. A malformed header is ignored."""
    if if_none_match is None:
        return False
    if if_none_match.strip() == "*":
        return True
    return _LIST.fullmatch(if_none_match) is not None and current.removeprefix("W/").strip('"') in _VALUE.findall(
        if_none_match
    )


def versions_in(if_match: str) -> frozenset[int] | None:
    """Return the versions that If-Match allows, or None if it allows all. Raises MalformedRequest."""
    if if_match.strip() == "*":
        return None
    if _LIST.fullmatch(if_match) is None:
        detail = 'an ETag in double quotes is expected, e.g. "1"'
        error = FieldError(location="header", pointer="/if-match", code=NOT_AN_ETAG, detail=detail)
        raise MalformedRequest(detail, errors=[error])
    return frozenset(int(value) for value in _VALUE.findall(if_match) if _VERSION.fullmatch(value))


def _if_match(
    request: Request,
    if_match: Annotated[
        str | None,
        Header(alias="If-Match", description="Change the record only if it still has this ETag.", examples=['"3"']),
    ] = None,
) -> frozenset[int] | None:
    return None if if_match is None else versions_in(", ".join(request.headers.getlist("if-match")))


IfMatch = Annotated[frozenset[int] | None, Depends(_if_match)]
"""The versions that the client has seen, or None. Pass them to `work.check_version`."""


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
