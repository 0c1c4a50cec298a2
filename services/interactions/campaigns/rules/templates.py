"""Templates: a small part of Jinja, so that each of them ends, and its text is bounded.

A template may print variables, choose by `if`, and apply a few filters to a text. It has no loops, calls, imports or
definitions, and no attributes but the listed ones. The check allows the nodes of the syntax tree that are listed here,
and refuses all others, also those of later versions of Jinja. The sandbox is a second barrier.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from chassis.types.codes import FieldCode
from chassis.types.text import clean_text

CUSTOMER_FIELDS = ("name", "given_name", "family_name", "language", "country", "postal_code")
"""The fields of `customer`. A field that is not known is an empty text."""
MAX_NODES = 1_000
MAX_DEPTH = 20
MAX_RENDERED_BYTES = 100_000
"""The maximum size of a rendered text, in bytes of UTF-8. Gmail shows no more than this of a mail."""
FILTERS = {"default": 1, "upper": 0, "lower": 0, "capitalize": 0, "title": 0, "trim": 0}
"""The filters, with the number of their arguments."""

TEMPLATE_SYNTAX = FieldCode(
    "template_syntax",
    "The template cannot be read, for example because a brace or an `endif` is missing.",
    "Correct the line that the text names.",
)
TEMPLATE_EXPRESSION = FieldCode(
    "template_expression",
    "The template contains an expression that templates must not use, such as a loop or a call.",
    "Use `{{ customer.name }}`, `{{ campaign.variable }}`, `if`, `and`, `or`, `not`, `==`, `!=`, and the filters "
    "default, upper, lower, capitalize, title and trim.",
)
UNKNOWN_VARIABLE = FieldCode(
    "unknown_variable",
    "The template names a variable that does not exist.",
    "Use a field of `customer`, or declare the variable in `variables` and write `campaign.<variable>`.",
)
TEMPLATE_TOO_COMPLEX = FieldCode(
    "template_too_complex",
    f"The template has more than {MAX_NODES} expressions and texts, or nests them more than {MAX_DEPTH} deep.",
    "Split the template, or nest its conditions less deeply.",
)


class InvalidTemplate(ValueError):
    """A template that is refused: the code, and a text that says where."""

    def __init__(self, code: FieldCode, text: str) -> None:
        super().__init__(text)
        self.code = code


class RenderedTooLarge(ValueError):
    """The text would be larger than `MAX_RENDERED_BYTES`."""


@dataclass(frozen=True, slots=True)
class Content:
    """The sources of a template: a subject, a text, and the same text as HTML."""

    subject: str | None
    text: str
    html: str | None


def check_template(source: str, variables: frozenset[str]) -> None:
    """Raise InvalidTemplate unless the source is a template that uses these variables of the campaign alone."""
    for node, parent, depth in _walk(_parse(source)):
        if depth > MAX_DEPTH:
            raise InvalidTemplate(TEMPLATE_TOO_COMPLEX, f"it is nested more than {MAX_DEPTH} deep")
        problem = _problem_of(node, parent, variables)
        if problem is not None:
            code, text = problem
            raise InvalidTemplate(code, f"line {node.lineno or parent.lineno or 1}: {text}")


def render(content: Content, customer: Mapping[str, str | None], variables: Mapping[str, str]) -> Content:
    """Return the texts for a customer. Values are escaped in HTML. Raises RenderedTooLarge.

    The subject becomes a single line, so that no value can add a header to a mail.
    """
    values = {
        "customer": SimpleNamespace(**{name: customer.get(name) or "" for name in CUSTOMER_FIELDS}),
        "campaign": SimpleNamespace(**variables),
    }
    return Content(
        None if content.subject is None else clean_text(_rendered(_compile(content.subject, False), values)),
        _rendered(_compile(content.text, False), values),
        None if content.html is None else _rendered(_compile(content.html, True), values),
    )


def _rendered(template: Template, values: Mapping[str, object]) -> str:
    pieces, size = [], 0
    for piece in template.generate(values):
        size += len(piece.encode())
        if size > MAX_RENDERED_BYTES:
            raise RenderedTooLarge(f"the text has more than {MAX_RENDERED_BYTES} bytes")
        pieces.append(piece)
    return "".join(pieces)


def _environment(*, escapes: bool) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        autoescape=escapes, undefined=StrictUndefined, keep_trailing_newline=True
    )
    environment.globals.clear()
    environment.filters = {
        "default": lambda value, fallback: value or fallback,
        "upper": str.upper,
        "lower": str.lower,
        "capitalize": str.capitalize,
        "title": str.title,
        "trim": str.strip,
    }
    return environment


_ENVIRONMENTS = {escapes: _environment(escapes=escapes) for escapes in (False, True)}


@lru_cache(maxsize=256)
def _compile(source: str, escapes: bool) -> Template:
    return _ENVIRONMENTS[escapes].from_string(source)


def _parse(source: str) -> nodes.Template:
    try:
        return _ENVIRONMENTS[False].parse(source)
    except TemplateSyntaxError as error:
        raise InvalidTemplate(TEMPLATE_SYNTAX, f"line {error.lineno}: {error.message}") from None
    except RecursionError:
        raise InvalidTemplate(TEMPLATE_TOO_COMPLEX, f"it is nested more than {MAX_DEPTH} deep") from None
    except ValueError:  # such as a number with more digits than Python reads
        raise InvalidTemplate(TEMPLATE_SYNTAX, "it contains a number that is too large") from None


def _walk(tree: nodes.Template) -> Iterator[tuple[nodes.Node, nodes.Node, int]]:
    """Yield every node with its parent and its depth. It needs no recursion, which a deep tree would exhaust."""
    pending: list[tuple[nodes.Node, nodes.Node, int]] = [(node, tree, 1) for node in tree.iter_child_nodes()]
    count = 0
    while pending:
        node, parent, depth = pending.pop()
        count += 1
        if count > MAX_NODES:
            raise InvalidTemplate(TEMPLATE_TOO_COMPLEX, f"it has more than {MAX_NODES} expressions and texts")
        yield node, parent, depth
        pending += [(child, node, depth + 1) for child in node.iter_child_nodes()]


_PLAIN = (nodes.Output, nodes.TemplateData, nodes.If, nodes.And, nodes.Or, nodes.Not, nodes.Compare)


def _problem_of(node: nodes.Node, parent: nodes.Node, variables: frozenset[str]) -> tuple[FieldCode, str] | None:
    """Return why a template must not contain a node, or None."""
    match node:
        case nodes.Operand(op="eq" | "ne") | nodes.Const(value=str()):
            return None
        case nodes.Getattr(node=nodes.Name(name="customer" | "campaign" as owner), attr=name):
            known = CUSTOMER_FIELDS if owner == "customer" else variables
            return None if name in known else (UNKNOWN_VARIABLE, f"there is no {owner}.{name}")
        case nodes.Name(name="customer" | "campaign") if isinstance(parent, nodes.Getattr):
            return None
        case nodes.Name(name=name):
            return UNKNOWN_VARIABLE, f"there is no variable {name}; write customer.<field> or campaign.<variable>"
        case nodes.Filter():
            return _problem_of_filter(node)
    if type(node) in _PLAIN:
        return None
    return TEMPLATE_EXPRESSION, f"{_described(node)} is not possible in a template"


def _problem_of_filter(node: nodes.Filter) -> tuple[FieldCode, str] | None:
    if FILTERS.get(node.name) is None or node.node is None:
        return TEMPLATE_EXPRESSION, f"there is no filter {node.name}; use {', '.join(FILTERS)}"
    if len(node.args) != FILTERS[node.name] or node.kwargs or node.dyn_args or node.dyn_kwargs:
        expected = "one text" if FILTERS[node.name] else "no argument"
        return TEMPLATE_EXPRESSION, f"the filter {node.name} takes {expected}"
    return None


def _described(node: nodes.Node) -> str:
    names = {"For": "a loop", "Call": "a call", "Getattr": "an attribute of a value", "Const": "a number or constant"}
    return names.get(type(node).__name__, f"`{type(node).__name__.lower()}`")
