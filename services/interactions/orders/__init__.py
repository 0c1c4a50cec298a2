"""Orders: what customers buy, and the money that goes back to them."""
