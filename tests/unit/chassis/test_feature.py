"""Features: the declarations that they collect and reject, and their discovery by a service."""

import sys
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi import Request

from chassis import Feature, IncomingEvent, NotFound, RequestBody, UnitOfWork, Work
from chassis.http.owners import CALLER
from chassis.service import discover
from tests.support.routes import client_of


class Printed(IncomingEvent, type="testing.printed.v1"):
    book_id: UUID


class PrintedAgain(IncomingEvent, type="testing.printed.v1"):
    """The same event type, with the fields that another handler needs."""

    pages: int


class Sold(IncomingEvent, type="testing.sold.v1"):
    book_id: UUID


async def handle(work: UnitOfWork, event: Any) -> None:
    """Do nothing."""


async def handle_many(work: UnitOfWork, events: Sequence[Any]) -> None:
    """Do nothing."""


async def run(work: UnitOfWork) -> bool:
    """Do nothing."""
    return False


async def rebuild(work: UnitOfWork, repair: bool) -> int:
    """Find nothing."""
    return 0


async def count(pool: Any) -> int:
    """Count nothing."""
    return 0


def a_part(name: str = "books") -> Feature:
    """Declare every kind of part."""
    part = Feature(name)
    part.on(Printed)(handle)
    part.on_batch(Sold)(handle_many)
    part.periodic(timedelta(minutes=5))(run)
    part.rebuild(rebuild)
    part.gauge("unsold")(count)

    @part.get("/books/{title}", scope="books:read", raises=[NotFound])
    async def read_book(work: Work, title: str) -> dict[str, str]:
        return {"title": title}

    return part


# A feature in several modules


def test_a_feature_includes_everything_that_its_parts_declare() -> None:
    part, whole = a_part(), Feature("books")
    assert whole.include(part) is whole
    assert [route.path for route in whole.operations] == ["/v1/books/{title}"]
    assert [(handler.feature, handler.event, handler.is_batch) for handler in whole.handlers] == [
        ("books", Printed, False),
        ("books", Sold, True),
    ]
    assert [(task.feature, task.every, task.run) for task in whole.tasks] == [("books", timedelta(minutes=5), run)]
    assert whole.rebuilds == [rebuild]
    assert whole.gauges == {"unsold": count}


async def test_an_included_route_responds() -> None:
    async with client_of(Feature("books").include(a_part())) as client:
        assert (await client.get("/v1/books/emma")).json() == {"title": "emma"}


def test_a_feature_includes_no_part_of_another_name() -> None:
    with pytest.raises(TypeError, match="magazines is not a part of books"):
        Feature("books").include(Feature("books"), a_part("magazines"))


# Events


@pytest.mark.parametrize("again", [Printed, PrintedAgain], ids=["the same class", "another class of the type"])
def test_a_feature_handles_a_type_once(again: type[IncomingEvent]) -> None:
    feature = Feature("books")
    feature.on(Printed)(handle)
    with pytest.raises(TypeError, match=r"books handles testing\.printed\.v1 twice"):
        feature.on(again)(handle)
    with pytest.raises(TypeError, match="twice"):
        feature.on_batch(again)(handle_many)
    with pytest.raises(TypeError, match="twice"):
        feature.include(a_part())


def test_two_features_may_handle_one_type() -> None:
    first, second = Feature("books"), Feature("shelves")
    first.on(Printed)(handle)
    second.on(Printed)(handle)
    assert [one.handlers[0].feature for one in (first, second)] == ["books", "shelves"]


# Routes


@pytest.mark.parametrize("arguments", [{}, {"scope": "books:read", "refuses": []}], ids=["no scope", "a misspelt one"])
def test_the_options_of_a_route_are_checked(arguments: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        Feature("books").get("/books", **arguments)


def a_shelf(expensive: bool | tuple[str, ...]) -> Feature:
    """Declare a list with the parameters `title` and `author`."""
    feature = Feature("shelves")

    @feature.get("/shelves", scope="books:read", expensive=expensive)
    async def list_shelves(title: str = "", author: str = "") -> dict[str, str]:
        return {}

    return feature


@pytest.mark.parametrize(
    ("expensive", "query", "expected"),
    [
        (True, "", True),
        (False, "title=emma", False),
        (("title",), "title=emma&author=austen", True),
        (("title",), "author=austen", False),
    ],
)
def test_a_read_is_expensive_always_or_with_a_parameter(
    expensive: bool | tuple[str, ...], query: str, expected: bool
) -> None:
    (route,) = a_shelf(expensive).operations
    request = Request({"type": "http", "query_string": query.encode(), "headers": []})
    assert route.is_expensive(request) is expected


def test_a_parameter_that_makes_a_read_expensive_exists() -> None:
    with pytest.raises(TypeError, match="list_shelves has no parameter isbn"):
        a_shelf(("title", "isbn"))


# Discovery

FEATURE = "from chassis import Feature\n\nfeature = Feature('{name}')\n"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Create the package of a service with the areas `print` and `sales`, with a feature each."""
    for area, feature in (("prints", "editions"), ("sales", "orders")):
        folder = tmp_path / "library_of_a_test" / area
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
        (folder / f"{feature}.py").write_text(FEATURE.format(name=feature))
    root = tmp_path / "library_of_a_test"
    (root / "__init__.py").touch()
    (root / "settings.py").touch()
    (root / "migrations").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    yield root
    for name in [name for name in sys.modules if name.partition(".")[0] == root.name]:
        del sys.modules[name]


def discovered(package: Path, *areas: str) -> list[str]:
    return [feature.name for feature in discover(package.name, areas or ("prints", "sales"))]


def test_the_features_of_all_areas_are_found_area_by_area(package: Path) -> None:
    for name in ("rules", "tables", "queries"):
        (package / "prints" / f"{name}.py").touch()
    (package / "sales" / "a_first.py").write_text(FEATURE.format(name="first"))
    assert discovered(package) == ["editions", "first", "orders"]
    assert discovered(package, "sales", "prints") == ["first", "orders", "editions"]


def test_a_feature_may_be_a_package(package: Path) -> None:
    folder = package / "sales" / "returns"
    folder.mkdir()
    (folder / "__init__.py").write_text("from library_of_a_test.sales.returns.routes import feature\n")
    (folder / "routes.py").write_text(FEATURE.format(name="returns"))
    assert discovered(package) == ["editions", "orders", "returns"]


@pytest.mark.parametrize("text", ["", "feature = 'orders'\n"], ids=["no feature", "another object"])
def test_a_module_without_a_feature_raises(package: Path, text: str) -> None:
    (package / "sales" / "discounts.py").write_text(text)
    with pytest.raises(TypeError, match=r"library_of_a_test\.sales\.discounts has no `feature`"):
        discovered(package)


def test_a_module_that_its_area_names_need_not_be_a_feature(package: Path) -> None:
    (package / "sales" / "discounts.py").touch()
    (package / "sales" / "__init__.py").write_text('NOT_FEATURES = ("discounts",)\n')
    assert discovered(package) == ["editions", "orders"]


def test_a_package_that_is_not_an_area_raises(package: Path) -> None:
    folder = package / "returns"
    folder.mkdir()
    (folder / "__init__.py").touch()
    with pytest.raises(TypeError, match="has the packages returns, which are not among its areas"):
        discovered(package)
    with pytest.raises(TypeError, match="has the packages returns, sales, which"):
        discovered(package, "prints")


class Review(RequestBody):
    """A review of a book."""

    reader_id: UUID


@pytest.mark.parametrize(
    "options",
    [{"owner": "writer_id"}, {"owner_fields": ("stars",)}, {"owner": "reader_id", "owner_fields": ("stars",)}],
)
def test_a_rule_for_owners_names_what_exists(options: Any) -> None:
    feature = Feature("books")

    async def review_book(body: Review) -> None:
        """Do nothing."""

    with pytest.raises(TypeError, match="review_book: "):
        feature.post("/reviews", scope="books:write", **options)(review_book)


@pytest.mark.parametrize(
    ("path", "option", "described"),
    [
        ("/readers/{id:uuid}", "id", "path:id"),
        ("/reviews", "reader_id", "query:reader_id"),
        ("/reviews/{id:uuid}", CALLER, "caller"),
        ("/reviews", None, None),
    ],
)
def test_a_rule_for_owners_says_where_a_request_names_the_owner(path: str, option: Any, described: str | None) -> None:
    feature = Feature("books")

    async def list_reviews(reader_id: UUID | None = None) -> None:
        """Do nothing."""

    feature.get(path, scope="books:read", owner=option)(list_reviews)
    assert feature.operations[0].owner_rule.described == described
