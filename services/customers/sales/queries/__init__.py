"""Operations on records that several features of sales share.

named.py        the customer and the product that a request names
pipelines.py    a pipeline and its stages
deal_fields.py  fields of deals in bodies
deals.py        the events of deals, and their changes
"""
