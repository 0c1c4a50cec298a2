"""Commands of the local stack and of the whole repository: `rapport up`, `doctor`, `fetch`, `contracts`."""

import asyncio
import signal
import sys
from typing import Annotated

import typer

from local import PROCESSES, kafka_server
from local import doctor as checks
from local.places import LocalSettings, StackError
from local.stack import Stack


def up(
    port: Annotated[int | None, typer.Option(help="The gateway's port.")] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(help="A service that you run yourself, under a debugger say; where it must listen is told."),
    ] = None,
) -> None:
    """Run the whole system here, until Ctrl-C; prints `ready <url>` when everything answers."""
    if unknown := set(without or []) - set(PROCESSES):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))} is none of {', '.join(PROCESSES)}")
    settings = LocalSettings()
    if port is not None:
        settings = settings.model_copy(update={"rapport_port": port})
    try:
        asyncio.run(_run(settings, without or []))
    except StackError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None


def doctor() -> None:
    """Say what is missing on this machine, and how to get it."""
    raise typer.Exit(0 if checks.report() else 1)


def fetch() -> None:
    """Bring Kafka's jars, so that the first start finds them."""
    try:
        kafka_server.fetch_jars()
    except StackError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None


def contracts(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail when something is stale.")] = False,
) -> None:
    """Make the contracts and the generated pages from the code."""
    from local import generated

    if not check:
        try:
            generated.write()
        except StackError as error:
            print(error, file=sys.stderr)
            raise typer.Exit(1) from None
        return
    stale = generated.stale()
    for path in stale:
        print(f"{path} is not what the code says: run `make contracts`", file=sys.stderr)
    raise typer.Exit(1 if stale else 0)


commands = (up, doctor, fetch, contracts)


async def _run(settings: LocalSettings, without: list[str]) -> None:
    stack = Stack(settings, lambda text: print(text, file=sys.stderr, flush=True), without=without)
    loop = asyncio.get_running_loop()
    starting = asyncio.ensure_future(stack.start())
    stopped = asyncio.Event()

    def end() -> None:
        if not stopped.is_set():  # a second Ctrl-C must not interrupt the stopping
            stopped.set()
            stack.end()
            starting.cancel()

    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(one, end)
    try:
        await starting
    except asyncio.CancelledError:
        return
    for name in without:
        command = f"RAPPORT_DATA={stack.place.root} rapport serve {name} --port {stack.ports[name]}"
        print(f"{name} is yours to run: {command}", file=sys.stderr, flush=True)
    print(f"ready {stack.url}", flush=True)
    try:
        await stack.watch()
    finally:
        await stack.stop()
