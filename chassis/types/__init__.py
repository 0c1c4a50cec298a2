"""Plain values: identifiers, JSON, money, text, times. Nothing here knows a database or a request."""
