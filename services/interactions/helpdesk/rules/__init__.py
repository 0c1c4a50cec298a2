"""The rules of the help desk. Plain values in, plain values out.

business_time.py      time in which a calendar is open
calendars.py          calendars as they are stored
cases.py              the states of cases, and which changes of them are allowed
clocks.py             the clocks of a case: a fold of its steps
conduct_incidents.py  the vocabularies of conduct incidents
due.py                due times, which are instants or local dates and times
holidays.py           public holidays of countries and their subdivisions
promises.py           the states of promises, and how many are kept
service_levels.py     the policy of a case, and the steps that its clocks depend on
"""
