"""Read a checkout of the project without importing it: its modules, the definitions behind names, its classes."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PRODUCT = ("chassis", "services", "gateway", "local")
LAYOUT_TOKENS = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
GENERATED = re.compile(r"\b(generated|made) by\b", re.IGNORECASE)
Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = tuple[str, str]
"""The module and the name of a definition. The name is empty if a module itself is meant."""


@dataclass(eq=False)
class Module:
    """A Python file."""

    name: str
    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed file."""
        return ast.parse(self.text)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node of the parsed file."""
        return list(ast.walk(self.tree))

    @property
    def owner(self) -> str:
        """The service that the module belongs to, or the top package elsewhere."""
        return ".".join(self.name.split(".")[: 2 if self.name.startswith("services.") else 1])

    @property
    def is_migration(self) -> bool:
        """Return whether the file is part of a migration history."""
        return "/migrations/" in self.path

    @property
    def is_generated(self) -> bool:
        """Return whether the file's first docstring or comment names the command that generated it."""
        return bool(GENERATED.search((ast.get_docstring(self.tree) or "") + self.text.partition("\n")[0]))

    @cached_property
    def docstrings(self) -> list[ast.Constant]:
        """Docstrings, including those of attributes."""
        bodies = [body for node in self.nodes if isinstance(body := getattr(node, "body", None), list)]
        values = [statement.value for body in bodies for statement in body if isinstance(statement, ast.Expr)]
        return [value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)]

    @cached_property
    def tokens(self) -> list[tokenize.TokenInfo]:
        """The file's tokens."""
        return list(tokenize.generate_tokens(io.StringIO(self.text).readline))

    @property
    def comments(self) -> list[str]:
        """The texts of the comments."""
        return [token.string.lstrip("#: ") for token in self.tokens if token.type == tokenize.COMMENT]

    @property
    def statement_lines(self) -> set[int]:
        """Lines with code or a docstring: neither blank nor comment only."""
        tokens = [token for token in self.tokens if token.type not in LAYOUT_TOKENS]
        return {line for token in tokens for line in range(token.start[0], token.end[0] + 1)}

    @property
    def docstring_lines(self) -> set[int]:
        """Lines that a docstring occupies."""
        return {line for text in self.docstrings for line in range(text.lineno, (text.end_lineno or text.lineno) + 1)}

    @cached_property
    def definitions(self) -> set[str]:
        """Names that the module itself binds at its top level, other than by import."""
        names: set[str] = set()
        for statement in self.tree.body:
            if isinstance(statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                names.add(statement.name)
            elif isinstance(statement, ast.Assign | ast.AnnAssign):
                names |= bound_names(statement)
        return names

    @cached_property
    def imports(self) -> dict[str, Definition]:
        """Imported names, and the module and attribute that each refers to."""
        names: dict[str, Definition] = {}
        for node in self.nodes:
            if isinstance(node, ast.Import):
                names |= {alias.asname or alias.name.partition(".")[0]: (alias.name, "") for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names |= {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}
        return names


def bound_names(node: ast.AST) -> set[str]:
    """Return the names that are assigned to within a node."""
    names = [inner for inner in ast.walk(node) if isinstance(inner, ast.Name)]
    return {name.id for name in names if isinstance(name.ctx, ast.Store)}


def fields_of(node: ast.ClassDef) -> list[str]:
    """Return the annotated public fields that are written in a class itself."""
    fields = [field for field in node.body if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)]
    names = [ast.unparse(field.target) for field in fields if "ClassVar" not in ast.unparse(field.annotation)]
    return [name for name in names if not name.startswith("_")]


class SourceTree:
    """The product's modules in a folder."""

    def __init__(self, folder: Path, areas: tuple[str, ...] = PRODUCT) -> None:
        self.folder = folder
        self.modules: dict[str, Module] = {}
        for path in sorted(path for area in areas for path in (folder / area).rglob("*.py")):
            relative = path.relative_to(folder)
            name = ".".join(relative.with_suffix("").parts).removesuffix(".__init__")
            self.modules[name] = Module(name, str(relative), path.read_text())

    def under(self, *areas: str, migrations: bool = True) -> list[Module]:
        """Return the modules in the given top folders."""
        modules = [module for module in self.modules.values() if module.path.partition("/")[0] in areas]
        return [module for module in modules if migrations or not module.is_migration]

    def resolve(self, module: str, name: str) -> Definition | None:
        """Return the definition that a dotted name in a module refers to, or None if it is outside the tree.

        Re-exports, such as those of chassis/__init__.py, are followed to the module with the definition.
        """
        head, _, rest = name.partition(".")
        if not head or module not in self.modules:
            return (module, "") if module in self.modules else None
        if head in self.modules[module].definitions:
            return module, head
        target, attribute = self.modules[module].imports.get(head, ("", ""))
        if target and (target, attribute) != (module, head):
            return self.resolve(target if attribute else target.partition(".")[0], f"{attribute}.{rest}".strip("."))
        return self.resolve(f"{module}.{head}", rest)

    def imported(self, module: str) -> set[str]:
        """Return the modules of the tree that define the names imported by a module."""
        targets = [self.resolve(module, name) for name in self.modules[module].imports]
        return {target[0] for target in targets if target} - {module}

    def reachable(self, starts: set[str], owner: str) -> set[str]:
        """Return the modules that can be reached by imports without leaving the service."""
        seen, pending = set(starts), list(starts)
        while pending:
            new = {name for name in self.imported(pending.pop()) if self.modules[name].owner == owner} - seen
            seen |= new
            pending += new
        return seen

    @cached_property
    def classes(self) -> dict[Definition, ast.ClassDef]:
        """The classes at the top level of a module."""
        nodes = [(module.name, node) for module in self.modules.values() for node in module.tree.body]
        return {(name, node.name): node for name, node in nodes if isinstance(node, ast.ClassDef)}

    def lineage(self, definition: Definition) -> Iterator[Definition | str]:
        """Yield a class and its ancestors. A class outside the tree is yielded as its bare name."""
        yield definition
        for base in self.classes[definition].bases:
            name = ast.unparse(base.value if isinstance(base, ast.Subscript) else base)
            target = self.resolve(definition[0], name)
            if target in self.classes and target != definition:
                yield from self.lineage(target)
            else:
                yield name.rpartition(".")[2]
