"""The simple customer lifetime value is exact to the cent for all terms that a request may contain."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.analytics.value.clv import SimpleClvRequest
from services.analytics.value.rules import ClvTerms, simple_clv

FIGURES = st.decimals(0, Decimal("999999999999.999999"), places=6)
RATES = st.decimals(0, 1, places=10)
MOST = Decimal("999999999999.999999")
LEAST = Decimal("0.0000000001")


def summed(terms: ClvTerms) -> Decimal:
    """Return the sum of the periods, as the formula says, to 120 digits."""
    with localcontext(prec=120):
        total, factor = Decimal(0), Decimal(1)
        for _ in range(terms.periods):
            total += factor
            factor *= terms.retention / (1 + terms.discount_rate)
        return terms.average_value * terms.purchases_per_period * terms.margin * total - terms.acquisition_cost


@given(FIGURES, FIGURES, st.integers(1, 1200), RATES, RATES, RATES, FIGURES)
@example(MOST, MOST, 1200, Decimal(1), Decimal(1), Decimal(0), Decimal(0))
@example(MOST, MOST, 1200, Decimal(1), Decimal(1), LEAST, Decimal(0))
@example(Decimal(0), Decimal(0), 1, Decimal(0), Decimal(0), Decimal(1), MOST)
def test_every_valid_request_has_an_exact_value(
    average: Decimal,
    purchases: Decimal,
    periods: int,
    margin: Decimal,
    retention: Decimal,
    discount: Decimal,
    cost: Decimal,
) -> None:
    body = SimpleClvRequest.model_validate(
        {
            "average_value": f"{average:f}",
            "purchases_per_period": f"{purchases:f}",
            "periods": periods,
            "margin": f"{margin:f}",
            "retention": f"{retention:f}",
            "discount_rate": f"{discount:f}",
            "acquisition_cost": f"{cost:f}",
        }
    )
    terms = ClvTerms(**body.values())
    value = simple_clv(terms)
    assert value.as_tuple().exponent == -2
    with localcontext(prec=120):
        assert abs(value - summed(terms)) <= Decimal("0.005") + Decimal("1e-60")


@pytest.mark.parametrize(
    ("case", "average", "cost", "value"),
    [
        ("half a cent is rounded up", "0.005", "0", "0.01"),
        ("a negative half is rounded away from zero", "0", "0.005", "-0.01"),
        ("nothing", "0", "0", "0.00"),
    ],
)
def test_values_are_rounded_half_up_to_cents(case: str, average: str, cost: str, value: str) -> None:
    terms = ClvTerms(Decimal(average), Decimal(1), 1, acquisition_cost=Decimal(cost))
    assert str(simple_clv(terms)) == value


@pytest.mark.parametrize("text", ["\uff11\uff12", "\u0661\u0662", "1\n", " 1", "1E2", "1_0", "+1", "0x1"])
def test_a_figure_is_written_as_a_plain_decimal(text: str) -> None:
    with pytest.raises(ValidationError):
        SimpleClvRequest.model_validate({"average_value": text, "purchases_per_period": "1", "periods": 1})
