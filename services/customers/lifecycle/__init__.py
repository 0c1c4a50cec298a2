"""Lifecycle: the end of a relationship with a customer, and of the record itself."""
