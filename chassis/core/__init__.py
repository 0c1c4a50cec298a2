"""The core, which every part of a process shares: settings, problems, identity, events, retries, logs and metrics."""
