"""Find untyped accesses to database records by reading the code: `row["points"]` and `vars(row)`."""

import ast
import re
from collections.abc import Iterator

from tests.support.source_tree import Definition, Function, Module, SourceTree, bound_names

RECORD = r"\b(?:Record|(?:Mapping|dict)\[str, (?:Any|object)\])"
FETCH = {"fetch", "fetchrow", "fetch_row", "fetch_one", "read", "select"}
PASS_THROUGH = {
    "sorted",
    "list",
    "tuple",
    "zip",
    "enumerate",
    "filter",
    "next",
    "iter",
    "reversed",
    "min",
    "max",
    "vars",
}


class RowAccesses:
    """Finds subscripts with a string literal on untyped database records and JSON documents.

    A name is bound to such a record if it is assigned or looped from a fetch without `into=`, from a JSON column, from
    the function of a service or a parameter annotated Record, Mapping[str, Any] or dict[str, Any], or from another
    such name. The order of statements is ignored: a name that is reused for something else counts as well.
    """

    def __init__(self, tree: SourceTree, kinds: dict[Definition, str]) -> None:
        self._tree = tree
        texts = [(module, node) for module in tree.modules.values() for node in module.tree.body]
        aliases = [
            n.targets[0] for _, n in texts if isinstance(n, ast.Assign) and re.match(RECORD, ast.unparse(n.value))
        ]
        self._record = re.compile("|".join([RECORD, *(rf"\b{ast.unparse(alias)}\b" for alias in aliases)]))
        service = [(module, node) for module, node in texts if module.owner.startswith("services.")]
        self._functions = {(m.name, n.name) for m, n in service if isinstance(n, Function) and self._matches(n.returns)}
        methods = [n for module in tree.under("chassis") for n in module.nodes if isinstance(n, ast.AsyncFunctionDef)]
        self._fetches = FETCH | {method.name for method in methods if self._matches(method.returns)}
        columns = [
            field for definition, kind in kinds.items() if kind == "table" for field in tree.classes[definition].body
        ]
        self._documents = {
            ast.unparse(field.target)
            for field in columns
            if isinstance(field, ast.AnnAssign) and self._matches(field.annotation)
        }

    def of(self, module: Module) -> list[ast.Subscript]:
        """Return the untyped accesses in a module."""
        bodies = [node.body if isinstance(node, ast.ClassDef) else [node] for node in module.tree.body]
        units = [(unit, self._records(module, unit)) for body in bodies for unit in body]
        accesses = [
            node
            for unit, records in units
            for node in ast.walk(unit)
            if isinstance(node, ast.Subscript)
            and isinstance(node.slice, ast.Constant)
            and isinstance(node.ctx, ast.Load)
            if isinstance(node.slice.value, str) and self._is_record(module, node.value, records)
        ]
        return sorted(accesses, key=lambda node: (node.lineno, node.col_offset))

    def _matches(self, annotation: ast.expr | None) -> bool:
        return annotation is not None and bool(self._record.search(ast.unparse(annotation)))

    def _records(self, module: Module, unit: ast.stmt) -> set[str]:
        nodes = list(ast.walk(unit))
        names = {node.arg for node in nodes if isinstance(node, ast.arg) and self._matches(node.annotation)}
        annotated = [node for node in nodes if isinstance(node, ast.AnnAssign)]
        names |= {ast.unparse(node.target) for node in annotated if self._matches(node.annotation)}
        bindings = [binding for node in nodes for binding in _bindings(node)]
        size = -1
        while size < len(names):
            size = len(names)
            names |= {name for bound, value in bindings if self._is_record(module, value, names) for name in bound}
        return names

    def _is_record(self, module: Module, value: ast.expr, names: set[str]) -> bool:
        match value:
            case ast.Name():
                return value.id in names
            case ast.Attribute():
                return value.attr in self._documents
            case ast.Subscript():
                return self._is_record(module, value.value, names)
            case ast.Dict():
                return False
            case ast.Call(func=ast.Attribute() as method) if method.attr in self._fetches:
                return all(keyword.arg != "into" for keyword in value.keywords)
            case ast.Call(func=ast.Attribute(attr="items" | "values" | "get" | "copy") as method):
                return self._is_record(module, method.value, names)
            case ast.Call() if ast.unparse(value.func) not in PASS_THROUGH:
                return self._tree.resolve(module.name, ast.unparse(value.func)) in self._functions
        parts = [part for part in ast.iter_child_nodes(value) if isinstance(part, ast.expr)]
        return any(self._is_record(module, part, names) for part in parts)


def _bindings(node: ast.AST) -> Iterator[tuple[set[str], ast.expr]]:
    """Yield the names that a node binds, and the expression of their values."""
    match node:
        case ast.Assign():
            yield {name for target in node.targets for name in bound_names(target)}, node.value
        case ast.NamedExpr():
            yield bound_names(node.target), node.value
        case ast.For() | ast.AsyncFor() | ast.comprehension():
            yield bound_names(node.target), node.iter
        case ast.Call():  # the parameter of a sort key: rows.sort(key=lambda row: row["id"])
            keys = [keyword.value for keyword in node.keywords if isinstance(keyword.value, ast.Lambda)]
            sources = [*node.args, *([node.func.value] if isinstance(node.func, ast.Attribute) else [])]
            names = {argument.arg for key in keys for argument in key.args.args}
            yield from ((names, source) for source in sources if names)


def vars_calls(module: Module) -> list[ast.Call]:
    """Return the calls of vars()."""
    return [node for node in module.nodes if isinstance(node, ast.Call) and ast.unparse(node.func) == "vars"]
