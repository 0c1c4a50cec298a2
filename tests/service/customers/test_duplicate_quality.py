"""The quality of the search for duplicates, on persons that were generated with errors (FEBRL).

Social security numbers, which identify the records, are not used, and nothing is learned from the data.
"""

import pytest

from tests.support.duplicates import Pairs, febrl, search, true_pairs
from tests.support.service import ServiceUnderTest


async def found_pairs(customers: ServiceUnderTest, names: dict[str, str]) -> Pairs:
    rows = await customers.rows("select first_id, second_id from duplicate where state = 'open'")
    return {frozenset((names[str(row["first_id"])], names[str(row["second_id"])])) for row in rows}


async def store(customers: ServiceUnderTest, records: dict[str, dict[str, object]]) -> dict[str, str]:
    """Store records. Returns the name of each by its id."""
    names, bodies = list(records), list(records.values())
    ids: list[str] = []
    for begin in range(0, len(bodies), 1_000):
        response = await customers.post("/v1/customers/batch", {"items": bodies[begin : begin + 1_000]})
        ids += [item["id"] for item in response.json()["results"]]
    return dict(zip(ids, names, strict=True))


@pytest.mark.parametrize(
    "data", [["dataset1"], pytest.param(["dataset4a", "dataset4b"], marks=pytest.mark.slow)], ids=["FEBRL 1", "FEBRL 4"]
)
async def test_precision_and_recall(
    customers: ServiceUnderTest, data: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    records = febrl(*data)
    names = await store(customers, records)
    job = await search(customers)
    found, expected = await found_pairs(customers, names), true_pairs(list(records))
    precision, recall = len(found & expected) / len(found), len(found & expected) / len(expected)
    with capsys.disabled():
        print(f"\n{', '.join(data)}: {job['compared']} records, precision {precision:.4f}, recall {recall:.4f}")
    assert job["compared"] == len(records)
    assert precision > 0.97
    assert recall > 0.97
