"""The reasons for which a relationship ends, and merges: which values survive, and what an undo restores.

Plain values in, plain values out.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from typing_extensions import TypeAliasType

from chassis.types.json import json_equal
from chassis.types.text import normalize_email, normalize_phone
from services.customers.people.rules.stages import Lifecycle

EndReason = TypeAliasType(
    "EndReason",
    Literal["price", "product", "service", "competitor", "moved", "no_need", "ended_by_us", "unknown"],
)
"""The reasons that every tenant has."""
REASON_PATTERN = "^[a-z][a-z0-9_]*$"
END_REASONS: tuple[str, ...] = get_args(EndReason.__value__)


def lifecycle_after_end(lifecycle: Lifecycle) -> Lifecycle:
    """Return the stage of a customer whose relationship has ended. A prospect never was a customer."""
    return lifecycle if lifecycle == "prospect" else "former"


# Merges

MergeState = TypeAliasType("MergeState", Literal["active", "undone"])
MergeSide = TypeAliasType("MergeSide", Literal["survivor", "merged"])
MergeRule = TypeAliasType(
    "MergeRule", Literal["equal", "survivor", "merged", "union", "combined", "furthest", "chosen"]
)

Values = Mapping[str, Any]
"""Fields of a record by name."""
Changes = dict[str, list[Any]]
"""Old and new value of each field that changed."""
STAGES = ("prospect", "former", "customer", "client")
"""The stages of a relationship, from which a merge keeps the furthest."""
UNDO_RULE = (
    "An undo restores both records. Fields that were changed since the merge keep their values. What came in under the "
    "id of the merged record returns to it, also since the merge. All else that is new stays with the survivor."
)


@dataclass(frozen=True, slots=True)
class MergedField:
    """A field of two records, and the value that survives their merge."""

    field: str
    survivor: Any
    merged: Any
    result: Any
    rule: MergeRule
    may_choose: bool


def merge_fields(
    survivor: Values, merged: Values, fields: Sequence[str], choices: Mapping[str, MergeSide], region: str
) -> list[MergedField]:
    """Return every field that at least one of the records has, in order.

    Lists become their union, documents are combined by key, and of single values the survivor's is kept. A choice
    overrides the rule for single values and for documents.
    """
    found = [
        _merge_field(name, survivor[name], merged[name], choices.get(name), region)
        for name in fields
        if survivor[name] or merged[name]
    ]
    return [_with_birthday(field, found) for field in found]


def unchoosable(fields: Sequence[MergedField], choices: Collection[str]) -> list[str]:
    """Return the choices of fields that cannot be chosen: they are unknown, lists, or empty on both records."""
    return sorted(set(choices) - {field.field for field in fields if field.may_choose})


def _merge_field(name: str, survivor: Any, merged: Any, choice: MergeSide | None, region: str) -> MergedField:
    if isinstance(survivor, list):
        items = _union(survivor, merged, _identity(name, region))
        return MergedField(name, survivor, merged, items, "union", may_choose=False)
    if choice is not None:
        first, second = (merged, survivor) if choice == "merged" else (survivor, merged)
        result = second | first if isinstance(first, dict) and isinstance(second, dict) else first
        return MergedField(name, survivor, merged, result, "chosen", may_choose=True)
    result, rule = _by_rule(name, survivor, merged)
    return MergedField(name, survivor, merged, result, rule, may_choose=True)


def _with_birthday(field: MergedField, fields: Sequence[MergedField]) -> MergedField:
    """Return the field. The birthday is that of the record whose date of birth survives."""
    born = next((other for other in fields if other.field == "birth_date"), None)
    if field.field != "birthday" or born is None or born.result is None:
        return field
    result = field.survivor if json_equal(born.result, born.survivor) else field.merged
    return replace(field, result=result, rule=born.rule, may_choose=False)


def _by_rule(name: str, survivor: Any, merged: Any) -> tuple[Any, MergeRule]:
    if json_equal(survivor, merged):
        return survivor, "equal"
    if isinstance(survivor, dict) and isinstance(merged, dict):
        return merged | survivor, "combined"
    if name == "lifecycle":
        return max(survivor, merged, key=_stage), "furthest"
    return (merged, "merged") if survivor in (None, False) else (survivor, "survivor")


def _stage(lifecycle: str) -> int:
    return STAGES.index(lifecycle) if lifecycle in STAGES else 0


# Lists


def _identity(name: str, region: str) -> Callable[[Any], Any]:
    """Return the function by which two items of a list are the same: the form in which they are looked up."""
    if name == "emails":
        return lambda item: _normal(normalize_email, item["address"])
    if name == "phones":
        return lambda item: _normal(normalize_phone, item["number"], region)
    return lambda item: item


def _normal(normalize: Callable[..., str], text: str, *arguments: str) -> str:
    try:
        return normalize(text, *arguments)
    except ValueError:  # stored before a rule that refuses it
        return text


def _union(first: Sequence[Any], second: Sequence[Any], identity: Callable[[Any], Any]) -> list[Any]:
    """Return the items of both lists, each once. Of the same item, the first is kept. At most one is primary."""
    items: list[Any] = []
    seen: list[Any] = []
    for item in (*first, *second):
        if identity(item) not in seen:
            seen.append(identity(item))
            items.append(item)
    primary = [at for at, item in enumerate(items) if isinstance(item, dict) and item.get("primary")]
    return [item | {"primary": False} if at in primary[1:] else item for at, item in enumerate(items)]


# Undo


def restored_fields(changes: Changes, current: Values, others: Sequence[Values], region: str) -> dict[str, Any]:
    """Return the survivor's fields as they were before a merge. Later changes are kept.

    `others` are the records of other merges into the survivor: what they also brought stays.
    """
    restored = {
        name: _restored(before, after, current[name], [other[name] for other in others], _identity(name, region))
        for name, (before, after) in changes.items()
        if name in current
    }
    return {name: value for name, value in restored.items() if not json_equal(value, current[name])}


def rebased(changes: Changes, undone: Changes, region: str) -> Changes:
    """Return the changes of a later merge as if an earlier one had not taken place."""
    values = {}
    for name, (before, after) in changes.items():
        if name in undone:
            before = _restored(undone[name][0], undone[name][1], before, [], _identity(name, region))
        values[name] = [before, after]
    return values


def _with_primary(items: list[Any]) -> list[Any]:
    """Return the items of a list that has a primary item, with the first as primary if none is."""
    if items and isinstance(items[0], dict) and "primary" in items[0] and not any(item["primary"] for item in items):
        return [items[0] | {"primary": True}, *items[1:]]
    return items


def _restored(before: Any, after: Any, current: Any, others: list[Any], identity: Callable[[Any], Any]) -> Any:
    if isinstance(current, list):
        kept = [identity(item) for other in others for item in other]
        brought = [identity(item) for item in after if identity(item) not in [identity(own) for own in before]]
        gone = [each for each in brought if each not in kept]
        return _with_primary([item for item in current if identity(item) not in gone])
    if isinstance(current, dict) and isinstance(after, dict):
        unchanged = [key for key in after if key in current and json_equal(current[key], after[key])]
        brought = [key for key in unchanged if not (key in before and json_equal(before[key], after[key]))]
        rest = {key: value for key, value in current.items() if key not in brought}
        return rest | {key: before[key] for key in brought if key in before}
    return before if json_equal(current, after) else current
