"""Run the demo: `make demo`. It starts the stack, or uses the stack that already runs on the data folder."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from examples.demo.campaign import write_to
from examples.demo.charts import deciles, heat_map
from examples.demo.client import Advance
from examples.demo.expectations import Answers, Check, Year, busiest, compare
from examples.demo.figures import Figures
from examples.demo.helpdesk import look_after
from examples.demo.households import (
    CURRENCY,
    EARLY_REFUNDS,
    read_baskets,
    read_households,
    read_permissions,
    read_returns,
    read_touch_points,
)
from examples.demo.lifecycle import erase, merge_and_undo
from examples.demo.office import Office, busiest_pair, compare_pairs, move_in
from examples.demo.receiver import Receiver
from examples.demo.shop import Shop, spenders

DATA = Path(os.environ.get("RAPPORT_DATA", ".rapport"))
RAPPORT = str(Path(sys.executable).with_name("rapport"))
console = Console(width=None if sys.stdout.isatty() else 110)


def main() -> int:
    """Run the demo. Return 0 if all checks passed."""
    with stack() as url:
        key = key_of_tenant("Corner Shop", "--currency", CURRENCY, "--timezone", "America/New_York")
        office_key = key_of_tenant("Power Company", "--currency", CURRENCY, "--region", "US")
        holds = show_checks(asyncio.run(send_and_check(url, key)) + asyncio.run(move_and_check(url, office_key)))
        (DATA / "demo-key").write_text(key)
        (DATA / "demo-key").chmod(0o600)
    if holds:
        console.print(
            "\n[bold green]All checks passed.[/] Next steps:\n"
            "  make run                    run the stack with this data\n"
            f"  {url}/docs   browse the API\n"
            f'  curl -H "Authorization: Bearer $(cat {DATA}/demo-key)" {url}/v1/analytics/pareto',
            soft_wrap=True,  # a broken line could not be pasted
        )
        return 0
    console.print("\n[bold red]Some figures differ; see the table above.[/]")
    return 1


async def send_and_check(url: str, key: str) -> list[Check]:
    """Send the year, wait until it is processed, and compare the figures."""
    baskets = read_baskets()
    households = read_households(baskets)
    returns = read_returns(baskets)
    shop = Shop(url, key)
    try:
        with bar("households recorded", len(households)) as advance:
            ids = await shop.record_customers(households, advance)
        permissions = read_permissions(ids)
        year = Year(baskets, returns, permissions, read_touch_points(ids), ids)
        with bar("permissions recorded and checked", len(permissions)) as advance:
            permitted = await shop.record_permissions(permissions, ids, advance)
        program = await shop.open_program()
        waited = await shop.reverse(returns[:EARLY_REFUNDS], lambda _: None)
        started = time.perf_counter()
        with bar("baskets through the gateway", len(baskets)) as advance:
            await shop.record_purchases(baskets, ids, advance)
        sent = time.perf_counter()
        console.print("waiting until points and figures are up to date ...")
        await shop.wait_until_drained(lambda _: None)
        drained = time.perf_counter()
        with bar("mailings and coupons recorded", len(year.touch_points)) as advance:
            await shop.record_touch_points(year.touch_points, advance)
        with bar("returns recorded", len(returns)) as advance:
            await shop.reverse(returns, advance)
        await shop.wait_for_early_refunds()
        await shop.wait_until_drained(lambda _: None)
        members = await shop.members(program)
        with bar("balances read", len(members)) as advance:
            earned = await shop.balances(members, advance)
        able = spenders(earned)
        receiver = Receiver(shop)
        await receiver.begin()
        with bar("members spend points", len(able)) as advance:
            half = len(able) // 4 * 2  # an even number, so that captures and releases take turns over both halves
            await shop.spend_points(able[:half], members, advance)
            await receiver.pause(expected=2 * half)
            await shop.spend_points(able[half:], members, advance)
        await shop.wait_until_drained(lambda _: None)
        feed = await receiver.catch_up()
        console.print(
            f"{receiver.delivered:,} events came by verified webhooks. The receiver was away for the next "
            f"{receiver.caught_up:,}, and read them from the feed."
        )
        await receiver.end()
        with bar("balances read again", len(members)) as advance:
            left = await shop.balances(members, advance)
        figures = Figures(shop, year)
        answers = Answers(
            gross=await figures.pareto(until=year.ends),
            net=await figures.pareto(),
            cohorts=await figures.cohorts(),
            retention=await figures.retention(),
            rfm=await figures.rfm(),
            earned=earned,
            left=left,
            ledger=await shop.ask("GET", "/v1/ledger/verify"),
            permitted=permitted,
            timeline=await shop.all(f"/v1/timelines/{ids[busiest(year)[0]]}"),
            waited=waited,
            feed=feed,
            receiver_agrees=receiver.agrees_with(feed) and receiver.caught_up > 0,
            status=await shop.ask("GET", "/v1/status"),
        )
        survivor, merged, erased = (ids[household] for household in busiest(year))
        console.print("handling the complaints of ten households, and asking them how it went ...")
        unhappy = [ids[household] for household in busiest(year, 13)[3:]]
        helpdesk_checks = await look_after(shop, unhappy)
        console.print("writing to those of them who permit it ...")
        campaign_checks = await write_to(shop, unhappy, permitting=6)
        console.print("merging two households, undoing it, and erasing a third ...")
        merge_checks = await merge_and_undo(shop, "two households", survivor, merged)
        erasure_checks, certificate = await erase(shop, figures, erased)
    finally:
        await shop.close()
    console.print(deciles(answers.gross), heat_map(answers.cohorts))
    console.print(certificate)
    show_rates(len(baskets), sent - started, drained - started)
    return [*compare(year, answers), *helpdesk_checks, *campaign_checks, *merge_checks, *erasure_checks]


async def move_and_check(url: str, key: str) -> list[Check]:
    """Import the Salesforce export of another tenant, and merge two records of a person, which a search has found."""
    office = Office(url, key)
    try:
        console.print("importing accounts, contacts and leads from a Salesforce export ...")
        import_checks, ids = await move_in(office)
        duplicates = await office.find_duplicates()
        pair = busiest_pair(ids, duplicates)
        console.print(f"{len(duplicates)} pairs are possible duplicates, such as {await office.describe(pair)}.")
        console.print("merging this pair, and undoing it ...")
        merge_checks = await merge_and_undo(office, "a person", pair["first_id"], pair["second_id"])
    finally:
        await office.close()
    return [*import_checks, *compare_pairs(ids, duplicates), *merge_checks]


@contextmanager
def stack() -> Iterator[str]:
    """Yield the address of the stack that runs on the data folder; start a stack if none runs."""
    started = time.perf_counter()
    up = subprocess.Popen([RAPPORT, "up"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert up.stdout is not None
    assert up.stderr is not None
    line = up.stdout.readline()
    if not line:
        said = up.stderr.read()
        if "running on" not in said:
            raise SystemExit(said)
        ports = json.loads((DATA / "ports.json").read_text())
        console.print(f"using the stack that already runs on {DATA}")
        yield f"http://127.0.0.1:{ports['gateway']}"
        return
    console.print(f"PostgreSQL, Kafka and the five processes run on {DATA} after {time.perf_counter() - started:.1f} s")
    try:
        yield line.split()[1]
    finally:
        up.send_signal(signal.SIGINT)
        up.communicate(timeout=90)


def key_of_tenant(name: str, *options: str) -> str:
    """Create a tenant, and return a key of it."""
    tenant = command("tenants", "create", name, *options)
    return command("keys", "create", "--tenant", tenant, "--all-scopes", "--name", "demo")


def command(*words: str) -> str:
    """Run a `rapport` command; return its output."""
    done = subprocess.run([RAPPORT, *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return done.stdout.strip()


@contextmanager
def bar(what: str, total: int) -> Iterator[Advance]:
    """Show a progress bar, or print a line at the end if there is no terminal."""
    if not console.is_terminal:
        started = time.perf_counter()
        yield lambda _: None
        console.print(f"{what}: {total:,} in {time.perf_counter() - started:.1f} s")
        return
    columns = (TextColumn("{task.description:30}"), BarColumn(40), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.advance(task, done)


def show_rates(baskets: int, sending: float, whole: float) -> None:
    """Print the rates of the purchases."""
    console.print(
        f"{baskets:,} purchases: {baskets / sending:,.0f} per second through the gateway, "
        f"{baskets / whole:,.0f} per second until points and figures were up to date."
    )


def show_checks(checks: list[Check]) -> bool:
    """Print every figure beside its expected value; return whether all are equal."""
    table = Table("figure", "from the file", "from Rapport", "", title="Figures checked against plain Python")
    for check in checks:
        mark = "[green]equal[/]" if check.holds else "[red]DIFFERS[/]"
        table.add_row(check.what, str(check.expected)[:60], str(check.actual)[:60], mark)
    console.print(table)
    return all(check.holds for check in checks)


if __name__ == "__main__":
    raise SystemExit(main())
