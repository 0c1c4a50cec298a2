"""The stack: starts everything in order, restarts processes that die, stops everything in reverse order."""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Collection
from functools import partial
from pathlib import Path

import asyncpg
import httpx

from local import PROCESSES, kafka_server, postgres
from local.data_dir import DataDir, LocalSettings, StackError, write_environments
from local.processes import ForkedProcess, Process, stop, stop_leftovers, write_pid_file
from local.supervision import ManagedProcess, Notify, Supervisor

START_SECONDS = 60.0
SIGNALS = {"gateway": signal.SIGTERM, **{name: signal.SIGTERM for name in PROCESSES}}
SIGNALS |= {"kafka": signal.SIGTERM, "postgres": signal.SIGINT}  # SIGINT is PostgreSQL's fast shutdown


class Stack:
    """PostgreSQL, Kafka and the five processes, on a shared data folder."""

    def __init__(
        self,
        settings: LocalSettings,
        say: Notify,
        options: dict[str, str] | None = None,
        without: Collection[str] = (),
        *,
        servers_only: bool = False,
    ) -> None:
        self._settings = settings
        self._say = say
        self._options = options or {}
        self._without = PROCESSES if servers_only else without
        self._servers_only = servers_only
        self._stopping = asyncio.Event()
        self.data_dir = DataDir.at(settings.rapport_data)
        self.members: dict[str, ManagedProcess] = {}
        self.ports: dict[str, int] = {}

    @property
    def url(self) -> str:
        """The address of the gateway."""
        return f"http://127.0.0.1:{self.ports['gateway']}"

    async def start(self) -> None:
        """Start everything. Raises StackError, with everything stopped, if a process does not start."""
        self._lock = self.data_dir.lock()
        try:
            for name in stop_leftovers(self.data_dir, SIGNALS):
                self._say(f"{name} was left running by a killed stack; stopped it")
            self.ports = self.data_dir.ports(self._settings.rapport_port)
            await self._start_servers()
            if not self._servers_only:  # a restore creates the databases
                await self._run_migrations()
            await self._start_members([self._service(name) for name in PROCESSES if name not in self._without])
        except BaseException:
            await self.stop()
            raise

    async def watch(self) -> None:
        """Restart processes that die, until `shutdown`."""
        longest_pause = self._settings.rapport_restart_seconds
        await Supervisor(self._launch, self._say, self.data_dir.log, longest_pause).watch(self.members, self._stopping)

    def shutdown(self) -> None:
        """End `watch`."""
        self._stopping.set()

    async def stop(self) -> None:
        """Stop everything: the gateway first, then the services, then Kafka and PostgreSQL."""
        running = [member for member in self.members.values() if member.running and member.running.exit_code() is None]
        for names in (("gateway",), PROCESSES, ("kafka",), ("postgres",)):
            chosen = [member for member in running if member.name in names]
            running = [member for member in running if member not in chosen]
            await asyncio.gather(*(self._stop(member) for member in chosen))
        for name in self.members:  # a process that waited for its restart has left its file
            self.data_dir.pid_file(name).unlink(missing_ok=True)
        os.close(self._lock)

    async def _stop(self, member: ManagedProcess) -> None:
        assert member.running is not None
        await stop(self.data_dir, member.name, member.running, SIGNALS[member.name])

    async def _start_servers(self) -> None:
        servers = []
        url, kafka = self._settings.database_url, self._settings.kafka_bootstrap_servers
        if url is None:
            url = postgres.admin_url(self.data_dir, self.ports["postgres"])
            postgres.initialise(self.data_dir)
            servers.append(self._postgres(url))
        if kafka is None:
            kafka = f"127.0.0.1:{self.ports['kafka']}"
            await asyncio.to_thread(kafka_server.fetch_jars)
            servers.append(self._kafka())
        await self._start_members(servers)
        write_environments(self.data_dir, url, kafka, self.ports, self._options)

    def _postgres(self, url: str) -> ManagedProcess:
        async def answers() -> bool:
            connection = await asyncpg.connect(url, timeout=2)
            await connection.close()
            return True

        speed = self._settings.rapport_unsafe_speed
        return ManagedProcess(
            "postgres", lambda: postgres.start(self.data_dir, self.ports["postgres"], unsafe_speed=speed), answers
        )

    def _kafka(self) -> ManagedProcess:
        async def answers() -> bool:
            _, writer = await asyncio.open_connection("127.0.0.1", self.ports["kafka"])
            writer.close()
            return True

        return ManagedProcess("kafka", self._start_kafka, answers)

    def _start_kafka(self) -> Process:
        had_events = self.data_dir.env_file("gateway").exists()
        if kafka_server.prepare(self.data_dir, self.ports) and had_events:
            self._say(f"Kafka's folder was empty: Kafka starts without events. Run {kafka_server.REPAIR}.")
            self._restart_services()
        return kafka_server.start(self.data_dir)

    def _restart_services(self) -> None:
        """End the services, so that they start again: they create their topics at their start only."""
        for name in PROCESSES:
            member = self.members.get(name)
            if member and member.running and member.running.exit_code() is None:
                os.kill(member.running.pid, signal.SIGTERM)

    def _service(self, name: str) -> ManagedProcess:
        url = f"http://127.0.0.1:{self.ports[name]}/ready"

        async def answers() -> bool:
            # Plain HTTP needs no verification, and loading the certificates would cost 20 ms of CPU per attempt.
            async with httpx.AsyncClient(trust_env=False, verify=False) as client:
                return (await client.get(url, timeout=2)).status_code == 200

        start = partial(ForkedProcess, run_service, name, str(self.data_dir.root), self.ports[name])
        return ManagedProcess(name, start, answers)

    async def _run_migrations(self) -> None:
        migrating = ForkedProcess(run_migrations, str(self.data_dir.root))
        while (code := migrating.exit_code()) is None:  # noqa: ASYNC110 - the exit of a process is not an event
            await asyncio.sleep(0.05)
        if code != 0:
            raise StackError(f"The migrations failed; see {self.data_dir.log('migrations')}")

    async def _start_members(self, members: list[ManagedProcess]) -> None:
        for member in members:
            self.members[member.name] = member
            self._launch(member)
        await asyncio.gather(*(self._wait_for(member) for member in members))

    def _launch(self, member: ManagedProcess) -> None:
        member.running = member.start()
        write_pid_file(self.data_dir, member.name, member.running.pid)

    async def _wait_for(self, member: ManagedProcess) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if member.running is not None and member.running.exit_code() is not None:
                break
            try:
                if await member.answers():
                    return
            except (OSError, asyncpg.PostgresError, httpx.HTTPError):
                pass
            await asyncio.sleep(0.05)
        hint = f" If its folder is damaged: {kafka_server.way_out(self.data_dir)}" if member.name == "kafka" else ""
        raise StackError(f"{member.name} does not start; see {self.data_dir.log(member.name)}.{hint}")


# Run by the forks


def run_service(name: str, root: str, port: int) -> None:
    """Run a service in a fork."""
    from chassis.cli.server import serve
    from chassis.service import load

    _daemonize(DataDir.at(Path(root)), name, name)
    service = load(name)
    serve(service, service.settings(), "all", "127.0.0.1", port)


def run_migrations(root: str) -> None:
    """Migrate the five databases."""
    from chassis.db.migrations import run
    from chassis.service import load

    data_dir = DataDir.at(Path(root))
    for name in PROCESSES:
        _daemonize(data_dir, name, "migrations")
        service = load(name)
        run(service.settings(), name, service.migrations)


def _daemonize(data_dir: DataDir, name: str, log: str) -> None:
    """Give a fork its own session, log and settings, and end it if the stack disappears."""
    if os.getpid() != os.getsid(0):
        os.setsid()
    with data_dir.log(log).open("ab") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    for line in data_dir.env_file(name).read_text().splitlines():
        key, _, value = line.partition("=")
        os.environ[key] = value[1:-1]
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()


def _end_with_parent(parent: int) -> None:
    """End with the fork server, which ends with the stack: a killed stack leaves no service behind."""
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)
