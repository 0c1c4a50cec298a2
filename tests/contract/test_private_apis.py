"""docs/private-apis.md: every non-public name of a library on the page exists, and the code uses no others."""

import ast
import importlib
import importlib.util
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
import sqlalchemy
from aiokafka import AIOKafkaProducer
from aiokafka.protocol.admin import CreateTopicsResponse_v3
from fastapi import Header, Query
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from chassis import Table, bigint, new_registry
from chassis.types.ids import uuid7
from local.generated import ROOT

PAGE = ROOT / "docs" / "private-apis.md"
PRODUCT = ("chassis", "services", "gateway", "local", "examples", "benchmarks")
UNDOCUMENTED = (
    "aiokafka.producer",
    "aiokafka.protocol",
    "alembic.autogenerate.render",
    "asyncpg.pool",
    "asyncpg.protocol",
    "fastapi.dependencies",
    "multiprocessing.process",
    "sqlalchemy.sql.compiler",
    "uvicorn.protocols",
)
"""Modules whose imported names must all be on the page."""


@dataclass(frozen=True)
class Entry:
    """A row of the page."""

    name: str
    file: str
    why: str
    remedy: str


def entries() -> list[Entry]:
    rows = [line.strip("| ").split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    return [Entry(name.strip("`"), file.strip("`"), *rest) for name, file, *rest in rows]


# Each name exists


def a_route() -> APIRoute:
    async def read(id: int, q: Annotated[str, Query()] = "", x: Annotated[str, Header()] = "") -> dict[str, str]:
        return {}

    return APIRoute("/things/{id:int}", read)


def a_request() -> Request:
    request = Request({"type": "http", "headers": []})
    request._body = b""
    return request


def a_connection() -> HttpToolsProtocol:
    connection = HttpToolsProtocol(Config(lambda: None, log_config=None), ServerState(), {})
    connection.on_message_begin()
    return connection


class Model(BaseModel):
    """The model of this test."""


SAMPLES: dict[str, Callable[[], Any]] = {
    "aiokafka.AIOKafkaProducer": lambda: AIOKafkaProducer(bootstrap_servers="127.0.0.1:1"),
    "aiokafka.protocol.admin.CreateTopicsResponse_v3": lambda: CreateTopicsResponse_v3(0, []),
    "fastapi.routing.APIRoute": a_route,
    "fastapi.dependencies.models.Dependant": lambda: a_route().dependant,
    "ModelField": lambda: a_route().dependant.query_params[0],
    "starlette.responses.Response": Response,
    "starlette.requests.Request": a_request,
    "pydantic.BaseModel": Model,
    "uvicorn.protocols.http.httptools_impl.HttpToolsProtocol": a_connection,
    "sqlalchemy.Column": lambda: sqlalchemy.Column("x", sqlalchemy.Text(), sqlalchemy.CheckConstraint("x > ''")),
    "sqlalchemy.CheckConstraint": lambda: sqlalchemy.CheckConstraint("x > ''"),
}
"""An object of each class with attributes set in its constructor. The page writes them as `Class().attribute`."""


async def resolve(name: str) -> Any:
    """Return the object that a name of the page refers to. Raises ImportError, AttributeError or FileNotFoundError."""
    if "/" in name:
        package, _, path = name.partition("/")
        spec = importlib.util.find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        return (Path(spec.origin).parent / path).stat()
    owner, called, attribute = name.partition("()")
    if called:
        sample = SAMPLES[owner]()
        try:
            return getattr(sample, attribute.removeprefix("."))
        finally:
            if isinstance(sample, AIOKafkaProducer):
                await sample.stop()
    return import_name(name)


def import_name(name: str) -> Any:
    module, *attributes = name.split(".")
    found = importlib.import_module(module)
    for attribute in attributes:
        module = f"{module}.{attribute}"
        found = getattr(found, attribute) if hasattr(found, attribute) else importlib.import_module(module)
    return found


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.name)
async def test_a_private_name_still_exists(entry: Entry) -> None:
    try:
        await resolve(entry.name)
    except (ImportError, AttributeError, OSError) as error:
        pytest.fail(f"{entry.name} is gone ({error}). {entry.file} uses it; docs/private-apis.md: {entry.remedy}")


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.name)
def test_a_row_of_the_page_is_complete_and_its_name_is_used_where_it_says(entry: Entry) -> None:
    assert entry.why
    assert entry.remedy
    last = re.split(r"[./]", entry.name.removesuffix("()"))[-1]
    assert last in (ROOT / entry.file).read_text(), f"{entry.file} does not use {last}"


def test_a_table_object_that_sqlmodel_has_not_built_reads_its_values() -> None:
    class Base(Table, registry=new_registry()):
        """A table of this test."""

    class Shelf(Base, table=True):
        __tablename__ = "shelf_of_a_test"
        width: int = bigint()

    shelf = Shelf(id=uuid7(), width=7)
    assert (shelf.width, shelf.replace(width=8).width, shelf.width) == (7, 8, 7)


# No other name is used


def product_files() -> Iterator[Path]:
    for folder in PRODUCT:
        yield from (ROOT / folder).rglob("*.py")


def imports_of(file: Path) -> Iterator[tuple[str, str]]:
    """Yield the module and the name of each import of a file, also of those for annotations alone."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((node.module, alias.name) for alias in node.names)


def is_private(module: str, name: str) -> bool:
    parts = [*module.split("."), name]
    return any(re.match(r"_(?!_)", part) for part in parts) or module.startswith("fastapi._compat")


def test_no_module_or_name_with_a_leading_underscore_is_imported() -> None:
    private = [f"{file}: {module} {name}" for file in product_files() for module, name in imports_of(file)
               if is_private(module, name)]  # fmt: skip
    assert private == []


def test_private_imports_are_found() -> None:
    assert is_private("fastapi._compat", "ModelField")
    assert is_private("pydantic._internal._fields", "collect")
    assert is_private("chassis.messaging.relay", "_READ")
    assert not is_private("chassis.http.etags", "etag")
    assert not is_private("__future__", "annotations")


def test_every_import_of_an_undocumented_module_is_on_the_page() -> None:
    known = {entry.name.replace("()", "") for entry in entries()}
    for file in product_files():
        for module, name in imports_of(file):
            if module.startswith(UNDOCUMENTED):
                assert any(entry.startswith(f"{module}.{name}") for entry in known), f"{file} imports {module}.{name}"


def test_every_attribute_that_pydantic_keeps_for_itself_is_on_the_page() -> None:
    known = {entry.name.rpartition(".")[2] for entry in entries()}
    for file in product_files():
        used = set(re.findall(r"__(?:pydantic_\w+|private_attributes)__", file.read_text()))
        assert used - {"__pydantic_init_subclass__"} <= known, file  # this name is documented
