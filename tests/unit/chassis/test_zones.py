"""Time zones of phone numbers: known if a number has a single one."""

import pytest

from chassis import zone_of_numbers


@pytest.mark.parametrize(
    ("numbers", "zone"),
    [
        (["+1 212 555 2368"], "America/New_York"),
        (["020 794 0800"], "Europe/Amsterdam"),
        (["none", "+81 3 1234 5678"], "Asia/Tokyo"),
        (["+1 800 555 0199"], None),
        (["1515"], None),
        ([], None),
    ],
)
def test_the_zone_of_the_first_number_with_a_single_one(numbers: list[str], zone: str | None) -> None:
    found = zone_of_numbers(numbers, "NL")
    assert (None if found is None else found.key) == zone
