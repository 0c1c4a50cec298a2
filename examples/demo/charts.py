"""Charts for a terminal."""

from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

HEAT = [(0.8, "white on dark_green"), (0.6, "white on green4"), (0.4, "black on green3"), (0.2, "black on pale_green1")]


def deciles(pareto: dict[str, Any]) -> Group:
    """Who brings the revenue, as bars."""
    table = Table("households", "revenue", "share", "", title="Who brings the revenue, by tenths of the households")
    best = max(decile["share"] for decile in pareto["deciles"])
    for decile in pareto["deciles"]:
        blocks = "█" * round(40 * decile["share"] / best)
        table.add_row(f"{decile['customers']:,}", decile["revenue"], f"{decile['share']:.1%}", blocks)
    said = (
        f"The top 20 % bring {pareto['top_20_percent_share']:.1%}; {pareto['customers_for_80_percent']:,} of "
        f"{pareto['customers']:,} households bring 80 %."
    )
    return Group(table, said)


def heat_map(cohorts: dict[str, Any]) -> Table:
    """Who came together and who still comes, in per cent of those who came: the darker, the more."""
    table = Table(title="Of the households that came first in a month, per cent that came in the months after it")
    table.add_column("month")
    table.add_column("first", justify="right")
    for month in range(1, max(len(one["active"]) for one in cohorts["cohorts"])):
        table.add_column(f"+{month}", justify="right")
    for one in cohorts["cohorts"]:
        cells = [_cell(active / one["size"]) for active in one["active"][1:]]
        table.add_row(one["month"], f"{one['size']:,}", *cells)
    return table


def _cell(share: float) -> Text:
    style = next((style for least, style in HEAT if share >= least), "")
    return Text(f"{share:4.0%}".rstrip("%"), style=style)
