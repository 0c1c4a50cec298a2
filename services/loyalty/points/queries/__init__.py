"""Database operations, events and problems that several features share."""
