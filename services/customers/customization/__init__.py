"""Customization: the fields that a tenant adds to its records, and the views of lists that it saves."""
