"""Fields and database operations that several features share.

cases.py          opens cases, and records every step of them
case_events.py    the events and problems of cases
case_settings.py  the settings of cases
clocks.py         the clocks of service levels, computed from the steps of cases
due.py            the due time of a request
"""
