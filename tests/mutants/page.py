"""Write the table of mutants in docs/reliability.md: `python -m tests.mutants.page`."""

from tests.mutants import ROOT, mutants

PAGE = ROOT / "docs" / "reliability.md"
BEGINS, ENDS = "<!-- mutants: begin -->", "<!-- mutants: end -->"


def table() -> str:
    """Return the table: a row per mutant, in the order of the promises on the page."""
    text = PAGE.read_text()
    rows = [
        f"| {mutant.promise} | {mutant.breaks} (`{mutant.name}`) | {', '.join(map(_short, mutant.tests))} |"
        for mutant in sorted(mutants(), key=lambda mutant: (text.find(f"**{mutant.promise}**"), mutant.name))
    ]
    return "\n".join(["| promise | what is broken | what catches it |", "|---|---|---|", *rows])


def written() -> str:
    """Return the page with its table generated again."""
    before, _, rest = PAGE.read_text().partition(BEGINS)
    _, _, after = rest.partition(ENDS)
    return f"{before}{BEGINS}\n\n{table()}\n\n{ENDS}{after}"


def _short(test: str) -> str:
    return f"`{test.removeprefix('tests/').replace('::', ' :: ')}`"


if __name__ == "__main__":
    PAGE.write_text(written())
