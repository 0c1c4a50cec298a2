"""The conditions and texts of automations, with hostile values."""

from decimal import Decimal
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.types.ids import uuid7
from services.interactions.outreach.rules.automations import (
    MAX_CHAIN,
    ConditionDocument,
    applies,
    fill,
    fill_line,
    is_cut_off,
    run_of_actor,
    step_id,
    unknown_placeholders,
)

NUMBERS = st.decimals(min_value=-(10**12), max_value=10**12, places=2)


def a_condition(fact: str, **comparisons: object) -> ConditionDocument:
    nothing = {"one_of": None, "none_of": None, "at_least": None, "at_most": None}
    document: Any = nothing | comparisons | {"fact": fact}
    return cast(ConditionDocument, document)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_bounds_compare_numbers_and_not_texts(value: Decimal, low: Decimal, high: Decimal) -> None:
    condition = a_condition("amount", at_least=str(low), at_most=str(high))
    assert applies([condition], {"amount": str(value)}) == (low <= value <= high)


@pytest.mark.parametrize("value", [None, "", "many", "NaN", "Infinity"])
def test_what_is_not_a_number_is_neither_small_nor_large(value: str | None) -> None:
    assert not applies([a_condition("amount", at_least="0")], {"amount": value})
    assert not applies([a_condition("amount", at_most="0")], {"amount": value})


def test_an_absent_fact_is_none_of_the_values() -> None:
    assert applies([a_condition("store", none_of=["Delft"])], {"store": None})
    assert not applies([a_condition("store", one_of=["Delft"])], {"store": None})
    assert applies([], {})


def test_all_comparisons_of_all_conditions_hold() -> None:
    both = [a_condition("store", one_of=["Delft", "Gouda"], none_of=["Gouda"]), a_condition("amount", at_least="5")]
    assert applies(both, {"store": "Delft", "amount": "5.00"})
    assert not applies(both, {"store": "Gouda", "amount": "5.00"})
    assert not applies(both, {"store": "Delft", "amount": "4.99"})


def test_a_value_with_a_placeholder_is_inserted_as_it_is() -> None:
    facts = {"customer.name": "{{ amount }}", "amount": "5.00", "store": None}
    assert fill("Dear {{customer.name}} in {{ store }}: {{ amount }}.", facts, 100) == "Dear {{ amount }} in : 5.00."


@given(st.text(max_size=50), st.integers(0, 20))
def test_a_filled_text_is_never_longer_than_its_limit(name: str, limit: int) -> None:
    assert len(fill("Dear {{ customer.name }}", {"customer.name": name}, limit)) <= limit


@given(st.text(alphabet="{} .abc_customername", max_size=60))
def test_any_text_is_either_refused_or_filled(text: str) -> None:
    if not unknown_placeholders(text, "customer_created"):
        fill(text, {"customer.name": "Ada"}, 1_000)


def test_a_line_is_one_and_never_empty() -> None:
    assert fill_line("Lost: {{ reason }}", {"reason": "price\n\tand time "}, 100) == "Lost: price and time"
    assert fill_line("{{ customer.name }}", {"customer.name": None}, 100) == "{{ customer.name }}"


def test_a_chain_ends_at_a_repetition_or_at_its_length() -> None:
    ids = [uuid7() for _ in range(MAX_CHAIN + 1)]
    assert not is_cut_off(ids[-1], [str(each) for each in ids[: MAX_CHAIN - 1]])
    assert is_cut_off(ids[-1], [str(each) for each in ids[:MAX_CHAIN]])
    assert is_cut_off(ids[0], [str(ids[0])])


def test_the_principal_of_a_run_names_it() -> None:
    run = uuid7()
    assert run_of_actor(f"automation:{run}") == run
    assert run_of_actor("key:4711") is None


def test_a_step_has_one_id_and_no_other_step_has_it() -> None:
    one, two = uuid7(), uuid7()
    assert step_id(one, 1) == step_id(one, 1)
    assert len({step_id(one, 1), step_id(one, 2), step_id(two, 1)}) == 3
