"""The import rule inside an area: each kind of forbidden import is found, and every area is under the rule."""

import tomllib

import pytest
from grimp import ImportGraph

from chassis.service import Service
from local.generated import ROOT
from tests.support.import_rules import broken_imports

AREA = "services.library.lending"
MODULES = (
    AREA,
    *(f"{AREA}.{name}" for name in ("rules", "tables", "queries", "loans", "returns", "fines", "fines.routes")),
    *(f"{AREA}.fines.{name}" for name in ("events", "upserts")),
    *("services.library.base", "services.library.stock", "services.library.stock.tables", "chassis"),
)


def graph_of(*imports: tuple[str, str]) -> ImportGraph:
    """Return a graph of the modules above. Names without a dot are modules of the area."""
    graph = ImportGraph()
    for module in MODULES:
        graph.add_module(module)
    for importer, imported in imports:
        graph.add_import(importer=full(importer), imported=full(imported))
    return graph


def full(name: str) -> str:
    return name if name in MODULES else f"{AREA}.{name}"


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("rules", "tables"),
        ("rules", "queries"),
        ("rules", "loans"),
        ("tables", "queries"),
        ("tables", "loans"),
        ("queries", "loans"),
        ("queries", "fines.events"),
        ("loans", "returns"),
        ("returns", "loans"),
        ("loans", "fines"),
        ("loans", "fines.events"),
        ("fines.routes", "loans"),
    ],
)
def test_an_import_upwards_or_from_feature_to_feature_is_found(importer: str, imported: str) -> None:
    assert broken_imports(graph_of((importer, imported)), AREA) == [(full(importer), full(imported))]


def test_every_broken_import_of_an_area_is_found() -> None:
    graph = graph_of(("rules", "loans"), ("loans", "returns"), ("loans", "tables"), ("queries", "fines.upserts"))
    assert broken_imports(graph, AREA) == [
        (f"{AREA}.loans", f"{AREA}.returns"),
        (f"{AREA}.queries", f"{AREA}.fines.upserts"),
        (f"{AREA}.rules", f"{AREA}.loans"),
    ]


def test_imports_downwards_within_a_feature_and_out_of_the_area_are_allowed() -> None:
    graph = graph_of(
        ("loans", "queries"),
        ("loans", "tables"),
        ("loans", "rules"),
        ("queries", "tables"),
        ("queries", "rules"),
        ("tables", "rules"),
        ("fines", "fines.routes"),
        ("fines.routes", "fines.upserts"),
        ("fines.upserts", "fines.events"),
        ("fines.events", "fines.upserts"),
        ("fines.routes", "tables"),
        ("tables", "services.library.base"),
        ("tables", "services.library.stock.tables"),
        ("loans", "chassis"),
    )
    assert broken_imports(graph, AREA) == []


def test_the_rule_names_every_area_of_every_service(services: list[Service]) -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (rule,) = [contract for contract in contracts if contract["type"] == "areas"]
    areas = [f"{service.module}.{area}" for service in services for area in service.areas]
    assert sorted(rule["areas"]) == sorted(area for area in areas if area.startswith("services."))


def test_every_service_has_its_layers_in_the_order_of_its_areas(services: list[Service]) -> None:
    """A definition lists areas from the foundation upwards, and a contract lists them from the top down."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = {
        tuple(contract.get("containers", ())): contract["layers"] for contract in contracts if "layers" in contract
    }
    for service in services:
        named = [layer for layer in layers[(service.module,)] if layer in service.areas]
        assert named == list(reversed(service.areas)), service.name
