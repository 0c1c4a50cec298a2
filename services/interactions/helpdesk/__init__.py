"""The help desk: cases, promises and service levels, and the agents who keep them."""
