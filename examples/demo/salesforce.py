"""The Salesforce export of a power company, and what it contains in plain Python.

Its sample records were installed twice. So it contains each contact twice, with two ids, at two accounts.
"""

import csv
from collections.abc import Mapping
from datetime import datetime
from itertools import combinations
from pathlib import Path
from typing import Any

from examples.demo.households import DATA

EXPORT = DATA / "salesforce_export"
SOURCE = "salesforce"
PRESETS = {"Account": "salesforce_accounts", "Contact": "salesforce_contacts", "Lead": "salesforce_leads"}
"""The files that contain customers. Accounts are first, because contacts are related to them."""


def path_of(file: str) -> Path:
    """Return the path of a file of the export."""
    return EXPORT / f"{file}.csv"


def read_rows(file: str) -> list[dict[str, str]]:
    """Return the rows of a file of the export."""
    with path_of(file).open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def read_accounts_of_contacts() -> dict[str, str]:
    """Return the account of each contact, by their ids in Salesforce."""
    return {row["Id"]: row["AccountId"] for row in read_rows("Contact")}


def read_pairs() -> set[frozenset[str]]:
    """Return the pairs of contacts and leads with the same name and the same e-mail address or phone number."""
    people = [*read_rows("Contact"), *read_rows("Lead")]
    return {
        frozenset((one["Id"], other["Id"]))
        for one, other in combinations(people, 2)
        if one["Name"] == other["Name"] and any(one[field] == other[field] != "" for field in ("Email", "Phone"))
    }


def read_cases(ids: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return each case as a touch point. `ids` maps ids in Salesforce to customer ids."""
    return [
        {
            "customer_id": ids[row["ContactId"] or row["AccountId"]],
            "source": SOURCE,
            "source_id": row["Id"],
            "channel": row["Origin"].lower(),
            "direction": "inbound",
            "subject": row["Subject"],
            "body": row["Description"],
            "occurred_at": datetime.fromisoformat(row["CreatedDate"]).isoformat(),
        }
        for row in read_rows("Case")
    ]
