"""Programs that a test runs: browsers and other clients."""

import asyncio
from pathlib import Path

from tests.support.patience import PATIENCE_SECONDS


async def output_of(*command: str | Path) -> str:
    """Run a program and return what it prints."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            printed, errors = await process.communicate()
    except TimeoutError:
        process.kill()
        raise
    assert process.returncode == 0, errors.decode()
    return printed.decode()
