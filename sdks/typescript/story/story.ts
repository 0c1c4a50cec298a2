// The story of the SDKs in TypeScript: each step prints a line, the same in every language.

import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { env } from "node:process";
import { buffer } from "node:stream/consumers";
import {
  createCustomer,
  createWebhookEndpoint,
  listCustomers,
  listEvents,
  listPrograms,
  readCustomer,
  recordPurchase,
  updateCustomer,
  upsertCustomersBatch,
  type Customer,
  type CustomerCreate,
  type CustomerCreatedEvent,
  type CustomerPage,
  type Problem,
} from "rapport-client";
import { createClient } from "rapport-client/client";
import { Webhook, WebhookVerificationError } from "standardwebhooks";

const tag = "story";
const type = "customers.customer_created.v1";

const client = createClient({
  baseUrl: env.RAPPORT_URL!,
  auth: env.RAPPORT_API_KEY!,
  kyOptions: {
    throwHttpErrors: true,
    retry: { limit: 30, methods: ["get", "post", "put", "patch", "delete"], statusCodes: [429, 503] },
  },
});

async function main(): Promise<void> {
  await waitForAService();
  const ada = await create();
  await conflict();
  await invalid();
  await missing();
  await repeat();
  await batch();
  await pages();
  await change(ada);
  await buy(ada);
  await receiveAWebhook();
}

async function waitForAService(): Promise<void> {
  const page = data(await listPrograms({ client }));
  console.log(`programs: ${page.items.length}`);
}

async function create(): Promise<Customer> {
  const customer = data(await createCustomer({ client, body: person("ada", { occupation: "poet" }) }));
  console.log(`created: ${customer.given_name}, version ${customer.version}`);
  return customer;
}

async function conflict(): Promise<void> {
  const problem = problemOf(await createCustomer({ client, body: person("ada") }));
  console.log(`conflict: ${problem.status} ${problem.code}`);
}

async function invalid(): Promise<void> {
  const body: CustomerCreate = { kind: "person", emails: [{ address: "nowhere" }] };
  const problem = problemOf(await createCustomer({ client, body }));
  console.log(`invalid: ${problem.status} ${problem.errors[0]?.pointer}`);
}

async function missing(): Promise<void> {
  const problem = problemOf(await readCustomer({ client, path: { id: randomUUID() } }));
  console.log(`missing: ${problem.status} ${problem.code}`);
}

async function repeat(): Promise<void> {
  const headers = { "Idempotency-Key": randomUUID() };
  const first = await createCustomer({ client, body: person("grace"), headers });
  const second = await createCustomer({ client, body: person("grace"), headers });
  const replayed = second.response?.headers.get("Idempotency-Replayed");
  console.log(`repeated: same customer ${data(first).id === data(second).id}, replayed ${replayed}`);
}

async function batch(): Promise<void> {
  const items = Array.from({ length: 998 }, (_, number) => person(String(number)));
  items.splice(500, 0, { kind: "person" });
  const { results } = data(await upsertCustomersBatch({ client, body: { items } }));
  const created = results.filter((result) => result.status === "created");
  const refused = results.find((result) => result.status === "refused");
  console.log(`batch: ${created.length} created, item ${refused?.index} refused: ${refused?.problem?.code}`);
}

async function pages(): Promise<void> {
  let count = 0;
  const ids = new Set<string>();
  for await (const page of pagesOfCustomers()) {
    count += 1;
    page.items.forEach((customer) => ids.add(customer.id));
  }
  console.log(`pages: ${ids.size} customers on ${count} pages`);
}

async function* pagesOfCustomers(): AsyncGenerator<CustomerPage> {
  let cursor: string | undefined;
  do {
    const page = data(await listCustomers({ client, query: { tag: [tag], limit: 200, cursor } }));
    yield page;
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
}

async function change(ada: Customer): Promise<void> {
  const request = {
    client,
    path: { id: ada.id },
    headers: { "If-Match": `"${ada.version}"` },
    body: { occupation: null, area: "London" },
  };
  const changed = data(await updateCustomer(request));
  const stale = problemOf(await updateCustomer(request));
  const cleared = changed.occupation === null;
  if (!cleared) throw new Error("the occupation is not cleared");
  console.log(`changed: ${changed.given_name} of ${changed.area}, version ${changed.version}, then ${stale.code}`);
}

/** Record more purchases than the limit of requests per second allows. */
async function buy(ada: Customer): Promise<void> {
  const bodyOf = (number: number) => ({
    customer_id: ada.id,
    source: "till",
    source_id: String(number),
    purchased_at: ada.created_at,
    currency: "EUR",
    lines: [{ sku: "tea", quantity: "3", unit_price: "2.50" }],
  });
  const totals = new Set<string>();
  for (let number = 0; number < 20; number += 1) {
    const { total } = data(await recordPurchase({ client, body: bodyOf(number) }));
    totals.add(`${total.amount} ${total.currency}`);
  }
  console.log(`bought: 20 times ${[...totals]}`);
}

async function receiveAWebhook(): Promise<void> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const body = { url: `http://127.0.0.1:${port}/`, event_types: [type] };
  const endpoint = data(await createWebhookEndpoint({ client, body }));
  const delivered = once(server, "request");
  const zoe = data(await createCustomer({ client, body: person("zoe") }));
  const [request, response] = (await delivered) as [IncomingMessage, ServerResponse];
  const headers = request.headers as Record<string, string>;
  const delivery = await buffer(request);
  response.writeHead(204).end();
  server.close();

  const receiver = new Webhook(endpoint.secret);
  const event = receiver.verify(delivery, headers) as CustomerCreatedEvent;
  console.log(`webhook: ${event.type}, same customer ${event.data.customer_id === zoe.id}`);
  try {
    receiver.verify(`${delivery} `, headers);
  } catch (error) {
    if (!(error instanceof WebhookVerificationError)) throw error;
    console.log("forged: refused");
  }
  const { items } = data(await listEvents({ client, query: { types: [type], subject: event.subject } }));
  console.log(`feed: ${items.length} event, same id ${items[0]?.id === event.id}`);
}

function person(externalId: string, more: Partial<CustomerCreate> = {}): CustomerCreate {
  const name = externalId.charAt(0).toUpperCase() + externalId.slice(1);
  return { kind: "person", given_name: name, external_ids: [{ source: "story", id: externalId }], tags: [tag], ...more };
}

function data<T>(result: { data: T | undefined; error: unknown }): T {
  if (result.data === undefined) throw new Error(JSON.stringify(result.error));
  return result.data;
}

function problemOf(result: { data: unknown; error: Problem | undefined }): Problem {
  if (result.error === undefined) throw new Error("a problem was expected");
  return result.error;
}

await main();
