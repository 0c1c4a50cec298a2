"""Duplicates: `python -m benchmarks --duplicates [--customers N]`, with customers as a shop has them."""

import asyncio
import random
import time
from collections.abc import Iterator
from itertools import count
from statistics import median
from typing import Any

from benchmarks import processes
from benchmarks.load import ask, drive
from benchmarks.report import table
from benchmarks.stand import Stand, say
from chassis.types import json

A_BATCH = 1_000
CREATES = ("create a customer, with the check", "create a customer, without it")
WEIGHTS = [1 / rank for rank in range(1, 2_001)]
"""A few names are frequent, and most are rare."""


class People:
    """Customers with names, addresses, birth dates, e-mail addresses and phone numbers. One in twenty is a repeat."""

    def __init__(self) -> None:
        self._dice = random.Random(1)
        self._last: dict[str, Any] = {}

    def person(self, number: int) -> dict[str, Any]:
        """Return a customer, or the last customer again with a wrong letter and without the e-mail address."""
        if number % 20 == 19:
            family = self._last["family_name"]
            return self._last | {"family_name": family[:-1] + "x", "emails": []}
        dice = self._dice
        given, family = dice.choices(range(2_000), WEIGHTS, k=2)
        self._last = {
            "kind": "person",
            "given_name": f"{_letters(given)}a",
            "family_name": f"{_letters(family * 7 + 3)}sen",
            "emails": [{"address": f"person{number}@example.org"}],
            "phones": [{"number": f"+316{number % 10**8:08}"}],
            "addresses": [_address(dice)],
        }
        if number % 3 == 0:
            born = dice.randrange(25_000)
            self._last["birth_date"] = f"{1940 + born % 68}-{born // 68 % 12 + 1:02}-{born // 816 % 28 + 1:02}"
        return self._last


def _letters(number: int) -> str:
    """Return a pronounceable word for a number."""
    word = ""
    while number or not word:
        number, syllable = divmod(number, 70)
        word += "bdfghjklmnprst"[syllable // 5] + "aeiou"[syllable % 5]
    return word


def _address(dice: random.Random) -> dict[str, str]:
    place = dice.randrange(4_000)
    street = f"{_letters(dice.randrange(3_000) + 70)}straat {dice.randrange(1, 200)}"
    return {"street": street, "city": f"{_letters(place // 10)}dam", "postal_code": f"{1000 + place}", "country": "NL"}


async def measure(stand: Stand, customers: int) -> str:
    """Return the rate and the memory of a search, of an incremental search, and the cost of the check."""
    people, numbers = People(), count()
    await _fill(stand, people, numbers, customers)
    await stand.vacuum()
    whole = await _search(stand)
    await _fill(stand, people, numbers, A_BATCH)
    rows = [whole, await _search(stand)]
    head = ["search", "compared", "pairs found", "seconds", "records per second", "most PSS of customers, MiB"]
    return f"{table(head, rows)}\n\n{await _creates(stand, people, numbers)}"


async def _fill(stand: Stand, people: People, numbers: Iterator[int], customers: int) -> None:
    for _ in range(0, customers, A_BATCH):
        items = [people.person(next(numbers)) for _ in range(A_BATCH)]
        await ask(stand.gateway, [stand.gateway.request("POST", "/v1/customers/batch", {"items": items})])


async def _search(stand: Stand) -> list[str]:
    """Run a search until it ends. Returns a row of the table."""
    started = time.perf_counter()
    (answer,) = await ask(stand.gateway, [stand.gateway.request("POST", "/v1/duplicate-searches")])
    job, memory = json.loads(answer), 0.0
    while job["finished_at"] is None:
        await asyncio.sleep(0.5)
        (answer,) = await ask(stand.gateway, [stand.gateway.request("GET", f"/v1/duplicate-searches/{job['id']}")])
        job, memory = json.loads(answer), max(memory, processes.megabytes(stand.data_dir)["customers"])
    seconds = time.perf_counter() - started
    say(f"{job['state']}: {job['compared']:,} records compared in {seconds:.1f} s")
    kind = "of all" if job["compared"] > A_BATCH else "of new records"
    rate = job["compared"] / seconds
    return [kind, f"{job['compared']:,}", f"{job['found']:,}", f"{seconds:.1f}", f"{rate:,.0f}", f"{memory:.0f}"]


async def _creates(stand: Stand, people: People, numbers: Iterator[int]) -> str:
    """Compare creates with the check and without it, in turn."""
    rates: dict[str, list[float]] = {work: [] for work in CREATES}
    for _ in range(stand.sizes.rounds):
        for work in CREATES:
            requests = _requests(stand, people, numbers, allow_duplicate=work == CREATES[1])
            rates[work].append((await drive(stand.gateway, requests, stand.sizes.seconds, 16)).rate)
            await asyncio.sleep(stand.sizes.settling_seconds)
    checked, free = (median(rates[work]) for work in CREATES)
    text = f"Creates per second with the check: {checked:,.0f}; without it: {free:,.0f} ({free / checked:.2f} times)"
    say(text)
    return f"{text}. The bar is 1.5 times."


def _requests(stand: Stand, people: People, numbers: Iterator[int], *, allow_duplicate: bool) -> Iterator[bytes]:
    for number in numbers:
        if number % 20 != 19:
            body = people.person(number) | {"allow_duplicate": allow_duplicate}
            yield stand.gateway.request("POST", "/v1/customers", body)
