"""Handle requests to feature routes: authenticate, authorize, validate, run in a transaction, respond.

The response is sent only after the commit. A FastAPI `yield` dependency would commit after sending it.
"""

import asyncpg
from fastapi import Response
from fastapi.exceptions import RequestValidationError

from chassis.core.identity import HEADER as TOKEN_HEADER
from chassis.core.problems import MAX_ERRORS, FieldError, MalformedRequest, Problem, UnknownParameter
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
from chassis.http.route import SAFE_METHODS, FeatureRoute

MAX_ATTEMPTS = 5
_BACKOFF = Backoff(0.02, 1.0, jitter=True)


class RequestHandler:
    """Handles a request. The steps are its methods, in order."""

    def __init__(self, context: RouteContext, route: FeatureRoute, request: StrictRequest) -> None:
        self._context = context
        self._route = route
        self._request = request
        self._is_safe = request.method in SAFE_METHODS
        self._claim: Claim | None = None

    async def respond(self) -> Response:
        """Return the response. Raises Problem, and the errors of the database."""
        self._caller = self._context.verifier.caller(self._request.headers.get(TOKEN_HEADER))
        self._caller.require(self._route.options.scope)
        self._check_query()
        await self._read_body()
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
        except RequestValidationError:
            stored_response = await self._stored_response()
            if stored_response is None:
                raise
            return stored_response
        except Problem as problem:
            if self._claim is None or problem.status >= 500:
                raise
            return await self._store_error(problem)

    def _check_query(self) -> None:
        if b"%00" in self._request.scope["query_string"]:
            raise MalformedRequest("The query contains a NUL character.")
        known = self._route.query_names
        unknown = [name for name in self._request.query_params if name not in known]
        if unknown:
            detail = "not a parameter of this operation"
            errors = [
                FieldError(location="query", pointer=f"/{name}", code="unknown", detail=detail)
                for name in unknown[:MAX_ERRORS]
            ]
            raise UnknownParameter(f"Its parameters are: {', '.join(sorted(known)) or 'none'}.", errors=errors)

    async def _read_body(self) -> None:
        """Read the body within its limit, and claim the Idempotency-Key for it."""
        request, settings, options = self._request, self._context.settings, self._route.options
        request.body_limit = settings.batch_body_limit_bytes if options.batch else settings.body_limit_bytes
        if self._route.has_body:
            request.require_json()
        key = None if self._is_safe else request.headers.get(KEY_HEADER)
        if key is None and options.idempotency_key == "required":
            raise IdempotencyKeyRequired
        body = b"" if self._is_safe else await request.body()
        if body:
            await request.json()
        self._claim = None if key is None else Claim.of(self._caller, request.scope, key, body)

    async def _run_in_transaction(self, attempt: int) -> Response:
        async with self._transaction(is_retry=attempt > 1) as transaction:
            if attempt > 1:
                await transaction.begin()  # the conflict may have been a response to the same key
            with injecting(self._request, UnitOfWork(transaction)):
                response = await self._route.run(self._request)
            if self._route.options.store_response:
                transaction.store_response(response)
            else:
                transaction.store_response(problem_response(self._request, SecretNotReplayable()))
        if transaction.published:
            self._context.notify_relay()
        return response

    async def _store_error(self, problem: Problem) -> Response:
        """Store an error response beside its key, unless a concurrent request has stored its own: then return that."""
        response = problem_response(self._request, problem)
        try:
            return await self._stored_response(response) or response
        except asyncpg.UniqueViolationError:  # stored between our look-up and our insert
            return await self._stored_response() or response

    async def _stored_response(self, otherwise: Response | None = None) -> Response | None:
        """Return the stored response for the request's key. If there is none, store `otherwise`."""
        if self._claim is None:
            return None
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
