"""Overview: everything that is recorded of a customer, side by side."""
