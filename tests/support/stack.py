"""The whole system as a user starts it, with its requests, kills and database queries in a test."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from chassis.types import json
from local.data_dir import DataDir, free_port
from tests.support import commands
from tests.support.guard import Guard
from tests.support.patience import PATIENCE_SECONDS

RAPPORT = str(Path(sys.executable).with_name("rapport"))
START_SECONDS = 90


class RunningStack:
    """A `rapport up` process with its own data folder."""

    def __init__(self, data: Path, port: int | None = None, *, without: Sequence[str] = (), **environment: str) -> None:
        self.data_dir = DataDir.at(data)
        self.port = port or free_port(set())
        self._environment = {**os.environ, "RAPPORT_DATA": str(data), **environment}
        self._left_out = [word for name in without for word in ("--without", name)]
        self._process: subprocess.Popen[str] | None = None
        self._guard: Guard | None = None

    @property
    def url(self) -> str:
        """The URL of the gateway."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def process(self) -> "subprocess.Popen[str]":
        """The stack's own process."""
        assert self._process is not None
        return self._process

    def start(self) -> float:
        """Start the stack, wait until it reports that it is ready, and return the seconds that this took."""
        started = time.monotonic()
        with (self.data_dir.root / "up.log").open("a") as said:
            self._process = subprocess.Popen(
                [RAPPORT, "up", "--port", str(self.port), *self._left_out],
                env=self._environment,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                start_new_session=True,
            )
        self._dismiss_guard()  # the guard of a process that a test has killed
        self._guard = Guard(self._process.pid)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line == f"ready {self.url}\n", f"{line!r}: {self.said()}"
        return time.monotonic() - started

    def stop(self) -> int:
        """Stop the stack as by Ctrl-C, and return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            code = self.process.wait(timeout=PATIENCE_SECONDS)
        finally:
            assert self.process.stdout is not None
            self.process.stdout.close()
        self._dismiss_guard()
        return code

    def _dismiss_guard(self) -> None:
        if self._guard is not None:
            self._guard.dismiss()
            self._guard = None

    def said(self) -> str:
        """Return the stack's log of its processes."""
        return (self.data_dir.root / "up.log").read_text()

    def pid(self, name: str) -> int:
        """Return the process id of a member."""
        return int(self.data_dir.pid_file(name).read_text().split()[0])

    @property
    def kafka(self) -> str:
        """The address of Kafka."""
        return f"127.0.0.1:{self.ports['kafka']}"

    @property
    def ports(self) -> dict[str, int]:
        """The port of each process."""
        found: dict[str, int] = json.loads((self.data_dir.root / "ports.json").read_bytes())
        return found

    def kill(self, name: str, how: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to a member, as the kernel or an administrator might, and return its pid."""
        pid = self.pid(name)
        os.kill(pid, how)
        return pid

    async def revived(self, name: str, pid: int) -> None:
        """Wait until a killed member has a new process."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not self.data_dir.pid_file(name).exists() or self.pid(name) == pid:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def ready(self) -> None:
        """Wait until the gateway reaches its own database and Kafka."""
        async with asyncio.timeout(PATIENCE_SECONDS), httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
            while True:
                with suppress(httpx.TransportError):  # it may be restarting
                    if (await client.get("/ready")).status_code == 200:
                        return
                await asyncio.sleep(0.1)

    async def status(self) -> dict[str, Any]:
        """Return the state of each service, with the counts of all tenants, as the operator reads it."""
        headers = {"Authorization": f"Bearer {self.data_dir.secrets()['operator']}"}
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, headers=headers, timeout=60) as client:
            services: dict[str, Any] = (await client.get("/v1/status")).json()["services"]
            return services

    async def dead_letters(self, service: str) -> int:
        """Return the dead letters of a service, of all tenants and of none."""
        return int((await self.status())[service]["dead_letters"])

    def command(self, *words: str) -> str:
        """Run a command and return what it prints."""
        done = commands.run(words, self.data_dir.root)
        assert done.code == 0, done.errors
        return done.output.strip()

    async def rows(self, service: str, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Return rows of a service's database, read by the superuser."""
        async with self.superuser(service) as connection:
            return [dict(row) for row in await connection.fetch(statement, *values)]

    @asynccontextmanager
    async def superuser(self, service: str) -> AsyncIterator[asyncpg.Connection]:
        """Open a superuser connection to a service's database, without its access controls."""
        connection = await asyncpg.connect(self.admin_url(service))
        try:
            yield connection
        finally:
            await connection.close()

    def admin_url(self, service: str) -> str:
        """Return the superuser's URL of a service's database."""
        lines = self.data_dir.env_file(service).read_text().splitlines()
        (url,) = (line.split("=", 1)[1] for line in lines if line.startswith("MIGRATION_DATABASE_URL="))
        return url.strip("'")


def client_of(stack: RunningStack, **options: Any) -> httpx.AsyncClient:
    """Return a client of the gateway. It uses plain HTTP without certificates, which would take 20 ms to load."""
    return httpx.AsyncClient(base_url=stack.url, timeout=60, trust_env=False, verify=False, **options)


class Visitor:
    """A client of a tenant. It can repeat safe requests until the system responds."""

    def __init__(self, stack: RunningStack, key: str) -> None:
        self.stack = stack
        self.key = key
        self.client = client_of(stack, headers={"Authorization": f"Bearer {key}"})

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request once."""
        return await self.client.request(method, path, **options)

    async def request_until_answered(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request that is safe to repeat, until it receives a response other than 429 or 5xx."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = await self.client.request(method, path, **options)
                if answer.status_code < 500 and answer.status_code != 429:
                    return answer
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, f"{method} {path} is not answered"
            await asyncio.sleep(0.1)

    async def drained(self, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """Wait until all events are published and applied."""
        deadline = time.monotonic() + seconds
        while True:
            answer = await self.request_until_answered("GET", "/v1/status?drained=true")
            status: dict[str, Any] = answer.json()
            if status["drained"]:
                return status
            assert time.monotonic() < deadline, await self.stack.status()
            await asyncio.sleep(0.1)

    async def close(self) -> None:
        """Close the connections."""
        await self.client.aclose()


def a_visitor(stack: RunningStack, *scopes: str, **facts: str) -> Visitor:
    """Create a tenant and return its client, with all scopes unless some are named."""
    options = [word for name, value in facts.items() for word in (f"--{name}", value)]
    tenant = stack.command("tenants", "create", "Shop", *options)
    wanted = ["--scopes", ",".join(scopes)] if scopes else ["--all-scopes"]
    return Visitor(stack, stack.command("keys", "create", "--tenant", tenant, *wanted))


def a_sandbox(stack: RunningStack, clock: str) -> Visitor:
    """Create a sandbox whose clock is frozen at a time, and return its client."""
    tenant = stack.command("tenants", "create", "Sandbox", "--sandbox", "--clock", clock)
    return Visitor(stack, stack.command("keys", "create", "--tenant", tenant, "--all-scopes"))
