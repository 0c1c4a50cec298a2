"""Imports: customers from a CSV or JSON Lines file, in a job that is paused, resumed, cancelled and reverted.

A file is uploaded first, and its columns are found. Its start says where each column goes. Rows follow the rules of the
batch, and a row that is refused stops no other.

    schemas.py   request and response bodies, and the problems
    uploads.py   the inspection of a file while it arrives
    plans.py     from the columns of a file to the fields of a customer
    batches.py   the rows of a chunk, and the relations that they name
    rows.py      the job: a thousand rows at a time
    reverts.py   the job that undoes an import
    errors.py    the rows that were refused, as a file
    routes.py    the operations
"""

from services.customers.transfer.imports import reverts, rows
from services.customers.transfer.imports.routes import feature

feature.include(rows.feature, reverts.feature)

__all__ = ["feature"]
