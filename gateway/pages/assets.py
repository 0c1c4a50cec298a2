"""Files of the documentation's pages, under an address that changes with their content, and the pages themselves."""

import gzip
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from chassis import NotFound
from gateway.pages.documents import Document

PREFIX = "/docs/assets/"
SITE = Path(__file__).parent / "site"
VENDORED = SITE / "swagger-ui"
"""Files that are stored compressed."""
MEDIA_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
KEPT_FOR_A_YEAR = {"Cache-Control": "public, max-age=31536000, immutable"}
PAGE_HEADERS = {"Referrer-Policy": "no-referrer"}
_OWN_FILES = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
)
CONTENT_SECURITY_POLICY = f"{_OWN_FILES}img-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'"
"""A page loads its own files and documents alone, cannot set HTML from text, and no other page may frame it."""
TRY_POLICY = f"{_OWN_FILES}img-src 'self' data:"
"""Swagger UI sets HTML from text that it has cleaned, and has its icons in data URLs."""


@cache
def files() -> Mapping[str, Path]:
    """Return the files that are served, by name."""
    own = {file.name: file for file in sorted(SITE.iterdir()) if file.suffix in MEDIA_TYPES}
    return own | {file.stem: file for file in sorted(VENDORED.glob("*.gz"))}


@cache
def digest() -> str:
    """Return the digest of all files, which is a part of their address."""
    return digest_of(files())


def digest_of(named: Mapping[str, Path]) -> str:
    """Return a digest of files and their names."""
    content = hashlib.sha256()
    for name, file in named.items():
        content.update(name.encode() + b"\0" + file.read_bytes())
    return content.hexdigest()[:12]


@cache
def asset(name: str) -> Document:
    """Return a file. Raises NotFound."""
    file = files().get(name)
    if file is None:
        raise NotFound
    content, media_type = file.read_bytes(), MEDIA_TYPES[Path(name).suffix]
    if file.suffix == ".gz":
        return Document(gzip.decompress(content), media_type, compressed=content)
    return Document(content, media_type)


def page(name: str, policy: str = CONTENT_SECURITY_POLICY, **values: str) -> Document:
    """Return a page of the site, with the values for the placeholders that it has."""
    text = (SITE / f"{name}.html").read_text()
    footer = (SITE / "footer.html").read_text().rstrip()
    for placeholder, value in {"assets": PREFIX + digest(), "footer": footer, **values}.items():
        text = text.replace(f"{{{placeholder}}}", value)
    headers = {**PAGE_HEADERS, "Content-Security-Policy": policy}
    return Document(text.encode(), "text/html; charset=utf-8", headers)
