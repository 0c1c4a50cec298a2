"""The quickstart: a sandbox in a running system, its key, and a request that works."""

import asyncio
import json
import os
import shlex
import time

import httpx

from gateway.commands import create_sandbox
from local.data_dir import DataDir, StackError

READY_SECONDS = 30.0


async def prepare(data_dir: DataDir, url: str) -> str:
    """Return the text that explains the first steps. Creates the sandbox and its key at the first call.

    Raises StackError if the gateway does not respond.
    """
    await _wait_until_ready(url)
    file = data_dir.root / "sandbox-key"
    if not file.exists() or not await _is_accepted(url, file.read_text().strip()):
        key = await create_sandbox()
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            out.write(key)
    return _text(url, file.read_text().strip(), str(file))


def _text(url: str, key: str, file: str) -> str:
    customer = json.dumps({"kind": "person", "given_name": "Ada"})
    headers = [f"Authorization: Bearer {key}", "Content-Type: application/json"]
    curl = ["curl", "-sS", *(word for header in headers for word in ("-H", header)), f"{url}/v1/customers"]
    return "\n".join(
        [
            f"Rapport runs at {url}",
            f"  API documentation  {url}/docs",
            f"  key of a sandbox   {key}",
            f"  the key is in      {file}",
            "",
            "Create a customer:",
            "",
            shlex.join([*curl, "-d", customer]),
            "",
        ]
    )


async def _wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    async with httpx.AsyncClient(trust_env=False, verify=False) as client:
        while time.monotonic() < deadline:
            try:
                if (await client.get(f"{url}/ready", timeout=2)).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.1)
    raise StackError(f"The gateway does not respond at {url}; see `rapport status` and its log.")


async def _is_accepted(url: str, key: str) -> bool:
    async with httpx.AsyncClient(trust_env=False, verify=False) as client:
        response = await client.get(f"{url}/v1/tenants", headers={"Authorization": f"Bearer {key}"})
        return response.status_code == 200
