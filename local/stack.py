"""The stack: starts everything in order, starts again what dies, stops everything in the other order."""

import asyncio
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import httpx

from local import PROCESSES, kafka_server, postgres
from local.places import LocalSettings, Place, StackError, write_environments
from local.programs import Forked, Running, note, stop, stop_leftovers

DEATHS, WITHIN_SECONDS = 5, 60.0
START_SECONDS = 60.0
SIGNALS = {"gateway": signal.SIGTERM, **{name: signal.SIGTERM for name in PROCESSES}}
SIGNALS |= {"kafka": signal.SIGTERM, "postgres": signal.SIGINT}  # SIGINT is PostgreSQL's fast shutdown
Say = Callable[[str], None]


@dataclass
class Member:
    """A program of the stack, and how often it has died."""

    name: str
    start: Callable[[], Running]
    answers: Callable[[], Awaitable[bool]]
    running: Running | None = None
    deaths: deque[float] = field(default_factory=lambda: deque(maxlen=DEATHS))


class Stack:
    """PostgreSQL, Kafka and the five processes, on one data folder."""

    def __init__(
        self,
        settings: LocalSettings,
        say: Say,
        options: dict[str, str] | None = None,
        without: Collection[str] = (),
    ) -> None:
        self._settings = settings
        self._say = say
        self._options = options or {}
        self._without = without
        self._stopping = asyncio.Event()
        self.place = Place.at(settings.rapport_data)
        self.members: dict[str, Member] = {}
        self.ports: dict[str, int] = {}

    @property
    def url(self) -> str:
        """Where the gateway answers."""
        return f"http://127.0.0.1:{self.ports['gateway']}"

    async def start(self) -> None:
        """Brings everything up. Raises StackError, with everything stopped, when something will not."""
        self._lock = self.place.lock()
        try:
            for name in stop_leftovers(self.place, SIGNALS):
                self._say(f"{name} was left running by a stack that was killed; stopped it")
            self.ports = self.place.ports(self._settings.rapport_port)
            await self._start_servers()
            await self._run_migrations()
            await self._start_members([self._service(name) for name in PROCESSES if name not in self._without])
        except BaseException:
            await self.stop()
            raise

    async def watch(self) -> None:
        """Starts again what dies. Raises StackError when something dies again and again; ends when `end` is called."""
        while not self._stopping.is_set():
            for member in self.members.values():
                code = member.running.ended() if member.running else None
                if code is not None:
                    await self._revive(member, code)
            try:
                await asyncio.wait_for(self._stopping.wait(), 0.2)
            except TimeoutError:
                pass

    def end(self) -> None:
        """Ends `watch`."""
        self._stopping.set()

    async def stop(self) -> None:
        """Stops everything: the gateway first, then the services, then what they stand on."""
        running = [member for member in self.members.values() if member.running and member.running.ended() is None]
        for names in (("gateway",), PROCESSES, ("kafka",), ("postgres",)):
            chosen = [member for member in running if member.name in names]
            running = [member for member in running if member not in chosen]
            await asyncio.gather(*(self._stop(member) for member in chosen))
        os.close(self._lock)

    async def _stop(self, member: Member) -> None:
        assert member.running is not None
        await stop(self.place, member.name, member.running, SIGNALS[member.name])

    async def _revive(self, member: Member, code: int) -> None:
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        member.deaths.append(time.monotonic())
        if len(member.deaths) == DEATHS and member.deaths[-1] - member.deaths[0] < WITHIN_SECONDS:
            raise StackError(f"{member.name} {how} and has died {DEATHS} times; see {self.place.log(member.name)}")
        self._say(f"{member.name} {how}; starting it again")
        await asyncio.sleep(0.5 * (len(member.deaths) - 1))
        self._launch(member)

    async def _start_servers(self) -> None:
        servers = []
        url, kafka = self._settings.database_url, self._settings.kafka_bootstrap_servers
        if url is None:
            url = postgres.admin_url(self.place, self.ports["postgres"])
            postgres.initialise(self.place)
            servers.append(self._postgres(url))
        if kafka is None:
            kafka = f"127.0.0.1:{self.ports['kafka']}"
            await asyncio.to_thread(kafka_server.fetch_jars)
            await asyncio.to_thread(kafka_server.initialise, self.place, self.ports)
            servers.append(self._kafka())
        await self._start_members(servers)
        write_environments(self.place, url, kafka, self.ports, self._options)

    def _postgres(self, url: str) -> Member:
        async def answers() -> bool:
            connection = await asyncpg.connect(url, timeout=2)
            await connection.close()
            return True

        speed = self._settings.rapport_unsafe_speed
        return Member(
            "postgres", lambda: postgres.start(self.place, self.ports["postgres"], unsafe_speed=speed), answers
        )

    def _kafka(self) -> Member:
        async def answers() -> bool:
            _, writer = await asyncio.open_connection("127.0.0.1", self.ports["kafka"])
            writer.close()
            return True

        return Member("kafka", lambda: kafka_server.start(self.place), answers)

    def _service(self, name: str) -> Member:
        url = f"http://127.0.0.1:{self.ports[name]}/ready"

        async def answers() -> bool:
            async with httpx.AsyncClient(trust_env=False) as client:
                return (await client.get(url, timeout=2)).status_code == 200

        return Member(name, lambda: Forked(run_service, name, str(self.place.root), self.ports[name]), answers)

    async def _run_migrations(self) -> None:
        migrating = Forked(run_migrations, str(self.place.root))
        while (code := migrating.ended()) is None:  # noqa: ASYNC110 - a process has no event to wait for
            await asyncio.sleep(0.05)
        if code != 0:
            raise StackError(f"The migrations failed; see {self.place.log('migrations')}")

    async def _start_members(self, members: list[Member]) -> None:
        for member in members:
            self.members[member.name] = member
            self._launch(member)
        await asyncio.gather(*(self._wait_for(member) for member in members))

    def _launch(self, member: Member) -> None:
        member.running = member.start()
        note(self.place, member.name, member.running.pid)

    async def _wait_for(self, member: Member) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if member.running is not None and member.running.ended() is not None:
                break
            try:
                if await member.answers():
                    return
            except (OSError, asyncpg.PostgresError, httpx.HTTPError):
                pass
            await asyncio.sleep(0.05)
        raise StackError(f"{member.name} does not come up; see {self.place.log(member.name)}")


# What the forks run


def run_service(name: str, root: str, port: int) -> None:
    """One of the five processes."""
    from chassis.service import load
    from chassis.serving import serve

    _settle(Place.at(Path(root)), name, name)
    serve(load(name), "all", "127.0.0.1", port)


def run_migrations(root: str) -> None:
    """Migrates the five databases."""
    from chassis.migrations import run
    from chassis.service import load

    place = Place.at(Path(root))
    for name in PROCESSES:
        _settle(place, name, "migrations")
        service = load(name)
        run(service.settings, name, service.migrations)


def _settle(place: Place, name: str, log: str) -> None:
    """Makes a fork a process of its own: session, log, settings; and one that ends when the stack is gone."""
    if os.getpid() != os.getsid(0):
        os.setsid()
    with place.log(log).open("ab") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    for line in place.env_file(name).read_text().splitlines():
        key, _, value = line.partition("=")
        os.environ[key] = value[1:-1]
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()


def _end_with_parent(parent: int) -> None:
    """The fork server ends with the stack, and its forks with it: a killed stack leaves no service behind."""
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)
