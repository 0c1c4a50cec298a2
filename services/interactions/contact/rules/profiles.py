"""Profiles of customers: the fields that an event replaces. The order in which events arrive makes no difference."""

from collections.abc import Mapping
from typing import Any, Literal

ContactKind = Literal["email", "phone"]
Values = Mapping[str, Any]
REMOVED_VERSION = 2**62
"""The version of a removed record: later than any other, so that no late event brings the record back."""
UNREACHABLE = ("merged", "erased", "removed")
"""The states of records that look-ups leave out."""


def changes(stored: Values, version: int, record: Values, contact: Values | None) -> dict[str, Any]:
    """Return the columns that the record of a version changes.

    A version may have no contact details, because none of them changed. So these have a version of their own. The same
    version may arrive again with contact details that it did not have before, and replaces them.
    """
    changed: dict[str, Any] = {}
    if record and version >= stored["version"]:
        changed |= {**record, "version": version}
    if contact is not None and version >= stored["contact_version"]:
        changed |= {**contact, "contact_version": version}
    return changed
