"""The dispatcher: applies received events once, in order, for each feature separately.

A batch is grouped by tenant and feature. Each group is a transaction: inbox rows first, then the events in order. A
group that fails is rolled back and repeated with one event per transaction. An event that still fails becomes a dead
letter of that feature, and the others are applied. A transient error (an unavailable database) is not an event's
fault: it raises `TransientFailure`, and the events are delivered again.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import groupby
from uuid import UUID

import asyncpg

from chassis.core.events import Envelope, IncomingEvent, matches
from chassis.core.identity import Caller, Tenant
from chassis.core.persons import ERASURE
from chassis.core.problems import Unavailable
from chassis.core.retry import Backoff, retry
from chassis.core.settings import Settings
from chassis.core.telemetry import Metrics, log
from chassis.core.tracing import Tracing, ending
from chassis.db.pool import is_transient
from chassis.db.statements import Query
from chassis.db.tables import SCHEMA
from chassis.db.transaction import RETRYABLE_ERRORS, RetryTransaction, Transaction
from chassis.db.unit_of_work import UnitOfWork
from chassis.feature import EventHandler
from chassis.messaging import tenants
from chassis.messaging.dead_letters import DELETE_LETTER, ENVELOPE_UNREADABLE, DeadLetters, reason_of
from chassis.messaging.records import KafkaRecord, stored_record
from chassis.messaging.tenants import tenant_from_event, tenant_from_row

MAX_TRANSIENT_RETRIES = 20
MAX_UNIQUE_VIOLATIONS = 3
"""A constraint that is violated each time is the event's own fault, not a concurrent transaction's."""

PASSING_ERRORS = (
    RetryTransaction,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.QueryCanceledError,
)
"""Errors that depend on the load, not on the event alone."""


class TransientFailure(Exception):
    """The events are fine. Deliver them again later."""


class UnknownTenant(TransientFailure):
    """The tenant's own event has not arrived yet. Events of other tenants need not wait for it."""


@dataclass(frozen=True, slots=True)
class _Delivery:
    """A record for an event handler."""

    record: KafkaRecord
    envelope: Envelope
    handler: EventHandler

    def event(self) -> IncomingEvent:
        if self.record.value is None:
            raise ValueError("the record has no value")
        return self.handler.event.from_record(self.envelope, self.record.value)


class EventDispatcher:
    """Applies received events to a service's database."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        handlers: Iterable[EventHandler],
        settings: Settings,
        metrics: Metrics,
        notify_relay: Callable[[], None],
        notify_tasks: Callable[[], None] = lambda: None,
        tracing: Tracing | None = None,
    ) -> None:
        self._pool = pool
        self._settings = settings
        self._metrics = metrics
        self._notify_relay = notify_relay
        self._notify_tasks = notify_tasks
        self._tracing = tracing
        self._letters = DeadLetters(pool, metrics)
        self._handlers = list(handlers)
        self._by_type: dict[str, list[EventHandler]] = {}
        """The handlers of the types that have been received."""
        self._unknown_since: dict[UUID, float] = {}

    @property
    def types(self) -> list[str]:
        """The event types that are handled, among them patterns."""
        return sorted({handler.event.event_type for handler in self._handlers})

    def handles(self, type: str) -> bool:
        """Return whether a feature handles this type of event."""
        return bool(self._handlers_of(type))

    async def apply(self, records: Iterable[KafkaRecord]) -> None:
        """Apply each record, or make it a dead letter. Raises TransientFailure if some of them must be repeated."""
        groups: dict[tuple[UUID, str], list[_Delivery]] = {}
        for record in records:
            try:
                envelope = Envelope.from_headers(record.headers)
            except Exception as error:  # whatever the record is, it is not ours and must not stop the others
                await self._give_up(record, ENVELOPE_UNREADABLE, None, f"unreadable envelope: {error!r}", 1)
                continue
            for handler in self._handlers_of(envelope.type):
                delivery = _Delivery(record, envelope, handler)
                groups.setdefault((envelope.tenant, handler.feature), []).append(delivery)
        # Facts of tenants come first, because the other features wait for them.
        unknown: UnknownTenant | None = None
        for (_, feature), deliveries in sorted(groups.items(), key=lambda item: item[0][1] != tenants.feature.name):
            try:
                await self._apply_group(feature, deliveries)
            except UnknownTenant as error:
                unknown = error
        if unknown is not None:
            raise unknown

    async def replay(self, letter_id: UUID) -> str | None:
        """Apply a dead letter again. Returns None if it was applied and removed, else the reason why not.

        Raises LookupError if the dead letter does not exist, or no feature handles it any longer.
        """
        row = await self._letters.find(letter_id)
        feature = row["feature"]
        record = stored_record(row)
        try:
            envelope = Envelope.from_headers(record.headers)
            handlers = [handler for handler in self._handlers_of(envelope.type) if handler.feature == feature]
            if not handlers:
                raise LookupError(f"no feature {feature} handles {envelope.type}")
            await self._apply_in_transaction(feature, [_Delivery(record, envelope, handlers[0])], letter_id)
        except (LookupError, TransientFailure):
            raise
        except Exception as error:
            await self._letters.record_failure(letter_id, reason_of(error))
            return reason_of(error)
        return None

    def _handlers_of(self, type: str) -> list[EventHandler]:
        if type not in self._by_type:
            self._by_type[type] = [handler for handler in self._handlers if matches(handler.event.event_type, type)]
        return self._by_type[type]

    async def _apply_group(self, feature: str, deliveries: list[_Delivery]) -> None:
        try:
            await self._apply_in_transaction(feature, deliveries)
        except TransientFailure:
            raise
        except Exception as error:
            log.warning("events failed as a batch", feature=feature, events=len(deliveries), error=repr(error))
            for delivery in deliveries:
                await self._apply_one(feature, delivery)

    async def _apply_one(self, feature: str, delivery: _Delivery) -> None:
        """Apply an event in its own transaction. If every attempt fails, make it a dead letter."""
        made = 0

        async def apply(attempt: int) -> None:
            nonlocal made
            made = attempt
            await self._apply_in_transaction(feature, [delivery])

        try:
            await retry(apply, on=(Exception,), attempts=self._worthwhile_attempts, backoff=Backoff(0.04, 5.0))
        except TransientFailure:
            raise
        except Exception as error:
            log.error("dead letter", feature=feature, event_id=str(delivery.envelope.id), exc_info=error)
            await self._give_up(delivery.record, feature, delivery.envelope, reason_of(error), made)

    async def _give_up(
        self, record: KafkaRecord, feature: str, envelope: Envelope | None, reason: str, attempts: int
    ) -> None:
        try:
            await self._letters.add(record, feature, envelope, reason, attempts)
        except Exception as error:
            if is_transient(error):
                raise TransientFailure from error
            raise

    def _worthwhile_attempts(self, error: Exception) -> int:
        # Only conflicts and time limits may pass. An event that fails for another reason would fail again.
        return self._settings.handler_attempts if isinstance(error, PASSING_ERRORS) else 1

    async def _apply_in_transaction(
        self, feature: str, deliveries: list[_Delivery], letter_id: UUID | None = None
    ) -> None:
        """Apply deliveries in a single transaction, and repeat it while concurrent transactions conflict with it."""
        try:
            await retry(
                lambda _: self._apply_once(feature, deliveries, letter_id),
                on=(RetryTransaction, *RETRYABLE_ERRORS),
                attempts=lambda error: (
                    MAX_UNIQUE_VIOLATIONS if isinstance(error, asyncpg.UniqueViolationError) else MAX_TRANSIENT_RETRIES
                ),
                backoff=Backoff(0.005, 0.1),
            )
        except Exception as error:
            if isinstance(error, Unavailable) or is_transient(error):
                raise TransientFailure from error
            raise

    async def _apply_once(self, feature: str, deliveries: list[_Delivery], letter_id: UUID | None) -> None:
        tenant = await self._tenant(deliveries[0])
        if tenant is None:  # deleted: its late events change nothing
            if letter_id is not None:
                raise LookupError("its tenant is deleted")
            return
        tenant = tenant.not_before(max(delivery.envelope.time for delivery in deliveries))
        with self._traced(feature, deliveries) as deliveries:
            await self._apply_for(tenant, feature, deliveries, letter_id)

    async def _apply_for(
        self, tenant: Tenant, feature: str, deliveries: list[_Delivery], letter_id: UUID | None
    ) -> None:
        caller = Caller(tenant, f"reaction:{feature}", frozenset())
        async with Transaction(self._pool, caller, traceparent=deliveries[0].envelope.traceparent) as transaction:
            work = UnitOfWork(transaction)
            if letter_id is None:
                fresh = await _add_to_inbox(work, feature, deliveries)
            elif await work.execute(DELETE_LETTER, id=letter_id) != 1:
                raise LookupError("another command has just replayed it")
            else:
                fresh = await _without_erased(work, deliveries)
            for _, group in groupby(fresh, key=lambda delivery: delivery.handler.handle):
                deliveries_of_handler = list(group)
                events = [delivery.event() for delivery in deliveries_of_handler]
                await _handle(transaction, work, deliveries_of_handler[0].handler, events)
        self._metrics.applied.labels(feature).inc(len(fresh))
        if transaction.published:
            self._notify_relay()
        if feature == tenants.feature.name:
            self._notify_tasks()

    @contextmanager
    def _traced(self, feature: str, deliveries: list[_Delivery]) -> Iterator[list[_Delivery]]:
        """Yield the deliveries. If traces are on, each has a span, which is the parent of what it causes."""
        if self._tracing is None:
            yield deliveries
            return
        spans = [
            self._tracing.start(
                f"{feature} {delivery.envelope.type}",
                "consumer",
                delivery.envelope.traceparent,
                system="kafka",
                topic=delivery.record.topic,
                message_id=str(delivery.envelope.id),
                tenant=str(delivery.envelope.tenant),
                feature=feature,
            )
            for delivery in deliveries
        ]
        with ending(spans):
            yield [
                replace(delivery, envelope=replace(delivery.envelope, traceparent=span.traceparent))
                for delivery, span in zip(deliveries, spans, strict=True)
            ]

    async def _tenant(self, delivery: _Delivery) -> Tenant | None:
        """Return the tenant of an event, or None if it is deleted. Raises UnknownTenant if it is not known yet."""
        tenant_id = delivery.envelope.tenant
        if delivery.handler.feature == tenants.feature.name:
            is_deleted = await tenants.is_deleted(self._pool, tenant_id)
            return None if is_deleted else tenant_from_event(delivery.event())
        row = await self._pool.fetchrow(f"select tenant_id, facts from {SCHEMA}.tenant where tenant_id = $1", tenant_id)
        if row is not None:
            self._unknown_since.pop(tenant_id, None)
            return tenant_from_row(row)
        if await tenants.is_deleted(self._pool, tenant_id):
            return None
        since = self._unknown_since.setdefault(tenant_id, time.monotonic())
        if time.monotonic() - since < self._settings.unknown_tenant_seconds:
            raise UnknownTenant("the tenant's own event has not arrived yet")
        raise LookupError(f"no event has announced the tenant {tenant_id}")


async def _handle(
    transaction: Transaction, work: UnitOfWork, handler: EventHandler, events: Sequence[IncomingEvent]
) -> None:
    if handler.is_batch:
        await handler.handle(work, events)
        return
    for event in events:
        transaction.traceparent = event.envelope.traceparent
        await handler.handle(work, event)


async def _add_to_inbox(work: UnitOfWork, feature: str, deliveries: list[_Delivery]) -> list[_Delivery]:
    """Add the deliveries to the inbox, and return those that the feature has not seen, except those of erased persons.

    A concurrent delivery of the same event waits here for the first.
    """
    types = {delivery.envelope.id: delivery.envelope.type for delivery in deliveries}
    persons = _persons(deliveries)
    ids = sorted(types)
    fresh = set(
        await work.fetch(
            _ADD_TO_INBOX,
            tenant_id=work.tenant.id,
            ids=ids,
            types=[types[id] for id in ids],
            persons=[persons.get(id) for id in ids],
            feature=feature,
        )
    )
    unseen = []
    for delivery in deliveries:
        if delivery.envelope.id in fresh:
            fresh.discard(delivery.envelope.id)
            unseen.append(delivery)
    return unseen


async def _without_erased(work: UnitOfWork, deliveries: list[_Delivery]) -> list[_Delivery]:
    """Return the deliveries that are not of erased persons."""
    persons = _persons(deliveries)
    erased = await work.fetch(_ERASED, tenant_id=work.tenant.id, persons=list(persons.values()))
    return [delivery for delivery in deliveries if persons.get(delivery.envelope.id) not in erased]


def _persons(deliveries: list[_Delivery]) -> dict[UUID, UUID]:
    """Return the subjects of events that may be persons, by the id of the event, unless the event is handled anyway."""
    persons = {}
    for delivery in deliveries:
        if not delivery.handler.of_erased and delivery.envelope.type != ERASURE:
            with suppress(ValueError):
                persons[delivery.envelope.id] = UUID(delivery.envelope.subject)
    return persons


_ADD_TO_INBOX = Query(
    UUID,
    f"""
    with added as (
        insert into {SCHEMA}.inbox (tenant_id, event_id, feature, type)
        select :tenant_id, id, :feature, type from unnest(:ids::uuid[], :types::text[]) as event(id, type)
        on conflict do nothing returning event_id
    )
    select event_id from added join unnest(:ids::uuid[], :persons::uuid[]) as event(id, person) on id = event_id
    where not exists (
        select from {SCHEMA}.erased_person where tenant_id = :tenant_id and person_id = person
    )
    """,
)
_ERASED = Query(
    UUID,
    f"select person_id from {SCHEMA}.erased_person where tenant_id = :tenant_id and person_id = any(:persons)",
)
