"""The office of a power company: it moves from Salesforce to Rapport, and finds the people who are there twice."""

import asyncio
from collections import Counter
from typing import Any

from examples.demo import salesforce
from examples.demo.client import Client
from examples.demo.expectations import Check

Pair = dict[str, Any]


class Office(Client):
    """The requests of the office."""

    async def import_file(self, file: str, preset: str) -> dict[str, Any]:
        """Import a file of the export; return the result."""
        content, headers = salesforce.path_of(file).read_bytes(), {"Content-Type": "text/csv"}
        uploaded = await self.ask("POST", "/v1/imports", content=content, headers=headers)
        await self.ask("POST", f"/v1/imports/{uploaded['id']}/start", json={"preset": preset})
        return await self.finished(f"/v1/imports/{uploaded['id']}")

    async def customer_ids(self) -> dict[str, str]:
        """Return the customer id of each id in Salesforce."""
        return {
            external_id["id"]: customer["id"]
            for customer in await self.all("/v1/customers")
            for external_id in customer["external_ids"]
        }

    async def accounts_of(self, customers: list[str]) -> list[list[str]]:
        """Return the accounts of each customer."""

        async def read(customer: str) -> list[str]:
            relations = await self._ask_limited("GET", f"/v1/customers/{customer}/relations?kind=account")
            return [relation["related_customer_id"] for relation in relations["items"]]

        return await asyncio.gather(*(read(customer) for customer in customers))

    async def record_cases(self, ids: dict[str, str]) -> None:
        """Record the cases as touch points."""
        await self._send_batch("/v1/touch-points/batch", salesforce.read_cases(ids))

    async def find_duplicates(self) -> list[Pair]:
        """Search for duplicates; return the pairs, the most probable first."""
        search = await self.ask("POST", "/v1/duplicate-searches")
        await self.finished(f"/v1/duplicate-searches/{search['id']}")
        return await self.all("/v1/duplicates", state="open")

    async def describe(self, pair: Pair) -> str:
        """Return who a pair is, and the evidence for it."""
        customer = await self.ask("GET", f"/v1/customers/{pair['first_id']}")
        evidence = " and ".join(found["attribute"] for found in pair["evidence"])
        return f"{customer['given_name']} {customer['family_name']}: same {evidence}, score {pair['score']} of 100"


async def move_in(office: Office) -> tuple[list[Check], dict[str, str]]:
    """Import customers and record cases. Returns the checks, and the customer ids by the ids in Salesforce."""
    results = {file: await office.import_file(file, preset) for file, preset in salesforce.PRESETS.items()}
    ids = await office.customer_ids()
    await office.record_cases(ids)
    await office.wait_until_drained(lambda _: None)
    accounts = salesforce.read_accounts_of_contacts()
    related = await office.accounts_of([ids[contact] for contact in accounts])
    at_account = sum(found == [ids[account]] for account, found in zip(accounts.values(), related, strict=True))
    checks = [
        *(
            Check(f"imported from {file}.csv", len(salesforce.read_rows(file)), result["created"])
            for file, result in results.items()
        ),
        Check("found by their id in Salesforce", _number_of_records(), len(ids)),
        Check("contacts at their account", len(accounts), at_account),
    ]
    return checks, ids


def compare_pairs(ids: dict[str, str], duplicates: list[Pair]) -> list[Check]:
    """Compare the pairs of people that were found with those that have the same name and e-mail or phone."""
    people = {ids[row["Id"]] for file in ("Contact", "Lead") for row in salesforce.read_rows(file)}
    expected = {frozenset(ids[id] for id in pair) for pair in salesforce.read_pairs()}
    found = {frozenset((pair["first_id"], pair["second_id"])) for pair in duplicates if pair["first_id"] in people}
    return [
        Check("duplicates found: same name and e-mail or phone", len(expected), len(expected & found)),
        Check("duplicates found: other pairs of people", 0, len(found - expected)),
    ]


def busiest_pair(ids: dict[str, str], duplicates: list[Pair]) -> Pair:
    """Return the pair with the most cases."""
    cases = Counter(case["customer_id"] for case in salesforce.read_cases(ids))
    return max(duplicates, key=lambda pair: cases[pair["first_id"]] + cases[pair["second_id"]])


def _number_of_records() -> int:
    return sum(len(salesforce.read_rows(file)) for file in salesforce.PRESETS)
