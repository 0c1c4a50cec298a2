"""The operations of webhook endpoints."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from chassis import (
    TOO_SMALL,
    Accepted,
    Command,
    Feature,
    IfMatch,
    NotFound,
    Page,
    PageParams,
    Problem,
    Query,
    Running,
    UnitOfWork,
    ValidationFailed,
    VersionMismatch,
    Work,
    condition,
    paginate,
)
from chassis.core.clock import clock
from gateway.events import tables
from gateway.events.disabling import disable_endpoint
from gateway.events.planning import announce_endpoint, start_recovery, wake_lane
from gateway.events.rules.custom_headers import MAX_HEADERS
from gateway.events.rules.encryption import Encryption
from gateway.events.rules.signatures import new_secret
from gateway.events.webhook_endpoints.checks import (
    RecordNeedsApiKey,
    reading_key,
    require_types,
    require_url,
)
from gateway.events.webhook_endpoints.schemas import (
    FORBIDDEN_HEADER,
    CreatedWebhookEndpoint,
    RecoveryRequest,
    RotatedWebhookSecret,
    SecretRotate,
    WebhookEndpoint,
    WebhookEndpointCreate,
    WebhookEndpointUpdate,
)
from gateway.events.webhook_endpoints.secrets import (
    add_secret,
    count_signing_keys,
    expire_signing_keys,
    set_headers,
)
from gateway.settings import Settings

feature = Feature("webhook-endpoints")

MAX_SECRETS = 5
DELETE_BATCH_SIZE = 1_000


class TooManyWebhookEndpoints(Problem, status=409):
    """The tenant has as many webhook endpoints as it may have.

    Delete those that are no longer used, or let an endpoint have several types of events.
    """


class TooManyWebhookSecrets(Problem, status=409):
    """The endpoint has as many secrets as it may have at a time.

    Former secrets sign until their overlap ends. Wait for that, or rotate with an `overlap_seconds` of 0.
    """


@feature.post(
    "/webhook-endpoints",
    scope="webhooks:write",
    status_code=201,
    raises=[TooManyWebhookEndpoints, RecordNeedsApiKey],
    store_response=False,
)
async def create_webhook_endpoint(work: Work, running: Running, body: WebhookEndpointCreate) -> CreatedWebhookEndpoint:
    """Create an endpoint. From now on it gets the events of its types. The response shows its secret once."""
    settings = _settings(running)
    require_url(settings, body.url)
    require_types(settings, body.event_types)
    await work.execute(_LOCK, id=work.tenant.id)
    if await work.fetch_row(_COUNT) >= settings.webhook_endpoint_limit:
        limit = settings.webhook_endpoint_limit
        raise TooManyWebhookEndpoints(f"A tenant may have {limit} webhook endpoints.", limit=limit)
    values = body.model_dump(exclude={"secret", "headers"})
    endpoint = await work.insert(
        tables.WebhookEndpoint(
            **values,
            header_names=sorted(body.headers),
            created_by=work.actor,
            api_key_id=reading_key(work, settings, body.include, body.event_types),
        )
    )
    await work.insert(tables.WebhookLane(id=endpoint.id))
    encryption = Encryption(settings.encryption_keys)
    secret = body.secret or new_secret()
    await add_secret(work, encryption, endpoint.id, secret, "signing")
    for name, value in body.headers.items():
        await add_secret(work, encryption, endpoint.id, value, "header", name)
    return CreatedWebhookEndpoint.from_row(endpoint, secret=secret)


@feature.get("/webhook-endpoints", scope="webhooks:read")
async def list_webhook_endpoints(work: Work, params: PageParams) -> Page[WebhookEndpoint]:
    """List the endpoints, oldest first."""
    where = [condition("deleted_at is null")]
    return await paginate(work, params, tables.WebhookEndpoint, WebhookEndpoint, where=where)


@feature.get("/webhook-endpoints/{id:uuid}", scope="webhooks:read")
async def read_webhook_endpoint(work: Work, id: UUID) -> WebhookEndpoint:
    """Return an endpoint."""
    return WebhookEndpoint.from_row(await _get(work, id))


@feature.patch("/webhook-endpoints/{id:uuid}", scope="webhooks:write", raises=[VersionMismatch, RecordNeedsApiKey])
async def update_webhook_endpoint(
    work: Work, running: Running, id: UUID, body: WebhookEndpointUpdate, if_match: IfMatch
) -> WebhookEndpoint:
    """Change an endpoint. Pending deliveries go to the new URL, and new types apply to new events.

    An endpoint that was disabled is enabled by `state`. It then gets its pending deliveries. Events that occurred while
    it was disabled are recovered by a request of its own.
    """
    endpoint = await _get(work, id, for_update=True)
    work.check_version(endpoint, if_match)
    changes = body.changes()
    state, headers = changes.pop("state", endpoint.state), changes.pop("headers", {})
    changes |= await _validated(work, _settings(running), endpoint, changes)
    if headers:
        encryption = Encryption(_settings(running).encryption_keys)
        changes["header_names"] = await set_headers(work, encryption, endpoint, headers)
        if len(changes["header_names"]) > MAX_HEADERS:
            raise ValidationFailed.field("/headers", FORBIDDEN_HEADER, f"at most {MAX_HEADERS} headers are possible")
    changed = await work.update(endpoint, **changes)
    if state == "disabled" and endpoint.state == "enabled":
        changed = await disable_endpoint(work, changed, "requested")
    elif state == "enabled" and endpoint.state == "disabled":
        changed = await work.update(changed, state="enabled", disabled_reason=None, disabled_at=None)
        await work.execute(_FORGET_FAILURES, id=id)
        await wake_lane(work, id)
    await announce_endpoint(work, id)
    return WebhookEndpoint.from_row(changed)


@feature.delete("/webhook-endpoints/{id:uuid}", scope="webhooks:write", status_code=204, raises=[VersionMismatch])
async def delete_webhook_endpoint(work: Work, id: UUID, if_match: IfMatch) -> None:
    """Delete an endpoint with its secrets, its deliveries and their attempts. Nothing is sent to it any longer."""
    endpoint = await _get(work, id, for_update=True)
    work.check_version(endpoint, if_match)
    await work.update(endpoint, deleted_at=clock.now())
    await work.execute(_DELETE_SECRETS, endpoint_id=id)
    await announce_endpoint(work, id)


@feature.post(
    "/webhook-endpoints/{id:uuid}/rotate-secret",
    scope="webhooks:write",
    raises=[TooManyWebhookSecrets],
    store_response=False,
)
async def rotate_webhook_secret(work: Work, running: Running, id: UUID, body: SecretRotate) -> RotatedWebhookSecret:
    """Replace the secret of an endpoint. The former ones sign beside it for a day, unless the request says otherwise.

    Each delivery then has a signature by each secret, and the receiver may verify either of them.
    """
    await _get(work, id, for_update=True)
    if body.overlap_seconds and await count_signing_keys(work, id) >= MAX_SECRETS:
        raise TooManyWebhookSecrets(f"An endpoint may have {MAX_SECRETS} secrets at a time.", limit=MAX_SECRETS)
    expires_at = clock.now() + timedelta(seconds=body.overlap_seconds)
    await expire_signing_keys(work, id, expires_at)
    secret = body.secret or new_secret()
    await add_secret(work, Encryption(_settings(running).encryption_keys), id, secret, "signing")
    await announce_endpoint(work, id)
    return RotatedWebhookSecret(endpoint_id=id, secret=secret, former_secrets_expire_at=expires_at)


@feature.post("/webhook-endpoints/{id:uuid}/recover", scope="webhooks:write")
async def recover_webhook_endpoint(
    work: Work, running: Running, id: UUID, body: RecoveryRequest
) -> Accepted[WebhookEndpoint]:
    """Deliver every event since a time that was not delivered: its delivery has failed, or was never planned.

    Events that were delivered are not sent again. The deliveries are planned in the background, oldest events first.
    """
    earliest = clock.now() - timedelta(days=_settings(running).webhook_days)
    if body.since < earliest:
        detail = f"must be after {earliest:%Y-%m-%dT%H:%M:%SZ}: older deliveries are not known any longer"
        raise ValidationFailed.field("/since", TOO_SMALL, detail)
    endpoint = await _get(work, id, for_update=True)
    await start_recovery(work, id, body.since)
    return Accepted(WebhookEndpoint.from_row(endpoint))


@feature.periodic(every=timedelta(minutes=1))
async def delete_endpoints(work: UnitOfWork) -> bool:
    """Delete a batch of the deliveries of deleted endpoints, and the endpoints last. Returns whether there are more."""
    for endpoint in await work.fetch(_DELETED):
        if await work.execute(_DELETE_DELIVERIES, endpoint_id=endpoint, limit=DELETE_BATCH_SIZE) == DELETE_BATCH_SIZE:
            return True
        await work.execute(_DELETE_ENDPOINT, id=endpoint)
    return False


async def _get(work: UnitOfWork, id: UUID, *, for_update: bool = False) -> tables.WebhookEndpoint:
    endpoint = await work.get(tables.WebhookEndpoint, id, for_update=for_update)
    if endpoint.deleted_at is not None:
        raise NotFound(f"No webhook endpoint has the id {id}.")
    return endpoint


def _settings(running: Running) -> Settings:
    assert isinstance(running.settings, Settings)
    return running.settings


async def _validated(
    work: UnitOfWork, settings: Settings, endpoint: tables.WebhookEndpoint, changes: dict[str, Any]
) -> dict[str, Any]:
    """Check the changed URL and types. Returns the key that reads records, if that changes."""
    if "url" in changes:
        require_url(settings, changes["url"])
    if "event_types" in changes:
        require_types(settings, changes["event_types"])
    if changes.keys().isdisjoint(("include", "event_types")):
        return {}
    include, types = changes.get("include", endpoint.include), changes.get("event_types", endpoint.event_types)
    return {"api_key_id": reading_key(work, settings, include, types)}


_LOCK = Command("select from tenant where id = :id for no key update")
_COUNT = Query(int, "select count(*) from webhook_endpoint where deleted_at is null")
_FORGET_FAILURES = Command(
    """
    update webhook_lane set failures = 0, failing_since = null, last_failure_at = null, paused_until = null
    where id = :id
    """
)
_DELETE_SECRETS = Command("delete from webhook_secret where endpoint_id = :endpoint_id")
_DELETED = Query(UUID, "select id from webhook_endpoint where deleted_at is not null order by id limit 10")
_DELETE_DELIVERIES = Command(
    """
    delete from delivery where id in (
        select id from delivery where endpoint_id = :endpoint_id order by id limit :limit
    )
    """
)
_DELETE_ENDPOINT = Command(
    """
    delete from webhook_endpoint
    where id = :id and not exists (select from delivery where endpoint_id = webhook_endpoint.id)
    """
)
