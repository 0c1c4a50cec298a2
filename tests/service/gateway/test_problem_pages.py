"""The pages at the address of a problem's `type`."""

from chassis.core.problems import ProblemDocument
from gateway import contracts
from gateway.settings import Settings
from tests.support.service import ServiceUnderTest


async def test_every_problem_has_a_page_with_cause_remedy_and_example(gateway: ServiceUnderTest) -> None:
    settings = gateway.shared.running.settings
    assert isinstance(settings, Settings)
    problems = contracts.openapi(settings.contracts)["x-problems"]
    assert len(problems) > 30
    for code, problem in problems.items():
        path = f"/problems/{code.replace('_', '-')}"
        text = (await gateway.shared.client.get(path)).text
        assert problem["title"] in text, code
        assert problem["explanation"], f"{code} does not say what to do"
        assert problem["explanation"] in text
        example = ProblemDocument.model_validate_json(text.partition("An example:")[2])
        assert (example.type, example.code, example.status) == (path, code, problem["status"])


async def test_the_page_of_invalid_values_lists_their_codes(gateway: ServiceUnderTest) -> None:
    text = (await gateway.shared.client.get("/problems/validation-failed")).text
    for code in ("required", "unknown_field", "not_one_of", "too_long", "no_price"):
        assert f"{code}: " in text
    assert (await gateway.shared.client.get("/problems/nothing")).status_code == 404
