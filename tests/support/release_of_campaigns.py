"""The templates of the scenario in `tests.support.release`."""

from tests.support.campaigns import a_template
from tests.support.release_of_sales import patch, post
from tests.support.stack import Visitor


async def use_campaigns(visitor: Visitor) -> None:
    """Create a template with two versions."""
    template = await post(visitor, "/v1/templates", a_template())
    await patch(visitor, f"/v1/templates/{template['id']}", {"text": "Dear {{ customer.given_name }}, look."})
