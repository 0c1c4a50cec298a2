"""Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07): a repeated request gets the stored response.

The key is acquired by an advisory lock that ends with the transaction, so a concurrent request with the same key fails
at once instead of waiting, and a killed request leaves nothing behind. A request that opens a transaction acquires the
key at the start and checks for a stored response. A request that writes in a single statement acquires it in that
statement. An existing response then violates the primary key. The response is stored in the transaction of its effect.
An error response, whose transaction is rolled back, is stored by a second transaction. The first stored response wins.
"""

import hashlib
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
from starlette.responses import Response
from starlette.types import Scope

from chassis.core.identity import Caller
from chassis.core.problems import Problem
from chassis.db.statements import Record, Statement
from chassis.db.tables import SCHEMA
from chassis.types import json

HEADER = "idempotency-key"
REPLAYED = "Idempotency-Replayed"
MAX_KEY_LENGTH = 255


class IdempotencyKeyRequired(Problem, status=400):
    """This operation requires an Idempotency-Key header.

    Send a new key for each intended effect, such as a UUID, and the same key with each retry of it.
    """


class IdempotencyKeyMalformed(Problem, status=400):
    """An Idempotency-Key must be 1 to 255 visible ASCII characters.

    Send a key such as a UUID.
    """


class IdempotencyKeyInFlight(Problem, status=409):
    """A request with this Idempotency-Key is still running. Retry shortly.

    `Retry-After` says when. The retry gets the response of the request that is running.
    """

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "1"})


class SecretNotReplayable(Problem, status=409):
    """The response to this request contained a secret, which is shown once and not stored.

    The first request took effect. Revoke what it created, and create another with a new key.
    """


class IdempotencyKeyReused(Problem, status=422):
    """This Idempotency-Key was used with a different request.

    The stored response belongs to other content. Send a new key for a new request.
    """


class StoredResponse(Exception):
    """A request with this Idempotency-Key has already been answered."""

    def __init__(self, response: Response) -> None:
        self.response = response


@dataclass(frozen=True, slots=True)
class Claim:
    """A request's claim to its key."""

    tenant: UUID
    principal: str
    operation: str
    key: str
    fingerprint: bytes

    @classmethod
    def of(cls, caller: Caller, scope: Scope, key: str, body: Any) -> "Claim":
        """Return the claim of a request. Raises IdempotencyKeyMalformed.

        It is fingerprinted by its query and by the JSON value of its body: blanks and the order of names do not count.
        """
        if len(key) >= 2 and key[0] == key[-1] == '"':
            key = key[1:-1]
        if not 1 <= len(key) <= MAX_KEY_LENGTH or not all("!" <= character <= "~" for character in key):
            raise IdempotencyKeyMalformed
        operation = f"{scope['method']} {scope['path']}"
        fingerprint = hashlib.sha256(scope["query_string"] + b"\0" + json.canonical(body)).digest()
        return cls(caller.tenant.id, caller.actor, operation, key, fingerprint)

    async def acquire(self, connection: asyncpg.Connection) -> None:
        """Acquire the key within the connection's transaction.

        Raises StoredResponse, IdempotencyKeyReused if the stored response belongs to a different request, and
        IdempotencyKeyInFlight if a concurrent request holds the key.
        """
        (row,) = await connection.fetch(_ACQUIRE, self._lock_name, self.principal, self.operation, self.key)
        if row["fingerprint"] is not None:
            raise StoredResponse(self._replay(row))
        if not row["acquired"]:
            raise IdempotencyKeyInFlight

    def insert_statement(self, response: Response) -> Statement:
        """Return the write that stores a response, and acquires the key if the transaction has not done so.

        It violates the primary key if a response exists, and a NOT NULL if the key is in flight (`is_in_flight`).
        """
        headers = {name: value for name, value in response.headers.items() if name != "content-length"}
        body = bytes(response.body)
        values = (self.tenant, self.principal, self.operation, self.key, self.fingerprint, response.status_code)
        return Statement(_INSERT, (*values, headers, body, self._lock_name))

    @property
    def _lock_name(self) -> str:
        return "|".join((str(self.tenant), self.principal, self.operation, self.key))

    def _replay(self, row: Record) -> Response:
        if row["fingerprint"] != self.fingerprint:
            raise IdempotencyKeyReused
        return Response(row["body"], row["status"], headers={**row["headers"], REPLAYED: "true"})


def is_in_flight(error: asyncpg.NotNullViolationError) -> bool:
    """Return whether a response could not be stored because a concurrent request holds its key."""
    return (error.schema_name, error.table_name, error.column_name) == (SCHEMA, "idempotency", "status")


# The row is read under a snapshot from before the lock. If a response was committed in between, the insert of ours
# violates the primary key and the request runs again.
_ACQUIRE = f"""
    select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as acquired, stored.*
    from (select 1) as one
    left join {SCHEMA}.idempotency as stored on principal = $2 and operation = $3 and key = $4
"""
_INSERT = (
    f"insert into {SCHEMA}.idempotency (tenant_id, principal, operation, key, fingerprint, status, headers, body) "
    "select $1, $2, $3, $4, $5, case when pg_try_advisory_xact_lock(hashtextextended($9, 0)) then $6::integer end, "
    "$7::jsonb, $8"
)
