"""Value: the worth of each customer, and its distribution."""
