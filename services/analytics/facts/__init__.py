"""Facts: every purchase and refund as it was received, and each customer's sums, exact at every commit."""
