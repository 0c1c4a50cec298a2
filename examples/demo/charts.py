"""Charts for a terminal."""

from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

HEAT = [(0.8, "white on dark_green"), (0.6, "white on green4"), (0.4, "black on green3"), (0.2, "black on pale_green1")]


def deciles(pareto: dict[str, Any]) -> Group:
    """Return a bar chart of revenue by tenths of the households."""
    table = Table("households", "revenue", "share", "", title="Revenue by tenths of the households")
    best = max(decile["share"] for decile in pareto["deciles"])
    for decile in pareto["deciles"]:
        blocks = "█" * round(40 * decile["share"] / best)
        table.add_row(f"{decile['customers']:,}", decile["revenue"], f"{decile['share']:.1%}", blocks)
    said = (
        f"The top 20 % bring in {pareto['top_20_percent_share']:.1%} of the revenue; "
        f"{pareto['customers_for_80_percent']:,} of {pareto['customers']:,} households bring in 80 %."
    )
    return Group(table, said)


def heat_map(cohorts: dict[str, Any]) -> Table:
    """Return a heat map of the percentage of each cohort that bought in later months; darker cells are higher."""
    table = Table(title="Percentage of each month's new households that bought again, by months since")
    table.add_column("month")
    table.add_column("first", justify="right")
    for month in range(1, max(len(cohort["active"]) for cohort in cohorts["cohorts"])):
        table.add_column(f"+{month}", justify="right")
    for cohort in cohorts["cohorts"]:
        cells = [_cell(active / cohort["size"]) for active in cohort["active"][1:]]
        table.add_row(cohort["month"], f"{cohort['size']:,}", *cells)
    return table


def _cell(share: float) -> Text:
    style = next((style for least, style in HEAT if share >= least), "")
    return Text(f"{share:4.0%}".rstrip("%"), style=style)
