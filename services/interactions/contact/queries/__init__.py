"""Reads and writes that several features share: profiles, permission, messages."""
