"""Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07): a request that is sent again is answered again.

The key is taken with an advisory lock that ends with the transaction, so a second request never waits on the first and
a killed one leaves nothing behind. A request that locks or writes before its end takes it then, and looks whether an
answer stands; one whose writes leave in a single statement takes it in that statement, and finds an answer that stands
by the primary key. The answer is stored in the transaction of its effect; a refusal, whose transaction is rolled back,
is stored by a second, short one. Whatever answer stands first is the one that everybody gets.
"""

import hashlib
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
from starlette.responses import Response
from starlette.types import Scope

from chassis.identity import Caller
from chassis.problems import Problem
from chassis.statements import Part
from chassis.tables import SCHEMA

HEADER = "idempotency-key"
REPLAYED = "Idempotency-Replayed"
_LONGEST = 255


class IdempotencyKeyRequired(Problem, status=400):
    """This operation needs an Idempotency-Key."""


class IdempotencyKeyMalformed(Problem, status=400):
    """An Idempotency-Key is 1 to 255 visible characters."""


class IdempotencyKeyInFlight(Problem, status=409):
    """A request with this Idempotency-Key is still running."""

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "1"})


class ShownOnce(Problem, status=409):
    """This request was answered with a secret, which is shown once and kept nowhere."""


class IdempotencyKeyReused(Problem, status=422):
    """This Idempotency-Key was used with another body."""


class AnswerStands(Exception):
    """A request with this Idempotency-Key has been answered."""

    def __init__(self, answer: Response) -> None:
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Claim:
    """One request's hold on its key."""

    tenant: UUID
    principal: str
    operation: str
    key: str
    fingerprint: bytes

    @classmethod
    def of(cls, caller: Caller, scope: Scope, key: str, body: bytes) -> "Claim":
        """The claim of a request; what it says is its query and its body. Raises IdempotencyKeyMalformed."""
        if len(key) >= 2 and key[0] == key[-1] == '"':
            key = key[1:-1]
        if not 1 <= len(key) <= _LONGEST or not all("!" <= character <= "~" for character in key):
            raise IdempotencyKeyMalformed
        operation = f"{scope['method']} {scope['path']}"
        fingerprint = hashlib.sha256(scope["query_string"] + b"\0" + body).digest()
        return cls(caller.tenant.id, caller.actor, operation, key, fingerprint)

    async def take(self, connection: asyncpg.Connection) -> None:
        """Takes the key within the connection's transaction.

        Raises AnswerStands, IdempotencyKeyInFlight when another request is at it, IdempotencyKeyReused when that one
        had another body.
        """
        (row,) = await connection.fetch(_TAKE, self._scope, self.principal, self.operation, self.key)
        if row["fingerprint"] is not None:
            raise AnswerStands(self._replay(row))
        if not row["taken"]:
            raise IdempotencyKeyInFlight

    def keeping(self, response: Response) -> Part:
        """The write that keeps an answer, and takes the key when that has not been done yet.

        It breaks the primary key when an answer stands, and a NOT NULL when the key is in flight (`is_in_flight`).
        """
        headers = {name: value for name, value in response.headers.items() if name != "content-length"}
        body = bytes(response.body)
        values = (self.tenant, self.principal, self.operation, self.key, self.fingerprint, response.status_code)
        return _KEEP, (*values, headers, body, self._scope)

    @property
    def _scope(self) -> str:
        return "|".join((str(self.tenant), self.principal, self.operation, self.key))

    def _replay(self, row: Any) -> Response:
        if row["fingerprint"] != self.fingerprint:
            raise IdempotencyKeyReused
        return Response(row["body"], row["status"], headers={**row["headers"], REPLAYED: "true"})


def is_in_flight(error: asyncpg.NotNullViolationError) -> bool:
    """Whether an answer could not be kept because another request with its key is still running."""
    return (error.schema_name, error.table_name, error.column_name) == (SCHEMA, "idempotency", "status")


# The row is looked up under the snapshot from before the lock; should an answer have been committed in between, the
# insert that keeps ours finds it by the primary key and this request is run again.
_TAKE = f"""
    select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as taken, kept.*
    from (select 1) as one
    left join {SCHEMA}.idempotency as kept on principal = $2 and operation = $3 and key = $4
"""
_KEEP = (
    f"insert into {SCHEMA}.idempotency (tenant_id, principal, operation, key, fingerprint, status, headers, body) "
    "select $1, $2, $3, $4, $5, case when pg_try_advisory_xact_lock(hashtextextended($9, 0)) then $6::integer end, "
    "$7::jsonb, $8"
)
