"""Personal data: everything that the four services and the gateway hold about a customer, in one document.

The customers service records each request, with the ids that it is about. The gateway then asks all services at once,
and keeps nothing: a copy would have to be erased as well. An unavailable service is named, and can be asked again.

    routes.py  the operation
    page.py    the document as a page
"""

from gateway.events.personal_data.routes import feature

__all__ = ["feature"]
