"""Access events: an audit that the tenant reads itself. It shows changes of keys, issuers and facts, and refused keys.

Each change is a row of the audit log. Refusals are counted per key and hour, so that an attacker cannot fill the log.
"""

from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends
from fastapi import Query as Parameter
from typing_extensions import TypeAliasType

from chassis import (
    Command,
    Feature,
    JsonObject,
    Page,
    PageParams,
    Resource,
    ShortLine,
    TimeRange,
    UnitOfWork,
    Work,
    equals,
    paginate,
    time_range,
)
from chassis.core.clock import clock
from gateway.access import tables
from gateway.access.rules import RefusalReason

feature = Feature("access-events")

RETENTION_DAYS = 90
DELETE_BATCH_SIZE = 1_000
AccessEntity = TypeAliasType("AccessEntity", Literal["api_key", "issuer", "tenant", "webhook_endpoint"])


class AccessEvent(Resource, row=tables.AccessEventRow):
    """A change of a key, an issuer or the tenant: by which actor, when, and from what to what."""

    id: UUID
    """Identifies the change."""
    at: datetime
    """When the change was made."""
    actor: str
    """The principal of the change, such as `key:<id>` for an API key, or `command`."""
    entity: AccessEntity
    """The kind of the changed record."""
    entity_id: UUID
    """The changed record."""
    action: str
    """The kind of change, such as `created`."""
    changes: JsonObject
    """The old and the new value of each changed field."""
    trace_id: str
    """Identifies the request in the logs."""


class AuthenticationFailure(Resource, row=tables.AuthenticationFailure):
    """How often a key was refused within an hour, for a reason."""

    id: UUID
    """Identifies the count."""
    api_key_id: UUID
    """The key that was refused."""
    hour: datetime
    """The start of the hour."""
    reason: RefusalReason
    """Why the key was refused."""
    count: int
    """How often it was refused within the hour."""
    last_at: datetime
    """When it was last refused."""


@feature.get("/access-events", scope="audit:read")
async def list_access_events(
    work: Work,
    params: PageParams,
    at: Annotated[TimeRange, Depends(time_range("at"))],
    entity: Annotated[
        AccessEntity | None, Parameter(description="Return only changes of records of this kind.")
    ] = None,
    entity_id: Annotated[UUID | None, Parameter(description="Return only changes of this record.")] = None,
    actor: Annotated[
        ShortLine | None, Parameter(description="Return only changes by this actor, such as `key:<id>` or `command`.")
    ] = None,
) -> Page[AccessEvent]:
    """List changes of keys, issuers and the tenant, newest first.

    `changes` has the old and the new value of each field.
    """
    where = [*equals(entity=entity, entity_id=entity_id, actor=actor), *at.filters]
    return await paginate(work, params, tables.access_event, AccessEvent, sort="-id", where=where)


@feature.get("/authentication-failures", scope="audit:read")
async def list_authentication_failures(
    work: Work,
    params: PageParams,
    hour: Annotated[TimeRange, Depends(time_range("hour"))],
    api_key_id: Annotated[UUID | None, Parameter(description="Return only failures of this key.")] = None,
) -> Page[AuthenticationFailure]:
    """List how often existing keys were refused, newest hour first: expired, revoked, or with a wrong secret."""
    where = [*equals(api_key_id=api_key_id), *hour.filters]
    return await paginate(work, params, tables.AuthenticationFailure, AuthenticationFailure, sort="-hour", where=where)


@feature.periodic(every=timedelta(hours=1))
async def delete_old_failures(work: UnitOfWork) -> bool:
    """Delete old counts. Returns whether there are more."""
    before = clock.now() - timedelta(days=RETENTION_DAYS)
    return await work.execute(_DELETE, before=before, limit=DELETE_BATCH_SIZE) == DELETE_BATCH_SIZE


_DELETE = Command(
    """
    delete from authentication_failure where id in (
        select id from authentication_failure where hour < :before order by hour, id limit :limit
    )
    """
)
