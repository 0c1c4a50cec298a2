"""Imports and exports, as a client and the worker do them."""

import csv
import io
from typing import Any

from tests.support.service import ServiceUnderTest

CSV = "text/csv"
ANY_FILE = "application/octet-stream"
JSON_LINES = "application/jsonl"


async def upload(
    customers: ServiceUnderTest, content: bytes | str, type: str = CSV, coding: str | None = None, **params: str
) -> dict[str, Any]:
    """Upload a file. Return the import, or the problem."""
    headers = {"content-type": type} | ({"content-encoding": coding} if coding else {})
    body = content.encode() if isinstance(content, str) else content
    response = await customers.request("POST", "/v1/imports", content=body, headers=headers, params=params)
    return dict(response.json())


async def act(customers: ServiceUnderTest, id: str, verb: str, body: Any = None) -> dict[str, Any]:
    """Start, pause, resume, cancel or revert an import. Return it, or the problem."""
    options = {} if body is None else {"json": body}
    response = await customers.request("POST", f"/v1/imports/{id}/{verb}", **options)
    return dict(response.json())


async def imported(
    customers: ServiceUnderTest, content: bytes | str, type: str = CSV, *, query: Any = None, **start: Any
) -> dict[str, Any]:
    """Upload a file, start its import, and run it to its end. Return the import."""
    uploaded = await upload(customers, content, type, **(query or {}))
    assert "id" in uploaded, uploaded
    started = await act(customers, uploaded["id"], "start", start)
    assert "id" in started, started
    await customers.run_jobs()
    return await read(customers, uploaded["id"])


async def read(customers: ServiceUnderTest, id: str) -> dict[str, Any]:
    return dict((await customers.get(f"/v1/imports/{id}")).json())


async def errors(customers: ServiceUnderTest, id: str) -> list[dict[str, str]]:
    """Return the refused rows of an import."""
    response = await customers.get(f"/v1/imports/{id}/errors")
    assert response.headers["content-type"].startswith("text/csv")
    assert int(response.headers["content-length"]) == len(response.content)
    return list(csv.DictReader(io.StringIO(response.text)))


async def records(customers: ServiceUnderTest) -> list[dict[str, Any]]:
    """Return all customers, in the order in which they were created."""
    return list((await customers.get("/v1/customers", limit="200")).json()["items"])


def counts(one: dict[str, Any]) -> tuple[int, int, int, int]:
    """Return how many rows were created, updated, unchanged and refused."""
    return one["created"], one["updated"], one["unchanged"], one["refused"]


async def exported(customers: ServiceUnderTest, **body: Any) -> bytes:
    """Export customers, and return the file."""
    created = await customers.post("/v1/exports", body)
    assert created.status_code == 201, created.text
    path = created.headers["location"]
    assert (await customers.get(f"{path}/file")).json()["code"] == "job_not_in_state"
    await customers.run_jobs()
    export = (await customers.get(path)).json()
    assert export["state"] == "succeeded", export
    file = await customers.get(f"{path}/file")
    assert int(file.headers["content-length"]) == export["size"] == len(file.content)
    return file.content


def rows_of(content: bytes) -> list[dict[str, str]]:
    """Return the rows of a CSV file by their columns."""
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))
