"""The stand: a stack of the benchmark's own, a tenant on it, and the ways to reach its parts."""

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
from uuid import UUID

from benchmarks.load import Target, ask
from benchmarks.sizes import Sizes
from chassis import json
from chassis.identity import HEADER, Caller, Signer, Tenant
from chassis.settings import Settings
from local.places import Place, free_port

RAPPORT = str(Path(sys.executable).with_name("rapport"))
DRAINED_SECONDS = 300


@dataclass(frozen=True)
class Stand:
    """A running stack with one tenant."""

    place: Place
    sizes: Sizes
    tenant: Tenant
    key: str

    @property
    def gateway(self) -> Target:
        """The gateway, with the tenant's key."""
        return Target("127.0.0.1", self._ports["gateway"], f"Authorization: Bearer {self.key}\r\n")

    def service(self, name: str) -> Target:
        """A service itself, with a token as the gateway would sign it."""
        signer = Signer(self.place.secrets()["token_private"], lifetime_seconds=600)
        caller = Caller(self.tenant, "key:bench", frozenset({f"{name}:read", f"{name}:write"}))
        return Target("127.0.0.1", self._ports[name], f"{HEADER}: {signer.sign(caller, name)}\r\n")

    def settings(self, name: str) -> Settings:
        """A service's settings."""
        return Settings(_env_file=self.place.env_file(name))

    def database(self, name: str) -> str:
        """A service's database, as the superuser reaches it."""
        return str(self.settings(name).migration_database_url)

    def send(self, name: str, how: signal.Signals) -> None:
        """Sends a signal to a member of the stack."""
        os.kill(int(self.place.pid_file(name).read_text().split()[0]), how)

    async def drained(self) -> None:
        """Waits until every event has arrived everywhere."""
        deadline = time.monotonic() + DRAINED_SECONDS
        while True:
            (answer,) = await ask(self.gateway, [self.gateway.request("GET", "/v1/status")])
            if json.loads(answer)["drained"]:
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"events do not arrive: {answer!r}")
            await asyncio.sleep(0.2)

    @cached_property
    def _ports(self) -> dict[str, int]:
        return dict(json.loads((self.place.root / "ports.json").read_bytes()))


@contextmanager
def stack(data: Path) -> Iterator[tuple[Place, float]]:
    """A stack on a folder, and the seconds until it answered."""
    environment = {**os.environ, "RAPPORT_DATA": str(data)}
    started = time.perf_counter()
    up = subprocess.Popen(
        [RAPPORT, "up", "--port", str(free_port(set()))], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert up.stdout is not None
    if not up.stdout.readline():
        raise SystemExit("the stack did not come up")
    try:
        yield Place.at(data), time.perf_counter() - started
    finally:
        up.send_signal(signal.SIGINT)
        up.wait(timeout=90)
        up.stdout.close()


def a_stand(place: Place, sizes: Sizes) -> Stand:
    """A new tenant on a stack, with a key to everything."""
    environment = {**os.environ, "RAPPORT_DATA": str(place.root)}

    def command(*words: str) -> str:
        done = subprocess.run([RAPPORT, *words], env=environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    tenant = command("tenants", "create", "Benchmark")
    key = command("keys", "create", "--tenant", tenant, "--all-scopes")
    return Stand(place, sizes, Tenant(UUID(tenant), "Benchmark", "live", "UTC", "EUR", "NL", None), key)


def say(text: str) -> None:
    """Tells how it goes."""
    print(text, flush=True)
