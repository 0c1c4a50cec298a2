"""Additional processes of a service next to the stack: a replica, only a worker, or a process that dies at a step."""

import asyncio
import os
import signal
import subprocess
import sys
from typing import Any

import httpx

from local.data_dir import free_port
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stack import RAPPORT, RunningStack


class Replica:
    """A `rapport serve` process. If `dies_at` names a step, the process ends there."""

    def __init__(
        self,
        stack: RunningStack,
        service: str,
        *,
        name: str = "",
        role: str = "all",
        port: int | None = None,
        dies_at: str | None = None,
        **environment: str,
    ) -> None:
        self._operator = {"Authorization": f"Bearer {stack.data_dir.secrets()['operator']}"}
        self.port = port or free_port(set(stack.ports.values()))
        words = [RAPPORT, "serve", service, "--role", role, "--port", str(self.port)]
        if dies_at:
            words = [sys.executable, "-m", "tests.auditor.dying", service, dies_at, str(self.port)]
        with stack.data_dir.log(f"{service}-{name or 'replica'}").open("ab") as log:
            self._process = subprocess.Popen(
                words,
                env={**os.environ, "RAPPORT_DATA": str(stack.data_dir.root), "INSTANCE": name, **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    async def ready(self) -> "Replica":
        """Wait until the process reports that it is ready."""
        async with asyncio.timeout(PATIENCE_SECONDS), httpx.AsyncClient(trust_env=False) as client:
            while True:
                try:
                    if (await client.get(f"http://127.0.0.1:{self.port}/ready")).status_code == 200:
                        return self
                except httpx.TransportError:
                    assert self._process.poll() is None, "the process has ended"
                await asyncio.sleep(0.05)

    async def metric(self, name: str) -> float:
        """Return the value of a metric."""
        async with httpx.AsyncClient(trust_env=False, headers=self._operator) as client:
            text = (await client.get(f"http://127.0.0.1:{self.port}/metrics")).text
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))

    def send(self, how: signal.Signals) -> None:
        """Send a signal to the process."""
        self._process.send_signal(how)

    async def exit_code(self, seconds: float = PATIENCE_SECONDS) -> int:
        """Wait for the end of the process. Return its exit code, or the negative number of the signal that ended it."""
        return await asyncio.wait_for(asyncio.to_thread(self._process.wait), seconds)

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Stop the process and return its exit code. Kill it and fail if it ignores the signal for 30 seconds."""
        if self._process.poll() is None:
            self.send(how)
        try:
            return await self.exit_code(30)
        except TimeoutError:
            self.send(signal.SIGKILL)
            await self.exit_code()
            raise AssertionError(f"{how.name} was not heard") from None

    async def __aenter__(self) -> "Replica":
        return await self.ready()

    async def __aexit__(self, *_: Any) -> None:
        self.send(signal.SIGCONT)
        await self.stop()
