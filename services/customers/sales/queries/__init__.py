"""Operations on records that several features of sales share.

named.py      the customer and the product that a request names
pipelines.py  a pipeline and its stages
deals.py      the fields of deals, and their changes
"""
