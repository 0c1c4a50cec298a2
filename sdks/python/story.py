"""The story of the SDKs in Python: each step prints a line, the same in every language."""

import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue
from threading import Thread
from typing import Any, TypeVar
from uuid import uuid4

from httpx_retries import Retry, RetryTransport
from rapport_client import AuthenticatedClient
from rapport_client.api.customers import (
    create_customer,
    list_customers,
    read_customer,
    update_customer,
    upsert_customers_batch,
)
from rapport_client.api.event_feed import list_events
from rapport_client.api.programs import list_programs
from rapport_client.api.purchases import record_purchase
from rapport_client.api.webhook_endpoints import create_webhook_endpoint
from rapport_client.models import (
    BatchResults,
    CloudEventPage,
    CreatedWebhookEndpoint,
    Customer,
    CustomerBatch,
    CustomerCreate,
    CustomerCreatedEvent,
    CustomerPage,
    CustomerUpdate,
    CustomerUpsert,
    EmailCreate,
    ExternalReferenceCreate,
    Problem,
    ProgramPage,
    Purchase,
    PurchaseCreate,
    PurchaseLineCreate,
    WebhookEndpointCreate,
)
from rapport_client.types import UNSET, Response, Unset
from standardwebhooks import Webhook, WebhookVerificationError

T = TypeVar("T")
TAG = "story"
TYPE = "customers.customer_created.v1"

patience = Retry(total=30, allowed_methods=["GET", "POST", "PUT", "PATCH", "DELETE"], status_forcelist=[429, 503])
client = AuthenticatedClient(
    base_url=os.environ["RAPPORT_URL"],
    token=os.environ["RAPPORT_API_KEY"],
    httpx_args={"transport": RetryTransport(retry=patience)},
)


def main() -> None:
    wait_for_a_service()
    ada = create()
    conflict()
    invalid()
    missing()
    repeat()
    batch()
    pages()
    change(ada)
    buy(ada)
    receive_a_webhook()


def wait_for_a_service() -> None:
    page = the(ProgramPage, list_programs.sync_detailed(client=client))
    print(f"programs: {len(page.items)}")


def create() -> Customer:
    customer = the(Customer, create_customer.sync_detailed(client=client, body=person("ada", occupation="poet")))
    print(f"created: {customer.given_name}, version {customer.version}")
    return customer


def conflict() -> None:
    response = create_customer.sync_detailed(client=client, body=person("ada"))
    problem = the(Problem, response)
    print(f"conflict: {problem.status} {problem.code}")


def invalid() -> None:
    body = CustomerCreate(kind="person", emails=[EmailCreate(address="nowhere")])
    problem = the(Problem, create_customer.sync_detailed(client=client, body=body))
    print(f"invalid: {problem.status} {problem.errors[0].pointer}")


def missing() -> None:
    problem = the(Problem, read_customer.sync_detailed(client=client, id=uuid4()))
    print(f"missing: {problem.status} {problem.code}")


def repeat() -> None:
    key = str(uuid4())
    first, second = (
        create_customer.sync_detailed(client=client, body=person("grace"), idempotency_key=key) for _ in range(2)
    )
    same = the(Customer, first).id == the(Customer, second).id
    print(f"repeated: same customer {str(same).lower()}, replayed {second.headers['Idempotency-Replayed']}")


def batch() -> None:
    items = [upsert(str(number)) for number in range(998)]
    items.insert(500, CustomerUpsert(kind="person"))
    response = upsert_customers_batch.sync_detailed(client=client, body=CustomerBatch(items=items))
    results = the(BatchResults, response).results
    created = [result for result in results if result.status == "created"]
    (refused,) = [result for result in results if result.status == "refused"]
    assert refused.problem is not None
    print(f"batch: {len(created)} created, item {refused.index} refused: {refused.problem.code}")


def pages() -> None:
    found = list(pages_of_customers())
    ids = {customer.id for page in found for customer in page.items}
    print(f"pages: {len(ids)} customers on {len(found)} pages")


def pages_of_customers() -> Iterator[CustomerPage]:
    cursor: str | Unset = UNSET
    while True:
        page = the(CustomerPage, list_customers.sync_detailed(client=client, tag=[TAG], limit=200, cursor=cursor))
        yield page
        if page.next_cursor is None:
            return
        cursor = page.next_cursor


def change(ada: Customer) -> None:
    def cleared(version: int) -> Response[Any]:
        body = CustomerUpdate(occupation=None, area="London")
        return update_customer.sync_detailed(client=client, id=ada.id, body=body, if_match=f'"{version}"')

    changed = the(Customer, cleared(ada.version))
    stale = the(Problem, cleared(ada.version))
    print(f"changed: {changed.given_name} of {changed.area}, version {changed.version}, then {stale.code}")
    assert changed.occupation is None


def buy(ada: Customer) -> None:
    """Record more purchases than the limit of requests per second allows."""
    for number in range(20):
        body = PurchaseCreate(
            customer_id=ada.id,
            source="till",
            source_id=str(number),
            purchased_at=ada.created_at,
            currency="EUR",
            lines=[PurchaseLineCreate(sku="tea", quantity="3", unit_price="2.50")],
        )
        purchase = the(Purchase, record_purchase.sync_detailed(client=client, body=body))
    print(f"bought: 20 times {purchase.total.amount} {purchase.total.currency}")


def receive_a_webhook() -> None:
    deliveries: Queue[tuple[dict[str, str], bytes]] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            deliveries.put((dict(self.headers), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    body = WebhookEndpointCreate(url=f"http://127.0.0.1:{server.server_port}/", event_types=[TYPE])
    endpoint = the(CreatedWebhookEndpoint, create_webhook_endpoint.sync_detailed(client=client, body=body))
    zoe = the(Customer, create_customer.sync_detailed(client=client, body=person("zoe")))
    headers, delivery = deliveries.get(timeout=30)

    receiver = Webhook(endpoint.secret)
    event = CustomerCreatedEvent.from_dict(receiver.verify(delivery, headers))
    print(f"webhook: {event.type_}, same customer {str(event.data.customer_id == zoe.id).lower()}")
    try:
        receiver.verify(delivery + b" ", headers)
    except WebhookVerificationError:
        print("forged: refused")
    feed = the(CloudEventPage, list_events.sync_detailed(client=client, types=[TYPE], subject=event.subject))
    print(f"feed: {len(feed.items)} event, same id {str(feed.items[0].id == event.id).lower()}")


def upsert(external_id: str) -> CustomerUpsert:
    reference = ExternalReferenceCreate(source="story", id=external_id)
    return CustomerUpsert(kind="person", external_ids=[reference], tags=[TAG])


def person(external_id: str, occupation: str | Unset = UNSET) -> CustomerCreate:
    reference = ExternalReferenceCreate(source="story", id=external_id)
    return CustomerCreate(
        kind="person",
        given_name=external_id.title(),
        occupation=occupation,
        external_ids=[reference],
        tags=[TAG],
    )


def the(expected: type[T], response: Response[Any]) -> T:
    """Return the parsed response, which must be of the expected type."""
    assert isinstance(response.parsed, expected), f"{response.status_code}: {response.content!r}"
    return response.parsed


if __name__ == "__main__":
    main()
