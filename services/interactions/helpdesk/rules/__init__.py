"""The rules of the help desk. Plain values in, plain values out.

business_time.py  time in which a calendar is open
holidays.py       public holidays of countries and their subdivisions
"""
"""The rules of the helpdesk. Plain values in, plain values out."""
"""The rules of the helpdesk. Plain values in, plain values out.

due.py       due times, which are instants or local dates and times
promises.py  the states of promises, and how many are kept
"""
