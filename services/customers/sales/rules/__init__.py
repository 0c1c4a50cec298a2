"""The rules of sales. Plain values in, plain values out.

catalogue.py  products, their problems, and the dates of assets
pipelines.py  stages, their required fields, stalled deals
lines.py      the lines of a deal: exact amounts, and the discount
leads.py      the states of leads
contracts.py  the days of contracts
quotes.py     the states and the taxes of quotes
"""
