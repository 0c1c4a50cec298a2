"""Each table that names a customer declares the effects of a merge and of an erasure."""

from typing import Any, ClassVar

import pytest
from sqlalchemy import Column, ForeignKeyConstraint, MetaData
from sqlalchemy import Table as SqlTable
from sqlmodel import SQLModel

from chassis import Person, Table, belongs_to, new_registry
from chassis.core.persons import MERGE, MERGE_UNDONE
from chassis.db.redirects import OWN_MOVES
from chassis.service import Service
from services.customers.lifecycle.rules.erasing import SERVICES

MOVED_BY_TRIGGER = {"custom_field_value"}
NAMES = ("customer_id", "subject_id", "person_id")


def classes_of(metadata: MetaData) -> dict[str, type[Table]]:
    """Return the class of each table of a service."""
    pending, classes = [Table], {}
    while pending:
        one = pending.pop()
        pending += one.__subclasses__()
        table = getattr(one, "__table__", None)
        if isinstance(table, SqlTable) and table.metadata is metadata:
            classes[table.name] = one
    return classes


def columns_naming_a_person(table: SqlTable, people: set[str]) -> set[str]:
    """Return the columns that name a customer: by their name, or by a foreign key to a table of customers."""
    named = {column.name for column in table.columns if column.name in NAMES or column.name.endswith("_customer_id")}
    keys = [key for key in table.constraints if isinstance(key, ForeignKeyConstraint)]
    referring = {key.elements[-1].parent.name for key in keys if _target(key) in people}
    return named | referring


def _target(key: ForeignKeyConstraint) -> str:
    return key.elements[-1].target_fullname.partition(".")[0]


def undeclared(metadata: MetaData) -> list[str]:
    """Return the columns that name a customer and are not declared."""
    classes = classes_of(metadata)
    assert set(classes) == set(metadata.tables)
    people = {name for name, one in classes.items() if any(person.column == "id" for person in one.persons)}
    return sorted(
        f"{name}.{column}"
        for name, one in classes.items()
        for column in columns_naming_a_person(metadata.tables[name], people)
        if column not in {person.column for person in one.persons}
    )


def unusable(metadata: MetaData) -> list[str]:
    """Return the declared columns that do not exist, or cannot be blanked."""
    problems = []
    for name, one in classes_of(metadata).items():
        columns = metadata.tables[name].columns
        problems += [f"{name}.{person.column}" for person in one.persons if person.column not in columns]
        for column in (column for person in one.persons for column in person.cleared):
            if column not in columns or not can_be_blank(columns[column]):
                problems.append(f"{name}.{column}")
    return problems


def can_be_blank(column: Column[Any]) -> bool:
    """Return whether the column may be null, or has a default."""
    return bool(column.nullable or column.server_default is not None or column.default is not None)


def test_each_column_that_names_a_customer_is_declared(services: list[Service]) -> None:
    assert {service.name: undeclared(service.metadata) for service in services} == {
        service.name: [] for service in services
    }


def test_declared_columns_exist_and_can_be_blanked(services: list[Service]) -> None:
    assert {service.name: unusable(service.metadata) for service in services} == {
        service.name: [] for service in services
    }


def test_each_table_that_erases_in_its_own_way_has_its_function(services: list[Service]) -> None:
    for service in services:
        erasers = {table.__tablename__ for feature in service.features for table in feature.erasers}
        classes = classes_of(service.metadata).items()
        own = {name for name, one in classes if any(person.erase == "own" for person in one.persons)}
        assert own <= erasers, service.name


def test_each_table_that_moves_in_its_own_way_has_its_function(services: list[Service]) -> None:
    for service in services:
        movers = {table.__tablename__ for table in OWN_MOVES}
        classes = classes_of(service.metadata).items()
        own = {name for name, one in classes if any(person.merge == "own" for person in one.persons)}
        assert own - MOVED_BY_TRIGGER <= movers, service.name


def test_every_service_with_rows_to_move_follows_merges(services: list[Service]) -> None:
    reading, settling = set(), set()
    for service in services:
        reading |= {service.name for handler in service.handlers if handler.event.event_type in (MERGE, MERGE_UNDONE)}
        settling |= {service.name for task in service.tasks if task.feature == "merges"}
    assert settling == {"customers", "interactions", "loyalty", "analytics"}
    assert reading == settling - {"customers"}  # it moves its rows in the transaction of the merge


def test_every_service_answers_to_an_erasure(services: list[Service]) -> None:
    assert {service.name for service in services} == set(SERVICES)


def test_an_undeclared_column_is_reported() -> None:
    class Base(Table, registry=new_registry()):
        pass

    class Client(Base, table=True):
        persons: ClassVar[tuple[Person, ...]] = (Person("id", merge="own", erase="own"),)

        name: str

    class Visit(Base, table=True):
        __table_args__ = (belongs_to("guest", "client"),)
        persons: ClassVar[tuple[Person, ...]] = (Person("host", erase="anonymise", cleared=("note", "wrong")),)

        guest: str
        note: str
        referring_customer_id: str | None

    metadata = Base.metadata
    assert issubclass(Visit, SQLModel)
    assert undeclared(metadata) == ["visit.guest", "visit.referring_customer_id"]
    assert unusable(metadata) == ["visit.host", "visit.note", "visit.wrong"]


@pytest.mark.parametrize(
    "values",
    [
        {"merge": "keep"},
        {"erase": "keep"},
        {"merge": "move", "merge_reason": "none"},
        {"erase": "delete", "cleared": ("note",)},
    ],
)
def test_a_declaration_without_its_reason_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="customer_id"):
        Person(**values)
