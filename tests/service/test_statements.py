"""SQL statements: each is valid on the migrated databases, and its columns are the fields of its row type."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pydantic import BaseModel

from chassis.db.statements import Command, Query, Record, column_names
from chassis.db.tables import Table
from chassis.service import load
from local import PROCESSES
from local.data_dir import DataDir
from tests.support.service import settings_of

LEAKY = re.compile(
    r"(?<!set customer_id) = (coalesce|\(select coalesce)\(\(select target_id .*? where redirect\.id = (?P<id>\S+)\)"
)
"""A column that is compared with the person into which another was merged."""
PER_TABLE = ("stored_query", "_forget_moves_of", "_link_rows_of")
"""Functions that build a statement per table. The tests of the recorder and of links run them."""
ROOT = Path(__file__).parent.parent.parent


def modules_of(package: str) -> Iterator[Any]:
    module = importlib.import_module(package)
    yield module
    for info in pkgutil.walk_packages(module.__path__, f"{package}."):
        if ".migrations" not in info.name:
            yield importlib.import_module(info.name)


def statements_of(package: str) -> dict[str, Command]:
    """Return the statements by module and name. A statement that several modules import is listed once."""
    known: dict[int, tuple[str, Command]] = {}
    for module in modules_of(package):
        for name, value in vars(module).items():
            if isinstance(value, Command):
                known.setdefault(id(value), (f"{module.__name__}.{name}", value))
    return dict(known.values())


def expected_columns(query: Query[Any]) -> set[str] | None:
    """Return the columns that a row type needs, or None for the single column of a scalar."""
    into = query.into
    if is_dataclass(into):
        return {field.name for field in fields(into)}
    if isinstance(into, type) and issubclass(into, Table):
        return set(column_names(into))
    if isinstance(into, type) and issubclass(into, BaseModel):
        return set(into.model_fields)
    return None


@pytest.mark.parametrize("name", PROCESSES)
async def test_every_statement_is_valid_and_returns_the_fields_of_its_row_type(database: DataDir, name: str) -> None:
    service = load(name)
    statements = statements_of(service.module) | statements_of("chassis.messaging")
    connection = await asyncpg.connect(str(settings_of(database, service).migration_database_url))
    try:
        for where, statement in statements.items():
            prepared = await connection.prepare(statement.sql.replace("{where}", "true"))
            assert len(prepared.get_parameters()) == len(statement.parameters), where
            if isinstance(statement, Query) and statement.into is not Record:
                columns = [attribute.name for attribute in prepared.get_attributes()]
                expected = expected_columns(statement)
                if expected is None:
                    assert len(columns) == 1, where
                else:
                    assert expected <= set(columns), where
    finally:
        await connection.close()


@pytest.mark.parametrize("name", PROCESSES)
def test_rows_of_a_merged_person_are_found_by_an_index(name: str) -> None:
    """Under row-level security an index serves neither a comparison with `coalesce` nor with a correlated subquery."""
    for where, statement in statements_of(load(name).module).items():
        for found in LEAKY.finditer(" ".join(statement.sql.split())):
            assert found[1] == "(select coalesce", f"{where}: use found_person_sql"
            assert found["id"].startswith("$"), f"{where}: join the person"


def test_statements_are_module_constants() -> None:
    """The test above does not find statements that a function builds."""
    for file in [*ROOT.glob("services/**/*.py"), *ROOT.glob("gateway/**/*.py")]:
        tree = ast.parse(file.read_text())
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                calls = {node.func.id for node in ast.walk(function) if is_named_call(node)}
                made = calls & {"Query", "Command"} if "fastapi" not in file.read_text() else calls & {"Command"}
                assert not made or function.name in PER_TABLE, f"{file}:{function.lineno}"


def is_named_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name)


def test_features_see_no_untyped_rows() -> None:
    for file in [*ROOT.glob("services/**/*.py"), *ROOT.glob("gateway/access/*.py")]:
        if "migrations" not in file.parts:
            text = file.read_text()
            assert "vars(" not in text, file
            assert not re.search(r"import Record\b", text), file
