"""Imports: customers or deals from a CSV or JSON Lines file, in a job that is paused, resumed, cancelled and reverted.

A file is uploaded first, and its columns are found. Its start says where each column goes. Rows follow the rules of the
batch, and a row that is refused stops no other.

    schemas.py        request and response bodies, and the problems
    uploads.py        the inspection of a file while it arrives
    plans.py          from the columns of a file to the fields of records
    rows.py           the job: a thousand rows at a time
    batches.py        the rows of a chunk
    related.py        the relations that they name
    deferred.py       relations to customers of later rows
    customer_rows.py  rows that are customers
    deal_rows.py      rows that are deals
    reverts.py        the job that undoes an import
    deal_reverts.py   its part that undoes deals
    errors.py         the rows that were refused, as a file
    routes.py         the operations
"""

from services.customers.transfer.imports import reverts, rows
from services.customers.transfer.imports.routes import feature

feature.include(rows.feature, reverts.feature)

__all__ = ["feature"]
