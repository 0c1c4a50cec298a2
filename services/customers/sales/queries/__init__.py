"""Operations on records that several features of sales share.

named.py  the customer and the product that a request names
"""
