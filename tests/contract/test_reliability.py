"""docs/reliability.md is what the proofs are: no promise without a mutant, no mutant or test that is not there."""

import subprocess

import pytest

from tests.mutants import ROOT, Mutant, mutants
from tests.mutants.page import PAGE, written


def promises() -> list[str]:
    return [line[4:].partition("**")[0] for line in PAGE.read_text().splitlines() if line.startswith("- **")]


def test_the_table_of_mutants_is_the_patches() -> None:
    assert PAGE.read_text() == written(), "run `python -m tests.mutants.page`"


def test_each_promise_has_a_mutant_and_each_mutant_a_promise() -> None:
    assert {one.promise for one in mutants()} == set(promises())


@pytest.mark.parametrize("mutant", list(mutants()), ids=lambda one: one.name)
def test_a_mutant_can_still_be_made_and_its_test_is_there(mutant: Mutant) -> None:
    done = subprocess.run(["git", "apply", "--check", mutant.patch], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for test in mutant.tests:
        file, _, name = test.partition("::")
        assert f"def {name.partition('[')[0]}" in (ROOT / file).read_text(), test


def test_the_tests_that_the_page_names_are_there() -> None:
    for line in PAGE.read_text().splitlines():
        for file in [word for word in line.split("`") if word.startswith("tests/") and word.endswith(".py")]:
            assert (ROOT / file).exists(), file
