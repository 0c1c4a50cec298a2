"""Countries: those of today and withdrawn ones are accepted, mistaken codes are explained."""

import pytest
from pydantic_core import PydanticCustomError

from services.customers.people.rules.countries import require_country


@pytest.mark.parametrize("code", ["NL", "GB", "XK", "AN", "YU", "CS", "SU", "DD"])
def test_a_country_of_today_or_of_the_past_is_accepted(code: str) -> None:
    assert require_country(code) == code


@pytest.mark.parametrize(("code", "hint"), [("UK", "; did you mean GB?"), ("EL", "; did you mean GR?"), ("QQ", "")])
def test_a_code_that_never_was_a_country_is_refused(code: str, hint: str) -> None:
    with pytest.raises(PydanticCustomError) as refused:
        require_country(code)
    assert str(refused.value) == f"{code} is not a country of ISO 3166-1{hint}"
