"""The registry of this service's tables."""

from chassis import Table, new_registry


class Base(Table, registry=new_registry()):
    """A table of the analytics service."""
