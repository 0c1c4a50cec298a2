"""Backups of all services at a single moment, and their restoration."""


class BackupError(Exception):
    """A backup cannot be made or restored. The text says why, and what to do."""
