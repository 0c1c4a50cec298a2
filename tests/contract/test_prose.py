"""The language of docstrings, comments and pages: the patterns that CONTRIBUTING.md bans do not recur."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CODE = ("chassis", "services", "gateway", "local", "examples", "benchmarks", "tests")
PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *ROOT.glob("services/*/README.md"),
    *ROOT.glob("sdks/*/README.md"),
    ROOT / "gateway/README.md",
]

BANNED = {
    r"\b(nobody|somebody|whoever|anybody)\b": "name the actor: a client, a concurrent transaction, the caller",
    r"\banew\b": "again",
    r"\bby now\b": "already, yet",
    r"\b(is|are|was|were) told\b|\btold (of|about)\b|\btells? (of|what|whether|who)\b": "report, describe, announce",
    r"\bstands? (there|here|beside|already|for|in)\b": "is stored, exists, precedes",
    r"\bthe begin\b": "the start",
    r"\banswers with\b": "returns, responds",
    r"\bis no (json|decimal|number|envelope|address|key|scope|such)\b": "is not",
    r"(?:^|[.:;,] )what (is|was|has|comes|came|stands|waits|happens) ": "use a noun instead of a clause",
    r"\bwho (is|has|was|asks|comes|may)\b": "name the actor",
}
EXEMPT = {ROOT / "CHANGELOG.md", Path(__file__)}


def prose_of(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines of a module's docstrings and comments, or of a page without its code."""
    text = file.read_text()
    lines = page_lines(text) if file.suffix == ".md" else [*docstring_lines(text), *comment_lines(text)]
    for number, line in lines:
        yield number, re.sub(r"`[^`]*`", "", line)


def page_lines(text: str) -> Iterator[tuple[int, str]]:
    without_code = re.sub(r"```.*?```", lambda block: "\n" * block[0].count("\n"), text, flags=re.S)
    yield from enumerate(without_code.splitlines(), 1)


def docstring_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of string statements: docstrings, including those of attributes."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield from enumerate(node.value.value.splitlines(), node.lineno)


def comment_lines(text: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def files() -> list[Path]:
    modules = [file for folder in CODE for file in (ROOT / folder).rglob("*.py")]
    return [file for file in [*modules, *PAGES] if file not in EXEMPT and ".rapport" not in file.parts]


def test_prose_avoids_the_banned_patterns() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()[:100]!r}: {advice}"
        for file in files()
        for number, line in prose_of(file)
        for pattern, advice in BANNED.items()
        if re.search(pattern, line, re.I)
    ]
    assert found == [], "\n".join(found[:40])


@pytest.mark.parametrize(
    "line", ["Nobody knows.", "what is parked", "It is told later.", "It stands there.", "This is no JSON."]
)
def test_the_patterns_match(line: str) -> None:
    assert any(re.search(pattern, line, re.I) for pattern in BANNED)
