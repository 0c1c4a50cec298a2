"""Attacks by many ordinary requests: expensive ones, wrong keys, and clients that ignore every limit."""

import itertools
import secrets

from chassis.types.ids import uuid7
from tests.attacks.attacker import Attack, Attacker, flood, together
from tests.support.facts import a_customer, a_purchase, known_as

FAMILY_NAMES = [
    a + b for a in ("Ander", "Berg", "Cole", "Dahl", "Eker", "Fisch") for b in ("sen", "man", "son", "ström")
]


async def a_large_shop(attacker: Attacker) -> None:
    """Store customers, a program and purchases, so that reads over all of them have work to do."""
    await attacker.open_program()
    number = itertools.count()
    for _ in range(attacker.sized(20)):
        some = list(itertools.islice(number, 1_000))
        customers = [
            a_customer(**known_as(str(one)), family_name=f"{FAMILY_NAMES[one % 24]}{one % 977}") for one in some
        ]
        await attacker.insist("POST", "/v1/customers/batch", {"items": customers})
        purchases = [a_purchase(purchased_at=f"2026-{one % 9 + 1:02}-01T10:00:00Z") for one in some]
        await attacker.insist("POST", "/v1/purchases/batch", {"items": purchases})
    await attacker.drained()


class Reads(Attack):
    """Many clients repeat one expensive read."""

    path: str
    clients: int

    async def prepare(self) -> None:
        """Store something to read."""
        await a_large_shop(self.attacker)

    async def run(self) -> None:
        """Read without a pause."""
        await flood(self.clients, lambda: self.attacker.request("GET", self.path))


class Pages(Reads):
    """64 clients read pages of one customer."""

    path, clients = "/v1/customers?limit=1", 64


class Searches(Reads):
    """64 clients search for a part of a name."""

    path, clients = "/v1/customers?q=andarsen1&limit=20", 64


class Verifications(Reads):
    """16 clients verify the whole ledger."""

    path, clients = "/v1/ledger/verify", 16


class Cohorts(Reads):
    """16 clients compute the cohorts of all purchases."""

    path, clients = "/v1/analytics/cohorts", 16


class NewKeys(Attack):
    """16 clients create API keys."""

    async def run(self) -> None:
        """Create keys without a pause."""
        key = {"name": "another", "scopes": ["customers:read"]}
        await flood(16, lambda: self.attacker.request("POST", "/v1/api-keys", key))


class WrongKeys(Attack):
    """64 clients guess keys of the right form."""

    async def run(self) -> None:
        """Guess without a pause."""
        await flood(64, lambda: self.attacker.request("GET", "/v1/customers", key=self._guess()))

    def _guess(self) -> str:
        return self.attacker.key[:-16] + secrets.token_hex(8)


class Retries(Attack):
    """64 clients write and read without a pause, whatever the answer: 429, 503 and Retry-After mean nothing to them."""

    async def run(self) -> None:
        """Write with one half of the clients, and read with the other."""
        await together(flood(32, self._write), flood(32, self._read))

    async def _write(self) -> None:
        await self.attacker.request("POST", "/v1/customers", a_customer(**known_as(str(uuid7()))))

    async def _read(self) -> None:
        await self.attacker.request("GET", "/v1/customers?limit=20")


class Batches(Attack):
    """Four clients record ordinary batches of a thousand purchases."""

    async def prepare(self) -> None:
        """Create a program, so that each purchase earns points."""
        await self.attacker.open_program()

    async def run(self) -> None:
        """Record batches without a pause."""
        await flood(4, self._send)

    async def _send(self) -> None:
        await self.attacker.request("POST", "/v1/purchases/batch", {"items": [a_purchase() for _ in range(1_000)]})
