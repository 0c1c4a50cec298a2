"""The doctor: reports the requirements that this machine meets, and how to install the others."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable

from local import postgres
from local.data_dir import StackError

JAVA_OLDEST = 17
GET_JAVA = "Debian: apt-get install openjdk-17-jre-headless · macOS: brew install openjdk@17"
GET_MAVEN = "Debian: apt-get install maven · macOS: brew install maven"
GET_PYTHON = "Debian: apt-get install python3 python3-venv · macOS: brew install python@3.12"
OTHER_WAYS = (
    "Without Java: `docker compose up` (docker-compose.yml), or let KAFKA_BOOTSTRAP_SERVERS point at a Kafka elsewhere."
)


def report() -> bool:
    """Print a line per requirement. Returns whether all are met."""
    checks: list[tuple[str, Callable[[], str | None], str]] = [
        ("Python 3.11 or newer", _python, GET_PYTHON),
        ("PostgreSQL", _postgres, "run `make setup`"),
        (f"Java {JAVA_OLDEST} or newer", _java, f"{GET_JAVA}. {OTHER_WAYS}"),
        ("Maven", _maven, GET_MAVEN),
        ("ps", _ps, "Debian: apt-get install procps"),
    ]
    complete = True
    for name, check, cure in checks:
        missing = check()
        complete = complete and missing is None
        print(f"ok       {name}" if missing is None else f"MISSING  {name}: {missing}\n         {cure}")
    return complete


def _python() -> str | None:
    return None if sys.version_info >= (3, 11) else f"this is {sys.version.split()[0]}"


def _postgres() -> str | None:
    try:
        postgres.binaries()
        postgres.as_other_user()
    except StackError as error:
        return str(error)
    return None


def _java() -> str | None:
    if shutil.which("java") is None:
        return "no `java` on the PATH"
    told = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(\d+)', told.stderr + told.stdout)
    if found is None or int(found.group(1)) < JAVA_OLDEST:
        return f"`java -version` says {(told.stderr or told.stdout).splitlines()[:1]}"
    return None


def _maven() -> str | None:
    return None if shutil.which("mvn") else "no `mvn` on the PATH"


def _ps() -> str | None:
    return None if shutil.which("ps") else "no `ps` on the PATH"
