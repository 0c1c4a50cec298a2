"""Secrets: none is in a log, a table or an error."""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from local import PROCESSES
from tests.support.issuer import AUDIENCE, LocalIssuer, local_issuer
from tests.support.records import made
from tests.support.replica import Replica
from tests.support.stack import RunningStack, Visitor, client_of


async def texts_of(connection: asyncpg.Connection) -> str:
    """Return every row of every table of a database as text."""
    tables = await connection.fetch(
        "select quote_ident(schemaname) || '.' || quote_ident(tablename) as name from pg_tables "
        "where schemaname not in ('pg_catalog', 'information_schema')"
    )
    rows = [await connection.fetchval(f"select string_agg(t::text, ' ') from {table['name']} t") for table in tables]
    return " ".join(row for row in rows if row is not None)


def logs_of(stack: RunningStack) -> str:
    """Return the logs of all processes."""
    files = [file for file in Path(stack.data_dir.root).rglob("*.log") if file.is_file()]
    assert len(files) > len(PROCESSES)
    return " ".join(file.read_text(errors="replace") for file in files)


async def use(client: httpx.AsyncClient, credential: str) -> str:
    """Send a credential in ways that succeed and in ways that fail, and return the text of the responses."""
    bearer = {"authorization": f"Bearer {credential}"}
    attempts: list[dict[str, Any]] = [
        {"headers": bearer},
        {"headers": {"authorization": credential}},
        {"headers": {"authorization": f"Basic {credential}"}},
        {"headers": {"x-api-key": credential}},
        {"headers": {"authorization": f"Bearer {credential}x"}},
        {"headers": {"authorization": f"Bearer {credential} {credential}"}},
    ]
    return " ".join([(await client.get("/v1/me", **attempt)).text for attempt in attempts])


async def credentials(visitor: Visitor, issuer: LocalIssuer) -> list[str]:
    """Return a credential of each kind, all of them valid."""
    key = await made(visitor, "/v1/api-keys", {"name": "till", "scopes": ["customers:read"]})
    rotated = await made(visitor, f"/v1/api-keys/{key['id']}/rotate", {"overlap_seconds": 60})
    session = await made(visitor, "/v1/session-tokens", {"scopes": ["customers:read"]}, **{"idempotency-key": "k"})
    customer = await made(visitor, "/v1/customer-tokens", {"customer_id": key["id"]})
    await made(visitor, "/v1/issuers", {"name": "login", "url": issuer.url, "audience": AUDIENCE})
    return [visitor.key, key["key"], rotated["key"], session["token"], customer["token"], issuer.token()]


async def test_no_secret_is_in_a_log_a_table_or_an_error(stack: RunningStack, visitor: Visitor) -> None:
    # given a credential of each kind
    async with local_issuer() as issuer, client_of(stack) as client:
        sent = await credentials(visitor, issuer)

        # when each is used, rightly and wrongly
        answers = " ".join([await use(client, credential) for credential in sent])
    own = stack.data_dir.secrets()
    secrets = [credential[-43:] for credential in sent]  # the secret of a key, or the end of a signature
    secrets += [own["operator"], own["token_private"], *own["cursor"].values(), *own["api"].values()]

    # then no error, no log and no table repeats its secret part
    places = {"errors": answers, "logs": logs_of(stack)}
    for name in PROCESSES:
        async with stack.superuser(name) as connection:
            places[name] = await texts_of(connection)
    assert str(visitor.key.split("_")[2])[:8] in places["gateway"].replace("-", "")
    for place, text in places.items():
        assert not [secret for secret in secrets if secret in text], place


async def test_a_key_and_its_tokens_are_refused_by_every_replica_within_a_second(
    stack: RunningStack, visitor: Visitor
) -> None:
    scopes = ["session-tokens:write", "customer-tokens:write", "customers:read"]
    key = await made(visitor, "/v1/api-keys", {"name": "server", "scopes": scopes})
    server = Visitor(stack, key["key"])
    tokens = [
        (await made(server, "/v1/session-tokens", {"scopes": ["customers:read"]}))["token"],
        (await made(server, "/v1/customer-tokens", {"customer_id": key["id"]}))["token"],
    ]
    async with Replica(stack, "gateway", name="second", role="api") as replica:
        url = f"http://127.0.0.1:{replica.port}"
        async with httpx.AsyncClient(trust_env=False, base_url=url) as client:

            async def statuses() -> set[int]:
                headers = [{"authorization": f"Bearer {credential}"} for credential in (key["key"], *tokens)]
                return {(await client.get("/v1/me", headers=header)).status_code for header in headers}

            assert await statuses() == {200}
            assert (await visitor.request("DELETE", f"/v1/api-keys/{key['id']}")).status_code == 204
            async with asyncio.timeout(1):
                while await statuses() != {401}:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
    await server.close()
