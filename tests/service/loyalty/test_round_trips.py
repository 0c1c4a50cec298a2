"""Round trips: a batch of purchases takes the same few statements, however many purchases it contains."""

import pytest

from chassis.types.ids import uuid7
from tests.support.facts import purchase_recorded
from tests.support.loyalty import a_running_program, points_of, refunded
from tests.support.round_trips import round_trips
from tests.support.service import ServiceUnderTest

OF_MEMBERS = 9
"""The tenant, begin, inbox, programs with rules, locks of purchases, members, bases, all other writes, commit."""
OF_NEW_MEMBERS = OF_MEMBERS + 1
"""Memberships are stored before the bases that refer to them."""


def of_points(sent: list[str]) -> list[str]:
    """Return the statements of the transaction that awards points: each feature has its own."""
    ends = [index for index, statement in enumerate(sent, 1) if statement == "commit"]
    transactions = [sent[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]
    (points,) = (one for one in transactions if any("earn_basis" in statement for statement in one))
    return points


@pytest.mark.parametrize("number", [1, 50])
async def test_a_batch_takes_nine_round_trips_and_ten_if_buyers_join(loyalty: ServiceUnderTest, number: int) -> None:
    await a_running_program(loyalty)
    customers = [uuid7() for _ in range(number)]
    await loyalty.deliver(purchase_recorded("1.00"))  # opens the connection
    for expected in (OF_NEW_MEMBERS, OF_MEMBERS):
        with round_trips() as sent:
            await loyalty.deliver([purchase_recorded("10.00", customer) for customer in customers])
        assert len(of_points(sent)) == expected, "\n".join(sent)
    assert await points_of(loyalty, customers[0]) == 20


async def test_refunds_are_read_only_if_some_were_received_before_their_purchase(loyalty: ServiceUnderTest) -> None:
    await a_running_program(loyalty)
    customer, purchase = uuid7(), uuid7()
    await loyalty.deliver(purchase_recorded("10.00", customer))
    await loyalty.deliver(refunded("4.00", purchase, customer))
    with round_trips() as sent:
        await loyalty.deliver([purchase_recorded("10.00", customer, purchase_id=purchase)])
    assert len(of_points(sent)) > OF_MEMBERS
    assert await points_of(loyalty, customer) == 10 + 6
