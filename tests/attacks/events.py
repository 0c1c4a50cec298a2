"""Attacks by events: those that cannot be applied, those that take long, and those that are large."""

import asyncio
import itertools
import os
import signal
from typing import Any

from chassis.types.ids import uuid7
from tests.attacks.attacker import Attack, flood
from tests.support.facts import a_program, a_purchase, a_rule


class Overflows(Attack):
    """A wallet with as many points as it can hold is awarded more by 400 purchases at a time."""

    RULES, BATCH = 20, 400
    LINES = [{"sku": "gold", "quantity": "1", "amount": "999999999999.99"}]

    async def prepare(self) -> None:
        """Fill the wallet up to its limit, with the rules of the most points that the server permits."""
        self._customer = str(uuid7())
        program = (await self.attacker.insist("POST", "/v1/programs", a_program(currency="SEK")))[1]["id"]
        most = 10**9
        for _ in range(self.RULES):
            path = f"/v1/programs/{program}/earning-rules"
            while (await self.attacker.insist("POST", path, a_rule(most, "0.01")))[0] == 422 and most > 1:
                most //= 10
        await self.attacker.insist("POST", "/v1/purchases/batch", self._purchases(460))
        await self.attacker.drained()

    async def run(self) -> None:
        """Buy more."""
        while True:
            await self.attacker.request("POST", "/v1/purchases/batch", self._purchases(self.BATCH))
            await asyncio.sleep(10)

    def _purchases(self, number: int) -> dict[str, Any]:
        return {
            "items": [a_purchase(self._customer, currency="SEK", lines=self.LINES) for _ in range(number)],
        }


class Failures(Attack):
    """An error in the handler of 400 purchases at a time, for a reason that persists."""

    errcode = "check_violation"
    BATCH = 400

    async def prepare(self) -> None:
        """Create a program."""
        await self.attacker.open_program()
        self._tenant = (await self.attacker.insist("GET", "/v1/tenants"))[1]["items"][0]["id"]

    async def run(self) -> None:
        """Forbid the tenant's points, as an unforeseen constraint would, and buy."""
        customers = [uuid7() for _ in range(20)]
        async with self.attacker.stack.superuser("loyalty") as owner:
            await owner.execute(
                "create function forbid_points() returns trigger language plpgsql as $$ begin "
                f"raise {self.errcode} using message = 'an attack'; end $$"
            )
            await owner.execute(
                "create trigger forbid_points before insert on points_entry for each row "
                f"when (new.tenant_id = '{self._tenant}') execute function forbid_points()"
            )
            try:
                while True:
                    items = [a_purchase(one) for one in itertools.islice(itertools.cycle(customers), self.BATCH)]
                    await self.attacker.request("POST", "/v1/purchases/batch", {"items": items})
                    await asyncio.sleep(10)
            finally:
                await owner.execute("drop function forbid_points cascade")


class TransientFailures(Failures):
    """An error in the handler of 400 purchases at a time, which a later attempt might not have."""

    errcode = "lock_not_available"


class CashCustomer(Attack):
    """A till's cash customer has thousands of purchases, which are refunded."""

    PURCHASES = 6_000

    async def prepare(self) -> None:
        """Record the purchases."""
        await self.attacker.open_program()
        customer = uuid7()
        bought: list[str] = []
        for _ in range(-(-self.attacker.sized(self.PURCHASES) // 1_000)):
            items = [a_purchase(customer) for _ in range(1_000)]
            _, answer = await self.attacker.insist("POST", "/v1/purchases/batch", {"items": items})
            bought += [result["id"] for result in answer["results"]]
        await self.attacker.drained()
        self._left = iter(bought)

    async def run(self) -> None:
        """Refund them."""
        await flood(8, self._refund)

    async def _refund(self) -> None:
        purchase = next(self._left, None)
        if purchase is None:
            await asyncio.sleep(3_600)
        refund = {"source": "till", "source_id": str(uuid7()), "refunded_at": "2026-03-02T10:00:00Z", "amount": "1.00"}
        await self.attacker.request("POST", f"/v1/purchases/{purchase}/refunds", refund)


class Wave(Attack):
    """500 events of half a megabyte wait until Kafka, which was suspended, goes on."""

    seconds_to_build_up = 5.0
    LINES, A_BATCH, BATCHES = 1_450, 25, 20
    SUSPENDED_SECONDS = 30

    async def arm(self) -> None:
        """Send purchases while Kafka is suspended."""
        kafka = self.attacker.stack.pid("kafka")
        os.kill(kafka, signal.SIGSTOP)
        try:
            async with asyncio.timeout(self.SUSPENDED_SECONDS):
                for _ in range(self.attacker.sized(self.BATCHES)):
                    await self.attacker.request("POST", "/v1/purchases/batch", {"items": self._large_purchases()})
        except TimeoutError:
            pass
        finally:
            os.kill(kafka, signal.SIGCONT)

    async def run(self) -> None:
        """Wait for what the wave does."""
        await asyncio.sleep(3_600)

    def _large_purchases(self) -> list[dict[str, Any]]:
        line = {"sku": "tea", "name": "x" * 190, "category": "y" * 60, "quantity": "1", "amount": "1.00"}
        return [a_purchase(lines=[line] * self.LINES) for _ in range(self.A_BATCH)]
