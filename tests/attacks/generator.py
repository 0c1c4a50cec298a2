"""The generator: runs one attack in a process of its own, which gives way to every other process.

It prints a line after each step and reads a line before the next: prepared, armed, and the outcomes at the end.
"""

import asyncio
import os
import resource
import subprocess
import sys
from collections import Counter
from pathlib import Path

import uvloop

from chassis.types import json
from tests.attacks.attacker import Attacker
from tests.attacks.catalogue import ATTACKS
from tests.support.stack import RunningStack, Visitor

NICE = 19
ROOT = Path(__file__).parents[2]


class Generator:
    """A running generator, as the trial sees it."""

    def __init__(self, name: str, stack: RunningStack, visitor: Visitor, size: float) -> None:
        self.name = name
        words = [name, stack.data_dir.root, stack.port, size]
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self._say(visitor.key)

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    async def prepared(self) -> None:
        """Wait until the attack's data is stored."""
        await self._wait_for("prepared")

    async def begin(self) -> None:
        """Begin the attack."""
        self._say("begin")
        await self._wait_for("armed")

    async def end(self) -> Counter[str]:
        """Stop the attack and return its outcomes."""
        self._say("end")
        outcomes = await self._line()
        assert outcomes, f"the generator of {self.name} failed"
        await asyncio.to_thread(self._process.wait)
        return Counter(json.loads(outcomes))

    def close(self) -> None:
        """End the process, if it has not ended. It ends its attack when its input closes."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._process.wait(timeout=60)

    async def _wait_for(self, word: str) -> None:
        line = await self._line()
        assert line == f"{word}\n", f"the generator of {self.name} ended: {line!r}"

    async def _line(self) -> str:
        assert self._process.stdout is not None
        return await asyncio.to_thread(self._process.stdout.readline)


async def attack(name: str, data: str, port: str, size: str) -> None:
    """Attack as the lines of the standard input say."""
    key = sys.stdin.readline().strip()
    async with Attacker(RunningStack(Path(data), int(port)), key, float(size)) as attacker:
        chosen = ATTACKS[name](attacker)
        await chosen.prepare()
        _print("prepared")
        if await asyncio.to_thread(sys.stdin.readline):
            attacker.outcomes.clear()
            await chosen.arm()
            _print("armed")
            await _run_until_told(chosen.run())
            _print(json.dumps(attacker.outcomes).decode())


async def _run_until_told(attacking: "asyncio._CoroutineLike[None]") -> None:
    running = asyncio.create_task(attacking)
    told = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
    await asyncio.wait([running, told], return_when=asyncio.FIRST_COMPLETED)
    running.cancel()
    await asyncio.gather(running, return_exceptions=told.done())


def _print(line: str) -> None:
    try:
        print(line, flush=True)
    except BrokenPipeError:  # the trial has ended
        os._exit(1)


def main() -> None:
    """Run the attack that the arguments name."""
    os.nice(NICE)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    uvloop.run(attack(*sys.argv[1:]))


if __name__ == "__main__":
    main()
