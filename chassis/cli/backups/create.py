"""`rapport backup`: a dump of each database, all of them at the same moment."""

import asyncio
import fcntl
import importlib.metadata
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from chassis.cli.backups import BackupError, manifest
from chassis.cli.backups.manifest import DumpedDatabase, Manifest
from chassis.cli.backups.programs import find_program, run_program
from chassis.cli.backups.snapshots import Snapshot, consistent_snapshots
from chassis.core.settings import Settings
from chassis.service import Service


async def create_backup(target: Path, services: Mapping[str, tuple[Service, Settings]]) -> Manifest:
    """Write a backup into a new folder, which appears under its name when the backup is complete."""
    with _new_folder(target) as folder:
        async with consistent_snapshots(services) as snapshots:
            servers = [snapshot.connection.get_server_version().major for snapshot in snapshots]
            program, version = find_program("pg_dump", at_least=max(servers))
            dumps = await asyncio.gather(*(_dump(program, snapshot, folder) for snapshot in snapshots))
        made = Manifest(
            format=manifest.FORMAT,
            rapport=_version(),
            postgresql=version,
            moment=min(snapshot.taken_at for snapshot in snapshots),
            databases={snapshot.service: dump for snapshot, dump in zip(snapshots, dumps, strict=True)},
        )
        manifest.write(made, folder)
        for path in (*folder.iterdir(), folder):
            _sync(path)
    return made


def _version() -> str:
    try:
        return importlib.metadata.version("rapport")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"  # in an image, the code is not installed as a distribution


async def _dump(program: str, snapshot: Snapshot, folder: Path) -> DumpedDatabase:
    file = folder / f"{snapshot.service}.dump"
    options = ["--format=custom", f"--snapshot={snapshot.id}", f"--file={file}"]
    await run_program(program, *options, settings=snapshot.settings)
    return DumpedDatabase(
        file=file.name,
        database=urlsplit(str(snapshot.settings.migration_database_url)).path.lstrip("/"),
        revision=snapshot.revision,
        bytes=file.stat().st_size,
        sha256=await asyncio.to_thread(manifest.checksum, file),
    )


@contextmanager
def _new_folder(target: Path) -> Iterator[Path]:
    """Create a folder `<target>.new`, which is renamed to `target` if the block succeeds, and removed if it fails."""
    if target.exists():
        raise BackupError(f"{target} exists: choose another folder. A backup never overwrites.")
    folder = target.with_name(f"{target.name}.new")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for file in folder.iterdir():  # left by a backup that was killed
            file.unlink()
        yield folder
        folder.rename(target)
        _sync(target.parent)
    except BlockingIOError:
        raise BackupError(f"Another backup is being written to {folder}.") from None
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        os.close(lock)


def _sync(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
