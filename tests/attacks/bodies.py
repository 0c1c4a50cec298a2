"""Attacks by bodies: small in bytes and large in objects, or stored and read again and again."""

import secrets
from collections.abc import Callable
from typing import Any

from tests.attacks.attacker import Attack, flood, together
from tests.support.facts import a_customer, known_as


class Objects(Attack):
    """Eight clients send 16 MB of empty objects each."""

    BYTES = 15_900_000

    async def run(self) -> None:
        """Send them again and again."""
        body = b'{"items":[' + b"{}," * (self.attacker.sized(self.BYTES) // 3) + b"{}]}"
        await flood(8, lambda: self.attacker.request("POST", "/v1/purchases/batch", body))


class FatRecords(Attack):
    """200 records grow by merge patches as far as the server permits; then 64 clients list and patch them."""

    RECORDS, AT_ONCE = 200, 4
    CUSTOM_BYTES, ADDRESSES = 65_000, 50
    WIDE = "\U00010348"
    """A letter of four bytes: limits of texts count letters."""

    async def prepare(self) -> None:
        """Store the records."""
        self._customers: list[str] = []
        for begin in range(0, self.attacker.sized(self.RECORDS), self.AT_ONCE):
            await together(*(self._grow(number) for number in range(begin, begin + self.AT_ONCE)))
        await self.attacker.drained()

    async def _grow(self, number: int) -> None:
        customer = (await self.attacker.insist("POST", "/v1/customers", a_customer(**known_as(f"fat-{number}"))))[1][
            "id"
        ]
        self._customers.append(customer)
        await self._patch_up_to(customer, self.CUSTOM_BYTES, lambda size: {"custom": {"note": "x" * size}})
        address = {"street": self.WIDE * 500, "city": self.WIDE * 200, "region": self.WIDE * 200}
        await self._patch_up_to(customer, self.ADDRESSES, lambda size: {"addresses": [address] * size})

    async def _patch_up_to(self, customer: str, most: int, patch: Callable[[int], dict[str, Any]]) -> None:
        """Send a patch of the largest size that the server accepts, by halves."""
        while (await self.attacker.insist("PATCH", f"/v1/customers/{customer}", patch(most)))[0] >= 400 and most > 1:
            most //= 2

    async def run(self) -> None:
        """List and patch without a pause."""
        await together(flood(60, self._list), flood(4, self._patch))

    async def _list(self) -> None:
        await self.attacker.request("GET", "/v1/customers?limit=200")

    async def _patch(self) -> None:
        await self.attacker.request("PATCH", f"/v1/customers/{self._customers[0]}", {"area": secrets.token_hex(4)})
