"""The tables of sales.

catalogue.py  products, their known problems, and what customers own of them
"""

from services.customers.sales.tables.catalogue import Asset, Product, ProductProblem

__all__ = ["Asset", "Product", "ProductProblem"]
