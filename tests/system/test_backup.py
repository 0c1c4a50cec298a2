"""Backup and restore, with the commands of docs/operations.md to the letter.

A backup is made while clients write. Everything that was acknowledged before its moment is in it, and no reader is
ahead of a publisher.
"""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from chassis.cli.backups.manifest import checksum
from chassis.types import json
from chassis.types.ids import uuid7
from local import PROCESSES
from tests.support import commands
from tests.support.facts import a_program, a_purchase, a_rule
from tests.support.patience import PATIENCE_SECONDS
from tests.support.stack import RAPPORT, RunningStack, Visitor, a_visitor

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
SECTION = PAGE.read_text().partition("\n## Back up and restore\n")[2].partition("\n## ")[0]
BLOCKS = re.compile(r"```sh\n(.*?)```", re.DOTALL)
CRON = re.compile(r"```crontab\n0 \* \* \* \* (.*?)\n```", re.DOTALL)
WRITERS = 4


def page_commands(heading: str) -> list[str]:
    """Return the commands that the page shows under a heading, in order."""
    part = SECTION.partition(f"\n### {heading}\n")[2].partition("\n### ")[0]
    return [line for block in BLOCKS.findall(part) for line in block.splitlines()]


@dataclass
class Backup:
    """A backup that was made under a load, and the purchases that were acknowledged, with their times."""

    folder: Path
    visitor: Visitor
    moment: datetime
    acknowledged: list[tuple[float, str]] = field(default_factory=list)

    @property
    def older(self) -> set[str]:
        """The purchases that were acknowledged before the moment of the backup."""
        return {id for at, id in self.acknowledged if at < self.moment.timestamp()}


@asynccontextmanager
async def writing(visitor: Visitor, acknowledged: list[tuple[float, str]]) -> AsyncIterator[None]:
    """Record purchases while the block runs."""

    async def write() -> None:
        while True:
            answer = await visitor.request("POST", "/v1/purchases", json=a_purchase(uuid7()))
            assert answer.status_code == 201, answer.text
            acknowledged.append((time.time(), answer.json()["id"]))

    writers = [asyncio.create_task(write()) for _ in range(WRITERS)]
    await asyncio.sleep(2)
    try:
        yield
    finally:
        await asyncio.sleep(1)
        for writer in writers:
            writer.cancel()
        results = await asyncio.gather(*writers, return_exceptions=True)
        assert {type(result) for result in results} == {asyncio.CancelledError}, results


@pytest.fixture(scope="module")
async def backup(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Backup:
    """Make a backup under a load, with the page's command."""
    visitor = a_visitor(stack)
    program = (await visitor.request("POST", "/v1/programs", json=a_program())).json()
    await visitor.request("POST", f"/v1/programs/{program['id']}/earning-rules", json=a_rule())
    root = tmp_path_factory.mktemp("backup")
    acknowledged: list[tuple[float, str]] = []
    async with writing(visitor, acknowledged):
        (command,) = page_commands("Back up")
        said = await asyncio.to_thread(run, command, root, stack.data_dir.root)
    assert re.match(r"backups/monday: the state of \S+Z, \d+\.\d MB, written in \d+\.\d s$", said), said
    folder = root / "backups" / "monday"
    moment = datetime.fromisoformat(json.loads((folder / "manifest.json").read_bytes())["moment"])
    await visitor.drained()
    await visitor.close()
    return Backup(folder, visitor, moment, acknowledged)


def run(command: str, where: Path, data: Path, *, code: int = 0) -> str:
    """Run a command of the page in a folder, and return what it prints."""
    done = subprocess.run(
        ["sh", "-c", command], cwd=where, env=environment(data), capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return (done.stdout if code == 0 else done.stderr).strip()


def environment(data: Path, **more: str) -> dict[str, str]:
    path = f"{Path(RAPPORT).parent}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "RAPPORT_DATA": str(data), **more}


@contextmanager
def terminal(command: str, stack: RunningStack) -> Iterator[None]:
    """Run a command of the page until Ctrl-C, while the block runs."""
    variables = environment(stack.data_dir.root, RAPPORT_PORT=str(stack.port))
    words = command.split()
    with (stack.data_dir.root / "up.log").open("a") as said:
        process = subprocess.Popen(words, env=variables, stdout=subprocess.PIPE, stderr=said, text=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("ready"), f"{line!r}: {stack.said()}"
        yield
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=PATIENCE_SECONDS) == 0
        process.stdout.close()


@contextmanager
def servers_only(stack: RunningStack) -> Iterator[None]:
    """Run PostgreSQL and Kafka alone, with the page's command, while the block runs."""
    with terminal(page_commands("Restore")[0], stack):
        yield


@pytest.fixture
def empty(tmp_path: Path) -> RunningStack:
    """Return a stack that has never run."""
    return RunningStack(tmp_path / "restored")


async def test_a_restore_to_the_letter_of_the_page_into_an_empty_stack(backup: Backup, empty: RunningStack) -> None:
    servers, restore, up, repair, compare, single = page_commands("Restore")
    where = backup.folder.parent.parent
    assert backup.older
    with terminal(servers, empty):
        said = run(restore, where, empty.data_dir.root)
        assert re.search(r"restored in \d+\.\d s$", said), said
        assert await events_ahead(empty) == set()

    with terminal(up, empty):
        visitor = Visitor(empty, backup.visitor.key)
        await visitor.drained()
        run(f"{repair} || true", where, empty.data_dir.root)
        await visitor.drained()
        run(compare, where, empty.data_dir.root)
        purchases = await ids(empty, "interactions", "select id from purchase")
        assert backup.older - purchases == set()
        assert await ids(empty, "analytics", "select id from purchase_fact") == purchases
        answer = await visitor.request("POST", "/v1/purchases", json=a_purchase(uuid7()))
        assert answer.status_code == 201
        await visitor.drained()
        await visitor.close()
    assert single.endswith("--service analytics --replace")


async def events_ahead(stack: RunningStack) -> set[Any]:
    """Return the events that a service has applied and no service has published."""
    applied, published = set(), set()
    for name in PROCESSES:
        applied |= await ids(stack, name, "select event_id from chassis.inbox")
        for table in ("outbox", "published_event"):
            published |= await ids(stack, name, f"select event_id from chassis.{table}")
    assert published
    return applied - published


async def ids(stack: RunningStack, service: str, statement: str) -> set[str]:
    return {str(value) for row in await stack.rows(service, statement) for value in row.values()}


@pytest.mark.nightly
async def test_a_single_reader_is_restored_and_made_whole_again(backup: Backup, empty: RunningStack) -> None:
    *_, repair, _, single = page_commands("Restore")
    where, data = backup.folder.parent.parent, empty.data_dir.root
    with servers_only(empty):
        run("rapport restore backups/monday", where, data)
    empty.start()
    visitor = Visitor(empty, backup.visitor.key)
    later = [(await visitor.request("POST", "/v1/purchases", json=a_purchase(uuid7()))).json()["id"] for _ in range(20)]
    await visitor.drained()
    await visitor.close()
    empty.stop()

    with servers_only(empty):
        run(single, where, data)
        assert not set(later) & await ids(empty, "analytics", "select id from purchase_fact")

    empty.start()
    visitor = Visitor(empty, backup.visitor.key)
    run(f"{repair} || true", where, data)
    await visitor.drained()
    run("rapport reconcile", where, data)
    assert set(later) <= await ids(empty, "analytics", "select id from purchase_fact")
    await visitor.close()
    empty.stop()


def test_the_page_s_line_for_cron_makes_a_backup_and_keeps_new_ones(stack: RunningStack, tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(Path(RAPPORT).parent.parent)
    (line,) = CRON.findall(SECTION)
    command = line.replace("/srv/rapport", str(tmp_path)).replace("\\%", "%")
    run(command, tmp_path, stack.data_dir.root)
    (made,) = (tmp_path / "backups").iterdir()
    assert {file.name for file in made.iterdir()} == {"manifest.json", *(f"{name}.dump" for name in PROCESSES)}


# Refusals


def test_an_existing_folder_is_not_overwritten(stack: RunningStack, tmp_path: Path) -> None:
    refused = commands.run(["backup", str(tmp_path)], stack.data_dir.root)
    assert (refused.code, "A backup never overwrites" in refused.errors) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_a_killed_backup_never_looks_complete_and_is_repeated(stack: RunningStack, tmp_path: Path) -> None:
    target = tmp_path / "killed"
    process = subprocess.Popen([RAPPORT, "backup", str(target)], env=environment(stack.data_dir.root))
    deadline = time.monotonic() + 30
    while not list(tmp_path.glob("killed.new/*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not target.exists()

    assert commands.run(["backup", str(target)], stack.data_dir.root).code == 0
    assert [file.name for file in tmp_path.iterdir()] == ["killed"]


def test_a_restore_beside_running_services_is_refused(stack: RunningStack, backup: Backup) -> None:
    refused = commands.run(["restore", str(backup.folder), "--replace"], stack.data_dir.root)
    assert (refused.code, "Processes of Rapport use rapport_" in refused.errors) == (1, True)


def damage(folder: Path, how: str) -> None:
    manifest = json.loads((folder / "manifest.json").read_bytes())
    dump = folder / "loyalty.dump"
    if how == "corrupt":
        content = bytearray(dump.read_bytes())
        content[len(content) // 2] ^= 1
        dump.write_bytes(content)
    elif how == "missing":
        dump.unlink()
    elif how == "unfinished":
        (folder / "manifest.json").unlink()
    elif how == "not a manifest":
        (folder / "manifest.json").write_text("{}")
    elif how == "partial":
        del manifest["databases"]["loyalty"]
    elif how == "newer":
        manifest["databases"]["loyalty"]["revision"] = "9999"
    elif how == "newer format":
        manifest["format"] = 2
    if how in ("partial", "newer", "newer format"):
        (folder / "manifest.json").write_bytes(json.dumps(manifest))


DAMAGES = {
    "corrupt": "loyalty.dump is damaged: its size or checksum differs",
    "missing": "loyalty.dump is missing: the backup is not complete",
    "unfinished": "manifest.json is missing",
    "not a manifest": "manifest.json is damaged",
    "partial": "has no database of loyalty",
    "newer": "loyalty is at revision 9999, which this version does not have",
    "newer format": "has format 2",
}


@pytest.fixture(scope="module")
def servers(backup: Backup, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """Run PostgreSQL and Kafka alone, with the databases of the backup."""
    stack = RunningStack(tmp_path_factory.mktemp("servers"))
    with servers_only(stack):
        run("rapport restore backups/monday", backup.folder.parent.parent, stack.data_dir.root)
        yield stack


@pytest.mark.parametrize("how", DAMAGES)
async def test_a_damaged_or_newer_backup_changes_nothing(
    servers: RunningStack, backup: Backup, tmp_path: Path, how: str
) -> None:
    copy = shutil.copytree(backup.folder, tmp_path / "copy")
    damage(copy, how)
    before = await databases(servers)

    refused = commands.run(["restore", str(copy), "--replace"], servers.data_dir.root)

    assert refused.code == 1
    assert DAMAGES[how] in refused.errors
    assert await databases(servers) == before


async def test_a_dump_that_pg_restore_rejects_changes_nothing(
    servers: RunningStack, backup: Backup, tmp_path: Path
) -> None:
    copy = shutil.copytree(backup.folder, tmp_path / "copy")
    manifest = json.loads((copy / "manifest.json").read_bytes())
    (copy / "loyalty.dump").write_bytes(b"PGDMP")
    manifest["databases"]["loyalty"] |= {"bytes": 5, "sha256": checksum(copy / "loyalty.dump")}
    (copy / "manifest.json").write_bytes(json.dumps(manifest))
    before = await databases(servers)

    refused = commands.run(["restore", str(copy), "--replace"], servers.data_dir.root)

    assert (refused.code, "pg_restore failed" in refused.errors) == (1, True), refused.errors
    assert await databases(servers) == before


async def test_databases_with_contents_are_replaced_only_on_request(servers: RunningStack, backup: Backup) -> None:
    before = await databases(servers)
    refused = commands.run(["restore", str(backup.folder)], servers.data_dir.root)
    assert (refused.code, "is not empty" in refused.errors) == (1, True)
    assert await databases(servers) == before
    assert commands.run(["restore", str(backup.folder), "--replace"], servers.data_dir.root).code == 0
    assert not set(await databases(servers)) & set(before), "the databases are new ones"


async def test_a_killed_restore_prevents_a_start_and_is_repeated(servers: RunningStack, backup: Backup) -> None:
    command = [RAPPORT, "restore", str(backup.folder), "--replace"]
    process = subprocess.Popen(command, env=environment(servers.data_dir.root), stdout=subprocess.DEVNULL)  # noqa: ASYNC220
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not [name for _, name in await databases(servers) if name.endswith("_restoring")]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    process.kill()
    process.wait()

    refused = commands.run(["migrate"], servers.data_dir.root)
    assert (refused.code, "Repeat `rapport restore DIR --replace`" in refused.errors) == (1, True)

    assert commands.run(["restore", str(backup.folder), "--replace"], servers.data_dir.root).code == 0
    assert {name for _, name in await databases(servers)} == {f"rapport_{name}" for name in PROCESSES}
    assert commands.run(["migrate"], servers.data_dir.root).code == 0


async def databases(stack: RunningStack) -> list[tuple[int, str]]:
    """Return the oids and names of Rapport's databases."""
    url = stack.admin_url("gateway").rpartition("/")[0] + "/postgres"
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("select oid, datname from pg_database where datname like 'rapport%' order by 2")
        return [(row["oid"], row["datname"]) for row in rows]
    finally:
        await connection.close()
