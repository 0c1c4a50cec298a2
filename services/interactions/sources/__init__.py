"""Sources: other systems, the records that they send under ids of their own, and the customers that these name."""
