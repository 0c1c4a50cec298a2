"""Every attack by its name."""

from tests.attacks import bodies, connections, events, floods
from tests.attacks.attacker import Attack

ATTACKS: dict[str, type[Attack]] = {
    "slow-bodies": connections.SlowBodies,
    "slow-heads": connections.SlowHeads,
    "slow-readers": connections.SlowReaders,
    "overflows": events.Overflows,
    "failures": events.Failures,
    "transient-failures": events.TransientFailures,
    "cash-customer": events.CashCustomer,
    "wave": events.Wave,
    "objects": bodies.Objects,
    "fat-records": bodies.FatRecords,
    "pages": floods.Pages,
    "searches": floods.Searches,
    "verifications": floods.Verifications,
    "cohorts": floods.Cohorts,
    "new-keys": floods.NewKeys,
    "wrong-keys": floods.WrongKeys,
    "retries": floods.Retries,
    "batches": floods.Batches,
}
