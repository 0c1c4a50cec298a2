"""Mutants: breakages of the code, each with the tests that catch it. `make mutants` tries them all.

Each is a file NAME.toml: the promise of docs/reliability.md, the breakage, the tests and the edits that cause it.
"""

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


@dataclass(frozen=True)
class Edit:
    """A replacement of text that occurs exactly once within a definition, or within the file if none is named."""

    file: str
    find: str
    replace: str
    within: str = ""
    """The qualified name of a function, method or class (`Relay._publish_batch`), or of an assignment (`_READ`)."""

    def apply(self, text: str) -> str:
        """Return the text of the file after the edit. Raises ValueError unless the text matches exactly once."""
        before, source, after = _split(text, self.within) if self.within else ("", text, "")
        matches = source.count(self.find)
        if matches != 1:
            raise ValueError(f"{matches} matches of {self.find!r} in {self.within or 'the file'}, expected 1")
        return before + source.replace(self.find, self.replace) + after


@dataclass(frozen=True)
class Mutant:
    """A breakage of the code that its tests must catch."""

    name: str
    promise: str
    breaks: str
    tests: tuple[str, ...]
    edits: tuple[Edit, ...]

    def mutated(self, root: Path) -> dict[Path, str]:
        """Return the text of each file that it changes. Raises ValueError if an edit does not apply."""
        texts: dict[Path, str] = {}
        for edit in self.edits:
            path = root / edit.file
            try:
                texts[path] = edit.apply(texts[path] if path in texts else path.read_text())
            except (OSError, ValueError) as error:
                raise ValueError(f"mutant {self.name}, {edit.file}: {error}") from error
        return texts

    def apply(self, root: Path) -> dict[Path, str]:
        """Change the files below the root, and return their original texts."""
        mutated = self.mutated(root)
        originals = {path: path.read_text() for path in mutated}
        for path, text in mutated.items():
            path.write_text(text)
        return originals


def mutants() -> Iterator[Mutant]:
    """Iterate over all mutants, sorted by name. Raises ValueError if a key is missing or unknown."""
    for path in sorted(HERE.glob("*.toml")):
        content = tomllib.loads(path.read_text())
        try:
            edits = tuple(Edit(**edit) for edit in content.pop("edits"))
            yield Mutant(name=path.stem, tests=tuple(content.pop("tests")), edits=edits, **content)
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path.name}: {error}") from error


def _split(text: str, within: str) -> tuple[str, str, str]:
    """Return the text before the definition, its source in whole lines, and the text after it."""
    *scopes, name = within.split(".")
    body = ast.parse(text).body
    for scope in scopes:
        body = [child for node in body if scope in _names(node) for child in getattr(node, "body", [])]
    nodes = [node for node in body if name in _names(node)]
    if len(nodes) != 1:
        raise ValueError(f"{len(nodes)} definitions of {within}, expected 1")
    node = nodes[0]
    first = min(part.lineno for part in [node, *getattr(node, "decorator_list", [])])
    lines = text.splitlines(keepends=True)
    return "".join(lines[: first - 1]), "".join(lines[first - 1 : node.end_lineno]), "".join(lines[node.end_lineno :])


def _names(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.Assign():
            return [target.id for target in node.targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []
