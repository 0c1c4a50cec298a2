"""The demo, as a newcomer runs it: every check passes, and at night also in a second run on the same data."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chassis.types import json
from local.data_dir import free_port


@pytest.mark.slow
@pytest.mark.parametrize("runs", [1, pytest.param(2, marks=pytest.mark.nightly)])
def test_the_demo_holds_on_one_folder(tmp_path: Path, runs: int) -> None:
    environment = {**os.environ, "RAPPORT_DATA": str(tmp_path / "data"), "RAPPORT_PORT": str(free_port(set()))}
    for _ in range(runs):
        told = subprocess.run(
            [sys.executable, "-m", "examples.demo"], env=environment, capture_output=True, text=True, check=False
        )
        assert told.returncode == 0, told.stdout + told.stderr
        assert "All checks passed" in told.stdout
        assert "such as Abe Sampson: same name and phone" in told.stdout
        assert "Certificate of an erasure" in told.stdout
        assert "DIFFERS" not in told.stdout
    ports = json.loads((tmp_path / "data" / "ports.json").read_bytes())
    assert ports["gateway"] == int(environment["RAPPORT_PORT"])
