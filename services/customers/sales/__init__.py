"""Sales: products and what customers own of them, leads, pipelines, deals, quotes and contracts."""
