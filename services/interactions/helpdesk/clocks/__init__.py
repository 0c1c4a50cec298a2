"""Clocks: how long a case has been waiting for its first response, its next response and its resolution.

They are computed from the steps of the case. What time alone changes, the sweeper announces.

    routes.py    the operations
    sweeping.py  warnings and breaches
    rebuild.py   the comparison of stored clocks with the steps of their cases
"""

from services.interactions.helpdesk.clocks import rebuild, routes, sweeping

feature = routes.feature.include(sweeping.feature, rebuild.feature)

__all__ = ["feature"]
