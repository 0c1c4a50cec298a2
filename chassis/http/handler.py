"""Handle requests to feature routes: authenticate, authorize, validate, run in a transaction, respond.

The response is sent only after the commit. A FastAPI `yield` dependency would commit after sending it.
"""

import re
from typing import Any
from uuid import UUID

import asyncpg
from fastapi import Response
from fastapi.exceptions import RequestValidationError

from chassis.core.fair_share import NoSlotInTime, ShareExceeded
from chassis.core.identity import HEADER as TOKEN_HEADER
from chassis.core.identity import VISITOR
from chassis.core.problems import (
    Problem,
    TooManyRequests,
    Unauthenticated,
    UnexpectedBody,
)
from chassis.core.retry import Backoff, retry
from chassis.db.idempotency import HEADER as KEY_HEADER
from chassis.db.idempotency import (
    Claim,
    IdempotencyKeyInFlight,
    IdempotencyKeyRequired,
    IdempotencyKeyReused,
    SecretNotReplayable,
    StoredResponse,
)
from chassis.db.transaction import RETRYABLE_ERRORS, RetryTransaction, Transaction
from chassis.db.unit_of_work import UnitOfWork
from chassis.http.body import StrictRequest
from chassis.http.context import RouteContext, injecting
from chassis.http.error_handlers import problem_response
from chassis.http.query import check_query
from chassis.http.route import SAFE_METHODS, FeatureRoute
from chassis.http.uploads import UPLOAD, Upload

MAX_ATTEMPTS = 5
EXPENSIVE_WAIT_SECONDS = 10
"""How long an expensive read waits for its turn."""
STORED_ERRORS = (409, 412)
"""Statuses of errors that the state of records has decided. They are stored for a repeated Idempotency-Key."""
_EMPTY_BODIES = (b"", b"{}", b"null")
"""Bodies that some clients send when there is nothing to send."""
_ONE_CLICK = re.compile(rb"\bList-Unsubscribe\W+One-Click\b")
"""The form that mail programs send to a link, URL-encoded or as multipart (RFC 8058). The link says the rest."""
_BACKOFF = Backoff(0.02, 1.0, jitter=True, immediate=1)  # a repeated record is usually found at once


class RequestHandler:
    """Handles a request. The steps are its methods, in order."""

    def __init__(self, context: RouteContext, route: FeatureRoute, request: StrictRequest) -> None:
        self._context = context
        self._route = route
        self._request = request
        self._is_safe = request.method in SAFE_METHODS
        self._claim: Claim | None = None
        self._upload: Upload | None = None
        self._is_committed = False

    async def respond(self) -> Response:
        """Return the response. Raises Problem, and the errors of the database."""
        self._caller = self._context.verifier.caller(self._request.headers.get(TOKEN_HEADER))
        if self._caller.actor == VISITOR and not self._route.options.public:
            raise Unauthenticated("A link does not open this operation.")
        if self._route.options.scope is not None:
            self._caller.require(self._route.options.scope)
        check_query(self._route, self._request)
        if self._caller.owner is not None:
            self._route.owner_rule.check_request(self._request, self._caller.owner)
        await self._read_body()
        try:
            return await self._run_in_turn()
        finally:
            if self._upload is not None and not self._is_committed:
                await self._upload.discard()

    async def _run_in_turn(self) -> Response:
        """Run an expensive request when it is the tenant's turn, and any other at once."""
        if not self._route.is_expensive(self._request):
            return await self._run()
        try:
            async with self._context.expensive_reads.slot(self._caller.tenant.id, EXPENSIVE_WAIT_SECONDS):
                return await self._run()
        except (ShareExceeded, NoSlotInTime):
            raise TooManyRequests("Too many requests of this kind, which read all data of the tenant.", 5) from None

    async def _run(self) -> Response:
        try:
            return await retry(
                self._run_in_transaction,
                on=(RetryTransaction, *RETRYABLE_ERRORS),
                attempts=lambda _: MAX_ATTEMPTS,
                backoff=_BACKOFF,
            )
        except StoredResponse as stored:
            return stored.response
        except (IdempotencyKeyInFlight, IdempotencyKeyReused):
            raise
        except (RequestValidationError, Problem) as error:
            return await self._respond_to_error(error)

    async def _read_body(self) -> None:
        """Read the body within its limit, and claim the Idempotency-Key for it."""
        request, settings, options = self._request, self._context.settings, self._route.options
        request.body_limit = settings.batch_body_limit_bytes if options.batch else settings.body_limit_bytes
        request.is_batch, request.tenant = options.batch, self._caller.tenant.id
        key = None if self._is_safe or options.public else request.headers.get(KEY_HEADER)
        if key is None and options.idempotency_key == "required":
            raise IdempotencyKeyRequired
        body: Any = None
        if options.upload:
            self._upload = request.scope[UPLOAD] = Upload(request, options.upload, settings.upload_limit_bytes)
            body = self._upload.described
        elif options.form:
            request.require_form()
            body = (await request.body()).decode("ascii", "replace")
        elif self._route.has_body:
            request.require_json()
            body = await request.json() if await request.body() else None
            if self._caller.owner is not None:
                self._route.owner_rule.check_body(body, self._caller.owner)
        elif request.may_have_body and not self._is_empty(bytes(await request.body())):
            raise UnexpectedBody
        self._claim = None if key is None else Claim.of(self._caller, request.scope, key, body)

    def _is_empty(self, body: bytes) -> bool:
        return body in _EMPTY_BODIES or (self._route.options.public and _ONE_CLICK.search(body) is not None)

    async def _run_in_transaction(self, attempt: int) -> Response:
        async with self._transaction(is_retry=attempt > 1) as transaction:
            if attempt > 1:
                await transaction.begin()  # the conflict may have been a response to the same key
            work = UnitOfWork(transaction)
            with injecting(self._request, work):
                if self._caller.owner is None:
                    response = await self._route.run(self._request)
                else:
                    response = await self._run_for_owner(work, self._caller.owner)
            if self._route.options.store_response:
                transaction.store_response(response)
            else:
                transaction.store_response(problem_response(self._request, SecretNotReplayable()))
        self._is_committed = True
        if transaction.published:
            self._context.notify_relay()
        return response

    async def _run_for_owner(self, work: UnitOfWork, owner: UUID) -> Response:
        rule = self._route.owner_rule
        await rule.check_record(work, self._request, owner)
        response = await self._route.run(self._request)
        rule.hide(response)
        return response

    async def _respond_to_error(self, error: RequestValidationError | Problem) -> Response:
        """Return the stored response for the request's key. If there is none, raise the error.

        A conflict with the state of records is stored first. An error in the input is not: the corrected request may
        use the same key.
        """
        if self._claim is None or (isinstance(error, Problem) and error.status >= 500):
            raise error
        response = None
        if isinstance(error, Problem) and error.status in STORED_ERRORS:
            response = problem_response(self._request, error)
        try:
            stored = await self._stored_response(response)
        except asyncpg.UniqueViolationError:  # stored between our look-up and our insert
            stored = await self._stored_response()
        if stored is not None:
            return stored
        if response is not None:
            return response
        raise error

    async def _stored_response(self, otherwise: Response | None = None) -> Response | None:
        """Return the stored response for the request's key. If there is none, store `otherwise`."""
        try:
            async with self._transaction() as transaction:
                await transaction.begin()
                if otherwise is not None:
                    transaction.store_response(otherwise)
        except StoredResponse as stored:
            return stored.response
        return None

    def _transaction(self, *, is_retry: bool = False) -> Transaction:
        state = self._request.scope.get("state", {})
        return Transaction(
            self._context.pool,
            self._caller,
            writes=not self._is_safe,
            wait_seconds=self._context.settings.database_wait_seconds,
            traceparent=state.get("traceparent"),
            trace_id=state.get("trace_id", ""),
            claim=self._claim,
            is_retry=is_retry,
        )
