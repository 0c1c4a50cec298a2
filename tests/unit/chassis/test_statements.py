"""Statements: named parameters are replaced by numbers, and all other text is unchanged."""

import re
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from chassis import Command, Query, condition, equals
from chassis.db.statements import Statement, combine, combine_filters, compile_parameters


@pytest.mark.parametrize(
    ("case", "text", "sql", "names"),
    [
        ("a parameter", "where id = :id", "where id = $1", ["id"]),
        ("in the order of first use", ":b, :a, :b", "$1, $2, $1", ["b", "a"]),
        ("a name with digits and underscores", ":as_of_2, :_a", "$1, $2", ["as_of_2", "_a"]),
        ("a cast", "'1'::int", "'1'::int", []),
        ("a cast of a parameter", ":ids::uuid[]", "$1::uuid[]", ["ids"]),
        ("two casts", "(:a::text)::date", "($1::text)::date", ["a"]),
        ("a colon in a quoted text", "'a :b c' || :c", "'a :b c' || $1", ["c"]),
        ("a quote in a quoted text", "'it''s :b' || :c", "'it''s :b' || $1", ["c"]),
        ("an empty text", "'' || :c || ''", "'' || $1 || ''", ["c"]),
        ("a format", "to_char(:at, 'HH24:MI:SS')", "to_char($1, 'HH24:MI:SS')", ["at"]),
        ("a comment", "select 1 -- not :a 'nor :b\n, :c", "select 1 -- not :a 'nor :b\n, $1", ["c"]),
        ("a comment at the end", ":a -- :b", "$1 -- :b", ["a"]),
        ("two dashes in a text", "'--' || :a", "'--' || $1", ["a"]),
        ("a slice of an array", "path[2 : 3], :a", "path[2 : 3], $1", ["a"]),
        ("no parameter", "select now()", "select now()", []),
    ],
)
def test_a_named_parameter_becomes_a_number_and_nothing_else_changes(
    case: str, text: str, sql: str, names: list[str]
) -> None:
    compiled, parameters = compile_parameters(text)
    assert compiled == sql
    assert parameters == {name: number for number, name in enumerate(names, 1)}


NAMES = st.sampled_from(["id", "a", "b", "as_of", "from_2", "_x"])
WORDS = st.sampled_from(["select", "x", "(", ")", ",", "=", "||", "any(", "{where}", "5", "/", "-", "path[1 : 2]"])
QUOTED = st.text("ab:'-$ \nHM", max_size=8).map(lambda text: "'" + text.replace("'", "''") + "'")
FORMATS = st.sampled_from(["'HH24:MI'", "'YYYY-MM-DD HH24:MI:SS.US'", "'::'", "':a'"])
CASTS = st.sampled_from(["::uuid", "::text[]", "::numeric", "::date"])
COMMENTS = st.text("ab:'- $", max_size=8).map(lambda text: f"--{text}\n")
LITERALS = WORDS | QUOTED | FORMATS | CASTS | COMMENTS
FRAGMENTS = st.lists(NAMES.map(lambda name: (name, "")) | LITERALS.map(lambda text: ("", text)), max_size=20)


@given(FRAGMENTS)
def test_any_statement_keeps_its_literals_and_numbers_its_parameters_by_first_use(
    fragments: list[tuple[str, str]],
) -> None:
    names = [name for name, _ in fragments if name]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names), 1)}
    text = " ".join(f":{name}" if name else literal for name, literal in fragments)
    expected = " ".join(f"${numbers[name]}" if name else literal for name, literal in fragments)
    assert compile_parameters(text) == (expected, numbers)


# Values


def test_values_are_bound_in_the_order_of_the_parameters() -> None:
    command = Command("update t set a = :a, b = :b where id = :id and a <> :a")
    assert command.sql == "update t set a = $1, b = $2 where id = $3 and a <> $1"
    assert command.bind({"id": 3, "b": 2, "a": 1}) == [1, 2, 3]


@pytest.mark.parametrize(
    ("case", "values"),
    [
        ("one is missing", {"a": 1}),
        ("one is unknown", {"a": 1, "b": 2, "c": 3}),
        ("one is misspelt", {"a": 1, "B": 2}),
        ("none is given", {}),
    ],
)
def test_missing_and_unknown_parameters_raise(case: str, values: dict[str, int]) -> None:
    with pytest.raises(TypeError, match="expected the parameters a, b"):
        Command("select :a, :b").bind(values)


# Rows


@dataclass(frozen=True, slots=True)
class Sales:
    month: str
    purchases: int


@dataclass(frozen=True, slots=True)
class Month:
    month: str


class Shown(BaseModel):
    month: str
    purchases: int


@pytest.mark.parametrize(
    ("into", "row"),
    [(Sales, Sales("2026-03", 7)), (Month, Month("2026-03")), (Shown, Shown(month="2026-03", purchases=7))],
)
def test_a_query_builds_the_type_that_it_names(into: type[object], row: object) -> None:
    record = {"purchases": 7, "month": "2026-03", "of_no_field": None}
    built = Query(into, "select 1").build(record)  # type: ignore[arg-type]
    assert built == row
    assert type(built) is into


def test_a_query_of_one_column_returns_its_value() -> None:
    assert Query(int, "select count(*)").build([7]) == 7  # type: ignore[arg-type]


# Filters

LIST = Query(Month, "select month from sales where shop = :shop and {where} order by month limit :limit")


def test_filters_become_the_conditions_of_a_query_and_bind_their_values() -> None:
    query = LIST.where([condition(":tag = any(tags)", tag="tea"), *equals(state="active")])
    assert query.sql == (
        "select month from sales where shop = $1 and $2 = any(tags) and state = $3 order by month limit $4"
    )
    assert query.bind({"limit": 10, "shop": "north"}) == ["north", "tea", "active", 10]
    assert query.build({"month": "2026-03"}) == Month("2026-03")  # type: ignore[arg-type]


def test_a_query_without_filters_has_a_condition_that_holds() -> None:
    query = LIST.where([])
    assert query.sql == "select month from sales where shop = $1 and true order by month limit $2"
    assert query.bind({"shop": "north", "limit": 10}) == ["north", 10]


def test_a_filtered_query_takes_no_value_of_a_filter_and_misses_no_other() -> None:
    query = LIST.where(equals(state="active"))
    for values in ({"shop": "north"}, {"shop": "north", "limit": 10, "state": "former"}):
        with pytest.raises(TypeError, match="expected the parameters"):
            query.bind(values)


def test_filtering_a_query_leaves_the_query_as_it_is() -> None:
    before = (LIST.text, LIST.sql, dict(LIST.parameters))
    LIST.where(equals(state="active"))
    assert (LIST.text, LIST.sql, LIST.parameters) == before


def test_two_filters_that_use_one_name_keep_their_own_values() -> None:
    filters = [condition("at >= :bound", bound=1), condition("at < :bound and at <> :bound", bound=2)]
    text, values = combine_filters(filters)
    sql, parameters = compile_parameters(text)
    assert sql == "at >= $1 and at < $2 and at <> $2"
    assert [values[name] for name in parameters] == [1, 2]


def test_a_filter_and_its_query_may_use_one_name() -> None:
    query = LIST.where([condition("shop <> :shop", shop="south")])
    assert query.sql == "select month from sales where shop = $1 and shop <> $2 order by month limit $3"
    assert query.bind({"shop": "north", "limit": 10}) == ["north", "south", 10]


def test_a_query_whose_parameter_has_the_name_of_a_numbered_one_is_rejected() -> None:
    query = Query(Month, "select month from sales where shop = :shop_0 and {where}")
    with pytest.raises(TypeError, match="shop_0"):
        query.where(equals(shop="south"))


def test_a_filter_keeps_its_casts_and_texts() -> None:
    text, values = combine_filters([condition(":ids::uuid[] && ids and kind <> ':ids'", ids=[1])])
    assert text == ":ids_0::uuid[] && ids and kind <> ':ids'"
    assert values == {"ids_0": [1]}


def test_a_column_that_is_not_filtered_has_no_condition() -> None:
    assert [item.text for item in equals(state=None, kind="person", tag=None)] == ["kind = :kind"]
    assert equals(state=False)[0].values == {"state": False}


def test_a_column_may_have_any_of_several_values() -> None:
    (item,) = equals(kind=["person", "organization"])
    assert (item.text, item.values) == ("kind = any(:kind)", {"kind": ["person", "organization"]})


# Several writes in a statement


@given(st.lists(st.lists(st.integers(1, 3), max_size=4).map(lambda uses: [*uses, *range(1, max(uses, default=0))])))
def test_combined_statements_use_the_values_that_they_used_alone(uses: list[list[int]]) -> None:
    statements = [
        Statement(
            f"insert {number} " + " ".join(f"${use}" for use in used),
            [f"{number}.{value}" for value in range(1, max(used, default=0) + 1)],
        )
        for number, used in enumerate(uses)
    ]
    if not statements:
        return
    combined = combine(statements)
    filled = re.sub(r"\$(\d+)", lambda match: combined.values[int(match[1]) - 1], combined.sql)
    alone = [
        re.sub(r"\$(\d+)", lambda match, values=one.values: values[int(match[1]) - 1], one.sql) for one in statements
    ]
    *others, last = alone
    prefix = "with " + ", ".join(f"part{number} as ({sql})" for number, sql in enumerate(others)) + " "
    assert filled == (prefix if others else "") + last


def test_combined_statements_keep_their_texts_and_comments() -> None:
    combined = combine(
        [Statement("insert $1", ["a"]), Statement("insert 'costs $1, it''s $2', $1 -- not $1\n, $2", ["b", "c"])]
    )
    assert combined.sql == "with part0 as (insert $1) insert 'costs $1, it''s $2', $2 -- not $1\n, $3"
    assert combined.values == ["a", "b", "c"]
