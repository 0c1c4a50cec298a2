"""Checks of an endpoint: its URL, its types of events, and the right to read the records that it asks for."""

from collections.abc import Sequence
from uuid import UUID

from chassis import MissingScope, Problem, UnitOfWork, ValidationFailed
from chassis.core.events import matches
from chassis.core.field_errors import did_you_mean
from chassis.http.outbound import ForbiddenUrl
from chassis.types.codes import FieldCode
from gateway import contracts
from gateway.events.rules.event_types import UNKNOWN_EVENT_TYPE, unknown_patterns
from gateway.events.rules.records import scopes_for
from gateway.settings import Settings

SCHEMES = ("https", "http")
FORBIDDEN_URL = FieldCode(
    "forbidden_url",
    "The URL is not that of a public server.",
    "Send an https URL with a public host name, without a user name, a password or a fragment.",
)


class RecordNeedsApiKey(Problem, status=403):
    """Records are included only for endpoints that an API key creates or changes.

    They are read with the scopes of that key, as long as it is valid. Send the request with an API key.
    """


def require_url(settings: Settings, url: str) -> None:
    """Raise ValidationFailed unless the URL may be that of a public server."""
    try:
        settings.outbound_policy.require_url(url, SCHEMES)
    except ForbiddenUrl as error:
        raise ValidationFailed.field("/url", FORBIDDEN_URL, str(error)) from None


def require_types(settings: Settings, patterns: Sequence[str]) -> None:
    """Raise ValidationFailed for a pattern that matches no type of event."""
    types = contracts.event_types(settings.contracts)
    unknown = set(unknown_patterns(patterns, types))
    for index, pattern in enumerate(patterns):
        if pattern in unknown:
            detail = f"{pattern} is not a type of event{did_you_mean(pattern, list(types))}"
            raise ValidationFailed.field(f"/event_types/{index}", UNKNOWN_EVENT_TYPE, detail)


def reading_key(work: UnitOfWork, settings: Settings, include: Sequence[str], patterns: Sequence[str]) -> UUID | None:
    """Return the key that reads the records of an endpoint, or None if it asks for none.

    Raises MissingScope unless this key may read the records of all types that the endpoint may get.
    """
    if not include:
        return None
    types = contracts.event_types(settings.contracts)
    wanted = [type for type in types if any(matches(pattern, type) for pattern in patterns)]
    missing = sorted(scopes_for(wanted) - work.caller.scopes)
    if missing:
        raise MissingScope(
            "The records of these events can be included only by a key that may read them.", scopes=missing
        )
    kind, _, id = work.actor.partition(":")
    if kind != "key":
        raise RecordNeedsApiKey
    return UUID(id)
