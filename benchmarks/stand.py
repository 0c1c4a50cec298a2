"""The stand: the benchmark's own stack, a tenant on it, and access to its parts."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import asyncpg

from benchmarks.load import Target, ask
from benchmarks.sizes import Sizes
from chassis.core.identity import HEADER, Caller, Signer, Tenant
from chassis.core.settings import Settings
from chassis.types import json
from local.data_dir import DataDir, free_port

RAPPORT = str(Path(sys.executable).with_name("rapport"))
DRAINED_SECONDS = 300


@dataclass(frozen=True)
class Stand:
    """A running stack with one tenant."""

    data_dir: DataDir
    sizes: Sizes
    tenant: Tenant
    key: str

    @property
    def gateway(self) -> Target:
        """Return the gateway as a target, with the tenant's key."""
        return Target("127.0.0.1", self._ports["gateway"], f"Authorization: Bearer {self.key}\r\n")

    def service(self, name: str) -> Target:
        """Return a service as a target, with a token as the gateway would sign it."""
        signer = Signer(self.data_dir.secrets()["token_private"], lifetime_seconds=600)
        caller = Caller(self.tenant, "key:bench", frozenset({f"{name}:read", f"{name}:write"}))
        return Target("127.0.0.1", self._ports[name], f"{HEADER}: {signer.sign(caller, name)}\r\n")

    def settings(self, name: str) -> Settings:
        """Return the settings of a service."""
        return Settings(_env_file=self.data_dir.env_file(name))

    def database(self, name: str) -> str:
        """Return the URL of a service's database for the superuser."""
        return str(self.settings(name).migration_database_url)

    def send(self, name: str, how: signal.Signals) -> None:
        """Send a signal to a member of the stack."""
        os.kill(int(self.data_dir.pid_file(name).read_text().split()[0]), how)

    async def drained(self) -> None:
        """Wait until all consumers have processed every event."""
        deadline = time.monotonic() + DRAINED_SECONDS
        while True:
            (answer,) = await ask(self.gateway, [self.gateway.request("GET", "/v1/status?drained=true")])
            if json.loads(answer)["drained"]:
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"the consumers did not process all events in time: {answer!r}")
            await asyncio.sleep(0.2)

    async def vacuum(self) -> None:
        """Vacuum and analyze every database, as autovacuum has done on a system that has run for some time."""
        await self.drained()
        for name in ("customers", "interactions", "loyalty", "analytics"):
            connection = await asyncpg.connect(self.database(name))
            try:
                await connection.execute("vacuum analyze")
            finally:
                await connection.close()

    @cached_property
    def _ports(self) -> dict[str, int]:
        return dict(json.loads((self.data_dir.root / "ports.json").read_bytes()))


@contextmanager
def stack(data: Path) -> Iterator[tuple[DataDir, float]]:
    """Start a stack on a folder; yield the folder and the seconds until the stack was ready."""
    environment = {**os.environ, "RAPPORT_DATA": str(data)}
    started = time.perf_counter()
    up = subprocess.Popen(
        [RAPPORT, "up", "--port", str(free_port(set()))], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert up.stdout is not None
    if not up.stdout.readline():
        raise SystemExit("the stack did not start")
    try:
        yield DataDir.at(data), time.perf_counter() - started
    finally:
        up.send_signal(signal.SIGINT)
        up.wait(timeout=90)
        up.stdout.close()


def a_stand(data_dir: DataDir, sizes: Sizes) -> Stand:
    """Create a tenant on a stack, with a key that has all scopes."""
    environment = {**os.environ, "RAPPORT_DATA": str(data_dir.root)}

    def command(*words: str) -> str:
        done = subprocess.run([RAPPORT, *words], env=environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    tenant = command("tenants", "create", "Benchmark")
    key = command("keys", "create", "--tenant", tenant, "--all-scopes")
    facts = {"name": "Benchmark", "kind": "live", "timezone": "UTC", "currency": "EUR", "region": "NL"}
    return Stand(data_dir, sizes, Tenant.model_validate({"id": tenant, "clock_at": None, **facts}), key)


def say(text: str) -> None:
    """Print progress."""
    print(text, flush=True)
