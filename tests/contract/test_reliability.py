"""docs/reliability.md: each promise has a mutant, each mutant applies, and each named test exists."""

import ast
from operator import attrgetter

import pytest

from tests.mutants import ROOT, Mutant, mutants
from tests.mutants.page import PAGE, written


def promises() -> list[str]:
    return [line[4:].partition("**")[0] for line in PAGE.read_text().splitlines() if line.startswith("- **")]


def test_the_page_lists_every_mutant() -> None:
    assert PAGE.read_text() == written(), "run `python -m tests.mutants.page`"


def test_each_promise_has_a_mutant_and_each_mutant_a_promise() -> None:
    assert {mutant.promise for mutant in mutants()} == set(promises())


@pytest.mark.parametrize("mutant", list(mutants()), ids=attrgetter("name"))
def test_a_mutant_applies_and_still_parses(mutant: Mutant) -> None:
    mutated = mutant.mutated(ROOT)
    assert mutated, "a mutant has an edit"
    for path, text in mutated.items():
        assert text != path.read_text()
        if path.suffix == ".py":
            ast.parse(text, path)


@pytest.mark.parametrize("mutant", list(mutants()), ids=attrgetter("name"))
def test_the_tests_of_a_mutant_exist(mutant: Mutant) -> None:
    assert mutant.tests, "pytest without a name runs all tests"
    for test in mutant.tests:
        file, _, name = test.partition("::")
        assert f"def {name.partition('[')[0]}" in (ROOT / file).read_text(), test


def test_the_tests_that_the_page_names_are_there() -> None:
    for line in PAGE.read_text().splitlines():
        for file in [word for word in line.split("`") if word.startswith("tests/") and word.endswith(".py")]:
            assert (ROOT / file).exists(), file
