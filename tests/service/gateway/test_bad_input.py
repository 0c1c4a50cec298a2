"""Bad input on the gateway's socket: each request gets a clear problem and a line in the log, or is served as it reads.

A request that is refused reaches no service, nor does a part of it as another request.
"""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from chassis.types import json
from local.data_dir import DataDir
from tests.support.bad_input import CASES, CHUNKS, PATH, STOLEN, Case, chunked, get, post
from tests.support.echo import Connection, connected
from tests.support.edge import Gateway, Recorder, gateway_at, recording
from tests.support.gateway import Shop


@pytest.fixture(scope="module")
async def recorder() -> AsyncIterator[Recorder]:
    async with recording() as recorder:
        yield recorder


@pytest.fixture(scope="module")
async def edge(database: DataDir, recorder: Recorder) -> AsyncIterator[Gateway]:
    async with gateway_at(database, recorder.port) as gateway:
        yield gateway


@pytest.fixture
async def connection(edge: Gateway, recorder: Recorder) -> AsyncIterator[Connection]:
    recorder.taken()
    async with connected(edge.port) as connection:
        yield connection


REFUSED = [case for case in CASES if case.code]
SERVED = [case for case in CASES if not case.code]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
async def test_a_bad_request_gets_a_problem_and_reaches_no_service(
    connection: Connection, edge: Gateway, recorder: Recorder, shop: Shop, case: Case
) -> None:
    await connection.send([case.bytes(shop.key)])
    status, headers, body = await connection.response()
    problem = json.loads(body)
    assert (status, problem["status"], problem["code"]) == (case.status, case.status, case.code), problem
    assert headers["content-type"] == "application/problem+json"
    assert shop.key not in body.decode()
    assert (await edge.line_with(problem["trace_id"]))["status"] == case.status
    assert recorder.taken() == []


@pytest.mark.parametrize("case", SERVED, ids=lambda case: case.name)
async def test_an_odd_request_is_served_as_it_reads(
    connection: Connection, edge: Gateway, recorder: Recorder, shop: Shop, case: Case
) -> None:
    await connection.send([case.bytes(shop.key)])
    assert (await connection.response())[0] == case.status
    (request,) = recorder.taken()
    assert re.fullmatch(r"(GET|POST) /v1/(c|%63)ustomers HTTP/1.1", request.line)
    assert request.headers["host"] == f"127.0.0.1:{recorder.port}"
    assert request.body in (b"", STOLEN.encode())
    assert "upgrade" not in request.headers
    assert shop.key not in str(request.headers)


async def test_bytes_after_a_request_get_their_refusal_after_its_response(
    connection: Connection, recorder: Recorder, shop: Shop
) -> None:
    """The responses would otherwise change places, and a POST that was applied would look refused."""
    garbage = "\x16\x03\x01 no HTTP\r\n\r\n"
    good = Case("", post("Content-Length: 2", body="{}") + garbage, 200).bytes(shop.key)
    await connection.send([good])
    assert (await connection.response())[0] == 200
    assert b"200 OK" not in await connection.rest()
    assert [request.body for request in recorder.taken()] == [b"{}"]


async def test_a_body_that_breaks_off_reaches_no_service(edge: Gateway, recorder: Recorder, shop: Shop) -> None:
    whole = [Case("", text, 0).bytes(shop.key) for text in (get(PATH), post(f"Content-Length: {len(STOLEN)}"))]
    whole += [Case("", chunked(CHUNKS), 0).bytes(shop.key), Case("", post("Content-Length: 200000"), 0).bytes(shop.key)]
    recorder.taken()
    for request in whole:
        for length in (1, len(request) // 2, len(request) - 1):
            async with connected(edge.port) as connection:
                await connection.send([request[:length]])
    async with connected(edge.port) as connection:
        await connection.send([whole[3] + b" " * 100_000])  # half of a body that is streamed to the service
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.1)
    assert recorder.taken() == []
    async with connected(edge.port) as connection:
        await connection.send([whole[0]])
        assert (await connection.response())[0] == 200


@pytest.mark.slow
async def test_slow_heads_and_bodies_get_a_408_and_reach_no_service(
    edge: Gateway, recorder: Recorder, shop: Shop
) -> None:
    recorder.taken()
    begun = [
        Case("", text, 0).bytes(shop.key)[:-9] for text in (get(PATH), post("Content-Length: 38"), chunked(CHUNKS))
    ]

    async def outcome(request: bytes) -> tuple[int, str]:
        async with connected(edge.port) as connection:
            await connection.send([request])
            await asyncio.sleep(9)
            status, _, body = await connection.response()
            return status, json.loads(body)["code"]

    assert await asyncio.gather(*map(outcome, begun)) == [(408, "request_timeout")] * 3
    assert recorder.taken() == []
