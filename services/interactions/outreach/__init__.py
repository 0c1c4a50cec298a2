"""Outreach: what the company sends, plans and automates."""
