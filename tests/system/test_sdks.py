"""The SDKs: generated from openapi.json, checked by their compilers, and tried against a running stack."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from chassis.types import json
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stack import RunningStack, a_visitor

SDKS = Path(__file__).parents[2] / "sdks"
TOOLS = {"python": [], "typescript": ["node", "npm"], "java": ["java", "javac", "mvn"], "go": ["go", "java"]}
"""The commands that each language needs. The generator of the SDK for Go runs on Java."""
PROGRAMS = {"java": ("Story", "Readme")}
STORY = """\
programs: 0
created: Ada, version 1
conflict: 409 external_id_taken
invalid: 422 /emails/0/address
missing: 404 not_found
repeated: same customer true, replayed true
batch: 998 created, item 500 refused: not_identifiable
pages: 1000 customers on 5 pages
changed: Ada of London, version 2, then version_mismatch
bought: 20 times 7.50 EUR
webhook: customers.customer_created.v1, same customer true
forged: refused
feed: 1 event, same id true
"""

pytestmark = pytest.mark.slow
nightly = pytest.mark.nightly
FAST = ("typescript",)
"""One of four, in every run: each takes minutes on two busy cores."""


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """Provide a stack with limits so low that a client exceeds them on a slow and busy machine too."""
    limits = {"KEY_REQUESTS_PER_SECOND": "3", "REQUEST_BURST_SECONDS": "1", "RAPPORT_RESTART_SECONDS": "1"}
    stack = RunningStack(tmp_path_factory.mktemp("sdks"), **limits)
    stack.start()
    yield stack
    stack.stop()


async def make(*words: str, seconds: float = PATIENCE_SECONDS, **environment: str) -> str:
    """Run `make` in the folder of the SDKs and return what it prints."""
    process = await asyncio.create_subprocess_exec(
        "make",
        "--silent",
        *words,
        cwd=SDKS,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")} | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    communicating = asyncio.create_task(process.communicate())
    ended, _ = await asyncio.wait({communicating}, timeout=seconds)
    if not ended:
        os.killpg(process.pid, signal.SIGQUIT)  # Java prints the stack of each of its threads
        await asyncio.wait({communicating}, timeout=2)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    printed, errors = await communicating
    took = f"{words} ended" if ended else f"{words} did not end within {seconds} seconds"
    assert process.returncode == 0, f"{took}\n{printed.decode()}\n{errors.decode()}"
    return printed.decode()


def responses(stack: RunningStack) -> list[tuple[int, datetime]]:
    """Return the status and the time of each response, as the gateway has logged them."""
    lines = (line for line in stack.data_dir.log("gateway").read_bytes().splitlines() if b'"request"' in line)
    return [(line["status"], datetime.fromisoformat(line["timestamp"])) for line in map(json.loads, lines)]


def pauses(seen: list[tuple[int, datetime]], status: int) -> list[float]:
    """Return the seconds from each response with a status to the next response."""
    return [(then - at).total_seconds() for (refusal, at), (_, then) in pairwise(seen) if refusal == status]


@asynccontextmanager
async def kept_down(stack: RunningStack, service: str) -> AsyncIterator[None]:
    """Keep a service from starting until a client has received 503 instead of its response."""

    async def keep_down() -> None:
        before = len(responses(stack))
        while all(status != 503 for status, _ in responses(stack)[before:]):
            await stack.revived(service, stack.kill(service))

    keeper = asyncio.create_task(keep_down())
    try:
        yield
        assert keeper.done(), "the client received no 503"
    finally:
        keeper.cancel()


@pytest.mark.parametrize("language", [one if one in FAST else pytest.param(one, marks=nightly) for one in TOOLS])
async def test_an_sdk_compiles_and_its_story_is_that_of_all_others(language: str, limited: RunningStack) -> None:
    if missing := [tool for tool in TOOLS[language] if shutil.which(tool) is None]:
        pytest.skip(f"{', '.join(missing)} is not installed: no SDK in {language}")
    await make(language, seconds=500)

    story, readme = PROGRAMS.get(language, ("story", "readme"))
    visitor = a_visitor(limited)
    environment = {"RAPPORT_URL": limited.url, "RAPPORT_API_KEY": visitor.key}
    before = len(responses(limited))
    async with kept_down(limited, "loyalty"):
        assert await make(f"run-{language}-{story}", **environment) == STORY
    seen = responses(limited)[before:]
    for status in (429, 503):
        waited = pauses(seen, status)
        assert min(waited, default=0) > 0.9, f"Retry-After after {status} is a second: {waited}"
    newcomer = a_visitor(limited)
    assert "Ada" in await make(f"run-{language}-{readme}", **environment | {"RAPPORT_API_KEY": newcomer.key})
    await asyncio.gather(visitor.close(), newcomer.close())
