"""Mutants: breakages of the code, each with the test that catches it. `make mutants` tries them all again."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


@dataclass(frozen=True)
class Mutant:
    """A patch, and what its first three lines say of it."""

    patch: Path
    promise: str
    breaks: str
    tests: tuple[str, ...]

    @property
    def name(self) -> str:
        """What it is called in tables."""
        return self.patch.stem


def mutants() -> Iterator[Mutant]:
    """All of them, by name. Raises ValueError when a header is not as it should be."""
    for patch in sorted(HERE.glob("*.patch")):
        head = dict(line.split(": ", 1) for line in patch.read_text().splitlines()[:3])
        if set(head) != {"Promise", "Breaks", "Test"}:
            raise ValueError(f"{patch.name} begins with the lines Promise, Breaks and Test")
        yield Mutant(patch, head["Promise"], head["Breaks"], tuple(head["Test"].split()))
