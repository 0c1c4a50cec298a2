"""Credentials: who holds a key, remembered as long as nobody says otherwise.

A looked-up key is kept in memory. A revocation or a change of the tenant's facts is announced by NOTIFY (they are
rare; on a hot path it would cost much), so every replica forgets at once; while the listening connection is down
nothing is remembered and each request asks the database.
"""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg

from chassis.database import connect
from chassis.identity import Caller, Signer
from chassis.problems import Unauthenticated
from chassis.telemetry import log
from chassis.tenants import tenant_of
from gateway.rules import is_secret, parse_key
from gateway.settings import Settings

CHANNEL = "rapport_credentials"
REMEMBERED = 20_000
NOTE_USE_SECONDS = 5.0
HEARTBEAT_SECONDS = 2.0
"""A connection that has died without a word is found out by asking it."""


@dataclass(slots=True)
class Credential:
    """A key that was proved, and the tokens that were signed for it."""

    id: UUID
    caller: Caller
    expires_at: datetime | None
    tokens: dict[str, tuple[str, float]] = field(default_factory=dict)

    def token(self, signer: Signer, service: str) -> str:
        """An internal token for a service; signed anew when half its life is over."""
        token, until = self.tokens.get(service, ("", 0.0))
        if until < time.monotonic():
            token = signer.sign(self.caller, service)
            self.tokens[service] = (token, time.monotonic() + signer.lifetime_seconds / 2)
        return token


class Credentials:
    """The keys that came by."""

    def __init__(self, settings: Settings, pool: asyncpg.Pool) -> None:
        self._settings = settings
        self._pool = pool
        self._known: dict[str, Credential] = {}
        self._used: dict[UUID, datetime] = {}
        self._listening = False
        self._generation = 0

    async def prove(self, authorization: str | None) -> Credential:
        """The holder of the key in an Authorization header. Raises Unauthenticated."""
        scheme, _, text = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated("An API key is expected: `Authorization: Bearer rap_...`.")
        credential = self._known.get(text)
        if credential is None:
            generation = self._generation
            credential = await self._look_up(text)
            if self._listening and generation == self._generation and len(self._known) < REMEMBERED:
                self._known[text] = credential
        if credential.expires_at is not None and credential.expires_at <= datetime.now(UTC):
            raise Unauthenticated("The API key has expired.")
        self._used[credential.id] = datetime.now(UTC)
        return credential

    def forget(self, *_: Any) -> None:
        """Something about keys or tenants has changed: every key is looked up again."""
        self._known.clear()
        self._generation += 1

    async def run(self) -> None:
        """Listens for changes and notes the keys' last use, until cancelled."""
        await asyncio.gather(self._listen(), self._note_use())

    async def _look_up(self, text: str) -> Credential:
        presented = parse_key(text)
        row = None
        if presented is not None:
            row = await self._pool.fetchrow("select * from find_api_key($1)", presented.id)
        wrong = presented is None or row is None or not is_secret(presented.secret, row["secret_hash"])
        if wrong or presented is None or row is None or row["kind"] != presented.kind or row["revoked_at"] is not None:
            raise Unauthenticated("The API key is not valid.")
        caller = Caller(tenant_of(row), f"key:{presented.id}", frozenset(row["scopes"]))
        return Credential(presented.id, caller, row["expires_at"])

    async def _listen(self) -> None:
        while True:
            with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                connection = await connect(self._settings.database_url, self._settings)
                try:
                    closed = asyncio.Event()
                    connection.add_termination_listener(lambda *_, closed=closed: closed.set())
                    await connection.add_listener(CHANNEL, self.forget)
                    self.forget()
                    self._listening = True
                    while not closed.is_set():
                        with suppress(TimeoutError):
                            async with asyncio.timeout(HEARTBEAT_SECONDS):
                                await closed.wait()
                        await connection.fetchval("select 1", timeout=HEARTBEAT_SECONDS)
                finally:
                    self._listening = False
                    self.forget()
                    connection.terminate()
            await asyncio.sleep(0.5)

    async def _note_use(self) -> None:
        while True:
            await asyncio.sleep(NOTE_USE_SECONDS)
            await self.note_use()

    async def note_use(self) -> None:
        """Writes down when keys were last used; a loss of some seconds matters to nobody."""
        used, self._used = self._used, {}
        if not used:
            return
        try:
            await self._pool.execute("select note_key_use($1, $2)", list(used), list(used.values()))
        except Exception as error:
            log.warning("last use of keys was not noted", error=repr(error))
