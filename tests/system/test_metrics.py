"""Metrics and logs of a running stack: the dashboard, the alert rules and docs/operations.md name them correctly."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from chassis.types import json
from local import PROCESSES
from tests.contract.test_operations import documented_fields
from tests.support.facts import a_customer
from tests.support.stack import RunningStack, Visitor

OPS = Path(__file__).parents[2] / "ops"
NOT_METRICS = {"abs", "and", "count", "delta", "histogram_quantile", "increase", "max", "min", "rate", "sum", "topk"}
BY_PROMETHEUS = {"up"}
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}


@pytest.fixture(scope="module")
async def exposed(stack: RunningStack) -> set[str]:
    """Return the names of the metrics of all processes."""
    headers = {"Authorization": f"Bearer {stack.data_dir.secrets()['operator']}"}
    names = set()
    async with httpx.AsyncClient(trust_env=False, verify=False, headers=headers) as client:
        for name in PROCESSES:
            text = (await client.get(f"http://127.0.0.1:{stack.ports[name]}/metrics")).text
            for family in text_string_to_metric_families(text):
                names |= {family.name + suffix for suffix in SUFFIXES[family.type]}
    return names


def metrics_in(expression: str) -> set[str]:
    """Return the names of metrics in a PromQL expression."""
    without_labels = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\bby \([^)]*\)", " ", expression)
    return set(re.findall(r"[a-z][a-z0-9_]*", without_labels)) - NOT_METRICS


def expressions(document: Any) -> Iterator[str]:
    """Yield each `expr` of a dashboard or of a file of rules."""
    if isinstance(document, dict):
        if isinstance(document.get("expr"), str):
            yield document["expr"]
        document = list(document.values())
    for value in document if isinstance(document, list) else ():
        yield from expressions(value)


@pytest.mark.parametrize("file", ["grafana/rapport.json", "prometheus/alerts.yml"])
def test_every_metric_of_the_dashboard_and_the_alerts_exists(exposed: set[str], file: str) -> None:
    text = (OPS / file).read_text()
    document = json.loads(text.encode()) if file.endswith(".json") else YAML(typ="safe").load(text)
    named = {name: expression for expression in expressions(document) for name in metrics_in(expression)}
    assert len(named) > 8
    assert {name: text for name, text in named.items() if name not in exposed | BY_PROMETHEUS} == {}


def test_every_metric_is_documented(exposed: set[str]) -> None:
    page = (OPS.parent / "docs" / "operations.md").read_text()
    suffix = r"(_total|_bucket|_count|_sum|_created)$"
    own = {name for name in exposed if not name.startswith("process_") and not name.endswith("_created")}
    assert [name for name in sorted(own) if not re.search(rf"`{re.sub(suffix, '', name)}(_total)?`", page)] == []


async def test_every_line_of_the_logs_has_the_documented_fields(stack: RunningStack, visitor: Visitor) -> None:
    created = await visitor.request("POST", "/v1/customers", json=a_customer(), headers={"X-Request-Id": "order-7"})
    assert created.status_code == 201
    documented, requests = documented_fields(), 0
    for name in PROCESSES:
        for line in stack.data_dir.log(name).read_text().splitlines():
            fields = json.loads(line.encode())
            assert fields.keys() <= documented, line
            assert fields.keys() >= {"timestamp", "level", "service", "event"}, line
            requests += fields.get("request_id") == "order-7"
    assert requests >= 1
