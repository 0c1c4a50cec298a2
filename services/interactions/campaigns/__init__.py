"""Campaigns: templates, and messages to many customers."""
