"""docker-compose.yml: its schema, names and variables, and the settings of each process, without a Docker engine.

These tests do not build the images and do not start the containers.
"""

import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from chassis.core.identity import Caller, Signer, Verifier
from chassis.service import load
from chassis.types import json
from gateway import commands
from local import PROCESSES, SERVICES
from tests.support.service import a_tenant

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docker-compose.yml").read_text()
VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}")
COMPOSE: dict[str, Any] = YAML(typ="safe").load(TEXT)
OPERATOR_FILE = ROOT / "docker-compose.operator.yml"
OPERATOR: dict[str, Any] = YAML(typ="safe").load(OPERATOR_FILE.read_text())


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Return the variables of a .env file, as `make .env` writes it."""
    monkeypatch.setattr(sys, "stdin", io.StringIO((ROOT / ".env.example").read_text()))
    commands.env()
    lines = (line.partition("=") for line in capsys.readouterr().out.splitlines() if line and not line.startswith("#"))
    return {name: value.strip("'") for name, _, value in lines}


def told(name: str, env: dict[str, str]) -> dict[str, str]:
    """Return the environment of a service, as Compose would set it."""
    environment: dict[str, str] = COMPOSE["services"][name]["environment"]
    return {key: VARIABLE.sub(lambda found: env[found[1]], str(value)) for key, value in environment.items()}


def test_it_is_a_compose_file() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, str(ROOT / "docker-compose.yml")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_name_is_somebodys() -> None:
    services, volumes = COMPOSE["services"], COMPOSE["volumes"]
    assert set(services) == {"postgres", "kafka", *PROCESSES, *(f"migrate-{name}" for name in PROCESSES)}
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            condition = how["condition"]
            assert needed in services, f"{name} waits for {needed}"
            assert condition != "service_healthy" or "healthcheck" in services[needed]
            assert condition != "service_completed_successfully" or services[needed]["restart"] == "no"
        assert all(volume.split(":")[0] in volumes for volume in service.get("volumes", []))
    assert {volume.split(":")[0] for one in services.values() for volume in one.get("volumes", [])} == set(volumes)
    hosts = set(re.findall(r"@(\w+)/rapport_|http://(\w+):8000|(\w+):9092$", TEXT, re.MULTILINE))
    assert {name for found in hosts for name in found if name} - {"localhost"} <= set(services)


def test_every_variable_is_in_the_example_and_every_one_there_is_used() -> None:
    example = dict(
        line.split("=", 1) for line in (ROOT / ".env.example").read_text().splitlines() if re.match(r"\w+=", line)
    )
    assert {found[0] for found in VARIABLE.findall(TEXT)} == set(example)
    secret = {name for name in example if name != "RAPPORT_PORT"}
    assert all(example[name] == "" for name in secret), "a secret has no default"
    without_refusal = {found[1] for found in VARIABLE.finditer(TEXT) if ":?" not in found[0]}
    assert not without_refusal & secret, "a missing secret must stop Compose"


def test_a_made_env_has_a_secret_for_each(env: dict[str, str]) -> None:
    secret = {name: value for name, value in env.items() if name != "RAPPORT_PORT"}
    assert min(len(value) for value in secret.values()) >= 22
    assert len(set(secret.values())) == len(secret)
    assert not [value for value in secret.values() if "$" in value], "Compose would expand it as a variable"


def test_no_env_is_made_when_docker_is_away(tmp_path: Path) -> None:
    """Without local packages, Docker writes the file. If Docker fails, no file that looks like secrets may remain."""
    for name in ("Makefile", ".env.example"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\nexit 1\n")
    docker.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["make", ".env"], cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert done.returncode != 0
    assert {file.name for file in tmp_path.iterdir()} == {"Makefile", ".env.example", "docker"}


def test_ports_do_not_clash_and_only_the_gateways_is_reachable() -> None:
    published = {name: one["ports"] for name, one in COMPOSE["services"].items() if "ports" in one}
    assert published == {"gateway": ["127.0.0.1:${RAPPORT_PORT:-8400}:8000"]}
    assert all(one.get("network_mode") is None for one in COMPOSE["services"].values())


def test_images_are_pinned() -> None:
    for name, service in COMPOSE["services"].items():
        if "build" in service:
            assert service["build"] == {"context": ".", "args": {"SERVICE": name.removeprefix("migrate-")}}
        else:
            assert re.fullmatch(r"[\w/]+:\d+\.\d+(\.\d+)?", service["image"])
    base = re.findall(r"^(?:FROM|ARG PYTHON=)\s*(\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert base == ["3.13.7-slim-bookworm", "python:${PYTHON}", "python:${PYTHON}"]


@pytest.mark.parametrize("name", PROCESSES)
def test_each_process_finds_its_settings(name: str, env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    service = load(name)
    known = {field.upper() for field in service.settings.model_fields}
    serving, migrating = told(name, env), told(f"migrate-{name}", env)
    assert set(migrating) <= known, "every setting must be read"
    assert set(migrating) - set(serving) == {"MIGRATION_DATABASE_URL"}, "a serving process may not migrate"
    for key in known & os.environ.keys():
        monkeypatch.delenv(key)
    for key, value in migrating.items():
        monkeypatch.setenv(key, value)
    settings = service.settings()
    assert settings.database_url != settings.worker_database_url
    assert COMPOSE["services"][name]["command"] == ["serve", name, "--role", "all", "--host", "0.0.0.0"]
    assert COMPOSE["services"][f"migrate-{name}"]["command"] == ["migrate", name]


def test_the_gateway_and_the_services_agree(env: dict[str, str]) -> None:
    gateway = told("gateway", env)
    token = Signer(gateway["INTERNAL_TOKEN_PRIVATE_KEY"]).sign(Caller(a_tenant(), "key:x", frozenset()), "loyalty")
    assert Verifier(told("loyalty", env)["INTERNAL_TOKEN_PUBLIC_KEY"], "loyalty").caller(token).actor == "key:x"
    assert json.loads(gateway["UPSTREAMS"]) == {name: f"http://{name}:8000" for name in SERVICES}


# The operator's container


def test_the_operator_is_a_compose_file_and_waits_for_the_servers() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*command, str(OPERATOR_FILE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    operator = OPERATOR["services"]["operator"]
    assert set(operator["depends_on"]) == {"postgres", "kafka"}
    assert {config["source"] for config in operator["configs"]} == set(OPERATOR["configs"]) == set(PROCESSES)


@pytest.mark.parametrize("name", PROCESSES)
def test_the_operator_has_the_settings_of_each_migration(name: str, env: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / f"{name}.env"
    file.write_text(VARIABLE.sub(lambda found: env[found[1]], OPERATOR["configs"][name]["content"]))
    expected = {key: value for key, value in told(f"migrate-{name}", env).items() if key != "INSTANCE"}
    settings = load(name).settings(_env_file=file)
    for key, value in expected.items():
        field = getattr(settings, key.lower())
        text = field.get_secret_value() if hasattr(field, "get_secret_value") else field
        assert (text if isinstance(text, dict) else str(text)) == (json.loads(value) if key == "UPSTREAMS" else value)


def test_the_operators_image_is_pinned_and_has_every_service() -> None:
    text = (ROOT / "Dockerfile.operator").read_text()
    assert "--require-hashes" in text
    assert re.findall(r"^COPY (\w+) \1$", text, re.MULTILINE) == ["chassis", "contracts", "gateway", "services"]
    base = re.findall(r"^ARG PYTHON=(\S+)", text, re.MULTILINE)
    assert base == re.findall(r"^ARG PYTHON=(\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
