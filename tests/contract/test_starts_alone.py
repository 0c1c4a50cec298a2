"""Independent services: each service starts from a folder with only the chassis, the contracts and itself."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local import SERVICES

ROOT = Path(__file__).parent.parent.parent
ALONE = (
    "import os, sys; sys.path[:] = [one for one in sys.path if not os.path.isdir(os.path.join(one, 'chassis'))]; "
    "sys.path.insert(0, '.'); "
)
"""Removes the repository from the path. Only installed packages and this folder remain."""
ASK = ALONE + (
    "from chassis.service import installed_services, load; service = load({name!r}); "
    "assert installed_services() == [{name!r}], installed_services(); "
    "print(chr(10).join(sorted(service.openapi()['paths']))); "
    "import importlib.util as u; assert not any(u.find_spec(one) for one in {others!r}), 'a neighbour is there'"
)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_starts_alone(tmp_path: Path, name: str) -> None:
    shutil.copytree(ROOT / "chassis", tmp_path / "chassis")
    shutil.copytree(ROOT / "contracts", tmp_path / "contracts")
    shutil.copytree(ROOT / "services" / name, tmp_path / "services" / name)
    shutil.copy(ROOT / "services" / "__init__.py", tmp_path / "services")
    others = ["gateway", "local", *(f"services.{one}" for one in SERVICES if one != name)]
    ask = ASK.format(name=name, others=others)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", ask], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("/v1/")


def test_every_command_is_there_when_only_the_chassis_is(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "chassis", tmp_path / "chassis")
    ask = ALONE + "from chassis.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", ask, "--help"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "serve" in done.stdout
    assert "doctor" not in done.stdout
