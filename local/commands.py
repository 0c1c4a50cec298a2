"""Commands of the local stack and of the repository: `rapport up`, `quickstart`, `doctor`, `fetch`, `contracts`."""

import asyncio
import signal
import sys
from typing import Annotated

import typer

from local import PROCESSES, kafka_server
from local import doctor as checks
from local.data_dir import AlreadyRunning, DataDir, LocalSettings, StackError
from local.quickstart import prepare
from local.stack import Stack


def up(
    port: Annotated[int | None, typer.Option(help="The gateway's port.")] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(help="A service that you run yourself, such as under a debugger. The command for it is printed."),
    ] = None,
    servers_only: Annotated[
        bool, typer.Option("--servers-only", help="Start PostgreSQL and Kafka only, such as for `rapport restore`.")
    ] = False,
) -> None:
    """Run the whole system until Ctrl-C. Prints `ready <url>` once everything responds."""
    if unknown := set(without or []) - set(PROCESSES):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))} must be among {', '.join(PROCESSES)}")
    try:
        asyncio.run(_run(_settings(port), without or [], servers_only=servers_only))
    except StackError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None


def quickstart(port: Annotated[int | None, typer.Option(help="The gateway's port.")] = None) -> None:
    """Run the whole system with a sandbox until Ctrl-C. Prints its key and a request that works.

    If a stack already runs on the data folder, use that one.
    """
    settings = _settings(port)
    try:
        try:
            asyncio.run(_run(settings, [], introduce=True))
        except AlreadyRunning:
            data_dir = DataDir.at(settings.rapport_data)
            print(asyncio.run(prepare(data_dir, data_dir.url)))
    except StackError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None


def doctor() -> None:
    """Report the missing requirements of this machine, and how to install them."""
    raise typer.Exit(0 if checks.report() else 1)


def fetch() -> None:
    """Download Kafka's jars before the first start."""
    try:
        kafka_server.fetch_jars()
    except StackError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None


def contracts(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit with 1 if a file is stale.")] = False,
) -> None:
    """Generate the contracts and pages from the code."""
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
        print(f"{path} is stale: run `make contracts`", file=sys.stderr)
    raise typer.Exit(1 if stale else 0)


commands = (up, quickstart, doctor, fetch, contracts)


def _settings(port: int | None) -> LocalSettings:
    settings = LocalSettings()
    return settings if port is None else settings.model_copy(update={"rapport_port": port})


async def _run(
    settings: LocalSettings, without: list[str], *, servers_only: bool = False, introduce: bool = False
) -> None:
    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    stack = Stack(settings, say, without=without, servers_only=servers_only)
    loop = asyncio.get_running_loop()
    starting = asyncio.ensure_future(stack.start())
    stopped = asyncio.Event()

    def end() -> None:
        if not stopped.is_set():  # a second Ctrl-C must not interrupt the shutdown
            stopped.set()
            stack.shutdown()
            starting.cancel()

    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(one, end)
    try:
        await starting
    except asyncio.CancelledError:
        return
    for name in without:
        command = f"RAPPORT_DATA={stack.data_dir.root} rapport serve {name} --port {stack.ports[name]}"
        print(f"run {name} yourself: {command}", file=sys.stderr, flush=True)
    try:
        if introduce:
            print(await prepare(stack.data_dir, stack.url), "Ctrl-C stops the system.", sep="\n", flush=True)
        else:
            print("ready: PostgreSQL and Kafka" if servers_only else f"ready {stack.url}", flush=True)
        await stack.watch()
    finally:
        await stack.stop()
