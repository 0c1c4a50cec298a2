"""The whole system on this machine without Docker: PostgreSQL, Apache Kafka, the five processes."""

SERVICES = ("customers", "interactions", "loyalty", "analytics")
PROCESSES = (*SERVICES, "gateway")
