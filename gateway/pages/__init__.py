"""Pages: the status of the whole system, and the documentation of its API."""

NOT_FEATURES = ("assets", "docs", "documents", "guide")
"""`docs` serves plain routes, outside the API and open to everyone."""
