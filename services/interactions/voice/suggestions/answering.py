"""The answer to a suggestion: its state, its public answer, and the original that it repeats."""

from typing import Any
from uuid import UUID

from chassis import (
    REQUIRED,
    UNKNOWN_RECORD,
    Command,
    Feature,
    FieldCode,
    IfMatch,
    NotFound,
    RecordTooLarge,
    UnitOfWork,
    ValidationFailed,
    VersionMismatch,
    Work,
    recorded_person,
)
from services.interactions.voice import tables
from services.interactions.voice.queries.suggestions import lock_original, recount
from services.interactions.voice.suggestions.events import SuggestionDone, SuggestionIsDuplicate
from services.interactions.voice.suggestions.schemas import Suggestion, SuggestionUpdate

feature = Feature("suggestions")
OWN_DUPLICATE = FieldCode(
    "own_duplicate", "A suggestion cannot be a duplicate of itself.", "Send the id of another original."
)


@feature.patch(
    "/suggestions/{id:uuid}",
    scope="interactions:write",
    raises=[RecordTooLarge, SuggestionIsDuplicate, VersionMismatch],
)
async def update_suggestion(work: Work, id: UUID, body: SuggestionUpdate, if_match: IfMatch) -> Suggestion:
    """Change the fields that are named: answer a suggestion, move it on, or link it to the original that it repeats."""
    values = body.changes()
    if "duplicate_of_id" in values:
        # Two suggestions that become duplicates of each other at once would both lose their votes.
        await work.execute(_LOCK_DUPLICATES)
    before = await work.get(tables.Suggestion, id, for_update=True)
    work.check_version(before, if_match)
    original_id = before.duplicate_of_id
    if "duplicate_of_id" in values:
        original_id = values["duplicate_of_id"] = await _original_of(work, before, values["duplicate_of_id"])
    if original_id is not None and {"state", "answer"} & values.keys():
        raise SuggestionIsDuplicate(duplicate_of_id=str(original_id))
    if values.get("state", before.state) == "declined" and values.get("answer", before.answer) is None:
        raise ValidationFailed.field("/answer", REQUIRED, "a declined suggestion has an answer")
    if "state" in values:
        values["done_at"] = (before.done_at or work.now) if values["state"] == "done" else None
    suggestion = await _change(work, before, values)
    if before.state != "done" and suggestion.state == "done":
        customer_id = None if suggestion.customer_id is None else await recorded_person(work, suggestion)
        work.publish(SuggestionDone.from_row(suggestion, suggestion_id=id, customer_id=customer_id))
    return Suggestion.from_row(suggestion)


async def _change(work: UnitOfWork, before: tables.Suggestion, values: dict[str, Any]) -> tables.Suggestion:
    """Store the values, and count the voters of every original that gains or loses a duplicate."""
    previous, original = before.duplicate_of_id, values.get("duplicate_of_id", before.duplicate_of_id)
    if previous == original:
        return await work.update(before, **values)
    await work.update(before, **values, votes=0)
    if original is not None:
        await work.execute(_MOVE_DUPLICATES, id=before.id, original=original, now=work.now)
    for id in (previous, original or before.id):
        if id is not None:
            await recount(work, (await lock_original(work, id)).id)
    return await work.get(tables.Suggestion, before.id, for_update=True)


async def _original_of(work: UnitOfWork, suggestion: tables.Suggestion, named: UUID | None) -> UUID | None:
    """Return the original of the suggestion that a request names. Raises ValidationFailed."""
    if named is None:
        return None
    try:
        original = await lock_original(work, named)
    except NotFound:
        raise ValidationFailed.field("/duplicate_of_id", UNKNOWN_RECORD, "no suggestion has this id") from None
    if original.id == suggestion.id:
        raise ValidationFailed.field("/duplicate_of_id", OWN_DUPLICATE, "is the suggestion itself, or its duplicate")
    return original.id


_LOCK_DUPLICATES = Command(
    "select pg_advisory_xact_lock(hashtextextended('suggestion ' || current_setting('app.tenant'), 0))"
)
_MOVE_DUPLICATES = Command(
    """
    update suggestion set duplicate_of_id = :original, version = version + 1, updated_at = :now
    where duplicate_of_id = :id
    """
)
