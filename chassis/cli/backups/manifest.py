"""The manifest of a backup: the state that its files hold, and how to recognize damage."""

import hashlib
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from chassis.cli.backups import BackupError
from chassis.types import json

FILE = "manifest.json"
FORMAT = 1


class DumpedDatabase(BaseModel):
    """The dump of a service's database."""

    model_config = ConfigDict(frozen=True)

    file: str
    database: str
    revision: str
    bytes: int
    sha256: str


class Manifest(BaseModel):
    """The contents of a backup."""

    model_config = ConfigDict(frozen=True)

    format: int
    rapport: str
    """The version of Rapport that made the backup."""
    postgresql: int
    """The major version of the `pg_dump` that made it."""
    moment: AwareDatetime
    """Everything that was committed before this moment of the database's clock is in the backup."""
    databases: dict[str, DumpedDatabase]

    @property
    def bytes(self) -> int:
        """The size of all dumps."""
        return sum(dump.bytes for dump in self.databases.values())


def describe(moment: datetime) -> str:
    """Return a moment as it is printed."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write(manifest: Manifest, folder: Path) -> None:
    """Write the manifest into a backup's folder."""
    (folder / FILE).write_bytes(json.dumps(manifest.model_dump(mode="json")) + b"\n")


def read(folder: Path) -> Manifest:
    """Return the manifest of a backup, without a look at its dumps."""
    try:
        manifest = Manifest.model_validate_json((folder / FILE).read_bytes())
    except FileNotFoundError:
        raise BackupError(f"{folder} is not a complete backup: {FILE} is missing.") from None
    except ValidationError as error:
        raise BackupError(f"{folder / FILE} is damaged: {error}") from None
    if manifest.format != FORMAT:
        raise BackupError(f"{folder} has format {manifest.format}; this version reads {FORMAT}. Use a newer version.")
    return manifest


def verify(folder: Path, dump: DumpedDatabase) -> None:
    """Raise BackupError if a dump is missing or differs from the manifest."""
    file = folder / dump.file
    if Path(dump.file).name != dump.file or not file.is_file():
        raise BackupError(f"{file} is missing: the backup is not complete.")
    if file.stat().st_size != dump.bytes or checksum(file) != dump.sha256:
        raise BackupError(f"{file} is damaged: its size or checksum differs from {FILE}. Use another backup.")


def checksum(file: Path) -> str:
    """Return the SHA-256 of a file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
