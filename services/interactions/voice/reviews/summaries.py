"""The ratings of articles: how many, their mean, and how they are distributed."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Query as Parameter

from chassis import Feature, Query, Reference, Resource, Work

feature = Feature("reviews")
MAX_SKUS = 50


class ReviewSummary(Resource):
    """The ratings of an article. Reviews without a rating do not count."""

    sku: str
    """The article."""
    count: int
    """The number of ratings."""
    mean_stars: float
    """The mean of the ratings from 1 to 5, to a hundredth."""
    distribution: list[int]
    """The number of ratings with one star, with two, and so on to five, rounded."""


class ReviewSummaries(Resource):
    """The ratings of articles."""

    items: list[ReviewSummary]
    """A summary for each article that has ratings, by its sku."""


@feature.get("/review-summaries", scope="interactions:read")
async def summarize_reviews(
    work: Work,
    sku: Annotated[
        list[Reference], Parameter(description="The articles: up to 50.", min_length=1, max_length=MAX_SKUS)
    ],
) -> ReviewSummaries:
    """Return the number, the mean and the distribution of the ratings of articles."""
    counts = await work.select(_COUNTS, skus=sku)
    return ReviewSummaries(items=[_summary(row) for row in counts])


@dataclass(frozen=True, slots=True)
class _Counts:
    sku: str
    count: int
    mean_hundredths: int
    one: int
    two: int
    three: int
    four: int
    five: int


def _summary(row: _Counts) -> ReviewSummary:
    distribution = [row.one, row.two, row.three, row.four, row.five]
    return ReviewSummary(sku=row.sku, count=row.count, mean_stars=row.mean_hundredths / 100, distribution=distribution)


_COUNTS = Query(
    _Counts,
    """
    select sku, count(*) as count, round(avg(star_hundredths))::bigint as mean_hundredths,
        count(*) filter (where star_hundredths < 150) as one,
        count(*) filter (where star_hundredths >= 150 and star_hundredths < 250) as two,
        count(*) filter (where star_hundredths >= 250 and star_hundredths < 350) as three,
        count(*) filter (where star_hundredths >= 350 and star_hundredths < 450) as four,
        count(*) filter (where star_hundredths >= 450) as five
    from review where sku = any(:skus::text[]) and star_hundredths is not null
    group by sku order by sku
    """,
)
