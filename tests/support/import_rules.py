"""The import rule inside an area, as a contract of import-linter: features > queries > tables > rules.

Features do not import each other. Code that two features need moves down, or to an area further left.
"""

from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

LAYERS = {"rules": 0, "tables": 1, "queries": 2}
FEATURE = 3


class AreaContract(Contract):  # type: ignore[misc]
    """Holds in every area of the listed packages."""

    type_name = "areas"

    areas = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Return the imports that point upwards, or from feature to feature."""
        areas: Any = self.areas
        broken = [pair for area in areas for pair in broken_imports(graph, area)]
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print the imports."""
        for importer, imported in check.metadata["broken"]:
            output.print_error(f"{importer} must not import {imported}", bold=False)


def broken_imports(graph: ImportGraph, area: str) -> list[tuple[str, str]]:
    """Return the imports within an area that break its rule, as importer and imported module."""
    broken = []
    for importer in sorted(graph.find_descendants(area)):
        for imported in sorted(graph.find_modules_directly_imported_by(importer)):
            if imported.startswith(f"{area}.") and not _is_allowed(_part(importer, area), _part(imported, area)):
                broken.append((importer, imported))
    return broken


def _part(module: str, area: str) -> str:
    """Return the part of an area that a module belongs to: `tables`, or the name of a feature."""
    return module.removeprefix(f"{area}.").partition(".")[0]


def _is_allowed(importer: str, imported: str) -> bool:
    return importer == imported or LAYERS.get(imported, FEATURE) < LAYERS.get(importer, FEATURE)
