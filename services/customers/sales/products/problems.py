"""The operations on known problems of products."""

from typing import Annotated
from uuid import UUID

from fastapi import Query as Parameter

from chassis import Feature, IfMatch, Page, PageParams, RecordTooLarge, VersionMismatch, Work, equals, paginate
from services.customers.sales import tables
from services.customers.sales.products.events import (
    ProblemAlreadyResolved,
    ProductProblemAdded,
    ProductProblemResolved,
)
from services.customers.sales.products.schemas import (
    ProductProblem,
    ProductProblemCreate,
    ProductProblemResolveRequest,
)
from services.customers.sales.rules.catalogue import ProblemState

feature = Feature("products")


@feature.post("/products/{id:uuid}/problems", scope="customers:write", status_code=201, raises=[RecordTooLarge])
async def add_product_problem(work: Work, id: UUID, body: ProductProblemCreate) -> ProductProblem:
    """Add a known problem. Its event names the product's sku, so that every buyer can be informed."""
    product = await work.get(tables.Product, id, for_update=True)
    problem = await work.insert(tables.ProductProblem(**body.values(), product_id=id))
    work.publish(ProductProblemAdded.from_row(problem, problem_id=problem.id, sku=product.sku))
    return ProductProblem.from_row(problem)


@feature.get("/products/{id:uuid}/problems", scope="customers:read")
async def list_product_problems(
    work: Work,
    id: UUID,
    params: PageParams,
    state: Annotated[ProblemState | None, Parameter(description="Only problems in this state.")] = None,
) -> Page[ProductProblem]:
    """List the known problems of a product, oldest first."""
    await work.get(tables.Product, id)
    where = equals(product_id=id, state=state)
    return await paginate(work, params, tables.ProductProblem, ProductProblem, where=where)


@feature.get("/product-problems/{id:uuid}", scope="customers:read")
async def read_product_problem(work: Work, id: UUID) -> ProductProblem:
    """Return a known problem."""
    return ProductProblem.from_row(await work.get(tables.ProductProblem, id))


@feature.post(
    "/product-problems/{id:uuid}/resolve",
    scope="customers:write",
    raises=[ProblemAlreadyResolved, RecordTooLarge, VersionMismatch],
)
async def resolve_product_problem(
    work: Work, id: UUID, body: ProductProblemResolveRequest, if_match: IfMatch
) -> ProductProblem:
    """Record that a problem is resolved, and how."""
    problem = await work.get(tables.ProductProblem, id, for_update=True)
    work.check_version(problem, if_match)
    if problem.state == "resolved":
        raise ProblemAlreadyResolved
    product = await work.get(tables.Product, problem.product_id)
    problem = await work.update(problem, state="resolved", resolution=body.resolution, resolved_at=work.now)
    work.publish(ProductProblemResolved.from_row(problem, problem_id=id, sku=product.sku))
    return ProductProblem.from_row(problem)
