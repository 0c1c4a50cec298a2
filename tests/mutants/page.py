"""The table of docs/reliability.md that names each mutant: `python -m tests.mutants.page` writes it."""

from tests.mutants import ROOT, mutants

PAGE = ROOT / "docs" / "reliability.md"
BEGINS, ENDS = "<!-- mutants: begin -->", "<!-- mutants: end -->"


def table() -> str:
    """A row for each mutant, in the order of the promises on the page."""
    text = PAGE.read_text()
    rows = [
        f"| {one.promise} | {one.breaks} (`{one.name}`) | {', '.join(f'`{_short(test)}`' for test in one.tests)} |"
        for one in sorted(mutants(), key=lambda one: (text.find(f"**{one.promise}**"), one.name))
    ]
    return "\n".join(["| promise | what is broken | what catches it |", "|---|---|---|", *rows])


def written() -> str:
    """The page with its table made anew."""
    before, _, rest = PAGE.read_text().partition(BEGINS)
    _, _, after = rest.partition(ENDS)
    return f"{before}{BEGINS}\n\n{table()}\n\n{ENDS}{after}"


def _short(test: str) -> str:
    return test.removeprefix("tests/").replace("::", " :: ")


if __name__ == "__main__":
    PAGE.write_text(written())
