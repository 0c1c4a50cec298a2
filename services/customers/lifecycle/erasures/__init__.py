"""Erasures: a customer is erased in every service, and a certificate says what each of them did.

After a grace period, in which the erasure can be cancelled, the record can no longer be read, and an event asks every
service to erase the customer. Each answers by an event. Services that do not answer are asked again.

    events.py       the events read and published
    schemas.py      request and response bodies
    saga.py         the steps: begin, ask again, record answers, complete
    certificate.py  the certificate, as JSON and as a page
    routes.py       the operations and the periodic task
"""

from services.customers.lifecycle.erasures.routes import feature

__all__ = ["feature"]
