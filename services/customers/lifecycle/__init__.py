"""Lifecycle: the records of customers as a whole: their merges, and the end of a relationship."""
