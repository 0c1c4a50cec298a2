"""The rules of sales. Plain values in, plain values out.

catalogue.py  products, their problems, and the dates of assets
"""
