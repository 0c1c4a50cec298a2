"""Generated input: schemathesis sends requests from openapi.json to the gateway, with a key of all scopes.

Its own checks and their exceptions are in tests/support/schemathesis.toml, ours in clear_problems.py beside it.
RAPPORT_SEED replays a run, RAPPORT_EXAMPLES sets its size. `make fuzz` is a long run.
"""

import asyncio
import json
import os
import random
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

from chassis.types.ids import uuid7
from tests.support.facts import a_customer, a_purchase
from tests.support.records import a_block, in_interactions, in_sales, in_transfer
from tests.support.stack import RunningStack, Visitor
from tests.system.test_stories import a_program_with_points

pytestmark = pytest.mark.generated

ROOT = Path(__file__).parent.parent.parent
CONFIGURATION = ROOT / "tests" / "support" / "schemathesis.toml"
SCHEMATHESIS = str(Path(sys.executable).with_name("schemathesis"))
EXAMPLES = int(os.environ.get("RAPPORT_EXAMPLES", "3"))
SEED = os.environ.get("RAPPORT_SEED") or str(random.SystemRandom().randrange(10**6))

PATHS = json.loads((ROOT / "contracts" / "openapi.json").read_bytes())["paths"]
NAMED = ("customers", "programs", "products", "pipelines", "stages", "surveys", "mailboxes")
"""Records that parameters and fields name by `<thing>_id`."""


async def some_records(visitor: Visitor) -> dict[str, str]:
    """Create a record of each kind, by the segment of its path. Otherwise most requests would return 404."""
    program = await a_program_with_points(visitor)
    customer = (await visitor.request("POST", "/v1/customers", json=a_customer())).json()["id"]
    other = (await visitor.request("POST", "/v1/customers", json=a_customer())).json()["id"]
    merge = await visitor.request("POST", f"/v1/customers/{customer}/merge", json={"merged_id": other})
    related = (await visitor.request("POST", "/v1/customers", json=a_customer())).json()["id"]
    search = await visitor.request("POST", "/v1/duplicate-searches")
    both = {"customer_id": customer, "other_customer_id": related}
    pair = await visitor.request("POST", "/v1/duplicates", json=both)
    spouse = {"kind": "spouse", "related_customer_id": related}
    relation = await visitor.request("POST", f"/v1/customers/{customer}/relations", json=spouse)
    lines = [{"sku": "tea", "quantity": "1", "amount": "100000.00"}]
    purchase = (await visitor.request("POST", "/v1/purchases", json=a_purchase(customer, lines=lines))).json()["id"]
    await visitor.drained()
    (membership,) = (await visitor.request("GET", f"/v1/memberships?customer_id={customer}")).json()["items"]
    held = await visitor.request(
        "POST",
        f"/v1/memberships/{membership['id']}/redemptions",
        json={"points": 1, "mode": "reserve"},
        headers={"Idempotency-Key": str(uuid7())},
    )
    field = {"record_kind": "customer", "name": "tea", "type": "text", "indexed": True}
    view = {"record_kind": "customer", "name": "Clients", "filters": {"lifecycle": ["client"]}}
    (tenant,) = (await visitor.request("GET", "/v1/tenants")).json()["items"]
    return {
        "customers": customer,
        "custom-fields": (await visitor.request("POST", "/v1/custom-fields", json=field)).json()["id"],
        "views": (await visitor.request("POST", "/v1/views", json=view)).json()["id"],
        **await in_sales(visitor, customer),
        "blocks": (await a_block(visitor))["blocks"],
        **await in_transfer(visitor),
        "merges": merge.json()["id"],
        "duplicates": pair.json()["id"],
        "duplicate-searches": search.json()["id"],
        "relations": relation.json()["id"],
        **await in_interactions(visitor),
        "purchases": purchase,
        "programs": program,
        "memberships": membership["id"],
        "redemptions": held.json()["id"],
        "tenants": tenant["id"],
    }


def sections(records: dict[str, str]) -> str:
    """Return the configuration that makes schemathesis use the records.

    In 7 of 10 requests, they supply the id of a path and the fields that are called <thing>_id.
    """
    found = ""
    for things, id in records.items():
        value = f'{{ dictionary = "{things}", probability = 0.7 }}'
        found += f'\n[dictionaries.{things}]\nvalues = ["{id}"]\n'
        if f"/v1/{things}/{{id}}" not in PATHS:  # they have no path of their own
            continue
        found += (
            f'\n[[operations]]\ninclude-path-regex = "^/v1/{things}/\\\\{{id\\\\}}"\nparameters."path.id" = {value}\n'
        )
    names = [(data_dir, things) for data_dir in ("path", "query", "body") for things in NAMED]
    bound = (
        f'"{data_dir}.{things[:-1]}_id" = {{ dictionary = "{things}", probability = 0.7 }}\n'
        for data_dir, things in names
    )
    chains = f"\n[phases.stateful]\nmax-steps = 15\ngeneration.max-examples = {3 * EXAMPLES}\n"
    return found + chains + "\n[parameters]\n" + "".join(bound)


@pytest.mark.timeout(900 + 60 * EXAMPLES)
@pytest.mark.parametrize(
    "phases",
    [
        "fuzzing,stateful",
        # The limits of every value: a hundred requests of an operation, so it takes longer with each new operation.
        pytest.param("coverage", marks=pytest.mark.nightly),
    ],
)
async def test_whatever_is_asked_is_done_or_refused_with_a_clear_problem(
    stack: RunningStack, visitor: Visitor, tmp_path: Path, phases: str
) -> None:
    configuration = tmp_path / "schemathesis.toml"
    configuration.write_text(CONFIGURATION.read_text() + sections(await some_records(visitor)))
    print(f"RAPPORT_SEED={SEED} RAPPORT_EXAMPLES={EXAMPLES}")
    asking = await asyncio.create_subprocess_exec(
        *(SCHEMATHESIS, "--config-file", str(configuration), "run", f"{stack.url}/openapi.json", "--no-color"),
        *("--phases", phases, "--seed", SEED, "--max-examples", str(EXAMPLES)),
        env={**os.environ, "RAPPORT_KEY": visitor.key, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        stdout=PIPE,
        stderr=STDOUT,
    )
    said = (await asking.communicate())[0].decode()
    print(said[-20_000:])
    assert asking.returncode == 0
    status = await visitor.drained()  # the key is still valid, and accepted writes are applied everywhere
    assert {one["dead_letters"] for one in status["services"].values()} == {0}
