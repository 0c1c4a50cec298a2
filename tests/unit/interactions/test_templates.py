"""Templates: what their language allows, and what they render."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.interactions.campaigns.rules.templates import (
    CUSTOMER_FIELDS,
    MAX_NODES,
    MAX_RENDERED_BYTES,
    TEMPLATE_EXPRESSION,
    TEMPLATE_SYNTAX,
    TEMPLATE_TOO_COMPLEX,
    UNKNOWN_VARIABLE,
    Content,
    InvalidTemplate,
    RenderedTooLarge,
    check_template,
    render,
)

VARIABLES = frozenset({"price", "items"})
ADA = {"name": "Ada King", "given_name": "Ada"}


def rendered(source: str, **variables: str) -> str:
    check_template(source, VARIABLES)
    return render(Content(None, source, None), ADA, {"price": "29", "items": "two", **variables}).text


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Dear {{ customer.name }}\n", "Dear Ada King\n"),
        ("{{ campaign.price }} for {{ campaign.items }}", "29 for two"),
        ("{{ customer.family_name }}", ""),
        ("{{ customer.family_name | default('friend') | upper }}", "FRIEND"),
        ("{{ '  Ada ' | trim | lower }}{{ 'ada king' | title }}{{ 'a b' | capitalize }}", "adaAda KingA b"),
        ("{% if customer.given_name == 'Ada' and not customer.country %}yes{% endif %}", "yes"),
        ("{% if customer.country == 'NL' %}a{% elif campaign.price != '30' %}b{% else %}c{% endif %}", "b"),
        ("{% raw %}{{ customer.name }}{% endraw %}{# a comment #}", "{{ customer.name }}"),
    ],
)
def test_a_template_prints_variables_and_chooses(source: str, expected: str) -> None:
    assert rendered(source) == expected


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("{% for i in range(10**9) %}x{% endfor %}", TEMPLATE_EXPRESSION),
        ("{% for c in customer.name recursive %}{{ loop(c) }}{% endfor %}", TEMPLATE_EXPRESSION),
        ("{{ customer.__class__ }}", UNKNOWN_VARIABLE),
        ("{{ customer.name.upper }}", TEMPLATE_EXPRESSION),
        ("{{ customer.name.__class__.__mro__ }}", TEMPLATE_EXPRESSION),
        ("{{ customer['name'] }}", TEMPLATE_EXPRESSION),
        ("{{ customer.name.upper() }}", TEMPLATE_EXPRESSION),
        ("{{ cycler('a').next() }}", TEMPLATE_EXPRESSION),
        ("{{ self }}", UNKNOWN_VARIABLE),
        ("{{ customer }}", UNKNOWN_VARIABLE),
        ("{{ campaign.secret }}", UNKNOWN_VARIABLE),
        ("{{ price }}", UNKNOWN_VARIABLE),
        ("{{ 'a' * 1000000000 }}", TEMPLATE_EXPRESSION),
        ("{{ 'a' ~ 'b' }}", TEMPLATE_EXPRESSION),
        ("{{ 2 ** 100000 }}", TEMPLATE_EXPRESSION),
        ("{{ customer.name | safe }}", TEMPLATE_EXPRESSION),
        ("{{ customer.name | center(100000000) }}", TEMPLATE_EXPRESSION),
        ("{{ customer.name | upper('x') }}", TEMPLATE_EXPRESSION),
        ("{{ customer.name | default }}", TEMPLATE_EXPRESSION),
        ("{{ customer.name | default(fallback='x') }}", TEMPLATE_EXPRESSION),
        ("{{ customer.name | default(customer) }}", UNKNOWN_VARIABLE),
        ("{{ customer.name if customer.name }}", TEMPLATE_EXPRESSION),
        ("{{ customer.name is defined }}", TEMPLATE_EXPRESSION),
        ("{% include 'x' %}", TEMPLATE_EXPRESSION),
        ("{% import 'x' as x %}", TEMPLATE_EXPRESSION),
        ("{% extends 'x' %}", TEMPLATE_EXPRESSION),
        ("{% set x = 'y' %}", TEMPLATE_EXPRESSION),
        ("{% macro x() %}{% endmacro %}", TEMPLATE_EXPRESSION),
        ("{% block x %}{% endblock %}", TEMPLATE_EXPRESSION),
        ("{% filter upper %}x{% endfilter %}", TEMPLATE_EXPRESSION),
        ("{% autoescape false %}{% endautoescape %}", TEMPLATE_EXPRESSION),
        ("{{ customer.name", TEMPLATE_SYNTAX),
        ("{% if customer.name %}", TEMPLATE_SYNTAX),
        ("{{ " + "9" * 5000 + " }}", TEMPLATE_SYNTAX),
        ("{{ " + "(" * 50_000 + " }}", TEMPLATE_TOO_COMPLEX),
        ("{{ " + "not " * 20_000 + "'x' }}", TEMPLATE_TOO_COMPLEX),
        ("{% if 'x' %}" * 25 + "{% endif %}" * 25, TEMPLATE_TOO_COMPLEX),
        ("{% if 'x' %}" * 5_000 + "{% endif %}" * 5_000, TEMPLATE_TOO_COMPLEX),
        ("{{ 'x' }}" * (MAX_NODES + 1), TEMPLATE_TOO_COMPLEX),
    ],
)
def test_what_could_run_long_or_read_more_is_refused(source: str, code: str) -> None:
    with pytest.raises(InvalidTemplate) as refused:
        check_template(source, VARIABLES)
    assert refused.value.code == code, str(refused.value)


def test_the_largest_templates_that_are_allowed_are_rendered() -> None:
    branches = "".join("{% elif customer.name == 'x' %}no" for _ in range(MAX_NODES // 9))
    assert rendered("{% if customer.country %}no" + branches + "{% else %}yes{% endif %}") == "yes"
    assert rendered("{% if customer.name %}" * 17 + "yes" + "{% endif %}" * 17) == "yes"


def test_a_text_is_bounded_also_if_every_value_is_long() -> None:
    source = "{{ campaign.price }}" * 200
    assert len(rendered(source, price="x" * 500)) == MAX_RENDERED_BYTES
    with pytest.raises(RenderedTooLarge):
        rendered(source + "x", price="x" * 500)


@given(value=st.text(max_size=50))
def test_values_are_escaped_in_html_alone_and_a_subject_is_one_line(value: str) -> None:
    content = Content("Re: {{ campaign.price }}", "{{ campaign.price }}", "<p title='{{ campaign.price }}'></p>")
    result = render(content, {}, {"price": value})
    assert result.text == value
    assert result.html is not None
    assert not set("<>'\"") & set(result.html.removeprefix("<p title='").removesuffix("'></p>"))
    assert result.subject is not None
    assert "\n" not in result.subject
    assert "\r" not in result.subject


@given(source=st.text(alphabet="{}%|.'() abcustomer", max_size=40))
def test_any_source_is_refused_or_rendered(source: str) -> None:
    try:
        check_template(source, VARIABLES)
    except InvalidTemplate:
        return
    render(Content(source, source, source), {}, {"price": "", "items": ""})


@given(field=st.sampled_from(CUSTOMER_FIELDS), variable=st.from_regex(r"\A[a-z][a-z0-9_]{0,39}\Z"))
def test_no_name_of_a_variable_reaches_a_method(field: str, variable: str) -> None:
    source = f"{{{{ customer.{field} }}}}{{{{ campaign.{variable} }}}}"
    check_template(source, frozenset({variable}))
    assert render(Content(None, source, None), {field: "a"}, {variable: "b"}).text == "ab"
