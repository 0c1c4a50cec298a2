"""Fixtures of the contract tests: the five services and the merged document, generated from the current code."""

from typing import Any

import orjson
import pytest

from chassis.cli.contracts import Files, generate
from chassis.service import Service
from local import generated


@pytest.fixture(scope="session")
def services() -> list[Service]:
    return generated.services()


@pytest.fixture(scope="session")
def files(services: list[Service]) -> Files:
    return generate(services)


@pytest.fixture(scope="session")
def openapi(files: Files) -> dict[str, Any]:
    document: dict[str, Any] = orjson.loads(files["openapi.json"])
    return document


@pytest.fixture(scope="session")
def operations(openapi: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {f"{method.upper()} {path}": one for path, each in openapi["paths"].items() for method, one in each.items()}
