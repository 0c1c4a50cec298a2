"""Contact: everything that happens between a business and its customers, except purchases."""
