"""The fields of a customer's record and of a deal, as imports and exports see them, and the files of their jobs."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel
from typing_extensions import TypeAliasType

from chassis import Problem, UnitOfWork
from services.customers.base import Job
from services.customers.customization.rules.custom_fields import RecordKind
from services.customers.people.customers.schemas import Customer, CustomerFields
from services.customers.sales.deals.schemas import DealUpdate
from services.customers.transfer.rules.mapping import Shape

IMPORT, EXPORT, REMOVAL = "import", "export", "file_removal"
"""The kinds of jobs that have files, and the kind that deletes them."""
UPLOAD = "upload"
"""The name of the uploaded file of an import, which is deleted when the import has ended."""
FILES_ERASED = "files_erased"
"""The parameter of a job whose files an erasure has deleted."""


class FileErased(Problem, status=410):
    """The file was deleted, because a customer in it may have been erased since.

    Create the export again, or upload the file again.
    """


def reject_erased_files(job: Job) -> None:
    """Raise FileErased if an erasure has deleted the files of a job."""
    if job.parameters.get(FILES_ERASED):
        raise FileErased


def errors_folder(parameters: Mapping[str, Any]) -> str:
    """Return the folder of the refused rows of an import. Each start has its own."""
    return f"errors-{parameters['run']}/"


def export_folder(parameters: Mapping[str, Any]) -> str:
    """Return the folder of the parts of an export. Each beginning has its own."""
    return f"parts-{parameters['run']}/"


async def remove_files(work: UnitOfWork, job_id: UUID, begin: str = "") -> None:
    """Delete the files of a job whose names begin like this, by another job, once this transaction is committed."""
    parameters = {"begin": begin}
    removal = Job(kind=REMOVAL, follows=job_id, parameters=parameters, actor=work.actor, created_at=work.now)
    await work.insert(removal)


@cache
def shape() -> Shape:
    """Return the fields of a record, by their kind."""
    scalars, lists = {"kind": "text"}, set()
    objects: dict[str, dict[str, str]] = {}
    documents: dict[str, dict[str, str]] = {}
    for name, field in CustomerFields.model_fields.items():
        parts = list(_parts(field.annotation))
        model = next((part for part in parts if isinstance(part, type) and issubclass(part, BaseModel)), None)
        if name == "custom":
            continue
        if model is None and list in parts:
            lists.add(name)
        elif model is None:
            scalars[name] = _type_of(field.annotation)
        else:
            types = {part: _type_of(each.annotation) for part, each in model.model_fields.items()}
            (objects if list in parts else documents)[name] = types
    return Shape(scalars, frozenset(lists), objects, documents, frozenset(("id", "relations")))


@cache
def deal_shape() -> Shape:
    """Return the fields of a deal, by their kind. Its stage says whether it is open, unless `closed` and `won` do."""
    types = dict.fromkeys(DealUpdate.model_fields.keys() - {"custom"}, "text")
    types |= {"stage": "text", "closed": "boolean", "won": "boolean"}
    types |= {"amount": "amount", "expected_close_on": "date"}
    return Shape(types, frozenset(), {}, {}, frozenset(("customer",)))


def shape_of(kind: RecordKind) -> Shape:
    """Return the fields of a kind of records."""
    return deal_shape() if kind == "deal" else shape()


@cache
def read_only_fields() -> frozenset[str]:
    """Return the fields of a record that no request sets."""
    return frozenset(Customer.model_fields.keys() - CustomerFields.model_fields.keys() - {"id", "kind"})


def _type_of(annotation: Any) -> str:
    """Return the type of a cell for an annotation."""
    parts = set(_parts(annotation))
    if bool in parts:
        return "boolean"
    if parts & {int, float}:
        return "number"
    is_complex = list in parts or any(isinstance(part, type) and issubclass(part, BaseModel) for part in parts)
    return "json" if is_complex else "text"


def _parts(annotation: Any) -> Iterator[Any]:
    """Yield the types in an annotation: those that Annotated, Union and list contain, and list itself."""
    if isinstance(annotation, TypeAliasType):
        annotation = annotation.__value__
    if get_origin(annotation) is list:
        yield list
    if isinstance(annotation, type) and get_origin(annotation) is None:
        yield annotation
    for inner in get_args(annotation):
        yield from _parts(inner)
