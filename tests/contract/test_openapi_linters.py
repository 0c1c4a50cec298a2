"""Linters: the OpenAPI document satisfies the validator of its specification, redocly and spectral, with no exceptions.

Redocly and spectral come from npm, in the versions of tests/support/openapi_linters/package-lock.json. Without npm
these two are skipped, and CI runs them.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from local.generated import ROOT

FOLDER = ROOT / "tests" / "support" / "openapi_linters"
DOCUMENT = ROOT / "contracts" / "openapi.json"
COMMANDS = (
    ("redocly", "lint", "--config", "redocly.yaml", "--max-problems", "20"),
    ("spectral", "lint", "--ruleset", ".spectral.yaml", "--fail-severity", "warn"),
)
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


def install(folder: Path) -> Path:
    """Install the linters from the lock, without install scripts, and return the folder of their programs."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed, so redocly and spectral did not check the document")
    shutil.copytree(FOLDER, folder, dirs_exist_ok=True)
    subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder, check=True, timeout=300)
    return folder / "node_modules" / ".bin"


def test_the_document_is_valid_openapi(openapi: dict[str, Any]) -> None:
    validate(openapi)


@pytest.mark.slow
def test_the_linters_find_nothing(tmp_path: Path) -> None:
    programs = install(tmp_path)
    for program, *arguments in COMMANDS:
        command = [programs / program, *arguments, DOCUMENT]
        found = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, **QUIET}, timeout=300
        )
        assert found.returncode == 0, found.stdout + found.stderr
