"""Permission: what customers allow, and whether they may be contacted."""
