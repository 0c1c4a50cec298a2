"""Versions of a record: strong ETags, If-Match and If-None-Match, and JSON Merge Patch (RFC 7396)."""

import re
from typing import Annotated, Any

from fastapi import Depends, Header
from pydantic import BaseModel

from chassis.problems import FieldError, MalformedRequest

_ETAG = re.compile(r'^"([0-9]{1,18})"$')


def etag(version: int) -> str:
    """The strong ETag of a version."""
    return f'"{version}"'


def _if_match(
    if_match: Annotated[
        str | None, Header(description="Only when the record still has this ETag.", examples=['"3"'])
    ] = None,
) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return None
    found = _ETAG.match(if_match.strip())
    if found is None:
        wrong = FieldError(
            where="header", pointer="/if-match", code="etag", detail="an ETag of this record is expected"
        )
        raise MalformedRequest(wrong.detail, errors=[wrong])
    return int(found.group(1))


IfMatch = Annotated[int | None, Depends(_if_match)]
"""The version that the caller has seen, or None: give it to `work.expect`."""


def merge_patch(target: Any, patch: Any) -> Any:
    """The value that a JSON Merge Patch makes of another: null removes, an object is merged, all else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def given(patch: BaseModel) -> dict[str, Any]:
    """The fields that a request named, null ones included: absent and null differ."""
    return {name: getattr(patch, name) for name in patch.model_fields_set}
