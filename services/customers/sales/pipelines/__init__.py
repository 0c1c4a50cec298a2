"""Pipelines: the stages that deals pass until they are won or lost.

A tenant without pipelines gets a default one with its first deal. A stage with deals is not removed.

    events.py    the problems
    schemas.py   request and response bodies
    stages.py    changes of the stages
    routes.py    the operations
    summaries.py the deals of a pipeline by stage
"""

from services.customers.sales.pipelines import routes, summaries

feature = routes.feature.include(summaries.feature)

__all__ = ["feature"]
