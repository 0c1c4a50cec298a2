"""The data folder of a stack: its ports and secrets, logs, pid files and settings."""

import fcntl
import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from chassis.core.identity import new_key_pair
from chassis.types import json
from local import PROCESSES, SERVICES


class LocalSettings(BaseSettings):
    """The settings of the local stack."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    rapport_data: Path = Field(Path(".rapport"), description="The data folder of the local stack.")
    rapport_port: int | None = Field(
        None, ge=1, le=65535, description="The gateway's port; 8400 at the first start, then the last one."
    )
    database_url: str | None = Field(
        None,
        description="For `rapport up`: an existing PostgreSQL, with a login that may create roles.",
    )
    kafka_bootstrap_servers: str | None = Field(None, description="For `rapport up`: an existing Kafka.")
    rapport_restart_seconds: float = Field(
        30.0, gt=0, description="Longest pause, in seconds, before a process that keeps dying is started again."
    )
    rapport_unsafe_speed: bool = Field(
        False, description="Start PostgreSQL with fsync off. For tests only: a power cut then loses data."
    )


class StackError(Exception):
    """The stack cannot start or continue. The text says what to do."""


class AlreadyRunning(StackError):
    """A stack already runs on the data folder."""


@dataclass(frozen=True)
class DataDir:
    """A data folder."""

    root: Path

    @classmethod
    def at(cls, root: Path) -> "DataDir":
        """Return the folder, created if it does not exist."""
        root = root.absolute()
        for folder in (root, root / "logs", root / "env", root / "run"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return cls(root)

    def log(self, name: str) -> Path:
        """Return the path of a process's log."""
        return self.root / "logs" / f"{name}.log"

    def pid_file(self, name: str) -> Path:
        """Return the path of a running process's pid file."""
        return self.root / "run" / f"{name}.pid"

    def env_file(self, name: str) -> Path:
        """Return the path of a process's settings, which commands read as well."""
        return self.root / "env" / f"{name}.env"

    def lock(self) -> int:
        """Lock the folder for one stack. Raises AlreadyRunning if another stack has locked it."""
        handle = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                f"A stack is already running on {self.root}; choose another folder by --data."
            ) from None
        return handle

    @property
    def url(self) -> str:
        """The address of the gateway of the stack that was started last."""
        return f"http://127.0.0.1:{json.loads((self.root / 'ports.json').read_bytes())['gateway']}"

    def ports(self, gateway: int | None) -> dict[str, int]:
        """Return a port for each process: that of the last start if it is still free."""
        file = self.root / "ports.json"
        known: dict[str, int] = json.loads(file.read_bytes()) if file.exists() else {"gateway": 8400}
        if gateway is not None:
            known["gateway"] = gateway
        if not _is_free(known["gateway"]):
            raise StackError(f"Port {known['gateway']} is in use; choose another by --port.")
        for name in ("postgres", "kafka", "kafka_controller", *SERVICES):
            if name not in known or not _is_free(known[name]):
                known[name] = free_port(set(known.values()))
        file.write_bytes(json.dumps(known))
        return known

    def secrets(self) -> dict[str, Any]:
        """Return the passwords and keys, which the first start generates: there are no default secrets."""
        file = self.root / "secrets.json"
        if not file.exists():
            private, public = new_key_pair()
            made = {
                "postgres": secrets.token_urlsafe(24),
                "operator": secrets.token_urlsafe(24),
                "encryption": secrets.token_urlsafe(24),
                "token_private": private,
                "token_public": public,
                "cluster_id": "r" + secrets.token_urlsafe(16)[1:],  # a leading "-" would be read as an option
                "cursor": {name: secrets.token_urlsafe(32) for name in PROCESSES},
                "api": {name: secrets.token_urlsafe(24) for name in PROCESSES},
                "worker": {name: secrets.token_urlsafe(24) for name in PROCESSES},
            }
            _write_privately(file, made)
        stored = dict(json.loads(file.read_bytes()))
        missing = [name for name in ("operator", "encryption") if name not in stored]
        if missing:  # a folder of an older release
            _write_privately(file, stored | {name: secrets.token_urlsafe(24) for name in missing})
            return self.secrets()
        return stored


def _write_privately(file: Path, content: dict[str, Any]) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(json.dumps(content))


def write_environments(
    data_dir: DataDir, admin_url: str, kafka: str, ports: dict[str, int], options: dict[str, str] | None = None
) -> None:
    """Write the settings of the five processes, as files that commands read as well."""
    made = data_dir.secrets()
    server = admin_url.split("@", 1)[1].rsplit("/", 1)[0]
    for name in PROCESSES:
        database = f"rapport_{name}"
        lines = {
            "DATABASE_URL": f"postgresql://{name}_api:{made['api'][name]}@{server}/{database}",
            "WORKER_DATABASE_URL": f"postgresql://{name}_worker:{made['worker'][name]}@{server}/{database}",
            "MIGRATION_DATABASE_URL": f"{admin_url.rsplit('/', 1)[0]}/{database}",
            "KAFKA_BOOTSTRAP_SERVERS": kafka,
            "KAFKA_SESSION_SECONDS": "6",
            "KAFKA_PARTITIONS": "3",  # a broker, its clients and a batch cost CPU per partition
            "INTERNAL_TOKEN_PUBLIC_KEY": made["token_public"],
            "CURSOR_SECRET": made["cursor"][name],
            "OPERATOR_TOKEN": made["operator"],
            "FILES": str(data_dir.root / "files" / name),
            **(options or {}),
        }
        if name == "gateway":
            lines["INTERNAL_TOKEN_PRIVATE_KEY"] = made["token_private"]
            lines["WEBHOOK_ENCRYPTION_KEYS"] = made["encryption"]
            lines["OUTBOUND_ALLOW_LOOPBACK"] = "true"  # receivers that are being developed run on this machine
            lines["UPSTREAMS"] = json.dumps_str({one: f"http://127.0.0.1:{ports[one]}" for one in SERVICES})
        file = data_dir.env_file(name)
        file.write_text("".join(f"{key}='{value}'\n" for key, value in lines.items()))
        file.chmod(0o600)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port(taken: set[int]) -> int:
    """Return a free port that is not reserved for another process."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port not in taken:
            return port
