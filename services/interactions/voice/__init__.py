"""Voice: what customers and staff suggest."""
