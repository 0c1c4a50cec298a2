"""Reads and writes that several features share: recording of touch points, profiles, permission, messages."""
