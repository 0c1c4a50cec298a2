"""How long tests wait for what a running system does by itself."""

PATIENCE_SECONDS = 150
"""Only a test that fails waits so long. It is no promise: a shared machine can be several times slower than usual."""
