"""The operations on policies."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from chassis import (
    REQUIRED,
    UNKNOWN_RECORD,
    Command,
    Feature,
    IfMatch,
    Page,
    PageParams,
    Problem,
    RecordTooLarge,
    UnitOfWork,
    ValidationFailed,
    VersionMismatch,
    Work,
    json,
    paginate,
)
from services.interactions.helpdesk import tables
from services.interactions.helpdesk.sla_policies.schemas import SlaPolicy, SlaPolicyCreate, SlaPolicyUpdate

feature = Feature("sla-policies")
LISTS = ("kinds", "categories", "priorities", "channels", "warn_percents", "pause_on")


class SlaPolicyNameTaken(Problem, status=409):
    """Another policy already has this name.

    `policy_id` is that policy. Choose another name.
    """


@feature.post(
    "/sla-policies", scope="interactions:configure", status_code=201, raises=[RecordTooLarge, SlaPolicyNameTaken]
)
async def create_sla_policy(work: Work, body: SlaPolicyCreate) -> SlaPolicy:
    """Create a policy. It holds for cases that are opened from now on."""
    if work.is_retry:  # the unique constraint has found the name
        await _reject_taken_name(work, body.name)
    columns = _stored(body.values())
    await _check_calendar(work, columns)
    policy = await work.insert(tables.SlaPolicy(**columns))
    await _record_version(work, policy)
    return SlaPolicy.from_row(policy)


@feature.get("/sla-policies", scope="interactions:read")
async def list_sla_policies(work: Work, params: PageParams) -> Page[SlaPolicy]:
    """List policies in the order in which they are tried."""
    return await paginate(work, params, tables.SlaPolicy, SlaPolicy, sort="position")


@feature.get("/sla-policies/{id:uuid}", scope="interactions:read")
async def read_sla_policy(work: Work, id: UUID) -> SlaPolicy:
    """Return a policy."""
    return SlaPolicy.from_row(await work.get(tables.SlaPolicy, id))


@feature.patch(
    "/sla-policies/{id:uuid}",
    scope="interactions:configure",
    raises=[RecordTooLarge, SlaPolicyNameTaken, VersionMismatch],
)
async def update_sla_policy(work: Work, id: UUID, body: SlaPolicyUpdate, if_match: IfMatch) -> SlaPolicy:
    """Change the fields that are named. Cases that are open keep the version with which they were opened."""
    before = await work.get(tables.SlaPolicy, id, for_update=True)
    work.check_version(before, if_match)
    values = _stored(body.changes())
    changes = {name: value for name, value in values.items() if not json.json_equal(value, getattr(before, name))}
    if not changes:
        return SlaPolicy.from_row(before)
    if "name" in changes:
        await _reject_taken_name(work, changes["name"])
    await _check_calendar(work, {"calendar_id": before.calendar_id, "targets": before.targets} | changes)
    policy = await work.update(before, **changes)
    await _record_version(work, policy)
    return SlaPolicy.from_row(policy)


@feature.delete("/sla-policies/{id:uuid}", scope="interactions:configure", status_code=204, raises=[VersionMismatch])
async def delete_sla_policy(work: Work, id: UUID, if_match: IfMatch) -> None:
    """Delete a policy. Cases that have it keep their clocks."""
    policy = await work.get(tables.SlaPolicy, id, for_update=True)
    work.check_version(policy, if_match)
    await work.execute(_DELETE, id=id)
    work.audit("deleted", tables.SlaPolicy, id, {"name": [policy.name, None]})


def _stored(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a body as they are stored: an absent list is empty, and none repeats a value."""
    return {name: list(dict.fromkeys(value or ())) if name in LISTS else value for name, value in values.items()}


async def _check_calendar(work: UnitOfWork, values: Mapping[str, Any]) -> None:
    """Raise ValidationFailed for an unknown calendar, or if a target in business time has none."""
    calendar_id = values["calendar_id"]
    if calendar_id is not None:
        if await work.find(tables.Calendar, id=calendar_id, for_update=True) is None:
            raise ValidationFailed.field("/calendar_id", UNKNOWN_RECORD, "no calendar has this id")
    elif any(target["time"] == "business" for target in values["targets"]):
        raise ValidationFailed.field("/calendar_id", REQUIRED, "a target in business time needs a calendar")


async def _record_version(work: UnitOfWork, policy: tables.SlaPolicy) -> None:
    version = tables.SlaPolicyVersion(
        policy_id=policy.id,
        number=policy.version,
        targets=policy.targets,
        warn_percents=policy.warn_percents,
        pause_on=policy.pause_on,
        reopened_time=policy.reopened_time,
        recorded_at=work.now,
    )
    await work.insert(version)


async def _reject_taken_name(work: UnitOfWork, name: str) -> None:
    holder = await work.find(tables.SlaPolicy, name=name)
    if holder is not None:
        raise SlaPolicyNameTaken(f"Another policy is called {name}.", policy_id=str(holder.id), pointer="/name")


_DELETE = Command("delete from sla_policy where id = :id")
