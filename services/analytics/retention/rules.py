"""Measures of retention. Plain values in, plain values out."""

from services.analytics.facts.rules import share


def retention_rate(at_start: int, at_end: int, new: int) -> float | None:
    """Return (customers at the end - new customers) / customers at the start, or None if there were none."""
    return share(at_end - new, at_start) if at_start else None
