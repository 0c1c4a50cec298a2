"""Automations are created, changed and listed. Each version is kept: a run goes on with the one that started it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from chassis import (
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
    equals,
    json,
    paginate,
)
from services.interactions.feedback.rules.triggers import UNKNOWN_FACT
from services.interactions.outreach import tables
from services.interactions.outreach.automations.schemas import (
    Automation,
    AutomationCreate,
    AutomationUpdate,
    AutomationVersion,
)
from services.interactions.outreach.rules import automations as rules

feature = Feature("automations")


class AutomationNameTaken(Problem, status=409):
    """Another automation already has this name.

    `automation_id` is that automation. Choose another name.
    """


@feature.post(
    "/automations", scope="interactions:configure", status_code=201, raises=[AutomationNameTaken, RecordTooLarge]
)
async def create_automation(work: Work, body: AutomationCreate) -> Automation:
    """Create an automation. It reacts to events from now on."""
    if work.is_retry:  # the unique constraint has found the name
        await _reject_taken_name(work, body.name)
    columns = _stored(body.values())
    _check_names(body.trigger, columns)
    automation = await work.insert(tables.Automation(**columns))
    await _record_version(work, automation)
    return Automation.from_row(automation)


@feature.get("/automations", scope="interactions:read")
async def list_automations(work: Work, params: PageParams) -> Page[Automation]:
    """List automations, oldest first."""
    return await paginate(work, params, tables.Automation, Automation, sort="created_at")


@feature.get("/automations/{id:uuid}", scope="interactions:read")
async def read_automation(work: Work, id: UUID) -> Automation:
    """Return an automation."""
    return Automation.from_row(await work.get(tables.Automation, id))


@feature.get("/automations/{id:uuid}/versions", scope="interactions:read")
async def list_automation_versions(work: Work, id: UUID, params: PageParams) -> Page[AutomationVersion]:
    """List the versions of an automation, oldest first."""
    await work.get(tables.Automation, id)
    where = equals(automation_id=id)
    return await paginate(work, params, tables.AutomationVersion, AutomationVersion, sort="number", where=where)


@feature.patch(
    "/automations/{id:uuid}",
    scope="interactions:configure",
    raises=[AutomationNameTaken, RecordTooLarge, VersionMismatch],
)
async def update_automation(work: Work, id: UUID, body: AutomationUpdate, if_match: IfMatch) -> Automation:
    """Change the fields that are named. Runs that have begun go on with the steps with which they began."""
    before = await work.get(tables.Automation, id, for_update=True)
    work.check_version(before, if_match)
    values = _stored(body.changes())
    changes = {name: value for name, value in values.items() if not json.json_equal(value, getattr(before, name))}
    if not changes:
        return Automation.from_row(before)
    if "name" in changes:
        await _reject_taken_name(work, changes["name"])
    _check_names(before.trigger, changes)
    automation = await work.update(before, **changes)
    await _record_version(work, automation)
    return Automation.from_row(automation)


def _stored(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a body as they are stored: no trigger is repeated."""
    return {name: list(dict.fromkeys(value)) if name == "stops_on" else value for name, value in values.items()}


def _check_names(trigger: rules.AutomationTrigger, values: Mapping[str, Any]) -> None:
    """Raise ValidationFailed for a condition or a text that names a fact which the event does not have."""
    known = ", ".join(rules.known_facts(trigger))
    for index, condition in enumerate(values.get("conditions") or ()):
        if condition["fact"] not in rules.known_facts(trigger):
            raise ValidationFailed.field(f"/conditions/{index}/fact", UNKNOWN_FACT, f"{trigger} has {known}")
    for pointer, text in _texts(values.get("steps") or ()):
        if unknown := rules.unknown_placeholders(text, trigger):
            detail = f"{trigger} does not have {unknown[0][:100]!r}, but {known}"
            raise ValidationFailed.field(pointer, rules.UNKNOWN_PLACEHOLDER, detail)


def _texts(steps: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Return the texts of steps that may have placeholders, each with its pointer."""
    for index, step in enumerate(steps):
        for action in ("task", "message", "case"):
            for name in ("title", "description", "subject", "body"):
                text = (step[action] or {}).get(name)
                if text is not None:
                    yield f"/steps/{index}/{action}/{name}", text


async def _record_version(work: UnitOfWork, automation: tables.Automation) -> None:
    version = tables.AutomationVersion(
        automation_id=automation.id,
        number=automation.version,
        trigger=automation.trigger,
        conditions=automation.conditions,
        steps=automation.steps,
        stops_on=automation.stops_on,
        pause_days=automation.pause_days,
        recorded_at=work.now,
    )
    await work.insert(version)


async def _reject_taken_name(work: UnitOfWork, name: str) -> None:
    holder = await work.find(tables.Automation, name=name)
    if holder is not None:
        raise AutomationNameTaken(
            f"Another automation is called {name}.", automation_id=str(holder.id), pointer="/name"
        )
