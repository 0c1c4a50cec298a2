"""Voice: what customers and staff suggest, and what customers write elsewhere."""
