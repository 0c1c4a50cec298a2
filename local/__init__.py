"""The whole system on this machine without Docker: PostgreSQL, Apache Kafka, the five processes."""

from services import NAMES as SERVICES

__all__ = ["PROCESSES", "SERVICES"]

PROCESSES = (*SERVICES, "gateway")
