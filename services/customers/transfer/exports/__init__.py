"""Exports: customers as a CSV or JSON Lines file, written by a job. An import reads it back to the same records.

schemas.py  request and response bodies
pages.py    the job: a thousand customers at a time
routes.py   the operations
"""

from services.customers.transfer.exports import pages
from services.customers.transfer.exports.routes import feature

feature.include(pages.feature)

__all__ = ["feature"]
