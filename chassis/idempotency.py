"""Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07): a request that is sent again is answered again.

The key is taken with an advisory lock that ends with the transaction, so a second request never waits on the first and
a killed one leaves nothing behind. The answer is stored in the transaction of its effect; a refusal, whose transaction
is rolled back, is stored by a second, short one. Whatever answer stands first is the one that everybody gets.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import URL
from starlette.responses import Response

from chassis.problems import Problem
from chassis.tables import SCHEMA
from chassis.work import Work

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


@dataclass(frozen=True, slots=True)
class Claim:
    """One request's hold on its key."""

    principal: str
    operation: str
    key: str
    fingerprint: bytes

    @classmethod
    def of(cls, work: Work, method: str, url: URL, key: str, body: bytes) -> "Claim":
        """The claim of a request; what it says is its query and its body. Raises IdempotencyKeyMalformed."""
        if len(key) >= 2 and key[0] == key[-1] == '"':
            key = key[1:-1]
        if not 1 <= len(key) <= _LONGEST or not all("!" <= character <= "~" for character in key):
            raise IdempotencyKeyMalformed
        return cls(work.actor, f"{method} {url.path}", key, hashlib.sha256(url.query.encode() + b"\0" + body).digest())

    async def take(self, work: Work) -> Response | None:
        """The stored answer, or None when this request is the one to answer.

        Raises IdempotencyKeyInFlight when another one is at it, IdempotencyKeyReused when the body differs.
        """
        scope = "|".join((str(work.tenant.id), self.principal, self.operation, self.key))
        row = await work.fetch_one(_TAKE, scope, self.principal, self.operation, self.key)
        assert row is not None
        if row["fingerprint"] is not None:
            return self._replay(row)
        if not row["taken"]:
            raise IdempotencyKeyInFlight
        return None

    def answer(self, response: Response) -> tuple[Any, ...]:
        """The row that keeps an answer."""
        kept = {name: value for name, value in response.headers.items() if name != "content-length"}
        return (
            self.principal,
            self.operation,
            self.key,
            self.fingerprint,
            response.status_code,
            kept,
            bytes(response.body),
        )

    def _replay(self, row: Any) -> Response:
        if row["fingerprint"] != self.fingerprint:
            raise IdempotencyKeyReused
        return Response(row["body"], row["status"], headers={**row["headers"], REPLAYED: "true"})


# The row is looked up under the snapshot from before the lock; should an answer have been committed in between, the
# insert that keeps ours finds it by the primary key and this request is run again.
_TAKE = f"""
    select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as taken, kept.*
    from (select 1) as one
    left join {SCHEMA}.idempotency as kept on principal = $2 and operation = $3 and key = $4
"""
