"""Print the longest files and functions: smells to look at, never limits to game."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

LONG_FILE, LONG_FUNCTION, SHOWN = 300, 50, 6


def main() -> None:
    """Print the longest files and functions."""
    tracked = subprocess.run(["git", "ls-files", "*.py"], capture_output=True, text=True, check=True)
    files = [Path(name) for name in tracked.stdout.split() if Path(name).exists()]
    lengths = sorted(((len(file.read_text().splitlines()), str(file)) for file in files), reverse=True)
    functions = sorted((found for file in files for found in _functions(file)), reverse=True)
    _show("longest files", lengths, LONG_FILE)
    _show("longest functions", functions, LONG_FUNCTION)


def _functions(file: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield (node.end_lineno or node.lineno) - node.lineno + 1, f"{file}:{node.lineno} {node.name}"


def _show(title: str, found: list[tuple[int, str]], long: int) -> None:
    print(f"{title} (look at those past {long}):")
    for length, where in found[:SHOWN]:
        print(f"  {length:4} {'!' if length > long else ' '} {where}")


if __name__ == "__main__":
    main()
