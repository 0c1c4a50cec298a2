"""The services. Their order is that of the generated documents."""

NAMES = ("customers", "interactions", "loyalty", "analytics")
