"""Voice: what customers and staff suggest, what customers write elsewhere, and the articles that help them."""
