"""The surveys of the scenario in `tests.support.release`: every record and every event of them happens once."""

from chassis.types.ids import uuid7
from tests.support.records import A_SURVEY
from tests.support.release_of_sales import patch, post
from tests.support.stack import Visitor


async def use_surveys(visitor: Visitor, customer: str) -> None:
    """Invite a customer who becomes a detractor by a change, and a second time within the quarantine."""
    await patch(visitor, "/v1/survey-settings", {"quarantine_days": 7})
    survey = (await post(visitor, "/v1/surveys", A_SURVEY))["id"]
    await post(visitor, f"/v1/surveys/{survey}/publish")
    invitation = {"survey_id": survey, "customer_id": customer, "delivery": "link"}
    sent = await post(visitor, "/v1/survey-invitations", invitation)
    await post(visitor, "/v1/survey-invitations", invitation)
    for score in (9, 3):
        answers = [{"question": "recommend", "number": score}, {"question": "comment", "text": "It took long."}]
        stored = await visitor.request("PUT", sent["path"], json={"answers": answers})
        assert stored.status_code == 200, stored.text
    await post(visitor, f"/v1/survey-invitations/{sent['id']}/thanks")
    link = await post(visitor, "/v1/survey-links", {"survey_id": survey, "store": "Amsterdam"})
    body = {"answers": [{"question": "recommend", "number": 8}], "submission_id": str(uuid7())}
    assert (await visitor.request("PUT", link["path"], json=body)).status_code == 200
