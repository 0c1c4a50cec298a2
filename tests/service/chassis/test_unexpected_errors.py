"""Unexpected errors: the client gets a problem, and the log the traceback."""

import logging
from typing import Any

import pytest

from chassis.core.telemetry import LibraryLines
from chassis.http import error_handlers
from tests.support.service import ServiceUnderTest


def breaks(*_: Any, **__: Any) -> Any:
    raise IndexError("of a bug")


async def test_an_error_that_cannot_be_explained_is_a_clear_problem(
    customers: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(error_handlers, "field_errors", breaks)
    response = await customers.post("/v1/customers", {"nonsense": 1})
    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert "IndexError: of a bug" in capsys.readouterr().out


def test_errors_that_libraries_log_keep_their_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    library = logging.Logger("library")
    library.addHandler(LibraryLines())
    try:
        breaks()
    except IndexError:
        library.exception("it failed")
    assert "IndexError: of a bug" in capsys.readouterr().out
