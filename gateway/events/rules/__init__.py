"""Rules of the event feed and of webhooks. Plain values in, plain values out."""
