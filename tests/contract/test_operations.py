"""docs/operations.md names every field of the logs and every alert. promtool accepts the rules, if it is installed."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()
PROMETHEUS = ROOT / "ops" / "prometheus"
LEVELS = {"debug", "info", "warning", "error", "exception"}
BY_STRUCTLOG = {"exc_info": "exception"}


def documented_fields() -> set[str]:
    """Return the fields in the table of the page."""
    rows = re.findall(r"^\| (`[^|]*) \|", PAGE[PAGE.index("### Logs") :].split("\n## ")[0], re.M)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def logged_fields() -> Iterator[tuple[str, str]]:
    """Yield the field names of all calls of the log in the code, with their files."""
    for folder in ("chassis", "services", "gateway", "local"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call) and ast.unparse(node.func) in {f"log.{level}" for level in LEVELS}:
                    for keyword in node.keywords:
                        yield str(file.relative_to(ROOT)), BY_STRUCTLOG.get(str(keyword.arg), str(keyword.arg))


def test_every_field_of_the_logs_is_documented() -> None:
    found = list(logged_fields())
    assert len(found) > 20
    documented = documented_fields()
    assert {(file, field) for file, field in found if field not in documented} == set()


def test_every_alert_is_explained_and_says_how_urgent_it_is() -> None:
    rules: dict[str, Any] = YAML(typ="safe").load((PROMETHEUS / "alerts.yml").read_text())
    alerts = [rule for group in rules["groups"] for rule in group["rules"]]
    assert alerts
    assert [rule["alert"] for rule in alerts] == re.findall(r"^\| `(Rapport\w+)` \|", PAGE, re.M)
    assert {rule["labels"]["severity"] for rule in alerts} == {"page", "ticket"}
    assert all(rule["annotations"].keys() == {"summary", "description"} for rule in alerts)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian package prometheus)")
def test_prometheus_accepts_the_rules_and_its_configuration() -> None:
    for arguments in (["rules", "alerts.yml"], ["config", "--syntax-only", "prometheus.yml"]):
        done = subprocess.run(
            ["promtool", "check", *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_without_its_setting_opentelemetry_is_not_imported() -> None:
    code = """
import sys
from chassis.core.tracing import open_tracing
from chassis.service import installed_services, load
assert len([load(name) for name in installed_services()]) == 5
assert open_tracing(None, "loyalty") is None
print([name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter", "google"))])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
