"""Files: uploads and results that are too large for the database, in a folder or in an S3-compatible store.

They are written and read in pieces. Each belongs to a job of a tenant, and its path begins with both: a file without
its job is deleted.
"""

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import obstore
from obstore.exceptions import NotFoundError
from obstore.store import LocalStore, ObjectStore, from_url

PIECE_BYTES = 1_000_000
UPLOAD_PART_BYTES = 5 * 1024 * 1024
"""The smallest part of an upload that S3 allows."""


class FileNotStored(Exception):
    """The file does not exist."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in the store."""

    path: str
    size: int
    stored_at: datetime


class FileStore:
    """The files of a service. Its address is a folder, or an URL such as `s3://bucket/prefix`."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._opened: ObjectStore | None = None

    async def write(self, path: str, pieces: AsyncIterable[bytes]) -> None:
        """Store a file from its pieces. It appears as soon as it is complete, and replaces an older one."""
        await obstore.put_async(
            self._store, path, pieces, use_multipart=True, chunk_size=UPLOAD_PART_BYTES, max_concurrency=2
        )

    async def write_whole(self, path: str, content: bytes) -> None:
        """Store a small file, in place of an older one."""
        await obstore.put_async(self._store, path, content)

    async def read(self, path: str, begin: int = 0, *, piece_bytes: int = PIECE_BYTES) -> AsyncIterator[bytes]:
        """Yield a file in pieces, from a position on. Raises FileNotStored."""
        options: Any = {"range": {"offset": begin}} if begin else {}
        try:
            found = await obstore.get_async(self._store, path, options=options)
        except (NotFoundError, FileNotFoundError):
            raise FileNotStored(path) from None
        async for piece in found.stream(min_chunk_size=piece_bytes):
            yield bytes(piece)

    async def files_in(self, folder: str) -> AsyncIterator[StoredFile]:
        """Yield the files of a folder and of those below it."""
        async for batch in obstore.list(self._store, folder):
            for item in batch:
                yield StoredFile(item["path"], item["size"], item["last_modified"])

    async def folders(self) -> list[str]:
        """Return the names of the uppermost folders."""
        found = await obstore.list_with_delimiter_async(self._store)
        return [prefix.strip("/") for prefix in found["common_prefixes"]]

    async def delete(self, paths: list[str]) -> None:
        """Delete files. Those that do not exist are ignored."""
        for path in paths:
            try:
                await obstore.delete_async(self._store, path)
            except (NotFoundError, FileNotFoundError):
                continue

    @property
    def _store(self) -> ObjectStore:
        if self._opened is None:
            if "://" in self._address:
                self._opened = from_url(self._address, client_options={"allow_http": True})
            else:
                folder = Path(self._address)
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._opened = LocalStore(folder, automatic_cleanup=True)
        return self._opened


def file_path(tenant: UUID, job: UUID, name: str) -> str:
    """Return the path of a file that belongs to a job."""
    return f"{tenant}/{job}/{name}"
